/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A plugin for QEMU's TCG that counts the guest's instructions (each executed instruction is 1;
 * each repetition of a string instruction is 1). It writes a line to its report for each event:
 *
 *     entry COUNT      the first instruction at one of the addresses entry= was reached
 *     text COUNT       the console file console= contains text= for the first time
 *     mark ID COUNT    the guest executed a mark: nopl 0x4b42IIII(%rax,%rax,1), see mark.h
 *     end COUNT        QEMU ended
 *
 * Arguments: report=FILE console=FILE text=HEX entry=HEX[:HEX]. The console must be a port I/O
 * device with a file behind it: the instruction after an OUT looks at the file, so the count is
 * exact.
 *
 * Debian ships QEMU without qemu-plugin.h: what is used of it (API version 1) is declared here.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
typedef void vcpu_callback(unsigned vcpu, void *data);

enum { QEMU_PLUGIN_CB_NO_REGS = 0, QEMU_PLUGIN_INLINE_ADD_U64 = 0 };

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id,
					   void (*cb)(qemu_plugin_id_t id,
						      struct qemu_plugin_tb *tb));
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn, vcpu_callback *cb,
					    int flags, void *data);
void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn *insn, int op, void *ptr,
						uint64_t imm);
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb, vcpu_callback *cb, int flags,
					  void *data);
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t id,
				    void (*cb)(qemu_plugin_id_t id, void *data), void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t i);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);

#define EXPORT __attribute__((visibility("default")))

EXPORT int qemu_plugin_version = 1;

#define ENTRIES_MAX 8
#define TEXT_MAX 128

static uint64_t count;
static FILE *report;
static uint64_t entries[ENTRIES_MAX];
static int nr_entries;
static bool entered;
static char console[512];
static uint8_t text[TEXT_MAX];
static size_t text_len;
static bool text_found, out_pending;

static void report_line(const char *event, uint64_t value)
{
	fprintf(report, "%s %" PRIu64 "\n", event, value);
	fflush(report);
}

static void on_entry(unsigned vcpu, void *data)
{
	(void)vcpu;
	(void)data;
	if (!entered)
		report_line("entry", count);
	entered = true;
}

static void on_mark(unsigned vcpu, void *data)
{
	char event[32];

	(void)vcpu;
	snprintf(event, sizeof(event), "mark %u", (unsigned)(uintptr_t)data);
	report_line(event, count);
}

static void on_out(unsigned vcpu, void *data)
{
	(void)vcpu;
	(void)data;
	out_pending = true;
}

/* The console file is small: it is read from its start each time. */
static void after_out(unsigned vcpu, void *data)
{
	static char buf[65536];

	(void)vcpu;
	(void)data;
	if (!out_pending || text_found)
		return;
	out_pending = false;
	int fd = open(console, O_RDONLY);
	if (fd < 0)
		return;
	ssize_t n = read(fd, buf, sizeof(buf));
	close(fd);
	if (n > 0 && memmem(buf, (size_t)n, text, text_len)) {
		text_found = true;
		report_line("text", count);
	}
}

/* IN and OUT share these opcodes' neighbours; a look too many at the file does no harm. */
static bool insn_is_out(const uint8_t *code, size_t size)
{
	size_t i = 0;

	while (i < size &&
	       (code[i] == 0x66 || code[i] == 0x67 || code[i] == 0xf2 || code[i] == 0xf3))
		i++;
	return i < size && (code[i] == 0xe6 || code[i] == 0xe7 || code[i] == 0xee ||
			    code[i] == 0xef || code[i] == 0x6e || code[i] == 0x6f);
}

static bool insn_is_mark(const uint8_t *code, size_t size)
{
	return size == 8 && memcmp(code, "\x0f\x1f\x84\x00", 4) == 0 && code[6] == 0x42 &&
	       code[7] == 0x4b;
}

static void on_translate(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	size_t n = qemu_plugin_tb_n_insns(tb);
	bool follows_out = false;

	(void)id;
	if (text_len)
		qemu_plugin_register_vcpu_tb_exec_cb(tb, after_out, QEMU_PLUGIN_CB_NO_REGS, NULL);
	for (size_t i = 0; i < n; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		const uint8_t *code = qemu_plugin_insn_data(insn);
		size_t size = qemu_plugin_insn_size(insn);

		if (follows_out)
			qemu_plugin_register_vcpu_insn_exec_cb(insn, after_out,
							       QEMU_PLUGIN_CB_NO_REGS, NULL);
		for (int k = 0; k < nr_entries; k++)
			if (entries[k] == qemu_plugin_insn_vaddr(insn))
				qemu_plugin_register_vcpu_insn_exec_cb(
					insn, on_entry, QEMU_PLUGIN_CB_NO_REGS, NULL);
		if (insn_is_mark(code, size))
			qemu_plugin_register_vcpu_insn_exec_cb(
				insn, on_mark, QEMU_PLUGIN_CB_NO_REGS,
				(void *)(uintptr_t)(code[4] | code[5] << 8));
		follows_out = text_len && insn_is_out(code, size);
		if (follows_out)
			qemu_plugin_register_vcpu_insn_exec_cb(insn, on_out, QEMU_PLUGIN_CB_NO_REGS,
							       NULL);
		qemu_plugin_register_vcpu_insn_exec_inline(insn, QEMU_PLUGIN_INLINE_ADD_U64, &count,
							   1);
	}
}

static void on_end(qemu_plugin_id_t id, void *data)
{
	(void)id;
	(void)data;
	report_line("end", count);
}

static bool argument(const char *arg)
{
	unsigned byte;
	char *p;

	if (strncmp(arg, "report=", 7) == 0) {
		report = fopen(arg + 7, "w");
		return report != NULL;
	}
	if (strncmp(arg, "console=", 8) == 0)
		return snprintf(console, sizeof(console), "%s", arg + 8) < (int)sizeof(console);
	if (strncmp(arg, "text=", 5) == 0) {
		for (arg += 5; text_len < TEXT_MAX && sscanf(arg, "%2x", &byte) == 1; arg += 2)
			text[text_len++] = (uint8_t)byte;
		return true;
	}
	if (strncmp(arg, "entry=", 6) != 0)
		return false;
	for (p = (char *)arg + 6; *p && nr_entries < ENTRIES_MAX; p += *p == ':')
		entries[nr_entries++] = strtoull(p, &p, 16);
	return true;
}

EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv)
{
	(void)info;
	for (int i = 0; i < argc; i++)
		if (!argument(argv[i])) {
			fprintf(stderr, "count: bad argument '%s'\n", argv[i]);
			return 1;
		}
	if (!report) {
		fprintf(stderr, "count: report=FILE is missing\n");
		return 1;
	}
	qemu_plugin_register_vcpu_tb_trans_cb(id, on_translate);
	qemu_plugin_register_atexit_cb(id, on_end, NULL);
	return 0;
}
