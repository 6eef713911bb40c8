/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wait.c - bulkhead wait: until the kernel reflects policies and containers. */
#include <errno.h>
#include <getopt.h>
#include <json-c/json.h>

#include "base/alloc.h"
#include "bulkhead/control.h"
#include "cli/command.h"
#include "cli/moment.h"
#include "cli/text.h"
#include "control/client.h"
#include "json/json.h"

#define DEFAULT_MS 60000

/* What keeps the agent from being in step, as its status tells. */
static void complain_problems(const struct cli *cli)
{
	_cleanup_(json_unrefp) struct json_object *status = NULL;
	_cleanup_(freep) char *error = NULL;
	struct json_object *problems;

	if (control_request(cli->socket, CONTROL_STATUS, NULL,
			    COMMAND_TIMEOUT_MS, &status, &error) < 0) {
		text_complain("%s", error);
		return;
	}
	problems = json_at(status, "problems");
	for (size_t i = 0; i < json_count(problems); i++) {
		struct json_object *p = json_item(problems, i);

		text_complain("%s: %s", json_text(p, "subject"),
			      json_text(p, "message"));
	}
}

static int wait_for_agent(const struct cli *cli, uint64_t ms, const char *limit,
			  enum format format)
{
	_cleanup_(json_unrefp) struct json_object *result = NULL;
	_cleanup_(freep) char *error = NULL;
	int r = control_request(cli->socket, CONTROL_WAIT, NULL, (int)ms,
				&result, &error);

	if (r == -ETIMEDOUT) {
		text_complain("not in step within %s", limit);
		complain_problems(cli);
		return EXIT_NO;
	}
	if (r < 0) {
		text_complain("%s", error);
		return r == -EREMOTEIO ? EXIT_NO : EXIT_UNREACHABLE;
	}
	if (format != FORMAT_TABLE)
		command_print_json(result, format);
	return EXIT_DONE;
}

static int run(const struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = {
		{ "timeout", required_argument, NULL, 't' },
		{ "output", required_argument, NULL, 'o' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	enum format format = FORMAT_TABLE;
	const char *limit = "60s";
	uint64_t ms = DEFAULT_MS;
	int c;

	while ((c = getopt_long(argc, argv, "t:o:h", options, NULL)) != -1) {
		switch (c) {
		case 't':
			limit = optarg;
			if (duration_parse(optarg, &ms) < 0 || ms > INT32_MAX)
				return command_misuse(
					&command_wait,
					"'%s' is no duration such as 10s or 2m",
					optarg);
			break;
		case 'o':
			if (format_parse(optarg,
					 1U << FORMAT_JSON | 1U << FORMAT_YAML,
					 &format) < 0)
				return EXIT_USAGE;
			break;
		default:
			return command_option(&command_wait, c);
		}
	}
	if (optind < argc)
		return command_misuse(&command_wait, "takes no argument");
	return wait_for_agent(cli, ms, limit, format);
}

const struct command command_wait = {
	.name = "wait",
	.synopsis = "[--timeout DURATION]",
	.summary = "wait until the kernel reflects policies and containers",
	.help = "Wait until the kernel reflects the policy directory and the containers as they\n"
		"are now. Prints nothing when it is so; otherwise what stands in the way, with\n"
		"exit status 1.\n\n"
		"Options:\n"
		"  -t, --timeout DURATION  give up then: 500ms, 10s, 2m; default 60s\n"
		"  -o, --output FORMAT     print the result: json, yaml\n"
		"  -h, --help              print this\n",
	.run = run,
};
