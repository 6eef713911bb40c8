/* SPDX-License-Identifier: GPL-2.0-or-later */
/* flows.c - bulkhead flows: reads the flow log. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "bulkhead/control.h"
#include "cli/command.h"
#include "cli/emit.h"
#include "cli/flow.h"
#include "cli/moment.h"
#include "cli/tail.h"
#include "cli/text.h"
#include "control/client.h"
#include "json/json.h"

#define DEFAULT_PATH "/var/log/bulkhead/flows.jsonl"

/* Asking where the log is must not delay reading it. */
#define LOCATE_MS 1000

struct options {
	char *path;
	bool follow, colour;
	enum format format;
	struct flow_filter filter;
};

static void options_fini(struct options *o)
{
	free(o->path);
}

/* Where the agent writes it, else where it does by default. */
static char *locate(const struct cli *cli)
{
	_cleanup_(json_unrefp) struct json_object *status = NULL;
	_cleanup_(freep) char *error = NULL;
	const char *path = "";

	if (control_request(cli->socket, CONTROL_STATUS, NULL, LOCATE_MS,
			    &status, &error) == 0)
		path = json_text(json_at(status, "flow_log"), "path");
	return xstrdup(*path ? path : DEFAULT_PATH);
}

/* Returns false for a line that is no record. */
static bool show_line(const struct options *o, struct slice line)
{
	_cleanup_(json_unrefp) struct json_object *record = json_parse(line);
	_cleanup_(buf_fini) struct buf text = BUF_INIT(BUF_UNBOUNDED);

	if (!flow_valid(record))
		return false;
	if (!flow_matches(&o->filter, record))
		return true;
	if (o->format == FORMAT_JSON)
		json_compact(&text, record);
	else
		flow_format(record, o->colour, &text);
	command_print(&text);
	return true;
}

static void complain(const struct options *o, const struct tail *t,
		     const char *what)
{
	text_complain("%s:%llu: %s: skipped", o->path,
		      (unsigned long long)tail_line(t), what);
}

/* All lines that are there now. @last: an unfinished one too. Returns an exit
 * status. */
static int show_present(const struct options *o, struct tail *t, bool last)
{
	int status = EXIT_DONE, r;
	struct slice line;

	for (;;) {
		r = tail_next(t, &line);
		if (r == 0 && last)
			r = tail_rest(t, &line);
		if (r == 0)
			return status;
		if (r == -EMSGSIZE) {
			complain(o, t, "the line is too long");
			status = EXIT_NO;
		} else if (r < 0) {
			text_complain("%s: %s", o->path, strerror(-r));
			return EXIT_NO;
		} else if (!show_line(o, line)) {
			complain(o, t, "the line is no flow record");
			status = EXIT_NO;
		}
	}
}

static int follow(const struct options *o, struct tail *t)
{
	int r;

	for (;;) {
		show_present(o, t, false);
		if (fflush(stdout) != 0)
			return EXIT_NO; /* main() says why */
		r = tail_wait(t);
		if (r < 0) {
			text_complain("%s: %s", o->path, strerror(-r));
			return EXIT_NO;
		}
	}
}

static int show(const struct options *o)
{
	_cleanup_(tail_closep) struct tail *t = NULL;
	int r = tail_open(o->path, o->follow, &t);

	if (r < 0) {
		text_complain(
			"%s: %s%s", o->path, strerror(-r),
			r == -ENOENT
				? ": --path names the log if it is elsewhere"
			: r == -EACCES ? ": run it as root"
				       : "");
		return EXIT_NO;
	}
	if (o->format == FORMAT_TABLE)
		flow_heading(o->colour);
	return o->follow ? follow(o, t) : show_present(o, t, true);
}

static int parse_moment(const char *text, uint64_t *ret)
{
	if (moment_parse(text, clock_realtime(), ret) == 0)
		return 0;
	command_misuse(
		&command_flows,
		"'%s' is neither a duration such as 10m nor a time such as 2026-01-31T10:20:30Z",
		text);
	return -EINVAL;
}

/* Returns -1 to go on, or an exit status. */
static int take_option(struct options *o, int c)
{
	switch (c) {
	case 'f':
		o->follow = true;
		return -1;
	case 'd':
		o->filter.denied = true;
		return -1;
	case 's':
		return parse_moment(optarg, &o->filter.since) < 0 ? EXIT_USAGE
								  : -1;
	case 'u':
		return parse_moment(optarg, &o->filter.until) < 0 ? EXIT_USAGE
								  : -1;
	case 'p':
		free(o->path);
		o->path = xstrdup(optarg);
		return -1;
	case 'o':
		return format_parse(optarg,
				    1U << FORMAT_TABLE | 1U << FORMAT_JSON,
				    &o->format) < 0
			       ? EXIT_USAGE
			       : -1;
	default:
		return command_option(&command_flows, c);
	}
}

static int run(const struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = {
		{ "follow", no_argument, NULL, 'f' },
		{ "denied", no_argument, NULL, 'd' },
		{ "since", required_argument, NULL, 's' },
		{ "until", required_argument, NULL, 'u' },
		{ "path", required_argument, NULL, 'p' },
		{ "file", required_argument, NULL, 'p' },
		{ "output", required_argument, NULL, 'o' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	_cleanup_(options_fini) struct options o = {
		.format = FORMAT_TABLE,
		.colour = style_wanted(),
		.filter.until = UINT64_MAX,
	};
	int c, r;

	while ((c = getopt_long(argc, argv, "fo:h", options, NULL)) != -1) {
		r = take_option(&o, c);
		if (r >= 0)
			return r;
	}
	if (optind < argc)
		return command_misuse(&command_flows, "takes no argument");
	if (!o.path)
		o.path = locate(cli);
	return show(&o);
}

const struct command command_flows = {
	.name = "flows",
	.synopsis =
		"[-f] [--denied] [--since WHEN] [--until WHEN] [--path FILE] [-o FORMAT]",
	.summary = "show the flow log",
	.help = "Show the flow log: who was denied to talk to whom, by which policies. A line that\n"
		"is no record is reported and skipped, and the exit status then is 1.\n\n"
		"Options:\n"
		"  -f, --follow         go on with what is written from now on, across rotation\n"
		"  --denied             only what was denied\n"
		"  --since WHEN         only from then on: 10m (ago), 2026-01-31T10:20:30Z\n"
		"  --until WHEN         only until then\n"
		"  --path FILE          read FILE; default is the agent's log\n"
		"  --file FILE          the same\n"
		"  -o, --output FORMAT  table (default), json: one object a line\n"
		"  -h, --help           print this\n",
	.run = run,
};
