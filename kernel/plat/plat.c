/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The platform in use, as the start code of one of them has set it. */
#include "plat/plat.h"

const struct plat_ops *plat;
