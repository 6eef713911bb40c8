/* SPDX-License-Identifier: GPL-2.0-or-later */
/* flow_source.c - where the flow log is read from, and how it is shown. */
#include "cli/flow_source.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "bulkhead/control.h"
#include "cli/emit.h"
#include "cli/flow.h"
#include "cli/text.h"
#include "control/client.h"
#include "format/format.h"
#include "json/json.h"

#define DEFAULT_PATH "/var/log/bulkhead/flows.jsonl"

/* Asking where the log is must not delay reading it. */
#define LOCATE_MS 1000

/* ---- where ------------------------------------------------------------- */

/* What the agent says of its log; NULL when it cannot be asked. */
static struct json_object *ask(const struct cli *cli)
{
	_cleanup_(freep) char *error = NULL;
	struct json_object *status = NULL;

	if (control_request(cli->socket, CONTROL_STATUS, NULL, LOCATE_MS,
			    &status, &error) < 0)
		return NULL;
	return status;
}

/* The first store among the sinks; "" for none. */
static const char *store_of(struct json_object *status)
{
	struct json_object *sinks =
		json_at(json_at(status, "flow_log"), "sinks");

	for (size_t i = 0; i < json_count(sinks); i++) {
		struct json_object *sink = json_item(sinks, i);

		if (!strcmp(json_text(sink, "kind"), "sqlite"))
			return json_text(sink, "target");
	}
	return "";
}

static char *path_of(struct json_object *status)
{
	const char *path = json_text(json_at(status, "flow_log"), "path");

	return xstrdup(*path ? path : DEFAULT_PATH);
}

bool flow_source_followed(const struct cli *cli, const struct flow_options *o,
			  char **ret_path)
{
	_cleanup_(json_unrefp) struct json_object *status = NULL;
	bool is_store;

	if (o->path || o->store) {
		*ret_path = xstrdup(o->store ?: o->path);
		return o->store;
	}
	status = ask(cli);
	is_store = *store_of(status) &&
		   !*json_text(json_at(status, "flow_log"), "path");
	*ret_path = is_store ? xstrdup(store_of(status)) : path_of(status);
	return is_store;
}

const char *flow_source_reason(int r)
{
	switch (r) {
	case -EEXIST:
		return "the database is another program's";
	case -EPROTO:
		return "another version of bulkhead made it";
	case -EBADMSG:
		return "it is no database, or a corrupt one";
	case -ENODATA:
		return "nothing was written to it yet";
	case -EBUSY:
		return "somebody keeps it locked";
	default:
		return strerror(-r);
	}
}

/* @chosen: the user named @path. */
static int refuse(const char *path, bool chosen, int r)
{
	const char *hint = "";

	if (r == -ENOENT && !chosen)
		hint = ": --path or --store names the log if it is elsewhere";
	else if (r == -EACCES)
		hint = ": run it as root";
	text_complain("%s: %s%s", path, flow_source_reason(r), hint);
	return EXIT_NO;
}

static void complain(void *arg, const char *file, uint64_t line,
		     const char *what)
{
	struct flow_trouble *trouble = arg;

	text_complain("%s:%llu: %s: skipped", file, (unsigned long long)line,
		      what);
	trouble->status = EXIT_NO;
}

int flow_source_open(const struct cli *cli, const struct flow_options *o,
		     struct flow_trouble *trouble, struct source **ret)
{
	_cleanup_(json_unrefp) struct json_object *status =
		o->path || o->store ? NULL : ask(cli);
	const char *store = o->store ?: store_of(status);
	_cleanup_(freep) char *path = NULL;
	int r;

	if (*store) {
		r = source_open_store(store, ret);
		return r < 0 ? refuse(store, o->store, r) : EXIT_DONE;
	}
	path = o->path ? xstrdup(o->path) : path_of(status);
	r = source_open_files(path, complain, trouble, ret);
	return r < 0 ? refuse(path, o->path, r) : EXIT_DONE;
}

int flow_source_status(const struct source *s, int r)
{
	const char *error = source_error(s);

	if (r == 0)
		return EXIT_DONE;
	text_complain("cannot read the flow log: %s",
		      *error ? error : flow_source_reason(r));
	return EXIT_NO;
}

/* ---- how --------------------------------------------------------------- */

void flow_print_heading(const struct flow_options *o)
{
	if (o->output == FLOW_TABLE || o->output == FLOW_WIDE)
		flow_heading(o->output == FLOW_WIDE, o->colour);
	else if (o->output == FLOW_CSV)
		fputs(format_heading(FORMAT_KIND_CSV), stdout);
}

void flow_print(const struct flow_options *o, struct json_object *record)
{
	_cleanup_(json_unrefp) struct json_object *made = NULL;
	_cleanup_(buf_fini) struct buf text = BUF_INIT(BUF_UNBOUNDED);

	switch (o->output) {
	case FLOW_TABLE:
	case FLOW_WIDE:
		flow_format(record, o->output == FLOW_WIDE, o->colour, &text);
		break;
	case FLOW_JSON:
		json_compact(&text, record);
		break;
	case FLOW_CSV:
		format_csv(record, &text);
		break;
	case FLOW_ECS:
		made = format_ecs(record);
		json_compact(&text, made);
		break;
	case FLOW_OCSF:
		made = format_ocsf(record);
		json_compact(&text, made);
		break;
	}
	command_print(&text);
}
