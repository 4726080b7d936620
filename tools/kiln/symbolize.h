/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Names for the code addresses in a crash report.
 */
#ifndef KILN_SYMBOLIZE_H
#define KILN_SYMBOLIZE_H

#include "run.h"
#include "util.h"

/*
 * Print n bytes of text to standard error. Each `image+0xOFFSET` in it, and of a loaded program
 * `program+0xOFFSET`, is followed by function, file and line, as far as that file's debug
 * information has them; frames that were inlined there come on lines of their own. Without
 * addr2line the text is printed as it is.
 */
void symbolize_print(const struct run *run, const char *text, size_t n);

#endif
