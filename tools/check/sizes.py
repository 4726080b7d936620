# SPDX-License-Identifier: MIT OR Apache-2.0
"""No file longer than 800 lines, no C or Python function longer than 70 (docs/STYLE.md)."""
import ast

from common import files, is_script, read

FILE_MAX = 800
FUNCTION_MAX = 70
TEXT = (".c", ".h", ".S", ".py", ".rs", ".mk", ".sh", ".ld", ".txt", "")


def c_functions(text):
    """(name, first line, number of lines) of functions: the bodies between braces in the first column."""
    start = head = None
    for i, line in enumerate(text.splitlines(), 1):
        if line == "{":
            start = i
        elif line.startswith("}") and start is not None:
            yield head, start, i - start - 1
            start = None
        elif line[:1].isalpha() and "(" in line:
            head = line.split("(")[0].split()[-1].lstrip("*")


def python_functions(text):
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.name, node.lineno, node.end_lineno - node.lineno


def is_python(name, text):
    return name.endswith(".py") or text.startswith("#!/usr/bin/python3")


def check():
    for name in files(*TEXT):
        if name.endswith(".txt") or (not name.split("/")[-1].count(".") and not is_script(name)):
            continue
        text = read(name)
        lines = text.count("\n")
        if lines > FILE_MAX:
            yield f"{name}: {lines} lines; at most {FILE_MAX}"
        functions = ()
        if name.endswith((".c", ".h")):
            functions = c_functions(text)
        elif is_python(name, text):
            functions = python_functions(text)
        for function, line, length in functions:
            if length > FUNCTION_MAX:
                yield f"{name}:{line}: {function} has {length} lines; at most {FUNCTION_MAX}"
