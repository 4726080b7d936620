/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A program of its own as a Linux process: its file is opened before the seccomp filter is there,
 * and the host maps it.
 */
#include "base/cmdline.h"
#include "base/errno.h"
#include "base/string.h"
#include "plat/linuxu/linuxu.h"
#include "plat/vdso.h"

#define PATH_BYTES_MAX 4096u /* Linux's PATH_MAX */

int linuxu_load_open(const char *opts)
{
	struct cmdline_token token, value;
	char path[PATH_BYTES_MAX];

	while (cmdline_next(&opts, &token))
		if (cmdline_has_prefix(&token, "exec=", &value)) {
			if (value.len >= sizeof(path) || cmdline_decode(&value, path) < 0)
				return -ENAMETOOLONG;
			return linuxu_open(path, HOST_O_CLOEXEC);
		}
	return -ENOENT;
}

/* A program that must be at addresses outside of the window. */
static int range_reserve(vaddr_t start, vaddr_t end)
{
	long at = host_call6(HOST_NR_MMAP, start, end - start, PROT_NONE, HOST_MAP_RESERVE,
			     (uintptr_t)-1, 0);

	if (at == (long)start)
		return 0;
	/* Before Linux 4.17 the address is only a wish; the place that was given instead stays
	 * reserved and unused. */
	return at >= 0 || at == -EEXIST ? -EEXIST : -ENOMEM;
}

static int map_file(vaddr_t va, size_t len, uint64_t off, unsigned prot)
{
	long at = host_call6(HOST_NR_MMAP, va, len, prot, HOST_MAP_FILE,
			     (uintptr_t)linuxu_host.exe_fd, off);

	if (at >= 0)
		return 0;
	return at == -ENOMEM ? -ENOMEM : -EIO;
}

static int map_image(vaddr_t va, const void *pages, size_t len, unsigned prot)
{
	if (host_call3(HOST_NR_MPROTECT, va, len, PROT_READ | PROT_WRITE))
		return -ENOMEM;
	memcpy((void *)va, pages, len);
	return host_call3(HOST_NR_MPROTECT, va, len, prot) ? -ENOMEM : 0;
}

static void vdso_init(struct vdso_data *data)
{
	data->host_clock_gettime = linuxu_vdso_clock();
	data->cpu = VDSO_CPU_GS;
}

const struct plat_load_ops linuxu_load_ops = {
	.range_reserve = range_reserve,
	.map_file = map_file,
	.map_image = map_image,
	.vdso_init = vdso_init,
};
