/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the calls on sockets share. */
#ifndef ABI_SOCKET_H
#define ABI_SOCKET_H

#include "fs/unix.h"

#define AF_UNSPEC 0
#define AF_UNIX 1
#define SOL_SOCKET 1

/* The socket that fd is, borrowed until socket_return(): 0, -EBADF, -ENOTSOCK. */
MUST_CHECK int socket_borrow(long fd, struct unix_socket **out);
void socket_return(long fd, struct unix_socket *s);

/*
 * The address at addr, of len bytes. 0 with *out a name (unix_name_put()) or, if the address is of
 * the family only, NULL; -EINVAL, -EFAULT, -ENOMEM.
 */
MUST_CHECK int socket_name_in(vaddr_t addr, long len, struct unix_name **out);
/* Store the address with a name (NULL: none) at addr, as far as *len bytes do, and its length in
 * *len. 0 or -EFAULT. */
MUST_CHECK int socket_name_out(const struct unix_name *name, vaddr_t addr, uint32_t *len);

#endif
