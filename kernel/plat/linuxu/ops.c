/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The platform's table of functions. */
#include "plat/linuxu/linuxu.h"

static size_t entropy_get(void *buf, size_t n)
{
	long r = host_call3(HOST_NR_GETRANDOM, (uintptr_t)buf, n, HOST_GRND_NONBLOCK);

	return r > 0 ? (size_t)r : 0;
}

const struct plat_ops linuxu_ops = {
	.name = "linuxu",
	.load = &linuxu_load_ops,
	.ram_range = linuxu_ram_range,
	.pmap_reserve = linuxu_pmap_reserve,
	.pmap_remove = linuxu_pmap_remove,
	.pmap_protect = linuxu_pmap_protect,
	.pmap_discard = linuxu_pmap_discard,
	.pmap_populate = linuxu_pmap_populate,
	.pmap_move = linuxu_pmap_move,
	.pmap_fault = NULL, /* the host's kernel does it */
	.pmap_window = linuxu_pmap_window,
	.kstack_alloc = linuxu_kstack_alloc,
	.kstack_free = linuxu_kstack_free,
	.console_write = linuxu_console_write,
	.console_read = linuxu_console_read,
	.console_poll = linuxu_console_poll,
	.console_input_bytes = linuxu_console_input_bytes,
	.console_watch = linuxu_console_watch,
	.console_is_tty = linuxu_console_is_tty,
	.log_write = linuxu_log_write,
	.slice_ns = 3000000, /* as Linux's own */
	.clock_monotonic_ns = linuxu_clock_monotonic_ns,
	.clock_realtime_ns = linuxu_clock_realtime_ns,
	.timer_set = linuxu_timer_set,
	.idle = linuxu_idle,
	.cpu_count = linuxu_cpu_count,
	.cpu_start = linuxu_cpu_start,
	.cpu_kick = linuxu_cpu_kick,
	.cpu_late = CONFIG_NR_CPUS > 1 ? linuxu_cpu_late : NULL,
	.cpu_relax = linuxu_cpu_relax,
	.entropy = entropy_get,
	.exe_read = linuxu_exe_read,
	.exit = linuxu_exit,
	.ram_info = linuxu_ram_info,
};
