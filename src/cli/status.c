/* SPDX-License-Identifier: GPL-2.0-or-later */
/* status.c - bulkhead status: is everything as it should be? */
#include <getopt.h>
#include <stdarg.h>
#include <string.h>

#include "base/alloc.h"
#include "bulkhead/control.h"
#include "cli/options.h"
#include "cli/table.h"
#include "json/json.h"

/* One line of the report: a label, or "" for a further line, and its text. */
static void line(struct table *t, const char *label, enum style style,
		 const char *fmt, ...) _printf_(4, 5);

static void line(struct table *t, const char *label, enum style style,
		 const char *fmt, ...)
{
	_cleanup_(buf_fini) struct buf text = BUF_INIT(BUF_UNBOUNDED);
	va_list args;

	va_start(args, fmt);
	buf_addv(&text, fmt, args);
	va_end(args);
	table_add(t, STYLE_NONE, label);
	table_add(t, style, buf_str(&text));
}

/* Of a time, what people compare with a clock: up to the seconds. */
#define SECONDS 19

static void show_agent(struct table *t, struct json_object *s)
{
	bool audit = !strcmp(json_text(s, "mode"), "audit");
	const char *state = json_text(s, "state");

	line(t, "state", !strcmp(state, "in-step") ? STYLE_GOOD : STYLE_BAD,
	     "%s%s", state, json_flag(s, "ready") ? "" : ", not ready");
	line(t, "mode", audit ? STYLE_WARN : STYLE_NONE, "%s",
	     audit ? "audit: denies nothing, records what it would"
		   : json_text(s, "mode"));
	line(t, "agent", STYLE_NONE, "bulkheadd %s, pid %lld, since %.*s UTC",
	     json_text(s, "version"), (long long)json_number(s, "pid"), SECONDS,
	     json_text(s, "started"));
}

/* How an engine's version stands to those that the agent was tried with. */
static const char *support_of(struct json_object *r)
{
	static const struct {
		const char *support, *text;
	} texts[] = {
		{ "tried", "tried" },
		{ "newer", "newer than tried" },
		{ "older", "older than tried" },
		{ "too-old", "too old" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (!strcmp(json_text(r, "support"), texts[i].support))
			return texts[i].text;
	return "";
}

/* " 20.10.24 (API 1.41, tried)"; "" before it has told. */
static char *engine_of(struct json_object *r)
{
	const char *version = json_text(r, "version");
	const char *api = json_text(r, "api_version");
	const char *support = support_of(r);

	if (!version[0])
		return xstrdup("");
	if (!api[0] && !support[0])
		return xasprintf(" %s", version);
	return xasprintf(" %s (%s%s%s%s)", version, api[0] ? "API " : "", api,
			 api[0] && support[0] ? ", " : "", support);
}

static void show_runtimes(struct table *t, struct json_object *runtimes)
{
	if (!json_count(runtimes))
		line(t, "runtime", STYLE_BAD, "none is watched");
	for (size_t i = 0; i < json_count(runtimes); i++) {
		struct json_object *r = json_item(runtimes, i);
		const char *detail = json_text(r, "detail");
		const char *state = json_text(r, "state");
		bool good = !strcmp(state, "in-step");
		_cleanup_(freep) char *engine = engine_of(r);

		line(t, "runtime", good ? STYLE_NONE : STYLE_BAD,
		     "%s%s %s, %lld events, %lld reconnects (%s)%s%s",
		     json_text(r, "name"), engine, state,
		     (long long)json_number(r, "events"),
		     (long long)json_number(r, "reconnects"),
		     json_text(r, "socket"), *detail ? ": " : "", detail);
	}
}

static void show_objects(struct table *t, struct json_object *s)
{
	struct json_object *e = json_at(s, "endpoints"),
			   *p = json_at(s, "policies");

	line(t, "endpoints", STYLE_NONE,
	     "%lld: %lld enforced, %lld isolated for ingress, %lld for egress, %lld unenforceable, %lld escapable",
	     (long long)json_number(e, "total"),
	     (long long)json_number(e, "enforced"),
	     (long long)json_number(e, "isolated_ingress"),
	     (long long)json_number(e, "isolated_egress"),
	     (long long)json_number(e, "unenforceable"),
	     (long long)json_number(e, "escapable"));
	line(t, "networks", STYLE_NONE, "%lld",
	     (long long)json_number(s, "networks"));
	line(t, "policies", STYLE_NONE, "%lld, files: %lld",
	     (long long)json_number(p, "total"),
	     (long long)json_number(p, "files"));
}

static void show_broken(struct table *t, struct json_object *files)
{
	for (size_t i = 0; i < json_count(files); i++) {
		struct json_object *file = json_item(files, i);
		struct json_object *errors = json_at(file, "errors");

		line(t, "broken", STYLE_BAD, "%s: %s", json_text(file, "file"),
		     json_flag(file, "in_force")
			     ? "its last good version is in force"
			     : "nothing of it is in force");
		for (size_t k = 0; k < json_count(errors); k++)
			line(t, " ", STYLE_NONE, "%s",
			     json_item_text(errors, k));
	}
}

static void show_firewall(struct table *t, struct json_object *f)
{
	const char *commit = json_text(f, "last_commit");
	const char *error = json_text(f, "error");
	bool good = json_flag(f, "in_step");

	line(t, "firewall", good ? STYLE_NONE : STYLE_BAD,
	     "%s, generation %lld, %lld transactions",
	     good ? "in step" : "NOT in step",
	     (long long)json_number(f, "generation"),
	     (long long)json_number(f, "transactions"));
	if (*commit)
		line(t, " ", STYLE_NONE,
		     "last one %.*s UTC: %lld objects in %lld us", SECONDS,
		     commit, (long long)json_number(f, "objects"),
		     (long long)json_number(f, "last_duration_us"));
	if (*error)
		line(t, " ", STYLE_BAD, "%s", error);
}

static void show_revocation(struct table *t, struct json_object *r)
{
	const char *problem = json_text(r, "problem");

	if (!json_number(r, "sweeps") && !*problem)
		return;
	line(t, "revoked", *problem ? STYLE_BAD : STYLE_NONE,
	     "%lld connections; last judged %lld in %lld us%s%s",
	     (long long)json_number(r, "revoked"),
	     (long long)json_number(r, "last_entries"),
	     (long long)json_number(r, "last_duration_us"),
	     *problem ? ": " : "", problem);
}

static void show_flow_log(struct table *t, struct json_object *f)
{
	const char *problem = json_text(f, "problem");
	const char *path = json_text(f, "path");
	bool bad = *problem || json_number(f, "unwritten");

	line(t, "flow log", bad ? STYLE_BAD : STYLE_NONE,
	     "%s: %lld records of %lld packets, %lld lost, %lld unwritten%s%s",
	     *path ? path : "off", (long long)json_number(f, "records"),
	     (long long)json_number(f, "packets"),
	     (long long)json_number(f, "lost"),
	     (long long)json_number(f, "unwritten"), *problem ? ": " : "",
	     problem);
}

static void show_sinks(struct table *t, struct json_object *sinks)
{
	for (size_t i = 0; i < json_count(sinks); i++) {
		struct json_object *s = json_item(sinks, i);
		const char *problem = json_text(s, "problem");
		const char *target = json_text(s, "target");
		bool bad = *problem || json_number(s, "lost");

		line(t, "sink", bad ? STYLE_BAD : STYLE_NONE,
		     "%s%s%s: %lld written, %lld waiting, %lld lost%s%s",
		     json_text(s, "name"), *target ? " " : "", target,
		     (long long)json_number(s, "written"),
		     (long long)json_number(s, "waiting"),
		     (long long)json_number(s, "lost"), *problem ? ": " : "",
		     problem);
	}
}

/* Most reasons never deny anything: those are left to -o json. */
static void show_counter(void *table, const char *name,
			 struct json_object *counter)
{
	if (json_number(counter, "packets"))
		line(table, "denied", STYLE_NONE,
		     "%lld packets, %lld bytes: %s",
		     (long long)json_number(counter, "packets"),
		     (long long)json_number(counter, "bytes"), name);
}

static void show_bridges(struct table *t, struct json_object *bridges)
{
	for (size_t i = 0; i < json_count(bridges); i++) {
		struct json_object *b = json_item(bridges, i);
		const char *problem = json_text(b, "problem");
		bool good = json_flag(b, "filtered");

		line(t, "bridge", good ? STYLE_NONE : STYLE_BAD, "%s %s%s%s",
		     json_text(b, "name"), good ? "filtered" : "NOT filtered",
		     *problem ? ": " : "", problem);
	}
}

static void show_troubles(struct table *t, const char *label, enum style style,
			  struct json_object *list)
{
	for (size_t i = 0; i < json_count(list); i++) {
		struct json_object *p = json_item(list, i);

		line(t, label, style, "%s: %s", json_text(p, "subject"),
		     json_text(p, "message"));
	}
}

static void show(struct json_object *s)
{
	_cleanup_(table_freep) struct table *t =
		table_new(2, NULL, style_wanted());
	_cleanup_(buf_fini) struct buf text = BUF_INIT(BUF_UNBOUNDED);

	show_agent(t, s);
	show_runtimes(t, json_at(s, "runtimes"));
	show_objects(t, s);
	show_broken(t, json_at(json_at(s, "policies"), "broken_files"));
	show_firewall(t, json_at(s, "firewall"));
	show_bridges(t, json_at(s, "bridges"));
	show_revocation(t, json_at(s, "revocation"));
	show_flow_log(t, json_at(s, "flow_log"));
	show_sinks(t, json_at(json_at(s, "flow_log"), "sinks"));
	json_each(json_at(s, "counters"), show_counter, t);
	show_troubles(t, "warning", STYLE_WARN, json_at(s, "warnings"));
	show_troubles(t, "problem", STYLE_BAD, json_at(s, "problems"));
	table_render(t, 0, &text);
	command_print(&text);
}

static int ask(const struct cli *cli, enum format format)
{
	_cleanup_(json_unrefp) struct json_object *s = NULL;
	int r = command_ask(cli, CONTROL_STATUS, NULL, COMMAND_TIMEOUT_MS, &s);

	if (r != EXIT_DONE)
		return r;
	if (format == FORMAT_TABLE)
		show(s);
	else
		command_print_json(s, format);
	return strcmp(json_text(s, "state"), "in-step") ? EXIT_NO : EXIT_DONE;
}

static int run(const struct cli *cli, int argc, char **argv)
{
	enum format format = FORMAT_TABLE;
	const struct cli_option options[] = {
		{ 'o', "output", OPTION_FORMAT, &format, FORMATS_TABLE },
		{ 0 },
	};
	int status = options_read(&command_status, options, argc, argv);

	if (status >= 0)
		return status;
	if (optind < argc)
		return command_misuse(&command_status, "takes no argument");
	return ask(cli, format);
}

const struct command command_status = {
	.name = "status",
	.synopsis = "[-o FORMAT]",
	.summary = "tell whether the agent is in step, and what is wrong",
	.help = "Tell what the agent watches and enforces, and every problem it has. Exit status\n"
		"1 when it is not in step.\n\n"
		"Options:\n"
		"  -o, --output FORMAT  table (default), json, yaml\n"
		"  -h, --help           print this\n",
	.run = run,
};
