/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Which platform this is: set once by the start code that the image was entered through. */
#include "plat/plat.h"

const struct plat_ops *plat;
