/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wait.c - bulkhead wait: until the kernel reflects policies and containers. */
#include <errno.h>
#include <getopt.h>
#include <json-c/json.h>

#include "base/alloc.h"
#include "bulkhead/control.h"
#include "cli/moment.h"
#include "cli/options.h"
#include "cli/text.h"
#include "control/client.h"
#include "json/json.h"

#define DEFAULT_LIMIT "60s"

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
	enum format format = FORMAT_TABLE;
	const char *limit = DEFAULT_LIMIT;
	const struct cli_option options[] = {
		{ 't', "timeout", OPTION_TEXT, &limit, 0 },
		{ 'o', "output", OPTION_FORMAT, &format, FORMATS_DATA },
		{ 0 },
	};
	int status = options_read(&command_wait, options, argc, argv);
	uint64_t ms;

	if (status >= 0)
		return status;
	if (duration_parse(limit, &ms) < 0 || ms > INT32_MAX)
		return command_misuse(&command_wait,
				      "'%s' is no duration such as 10s or 2m",
				      limit);
	if (optind < argc)
		return command_misuse(&command_wait, "takes no argument");
	return wait_for_agent(cli, ms, limit, format);
}

const struct command command_wait = {
	.name = "wait",
	.synopsis = "[--timeout DURATION] [-o FORMAT]",
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
