/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Try KVM out, rather than believe /dev/kvm: there are hosts (a KVM without the processor's help
 * inside another virtual machine) where the device opens and a virtual CPU can be created, but a
 * guest in ring 0 is interpreted, slowly and only in part. So a guest of a few instructions is run
 * that does what an image does: 64-bit mode, SSE, an interrupt return, a loop that takes a fraction
 * of a millisecond if it is executed and seconds if it is interpreted. The trial runs in a child
 * process, so that neither its time nor taking it down again keeps kiln waiting.
 */
#include "accel.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	GUEST_BYTES = 0x10000,
	GUEST_PML4 = 0x1000,
	GUEST_PDPT = 0x2000,
	GUEST_PD = 0x3000,
	GUEST_GDT = 0x4000,
	GUEST_CODE = 0x5000,
	GUEST_STACK = 0x8000,
	GUEST_PORT = 0xe9,
	GUEST_ANSWER = 0x2a,
	TRIAL_MS = 300,

	SEL_CODE = 8,
	SEL_DATA = 16,
};

/*
 * The guest: SSE arithmetic and popcnt give the answer 42, iretq goes to the next part as the
 * return from an interrupt does, a loop takes its time, the answer goes out through the port.
 */
extern const char accel_guest[], accel_guest_end[];
__asm__(".pushsection .rodata\n"
	".globl accel_guest, accel_guest_end\n"
	"accel_guest:\n"
	"	mov $20, %eax\n"
	"	movd %eax, %xmm0\n"
	"	paddd %xmm0, %xmm0\n"
	"	movd %xmm0, %ebx\n"
	"	mov $3, %eax\n"
	"	popcnt %eax, %eax\n"
	"	add %eax, %ebx\n"
	"	mov %rsp, %rcx\n"
	"	push $16\n"
	"	push %rcx\n"
	"	push $2\n"
	"	push $8\n"
	"	lea 1f(%rip), %rax\n"
	"	push %rax\n"
	"	iretq\n"
	"1:	mov $300000, %ecx\n"
	"2:	dec %ecx\n"
	"	jnz 2b\n"
	"	mov %ebx, %eax\n"
	"	out %al, $0xe9\n"
	"	hlt\n"
	"accel_guest_end:\n"
	".popsection\n");

struct trial {
	int kvm, vm, vcpu;
	struct kvm_run *run;
	uint8_t *memory;
};

/* Each step returns NULL or what is wrong. */
static const char *trial_open(struct trial *t)
{
	t->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (t->kvm < 0 && errno == ENOENT)
		return "there is no /dev/kvm";
	if (t->kvm < 0 && errno == EACCES)
		return "no access to /dev/kvm";
	if (t->kvm < 0)
		return "/dev/kvm cannot be opened";
	if (ioctl(t->kvm, KVM_GET_API_VERSION, 0) != KVM_API_VERSION)
		return "/dev/kvm speaks another version of its interface";
	t->vm = ioctl(t->kvm, KVM_CREATE_VM, 0);
	if (t->vm < 0)
		return "KVM cannot create a virtual machine";
	t->vcpu = ioctl(t->vm, KVM_CREATE_VCPU, 0);
	if (t->vcpu < 0)
		return "KVM cannot create a virtual CPU";
	return NULL;
}

static const char *trial_map(struct trial *t)
{
	int run_bytes = ioctl(t->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);

	if (run_bytes < (int)sizeof(*t->run))
		return "KVM cannot share a virtual CPU's state";
	t->run = mmap(NULL, (size_t)run_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, t->vcpu, 0);
	t->memory = mmap(NULL, GUEST_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
			 0);
	if (t->run == MAP_FAILED || t->memory == MAP_FAILED)
		return "KVM's memory cannot be mapped";

	struct kvm_userspace_memory_region region = {.memory_size = GUEST_BYTES,
						     .userspace_addr = (uintptr_t)t->memory};

	if (ioctl(t->vm, KVM_SET_USER_MEMORY_REGION, &region))
		return "KVM does not take memory";
	return NULL;
}

static void trial_put64(struct trial *t, size_t at, uint64_t value)
{
	memcpy(t->memory + at, &value, sizeof(value));
}

/* Identity map of 2 MiB, a flat GDT, the code. */
static void trial_fill(struct trial *t)
{
	trial_put64(t, GUEST_PML4, GUEST_PDPT | 3);
	trial_put64(t, GUEST_PDPT, GUEST_PD | 3);
	trial_put64(t, GUEST_PD, 0x83);
	trial_put64(t, GUEST_GDT + SEL_CODE, UINT64_C(0x00af9b000000ffff));
	trial_put64(t, GUEST_GDT + SEL_DATA, UINT64_C(0x00cf93000000ffff));
	memcpy(t->memory + GUEST_CODE, accel_guest, (size_t)(accel_guest_end - accel_guest));
}

static const char *trial_registers(struct trial *t)
{
	struct kvm_sregs s;
	struct kvm_regs regs = {.rip = GUEST_CODE, .rsp = GUEST_STACK, .rflags = 2};
	struct kvm_segment code = {.limit = UINT32_MAX,
				   .selector = SEL_CODE,
				   .type = 11,
				   .present = 1,
				   .s = 1,
				   .l = 1,
				   .g = 1};
	struct kvm_segment data = {.limit = UINT32_MAX,
				   .selector = SEL_DATA,
				   .type = 3,
				   .present = 1,
				   .s = 1,
				   .db = 1,
				   .g = 1};

	if (ioctl(t->vcpu, KVM_GET_SREGS, &s))
		return "KVM does not tell a virtual CPU's state";
	s.cs = code;
	s.ds = s.es = s.fs = s.gs = s.ss = data;
	s.gdt.base = GUEST_GDT;
	s.gdt.limit = SEL_DATA + 7;
	s.cr3 = GUEST_PML4;
	s.cr4 = 1 << 5 | 1 << 9;                                     /* PAE, OSFXSR */
	s.cr0 = UINT64_C(0x80000000) | 1 << 5 | 1 << 4 | 1 << 1 | 1; /* PG, NE, ET, MP, PE */
	s.efer = 1 << 8 | 1 << 10;                                   /* LME, LMA */
	if (ioctl(t->vcpu, KVM_SET_SREGS, &s) || ioctl(t->vcpu, KVM_SET_REGS, &regs))
		return "KVM does not take a virtual CPU's state";
	return NULL;
}

/* popcnt and SSE are to be there: give the guest all the processor has. */
static const char *trial_cpuid(struct trial *t)
{
	enum { ENTRIES = 128 };
	struct kvm_cpuid2 *cpuid = xmalloc(sizeof(*cpuid) + ENTRIES * sizeof(cpuid->entries[0]));
	const char *why = NULL;

	memset(cpuid, 0, sizeof(*cpuid));
	cpuid->nent = ENTRIES;
	if (ioctl(t->kvm, KVM_GET_SUPPORTED_CPUID, cpuid) || ioctl(t->vcpu, KVM_SET_CPUID2, cpuid))
		why = "KVM does not take a CPU model";
	free(cpuid);
	return why;
}

static const char *trial_go(struct trial *t)
{
	if (ioctl(t->vcpu, KVM_RUN, 0))
		return "KVM is there, but does not run a guest";
	if (t->run->exit_reason != KVM_EXIT_IO || t->run->io.port != GUEST_PORT ||
	    ((const uint8_t *)t->run)[t->run->io.data_offset] != GUEST_ANSWER)
		return "KVM is there, but only emulates part of a processor";
	return NULL;
}

static const char *trial_run(void)
{
	struct trial t = {0};
	const char *why = trial_open(&t);

	if (!why)
		why = trial_map(&t);
	if (!why)
		why = trial_cpuid(&t);
	if (!why)
		why = trial_registers(&t);
	if (!why) {
		trial_fill(&t);
		why = trial_go(&t);
	}
	return why;
}

bool accel_kvm_works(const char **why)
{
	const char *result = NULL;
	int fds[2];

	*why = "the trial of KVM could not be started";
	if (pipe2(fds, O_CLOEXEC))
		return false;
	pid_t pid = fork();

	if (!pid) {
		/* The strings are at the same addresses in parent and child. */
		result = trial_run();
		(void)!write(fds[1], &result, sizeof(result));
		_exit(0);
	}
	close(fds[1]);

	struct pollfd wait = {.fd = fds[0], .events = POLLIN};
	bool answered = pid > 0 && poll(&wait, 1, TRIAL_MS) == 1 &&
			read(fds[0], &result, sizeof(result)) == (ssize_t)sizeof(result);

	close(fds[0]);
	if (pid > 0 && !answered) {
		kill(pid, SIGKILL);
		*why = "KVM is there, but too slow to be the processor's";
	} else if (answered) {
		*why = result;
	}
	return answered && !result;
}
