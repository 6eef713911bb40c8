/* SPDX-License-Identifier: GPL-2.0-or-later */
/* writer.c - bulkheadd as the keeper of its own flow writers.
 *
 * See sink/keeper.h for why. Privileges are given up before anything is done,
 * and what the sinks have no use for once they are known.
 */
#include "agent/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "agent/isolate.h"
#include "agent/log_owner.h"
#include "base/log.h"
#include "config/config.h"
#include "sink/keeper.h"
#include "sink/writer.h"

static char argument[] = "--flow-writer";
static char program[] = "bulkheadd";

void writer_command(char *user, char *ret_argv[static WRITER_ARGS])
{
	ret_argv[0] = program;
	ret_argv[1] = argument;
	ret_argv[2] = user;
	ret_argv[3] = NULL;
}

bool writer_wanted(int argc, char **argv)
{
	return (argc == 2 || argc == 3) && !strcmp(argv[1], argument);
}

/* The first to be ended when memory is short: the agent goes on without. What
 * cannot be dumped has its files in /proc owned by root, so it is for that
 * long, before it has read anything. */
static void offer_to_oom_killer(void)
{
	_cleanup_(closep) int fd = -1;

	(void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "500", 3) < 0)
		log_debug("flow writer: oom_score_adj: %s", strerror(errno));
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

static int configure(struct slice text, sink_config_list *ret)
{
	struct isolate_needs needs = { 0 };
	struct diag_list diag = { 0 };
	struct config config;
	int r = config_parse(text, "configuration", &diag, &config);

	diag_fini(&diag);
	if (r < 0)
		return r;
	log_set_level(config.log_level);
	vec_foreach(sink, &config.sinks) {
		needs.network |= sink_uses_network(sink);
		needs.unix_sockets |= sink_uses_unix(sink);
	}
	isolate_writer(&needs);
	*ret = config.sinks;
	config.sinks = (__typeof__(config.sinks)){ 0 };
	config_fini(&config);
	return 0;
}

/* As ps(1) shows it: else by the link that was executed, "exe". */
static void set_name(const char *name)
{
	(void)prctl(PR_SET_NAME, name, 0, 0, 0);
}

static int run(int fd)
{
	set_name("bulkhead-writer");
	offer_to_oom_killer();
	return sink_writer_run(fd, configure);
}

int writer_main(const char *user)
{
	int r = user ? log_owner_become(user) : 0;

	set_name("bulkhead-keeper");
	if (r < 0) {
		fprintf(stderr,
			"bulkheadd: the flow writer cannot become the user %s: %s\n",
			user, strerror(-r));
		return EXIT_FAILURE;
	}
	isolate_keeper();
	r = sink_keeper_serve(SINK_KEEPER_FD, run);
	if (r < 0)
		fprintf(stderr,
			"bulkheadd: --flow-writer is for bulkheadd's own use: %s\n",
			strerror(-r));
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
