/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Linux's constants for files on x86-64 (include/uapi/asm-generic/fcntl.h, linux/stat.h,
 * linux/fcntl.h). */
#ifndef FS_FCNTL_H
#define FS_FCNTL_H

#define O_RDONLY 0u
#define O_WRONLY 1u
#define O_RDWR 2u
#define O_ACCMODE 3u
#define O_CREAT 0100u
#define O_EXCL 0200u
#define O_TRUNC 01000u
#define O_APPEND 02000u
#define O_NONBLOCK 04000u
#define O_DSYNC 010000u
#define O_ASYNC 020000u
#define O_DIRECT 040000u
#define O_LARGEFILE 0100000u
#define O_DIRECTORY 0200000u
#define O_NOFOLLOW 0400000u
#define O_NOATIME 01000000u
#define O_CLOEXEC 02000000u
#define O_SYNC 04000000u /* with O_DSYNC */
#define O_PATH 010000000u
#define O_TMPFILE 020000000u /* with O_DIRECTORY */

#define S_IFMT 0170000u
#define S_IFSOCK 0140000u
#define S_IFBLK 0060000u
#define S_ISUID 04000u
#define S_ISGID 02000u
#define S_IXGRP 010u
#define S_IFIFO 0010000u
#define S_IFCHR 0020000u
#define S_IFDIR 0040000u
#define S_IFREG 0100000u
#define S_IFLNK 0120000u

#define AT_FDCWD (-100)
#define AT_SYMLINK_NOFOLLOW 0x100u
#define AT_REMOVEDIR 0x200u
#define AT_EACCESS 0x200u
#define AT_SYMLINK_FOLLOW 0x400u
#define AT_NO_AUTOMOUNT 0x800u
#define AT_EMPTY_PATH 0x1000u
#define AT_STATX_SYNC_TYPE 0x6000u

#define SEEK_SET 0
#define SEEK_CUR 1
#define SEEK_END 2
#define SEEK_DATA 3
#define SEEK_HOLE 4

#define F_SEAL_SEAL 1u
#define F_SEAL_SHRINK 2u
#define F_SEAL_GROW 4u
#define F_SEAL_WRITE 8u
#define F_SEAL_FUTURE_WRITE 16u
#define F_SEAL_ALL 31u

#define MFD_CLOEXEC 1u
#define MFD_ALLOW_SEALING 2u
#define MFD_NAME_MAX 249

#define FALLOC_KEEP_SIZE 1u
#define FALLOC_PUNCH_HOLE 2u
#define FALLOC_COLLAPSE_RANGE 8u
#define FALLOC_ZERO_RANGE 16u
#define FALLOC_INSERT_RANGE 32u
#define FALLOC_UNSHARE_RANGE 64u

#define PATH_MAX 4096 /* with the terminating 0 */
#define NAME_MAX 255
#define PIPE_BUF 4096 /* writes up to here are not torn */
#define IOV_MAX 1024
#define RW_MAX 0x7ffff000L /* most bytes that one read or write moves, as on Linux */

#endif
