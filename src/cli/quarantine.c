/* SPDX-License-Identifier: GPL-2.0-or-later */
/* quarantine.c - bulkhead quarantine: seal a container off, or let it back. */
#include <getopt.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "bulkhead/control.h"
#include "cli/options.h"
#include "cli/table.h"
#include "cli/text.h"
#include "json/json.h"

/* "2026-01-31T10:20:30" of a time. */
#define SECONDS 19

struct request {
	const char *name;   /* NULL: list them */
	const char *reason; /* NULL: none */
	bool lift;
	enum format format;
};

static void add_row(struct table *t, struct json_object *q)
{
	char since[SECONDS + 1];

	snprintf(since, sizeof(since), "%s", json_text(q, "since"));
	table_add(t, STYLE_NONE, json_text(q, "name"));
	table_add(t, STYLE_NONE, since);
	table_add(t, STYLE_NONE, json_flag(q, "present") ? "yes" : "no");
	table_add(t, STYLE_NONE, json_text(q, "reason"));
}

static void show(struct json_object *list)
{
	static const char *const headings[] = { "CONTAINER", "SINCE (UTC)",
						"PRESENT", "REASON" };
	_cleanup_(table_freep) struct table *t =
		table_new(ARRAY_SIZE(headings), headings, style_wanted());
	_cleanup_(buf_fini) struct buf text = BUF_INIT(BUF_UNBOUNDED);

	for (size_t i = 0; i < json_count(list); i++)
		add_row(t, json_item(list, i));
	table_render(t, 0, &text);
	command_print(&text);
}

static struct json_object *arguments_of(const struct request *r)
{
	struct json_object *o = json_object_new_object();

	if (r->name)
		json_object_object_add(o, r->lift ? "lift" : "add",
				       json_object_new_string(r->name));
	if (r->reason)
		json_object_object_add(o, "reason",
				       json_object_new_string(r->reason));
	return o;
}

static int ask(const struct cli *cli, const struct request *request)
{
	_cleanup_(json_unrefp) struct json_object *answer = NULL;
	int r = command_ask(cli, CONTROL_QUARANTINE, arguments_of(request),
			    COMMAND_TIMEOUT_MS, &answer);

	if (r != EXIT_DONE)
		return r;
	if (request->format != FORMAT_TABLE)
		command_print_json(answer, request->format);
	else if (!request->name)
		show(json_at(answer, "quarantined"));
	if (!request->name || json_flag(answer, "in_force"))
		return EXIT_DONE;
	text_complain(
		"quarantine: kept, but not in force yet; see bulkhead status");
	return EXIT_NO;
}

static int run(const struct cli *cli, int argc, char **argv)
{
	struct request request = { .format = FORMAT_TABLE };
	const struct cli_option options[] = {
		{ 0, "lift", OPTION_FLAG, &request.lift, 0 },
		{ 'r', "reason", OPTION_TEXT, &request.reason, 0 },
		{ 'o', "output", OPTION_FORMAT, &request.format,
		  FORMATS_TABLE },
		{ 0 },
	};
	int status = options_read(&command_quarantine, options, argc, argv);

	if (status >= 0)
		return status;
	if (argc - optind > 1)
		return command_misuse(&command_quarantine,
				      "takes one container");
	request.name = argv[optind];
	if (!request.name && (request.lift || request.reason))
		return command_misuse(&command_quarantine,
				      "which container is meant?");
	if (request.lift && request.reason)
		return command_misuse(&command_quarantine,
				      "--reason is for a new quarantine");
	return ask(cli, &request);
}

const struct command command_quarantine = {
	.name = "quarantine",
	.synopsis = "[--lift] [--reason TEXT] [-o FORMAT] [CONTAINER]",
	.summary = "seal a container off, or list those that are",
	.help = "Seal CONTAINER (a name, namespace/name or id) off: it reaches nobody, and nobody\n"
		"but the host reaches it, whatever the policies say. Connections that it has are\n"
		"ended. It holds over restarts of the container, the engine and the agent until\n"
		"it is lifted. Needs root. Without CONTAINER, list those that are sealed off.\n\n"
		"Options:\n"
		"      --lift           let it back: the policies hold again\n"
		"  -r, --reason TEXT    why, for the list and the log\n"
		"  -o, --output FORMAT  table (default), json, yaml\n"
		"  -h, --help           print this\n",
	.run = run,
};
