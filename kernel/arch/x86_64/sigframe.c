/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Linux's rt_sigframe on the program's stack (arch/x86/include/asm/sigframe.h,
 * uapi/asm/sigcontext.h and ucontext.h): what a handler sees as its ucontext and what
 * rt_sigreturn(2) takes back.
 */
#include "arch/arch.h"
#include "arch/x86_64/fpu.h"
#include "base/errno.h"
#include "base/string.h"

struct sigcontext {
	uint64_t r8, r9, r10, r11, r12, r13, r14, r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip,
		eflags;
	uint16_t cs, gs, fs, ss;
	uint64_t err, trapno, oldmask, cr2, fpstate, reserved[8];
};
_Static_assert(sizeof(struct sigcontext) == 256, "struct sigcontext_64");

struct ucontext {
	uint64_t flags, link;
	uint8_t stack[24];
	struct sigcontext mc;
	uint64_t mask;
};
_Static_assert(offsetof(struct ucontext, mask) == 296, "struct ucontext");

struct rt_sigframe {
	uint64_t return_address;
	struct ucontext uc;
	uint8_t info[128];
};
_Static_assert(sizeof(struct rt_sigframe) == 440, "struct rt_sigframe");

/* struct _fpx_sw_bytes at FXSAVE_SW_RESERVED, and the word behind the state. */
struct fpx_sw_bytes {
	uint32_t magic1, extended_size;
	uint64_t xfeatures;
	uint32_t xstate_size, padding[7];
};
_Static_assert(sizeof(struct fpx_sw_bytes) == 48, "struct _fpx_sw_bytes");

#define FP_XSTATE_MAGIC1 0x46505853u
#define FP_XSTATE_MAGIC2 0x46505845u
#define UC_FP_XSTATE 1u
#define UC_SIGCONTEXT_SS 2u
#define UC_STRICT_RESTORE_SS 4u

/* The flags that a handler may change in its ucontext: AC OF DF TF SF ZF AF PF CF RF (FIX_EFLAGS).
 */
#define RFLAGS_PROGRAM 0x50dd5u
#define RFLAGS_DF_TF 0x500u

/* iretq takes no other rip, and would fault in the kernel. */
static bool is_canonical(uint64_t addr)
{
	return (uint64_t)((int64_t)(addr << 16) >> 16) == addr;
}

static void registers_save(struct sigcontext *mc, const struct trap_frame *f)
{
	mc->r8 = f->r8;
	mc->r9 = f->r9;
	mc->r10 = f->r10;
	mc->r11 = f->r11;
	mc->r12 = f->r12;
	mc->r13 = f->r13;
	mc->r14 = f->r14;
	mc->r15 = f->r15;
	mc->rdi = f->rdi;
	mc->rsi = f->rsi;
	mc->rbp = f->rbp;
	mc->rbx = f->rbx;
	mc->rdx = f->rdx;
	mc->rax = f->rax;
	mc->rcx = f->rcx;
	mc->rsp = f->rsp;
	mc->rip = f->rip;
	mc->eflags = f->rflags;
	mc->cs = (uint16_t)f->cs;
	mc->ss = (uint16_t)f->ss;
	mc->err = f->vector < TRAP_TIMER ? f->error : 0;
	mc->trapno = f->vector < TRAP_TIMER ? f->vector : 0;
	mc->cr2 = f->cr2;
}

/* Segments stay the frame's: a program cannot choose them. */
static void registers_restore(struct trap_frame *f, const struct sigcontext *mc)
{
	f->r8 = mc->r8;
	f->r9 = mc->r9;
	f->r10 = mc->r10;
	f->r11 = mc->r11;
	f->r12 = mc->r12;
	f->r13 = mc->r13;
	f->r14 = mc->r14;
	f->r15 = mc->r15;
	f->rdi = mc->rdi;
	f->rsi = mc->rsi;
	f->rbp = mc->rbp;
	f->rbx = mc->rbx;
	f->rdx = mc->rdx;
	f->rax = mc->rax;
	f->rcx = mc->rcx;
	f->rsp = mc->rsp;
	f->rip = mc->rip;
	f->rflags = (f->rflags & ~(uint64_t)RFLAGS_PROGRAM) | (mc->eflags & RFLAGS_PROGRAM);
}

/* Copy the current FPU state to sp; returns 0 or -EFAULT. */
static int fpu_push(uintptr_t sp)
{
	char *area = ((struct arch_thread *)thread_current())->xsave;
	struct fpx_sw_bytes *sw = (struct fpx_sw_bytes *)(void *)(area + FXSAVE_SW_RESERVED);
	uint32_t magic2 = FP_XSTATE_MAGIC2;

	fpu_save(area);
	memset(sw, 0, sizeof(*sw));
	if (fpu_xmask) {
		sw->magic1 = FP_XSTATE_MAGIC1;
		sw->extended_size = fpu_size + (uint32_t)sizeof(magic2);
		sw->xfeatures = fpu_xmask;
		sw->xstate_size = fpu_size;
	}
	if (user_copy_out(sp, area, fpu_size))
		return -EFAULT;
	return fpu_xmask ? user_copy_out(sp + fpu_size, &magic2, sizeof(magic2)) : 0;
}

/* A handler begins with the FPU of a fresh process: it may come in the middle of anything. */
static void fpu_reset(void)
{
	char *area = ((struct arch_thread *)thread_current())->xsave;

	fpu_area_init(area);
	fpu_restore(area);
}

int arch_signal_frame_push(struct trap_frame *frame, uintptr_t sp, int sig, const void *info,
			   uint64_t mask, const void *altstack, uintptr_t handler,
			   uintptr_t restorer)
{
	struct rt_sigframe s;
	uintptr_t fp = ALIGN_DOWN(sp - fpu_size - 4, 64);
	/* At the handler's first instruction the stack is as after a call: 16n + 8. */
	uintptr_t at = ALIGN_DOWN(fp - sizeof(s), 16) - 8;

	if (!is_canonical(handler))
		return -EFAULT;
	memset(&s, 0, sizeof(s));
	s.return_address = restorer;
	s.uc.flags = (fpu_xmask ? UC_FP_XSTATE : 0) | UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS;
	memcpy(s.uc.stack, altstack, sizeof(s.uc.stack));
	registers_save(&s.uc.mc, frame);
	s.uc.mc.oldmask = mask;
	s.uc.mc.fpstate = fp;
	s.uc.mask = mask;
	memcpy(s.info, info, sizeof(s.info));
	if (fpu_push(fp) || user_copy_out(at, &s, sizeof(s)))
		return -EFAULT;
	fpu_reset();
	frame->rdi = (uint64_t)sig;
	frame->rsi = at + offsetof(struct rt_sigframe, info);
	frame->rdx = at + offsetof(struct rt_sigframe, uc);
	frame->rax = 0;
	frame->rsp = at;
	frame->rip = handler;
	frame->rflags &= ~(uint64_t)RFLAGS_DF_TF;
	return 0;
}

size_t arch_signal_frame_max(void)
{
	/* Both parts, the word behind the FPU state, and what aligning them costs. */
	return fpu_size + 4 + 63 + sizeof(struct rt_sigframe) + 15 + 8;
}

/* Load the FPU state from a frame's fpstate pointer. */
static int fpu_pop(uintptr_t fpstate)
{
	char *area = ((struct arch_thread *)thread_current())->xsave;
	struct fpx_sw_bytes sw;
	size_t size = FXSAVE_SIZE;

	fpu_area_init(area);
	if (fpstate) {
		if (user_copy_in(&sw, fpstate + FXSAVE_SW_RESERVED, sizeof(sw)))
			return -EFAULT;
		if (sw.magic1 == FP_XSTATE_MAGIC1 && sw.xstate_size == fpu_size)
			size = fpu_size;
		if (user_copy_in(area, fpstate, size)) {
			fpu_area_prepare(area); /* a part may have come */
			return -EFAULT;
		}
		if (size == FXSAVE_SIZE && fpu_xmask)
			*(uint64_t *)(void *)(area + FXSAVE_SIZE) = 3; /* x87 and SSE */
	}
	fpu_area_sanitize(area);
	fpu_restore(area);
	return 0;
}

int arch_signal_frame_pop(struct trap_frame *frame, uint64_t *mask, void *altstack)
{
	struct ucontext uc;

	/* The handler's return took the return address: rsp points at the ucontext. */
	if (user_copy_in(&uc, frame->rsp, sizeof(uc)) || !is_canonical(uc.mc.rip) ||
	    fpu_pop(uc.mc.fpstate))
		return -EFAULT;
	registers_restore(frame, &uc.mc);
	*mask = uc.mask;
	memcpy(altstack, uc.stack, sizeof(uc.stack));
	return 0;
}
