/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Tracing of system calls that are C calls (docs/decisions/trace.md): the stubs kiln_sys_NAME in
 * front of the handlers, 16 bytes each (entry.S), are rewritten at boot to go by way of
 * trace_stub_call(). An image that is not traced runs the stubs as they are, and pays nothing.
 */
#include "arch/arch.h"
#include "base/string.h"

#define STUB_BYTES 16u
#define STUB_NR 14u         /* offset of the call's number */
#define STUB_CALL_BYTES 10u /* of a rewritten stub, as far as its call goes */

/* Instructions that stubs begin with, and that they are rewritten with. */
#define OP_LEA_RAX_1 0x48 /* lea rel32(%rip), %rax: 48 8d 05 */
#define OP_LEA_BYTES 7u
#define OP_JMP 0xe9
#define OP_JMP_BYTES 5u
#define OP_MOV_EAX 0xb8
#define OP_CALL 0xe8

unsigned arch_traces;

extern uint8_t kiln_stubs_start[], kiln_stubs_end[], kiln_trace_gate[];
/* An upcall into abi (layers.txt). */
long trace_stub_call(const uint8_t *behind, const uint64_t args[6]);

static int32_t rel32_load(const uint8_t *at)
{
	int32_t rel;

	memcpy(&rel, at, sizeof(rel));
	return rel;
}

static void rel32_store(uint8_t *at, intptr_t distance)
{
	int32_t rel = (int32_t)distance;

	memcpy(at, &rel, sizeof(rel));
}

/* How far from its stub a handler is; 0: the call is missing. */
static int32_t stub_handler(const uint8_t *stub)
{
	if (stub[0] == OP_LEA_RAX_1)
		return rel32_load(stub + 3) + (int32_t)OP_LEA_BYTES;
	if (stub[0] == OP_JMP)
		return rel32_load(stub + 1) + (int32_t)OP_JMP_BYTES;
	return 0;
}

/* "mov $DISTANCE, %eax; call kiln_trace_gate": the number only has to be somewhere. */
static void stub_rewrite(uint8_t *stub)
{
	int32_t handler = stub_handler(stub);

	stub[0] = OP_MOV_EAX;
	rel32_store(stub + 1, handler);
	stub[5] = OP_CALL;
	rel32_store(stub + 6, kiln_trace_gate - (stub + STUB_CALL_BYTES));
}

void arch_trace_begin(unsigned what)
{
	arch_traces = what;
	for (uint8_t *stub = kiln_stubs_start; stub < kiln_stubs_end; stub += STUB_BYTES)
		stub_rewrite(stub);
}

uintptr_t arch_trace_stub(const uint8_t *behind, unsigned *nr)
{
	const uint8_t *stub = behind - STUB_CALL_BYTES;
	int32_t handler = rel32_load(stub + 1);

	*nr = stub[STUB_NR] | (unsigned)stub[STUB_NR + 1] << 8;
	return handler != 0 ? (uintptr_t)(stub + handler) : 0;
}
