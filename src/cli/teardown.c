/* SPDX-License-Identifier: GPL-2.0-or-later */
/* teardown.c - bulkhead teardown: take our tables out of the kernel. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "bulkhead/control.h"
#include "cli/options.h"
#include "cli/text.h"
#include "control/client.h"
#include "firewall/firewall.h"
#include "json/json.h"

#define PROBE_MS 2000

/* True when nobody listens on the socket. An agent that is stuck still runs. */
static bool agent_is_gone(const struct cli *cli)
{
	_cleanup_(json_unrefp) struct json_object *status = NULL;
	_cleanup_(freep) char *error = NULL;
	int r = control_request(cli->socket, CONTROL_STATUS, NULL, PROBE_MS,
				&status, &error);

	return r == -ENOENT || r == -ECONNREFUSED;
}

static int remove_tables(void)
{
	_cleanup_(firewall_closep) struct firewall *fw = NULL;
	const struct firewall_options options = { 0 };
	int r = firewall_open(&options, &fw);

	if (r == 0)
		r = firewall_teardown(fw);
	if (r == -EPERM) {
		text_complain("teardown: needs root (CAP_NET_ADMIN)");
		return EXIT_NO;
	}
	if (r < 0) {
		text_complain("teardown: nftables: %s", strerror(-r));
		return EXIT_NO;
	}
	if (r == 0)
		printf("Nothing to remove: the kernel has no table of bulkhead's.\n");
	else
		printf("Removed %d %s. No policy is enforced any more.\n", r,
		       r == 1 ? "table" : "tables");
	return EXIT_DONE;
}

static int run(const struct cli *cli, int argc, char **argv)
{
	bool force = false;
	const struct cli_option options[] = {
		{ 0, "force", OPTION_FLAG, &force, 0 },
		{ 0 },
	};
	int status = options_read(&command_teardown, options, argc, argv);

	if (status >= 0)
		return status;
	if (optind < argc)
		return command_misuse(&command_teardown, "takes no argument");
	if (!force && !agent_is_gone(cli)) {
		text_complain(
			"teardown: bulkheadd is running, and would put its tables back: 'systemctl stop bulkheadd' first, or use --force");
		return EXIT_NO;
	}
	return remove_tables();
}

const struct command command_teardown = {
	.name = "teardown",
	.synopsis = "[--force]",
	.summary = "remove every rule of bulkhead's from the kernel",
	.help = "Remove the tables 'inet bulkhead' and 'bridge bulkhead', and nothing else: from\n"
		"then on every container may talk to every other again. Stopping the agent alone\n"
		"leaves the last rules in force. Needs root, and refuses while the agent runs,\n"
		"which would put the tables back.\n\n"
		"Options:\n"
		"  --force     even while the agent runs\n"
		"  -h, --help  print this\n",
	.run = run,
};
