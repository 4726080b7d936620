/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * libFuzzer's way to the loader: tests/unit/fake/loader.c does the work and the checks. Half of the
 * changes that it makes to a file are made here, with the format in mind: a field of a header
 * becomes another one, or an edge, or something near it.
 */
#include "fake/fake.h"

#include "base/elf_program.h"
#include "fake/loader.h"

#define FUZZ_BYTES_MAX 2048u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fake_log_quiet = true;
	fake_seed(1); /* the place of a program is the same each time */
	if (size <= FUZZ_BYTES_MAX)
		(void)loader_check(data, size);
	return 0;
}

static uint64_t next(uint64_t *state, uint64_t below)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (*state >> 33) % below;
}

/* A field of the ELF header or a program header. */
static uint64_t *field(uint8_t *data, size_t size, uint64_t *state)
{
	size_t fields = (size - sizeof(struct elf_header)) / sizeof(uint64_t);

	/* entry, phoff and shoff; the rest has smaller ones. */
	if (fields == 0 || next(state, 8) == 0)
		return (uint64_t *)(data + 24 + 8 * next(state, 3));
	return (uint64_t *)(data + sizeof(struct elf_header) + 8 * next(state, fields));
}

static void change(uint8_t *data, size_t size, uint64_t *state)
{
	static const uint64_t edges[] = {0,         1,          0xfff,      0x1000,    1ul << 16,
					 1ul << 30, 1ul << 31,  0xffffffff, 1ul << 46, 1ul << 47,
					 1ul << 63, UINT64_MAX, ~0xffful,   0x400000,  0x401000};
	uint64_t *to = field(data, size, state), value;

	switch (next(state, 4)) {
	case 0:
		memcpy(&value, field(data, size, state), sizeof(value));
		break;
	case 1:
		value = edges[next(state, ARRAY_SIZE(edges))];
		break;
	case 2: /* pages further */
		memcpy(&value, to, sizeof(value));
		value += (next(state, 64) - 32) * PAGE_SIZE;
		break;
	default:
		memcpy(&value, to, sizeof(value));
		value += next(state, 33) - 16;
	}
	memcpy(to, &value, sizeof(value));
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
	uint64_t state = seed;

	if (size < sizeof(struct elf_header) || next(&state, 2) == 0)
		return LLVMFuzzerMutate(data, size, max);
	for (uint64_t n = 1 + next(&state, 4); n > 0; n--)
		change(data, size, &state);
	return size;
}
