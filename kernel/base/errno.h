/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Linux error numbers (include/uapi/asm-generic/errno*.h). Functions return them negated. */
#ifndef BASE_ERRNO_H
#define BASE_ERRNO_H

#define EPERM 1
#define ENOENT 2
#define ESRCH 3
#define EINTR 4
#define EIO 5
#define ENXIO 6
#define E2BIG 7
#define ENOEXEC 8
#define EBADF 9
#define ECHILD 10
#define EAGAIN 11
#define ENOMEM 12
#define EACCES 13
#define EFAULT 14
#define EBUSY 16
#define EEXIST 17
#define EXDEV 18
#define ENODEV 19
#define ENOTDIR 20
#define EISDIR 21
#define EINVAL 22
#define ENFILE 23
#define EMFILE 24
#define ENOTTY 25
#define EFBIG 27
#define ENOSPC 28
#define ESPIPE 29
#define EROFS 30
#define EMLINK 31
#define EPIPE 32
#define EDOM 33
#define ERANGE 34
#define EDEADLK 35
#define ENAMETOOLONG 36
#define ENOSYS 38
#define ENOTEMPTY 39
#define ELOOP 40
#define EOVERFLOW 75
#define ENOTSOCK 88
#define EMSGSIZE 90
#define EPROTOTYPE 91
#define ENOPROTOOPT 92
#define EPROTONOSUPPORT 93
#define ESOCKTNOSUPPORT 94
#define EOPNOTSUPP 95
#define EAFNOSUPPORT 97
#define EADDRINUSE 98
#define ECONNRESET 104
#define ENOBUFS 105
#define EISCONN 106
#define ENOTCONN 107
#define ETIMEDOUT 110
#define ECONNREFUSED 111
#define EALREADY 114
#define EINPROGRESS 115
#define EOWNERDEAD 130
#define ENOTRECOVERABLE 131

/* Inside the kernel only: the call was interrupted by a signal before it did anything. The way out
 * of the kernel turns it into a restart (SA_RESTART) or -EINTR. */
#define ERESTARTSYS 512
/* As ERESTARTSYS, but always restarted. */
#define ERESTARTNOINTR 513
/* As ERESTARTSYS, but never restarted after a handler ran (nanosleep, futex with timeout, poll). */
#define ERESTARTNOHAND 514

#endif
