# SPDX-License-Identifier: MIT OR Apache-2.0
#
# The kernel's sources, sorted by folder and name; one line per file.

src-y += abi/attr.c
src-y += abi/copy.c
src-y += abi/dispatch.c
src-y += abi/epoll.c
src-y += abi/fd.c
src-y += abi/file.c
src-y += abi/ident.c
src-y += abi/memory.c
src-y += abi/misc.c
src-y += abi/path.c
src-y += abi/path_change.c
src-y += abi/poll.c
src-y += abi/rseq.c
src-y += abi/sched.c
src-y += abi/signal.c
src-y += abi/start.c
src-y += abi/socket.c
src-y += abi/socket_message.c
src-y += abi/sockopt.c
src-y += abi/stat.c
src-y += abi/thread.c
src-y += abi/time.c
src-y += abi/timerfd.c
src-$(CONFIG_TRACE) += abi/trace.c

src-y += base/chacha20.c
src-y += base/cmdline.c
src-y += base/fmt.c
src-y += base/rbtree.c
src-y += base/string.c

src-y += core/backtrace.c
src-y += core/cpus.c
src-$(CONFIG_THREAD_DUMP) += core/dump.c
src-y += core/futex.c
src-$(CONFIG_FUTEX_PI) += core/futex_pi.c
src-y += core/heap.c
src-y += core/lock.c
src-y += core/log.c
src-y += core/mutex.c
src-y += core/options.c
src-y += core/page.c
src-y += core/random.c
src-$(CONFIG_FS_RAMFS) += core/rwmutex.c
src-y += core/sched.c
src-y += core/sleep.c
src-y += core/signal.c
src-y += core/thread.c
src-$(CONFIG_STATS) += core/stats.c
src-y += core/timer.c
src-y += core/vma.c
src-y += core/vma_resize.c
src-y += core/vma_tree.c
src-y += core/wait.c

src-y += fs/console.c
src-y += fs/dev.c
src-y += fs/dir.c
src-y += fs/epoll.c
src-y += fs/eventfd.c
src-y += fs/exe.c
src-y += fs/fd.c
src-y += fs/file.c
src-y += fs/fixed.c
src-y += fs/flock.c
src-y += fs/load.c
src-y += fs/node.c
src-y += fs/open.c
src-y += fs/pipe.c
src-y += fs/poll.c
src-$(CONFIG_FS_PROC) += fs/proc.c
src-$(CONFIG_FS_PROC) += fs/proc_cpu.c
src-$(CONFIG_FS_RAMFS) += fs/ramdata.c
src-$(CONFIG_FS_RAMFS) += fs/ramfs.c
src-y += fs/termios.c
src-y += fs/timerfd.c
src-y += fs/uio.c
src-y += fs/unix.c
src-y += fs/unix_data.c
src-y += fs/walk.c

src-y += arch/x86_64/cpu.c
src-$(CONFIG_FS_PROC) += arch/x86_64/cpu_name.c
src-y += arch/x86_64/entry.S
src-y += arch/x86_64/fpu.c
src-y += arch/x86_64/pageclear.S
src-y += arch/x86_64/sigframe.c
src-$(CONFIG_TRACE) += arch/x86_64/trace.c
src-y += arch/x86_64/usercopy.S
src-y += arch/x86_64/usercopy.c
src-y += core/trap.c

src-y += plat/image.c
src-y += plat/plat.c
src-$(CONFIG_PLAT_LINUXU) += plat/linuxu/clock.c
src-$(CONFIG_PLAT_LINUXU) += plat/linuxu/console.c
src-$(CONFIG_PLAT_LINUXU) += plat/linuxu/cpus.c
src-$(CONFIG_DETERMINISTIC) += plat/linuxu/deterministic.c
src-$(CONFIG_PLAT_LINUXU) += plat/linuxu/hostcall.S
src-$(CONFIG_PLAT_LINUXU) += plat/linuxu/idle.c
src-$(CONFIG_PLAT_LINUXU) += plat/linuxu/lazy.c
src-$(CONFIG_PLAT_LINUXU) += plat/linuxu/memory.c
src-$(CONFIG_PLAT_LINUXU) += plat/linuxu/ops.c
src-$(CONFIG_PLAT_LINUXU) += plat/linuxu/seccomp.c
src-$(CONFIG_PLAT_LINUXU) += plat/linuxu/signal.c
src-$(CONFIG_PLAT_LINUXU) += plat/linuxu/start.S
src-$(CONFIG_PLAT_LINUXU) += plat/linuxu/start.c
src-$(CONFIG_PLAT_LINUXU) += plat/linuxu/timer.c
src-$(CONFIG_PLAT_KVM) += plat/kvm/acpi.c
src-$(CONFIG_PLAT_KVM) += plat/kvm/apic.c
src-$(CONFIG_PLAT_KVM) += plat/kvm/boot.c
src-$(CONFIG_PLAT_KVM) += plat/kvm/clock.c
src-$(CONFIG_PLAT_KVM) += plat/kvm/cpus.c
src-$(CONFIG_PLAT_KVM) += plat/kvm/kstack.c
src-$(CONFIG_PLAT_KVM) += plat/kvm/kvm.c
src-$(CONFIG_PLAT_KVM) += plat/kvm/memmap.c
src-$(CONFIG_PLAT_KVM) += plat/kvm/large.c
src-$(CONFIG_PLAT_KVM) += plat/kvm/paging.c
src-$(CONFIG_PLAT_KVM) += plat/kvm/power.c
src-$(CONFIG_PLAT_KVM) += plat/kvm/smp.c
src-$(CONFIG_PLAT_KVM) += plat/kvm/start.S
src-$(CONFIG_PLAT_KVM) += plat/kvm/tlb.c
src-$(CONFIG_PLAT_KVM) += plat/kvm/trampoline.S
src-$(CONFIG_PLAT_KVM) += plat/kvm/trap.S
src-$(CONFIG_PLAT_KVM) += plat/kvm/trap.c
src-$(CONFIG_PLAT_KVM) += plat/kvm/uart.c
src-y += boot/boot.c
src-y += core/report.c

# What only an image with its program linked in has, and what only the loader has instead.
linked-y += abi/linked.c
linked-y += plat/cycle_clock.c

loader-y += abi/load.c
loader-y += abi/vdso.c
loader-y += abi/vdso_image.S
loader-y += base/elf_program.c
loader-y += core/vma_program.c
loader-y += plat/vdso_page.c
loader-$(CONFIG_PLAT_LINUXU) += plat/linuxu/load.c
loader-$(CONFIG_PLAT_KVM) += plat/kvm/load.c

# Compiled for speed (-O2): what runs on every start, switch, page fault, short system call. All else is compiled
# for size (-Oz). linuxu's page faults and mappings are the host's work.
hot-y := arch/%.c base/chacha20.c base/cmdline.c base/rbtree.c base/string.c plat/image.c plat/kvm/boot.c \
	plat/kvm/clock.c plat/kvm/kstack.c plat/kvm/kvm.c plat/kvm/paging.c plat/kvm/tlb.c plat/kvm/trap.c \
	plat/linuxu/clock.c plat/linuxu/idle.c plat/linuxu/timer.c \
	core/futex.c core/heap.c core/page.c core/sched.c core/sleep.c core/thread.c core/timer.c core/trap.c \
	core/vma.c core/vma_tree.c core/wait.c abi/sched.c abi/thread.c abi/time.c fs/uio.c
