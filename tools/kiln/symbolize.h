/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Names for the code addresses in a crash report.
 */
#ifndef KILN_SYMBOLIZE_H
#define KILN_SYMBOLIZE_H

#include "util.h"

/*
 * Print n bytes of text to standard error. Each `image+0xOFFSET` in it is followed by function,
 * file and line, as far as the image's debug information has them; frames that were inlined there
 * come on lines of their own. Without addr2line the text is printed as it is.
 */
void symbolize_print(const char *image, const char *text, size_t n);

#endif
