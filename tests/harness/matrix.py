# SPDX-License-Identifier: MIT OR Apache-2.0
"""Placeholder until written."""
def run(settings, report):
    pass
