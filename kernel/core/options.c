/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The kernel's own options. Those that make up the program's arguments and environment are
 * abi/start.c's. */
#include "core/options.h"
#include "base/cmdline.h"
#include "core/dump.h"
#include "core/log.h"
#include "core/stats.h"
#include "plat/plat.h"

static void option_log(const struct cmdline_token *level)
{
	static const char names[][6] = {[LOG_ERROR] = "error",
					[LOG_WARN] = "warn",
					[LOG_INFO] = "info",
					[LOG_DEBUG] = "debug"};

	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		if (cmdline_is(level, names[i])) {
			log_level = (enum log_level)i;
			return;
		}
	}
	log_line(LOG_WARN, "log=%.*s is no log level: use log=error, warn, info or debug",
		 (int)level->len, level->text);
}

static void option_stdin(const struct cmdline_token *form)
{
	if (cmdline_is(form, "framed") && plat->console_framed != NULL)
		plat->console_framed();
	else
		log_line(LOG_WARN,
			 "stdin=%.*s does nothing on %s: only stdin=framed on kvm is known",
			 (int)form->len, form->text, plat->name);
}

void options_init(const char *cmdline)
{
	struct cmdline_token token, value;

	while (cmdline_next(&cmdline, &token) && !cmdline_is(&token, "--")) {
		if (cmdline_has_prefix(&token, "prog=", &value) ||
		    cmdline_has_prefix(&token, "env=", &value) ||
		    cmdline_has_prefix(&token, "logfd=", &value) ||
		    (plat->load != NULL && cmdline_has_prefix(&token, "exec=", &value)) ||
		    cmdline_has_prefix(&token, "cpus=", &value) ||
		    (IS_ENABLED(CONFIG_DETERMINISTIC) &&
		     cmdline_has_prefix(&token, "deterministic=", &value)))
			continue; /* abi/start.c, plat/linuxu */
		if (cmdline_is(&token, "verbose"))
			log_level = LOG_INFO;
		else if (IS_ENABLED(CONFIG_THREAD_DUMP) && cmdline_is(&token, "watchdog"))
			dump_watchdog = true;
		else if (IS_ENABLED(CONFIG_TRACE) && cmdline_is(&token, "trace"))
			continue; /* the platform has seen to it, while code could be changed */
		else if (IS_ENABLED(CONFIG_STATS) && cmdline_is(&token, "stats"))
			stats_wanted = true;
		else if (cmdline_has_prefix(&token, "log=", &value))
			option_log(&value);
		else if (cmdline_has_prefix(&token, "stdin=", &value))
			option_stdin(&value);
		else
			log_line(LOG_WARN,
				 "unknown option %.*s on the command line: the program's arguments "
				 "stand after --",
				 (int)token.len, token.text);
	}
}
