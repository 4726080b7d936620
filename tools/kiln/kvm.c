/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Run an image in a virtual machine, and turn the machine's end into the program's.
 */
#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gdb.h"
#include "path.h"
#include "proc.h"
#include "relay.h"
#include "stats.h"
#include "symbolize.h"
#include "vmm.h"

static void kvm_say_no_vmm(void)
{
	error("%s is not installed or not in PATH\n"
	      "  install QEMU: apt-get install qemu-system-x86\n"
	      "  or run the image as a Linux process: kiln run --platform linuxu",
	      vmm_name());
}

static int kvm_dry_run(const struct run *run)
{
	struct strv argv = {0};
	struct vmm_channels ch = {
		.err_path = "/dev/stderr", .gdb_port = run->gdb ? 1234 : 0, .monitor = -1};
	char *log = xasprintf("/tmp/kiln-%d.log", (int)getpid());

	ch.log_path = log;
	if (vmm_command(run, &ch, &argv))
		return STATUS_NOT_RUN;
	char *command = shell_join(&argv);

	puts(command);
	free(command);
	free(log);
	strv_free(&argv);
	return 0;
}

/* The last lines of what the VMM said, indented. */
static char *kvm_diagnosis(const struct buf *diag)
{
	struct buf b = {0};
	const char *text = diag->p ? diag->p : "";

	if (diag->len > 2000)
		text += diag->len - 2000;
	buf_adds(&b, "");
	while (*text) {
		size_t n = strcspn(text, "\n");

		buf_addf(&b, "\n  %.*s", (int)n, text);
		text += n + (text[n] == '\n');
	}
	return b.p;
}

static void kvm_explain(const struct run *run, const struct relay *r)
{
	char *said = kvm_diagnosis(&r->diag_text);

	if (strstr(said, "Failed to get") && strstr(said, "lock"))
		error("the image is being written or in use by another virtual machine%s", said);
	else if (strstr(said, "unsupported machine type"))
		error("this QEMU has no machine %s%s\n  try: kiln run --machine %s", run->machine,
		      said, strcmp(run->machine, "q35") ? "q35" : "microvm");
	else if (!r->status)
		error("the virtual machine was reset or switched off before the program had "
		      "ended%s\n"
		      "  more: kiln run --verbose, --gdb; or the same image with --platform linuxu",
		      said);
	else if (!strcmp(run->accel, "kvm"))
		error("the virtual machine monitor failed (%s: exit status %d)%s\n"
		      "  try without KVM: kiln run --accel tcg",
		      vmm_name(), r->status, said);
	else
		error("the virtual machine monitor failed (%s: exit status %d)%s\n"
		      "  see its command: kiln run --dry-run; check the machine: kiln doctor",
		      vmm_name(), r->status, said);
	free(said);
}

static int kvm_conclude(const struct run *run, struct relay *r)
{
	int status = relay_take_exit(&r->log_text);

	if (run->stats)
		stats_print(r);
	symbolize_print(run, r->log_text.p, r->log_text.len);
	if (r->stopped_by && status < 0)
		return 128 + r->stopped_by;
	if (status < 0) {
		kvm_explain(run, r);
		return STATUS_NOT_RUN;
	}
	if (run->verbose && r->diag_text.len)
		fprintf(stderr, "%s", r->diag_text.p);
	return r->output_lost && status == 0 ? STATUS_FAILED : status;
}

/* All channels between kiln and the VMM: [i][0] is the end to read from, [i][1] to write to; of the
 * monitor [0] is the VMM's end, [1] kiln's. */
enum { CH_IN, CH_MONITOR, CH_OUT, CH_ERR, CH_LOG, CH_DIAG, CH_COUNT };

/* Say how to attach. The script to remove in the end, or NULL. */
static char *kvm_offer_gdb(const struct run *run, unsigned int port)
{
	char *script = gdb_script_create(run, port);

	error("the machine waits for gdb at 127.0.0.1:%u%s%s", port,
	      script ? "; in another terminal:\n  gdb -x " : "", script ? script : "");
	return script;
}

static pid_t kvm_start(const struct run *run, const struct strv *argv, int pipes[CH_COUNT][2])
{
	int keep[] = {pipes[CH_ERR][1], pipes[CH_LOG][1], pipes[CH_MONITOR][0]};
	struct proc p = proc_default(argv);

	p.in = pipes[CH_IN][0];
	p.out = pipes[CH_OUT][1];
	p.err = pipes[CH_DIAG][1];
	p.keep = keep;
	p.n_keep = ARRAY_SIZE(keep);
	p.ignore_quit = true;
	p.die_with_parent = true;
	if (run->verbose) {
		char *command = shell_join(argv);

		error("%s", command);
		free(command);
	}
	pid_t pid = proc_start(&p);

	if (pid == -ENOENT)
		kvm_say_no_vmm();
	else if (pid < 0)
		error("cannot start %s: %s", vmm_name(), strerror(-pid));
	return pid;
}

/* Start the VMM and stay with it until it ends. */
static int kvm_attend(const struct run *run, const struct strv *argv, int pipes[CH_COUNT][2])
{
	struct relay r = {
		.start_ns = relay_now_ns(),
		.pid = kvm_start(run, argv, pipes),
		.vm = true,
		.log_live = run->verbose,
		.in = pipes[CH_IN][1],
		.out = pipes[CH_OUT][0],
		.err = pipes[CH_ERR][0],
		.log = pipes[CH_LOG][0],
		.diag = pipes[CH_DIAG][0],
		.monitor = pipes[CH_MONITOR][1],
		.trace = run->trace,
		.run = run,
	};

	close(pipes[CH_IN][0]);
	close(pipes[CH_MONITOR][0]);
	for (size_t i = CH_OUT; i < CH_COUNT; i++)
		close(pipes[i][1]);
	if (r.pid < 0)
		return STATUS_NOT_RUN;
	relay_run(&r);

	int status = kvm_conclude(run, &r);

	buf_free(&r.log_text);
	buf_free(&r.diag_text);
	return status;
}

int kvm_run(const struct run *run)
{
	int pipes[CH_COUNT][2], status = STATUS_NOT_RUN;
	struct strv argv = {0};
	char *gdb_script = NULL;

	if (run->dry_run)
		return kvm_dry_run(run);
	relay_prepare();
	for (size_t i = 0; i < CH_COUNT; i++)
		if (i == CH_MONITOR ? socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pipes[i])
				    : pipe2(pipes[i], O_CLOEXEC))
			die(STATUS_NOT_RUN, "cannot make a pipe: %s", strerror(errno));

	char *err_path = xasprintf("/dev/fd/%d", pipes[CH_ERR][1]);
	char *log_path = xasprintf("/dev/fd/%d", pipes[CH_LOG][1]);
	struct vmm_channels ch = {
		.err_path = err_path, .log_path = log_path, .monitor = pipes[CH_MONITOR][0]};

	if (run->gdb)
		ch.gdb_port = gdb_port_find();
	if (!vmm_command(run, &ch, &argv)) {
		if (run->gdb)
			gdb_script = kvm_offer_gdb(run, ch.gdb_port);
		status = kvm_attend(run, &argv, pipes);
	}
	if (gdb_script)
		unlink(gdb_script);
	free(gdb_script);
	free(err_path);
	free(log_path);
	strv_free(&argv);
	return status;
}
