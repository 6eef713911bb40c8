/* SPDX-License-Identifier: GPL-2.0-or-later */
/* explain.c - bulkhead explain: may SRC reach DST, and who decides? */
#include <getopt.h>
#include <json-c/json.h>
#include <string.h>

#include "base/alloc.h"
#include "bulkhead/control.h"
#include "cli/options.h"
#include "cli/table.h"
#include "cli/target.h"
#include "cli/text.h"
#include "json/json.h"

static enum style verdict_style(const char *verdict)
{
	return strcmp(verdict, "allowed") ? STYLE_BAD : STYLE_GOOD;
}

/* "shop/web (172.18.0.2)", "the host", "192.0.2.1". */
static void add_party(struct buf *out, struct json_object *party)
{
	const char *address = json_text(party, "address");
	const char *kind = json_text(party, "kind");

	if (!strcmp(kind, "endpoint"))
		buf_addf(out, "%s/%s", json_text(party, "namespace"),
			 json_text(party, "name"));
	else if (!strcmp(kind, "host"))
		buf_adds(out, "the host");
	else {
		buf_adds(out, address);
		return;
	}
	if (*address)
		buf_addf(out, " (%s)", address);
}

/* The reason in words; one that is not known yet stands for itself. */
static void add_reason(struct buf *out, struct json_object *d)
{
	static const struct {
		const char *reason, *words;
	} known[] = {
		{ "policy-allows", "allowed by" },
		{ "no-policy-allows", "no policy allows it; isolated by" },
		{ "not-isolated", "no policy isolates it" },
		{ "no-endpoint", "no container here: no policy applies" },
		{ "same-endpoint", "a container may reach itself" },
		{ "local-host", "the host may reach its containers" },
		{ "quarantine", "quarantined" },
		{ "unenforceable", "cannot be enforced" },
	};
	const char *reason = json_text(d, "reason"), *words = reason;
	struct json_object *policies = json_at(d, "policies");

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (!strcmp(known[i].reason, reason))
			words = known[i].words;
	if (!strcmp(reason, "no-policy-allows"))
		policies = json_at(d, "isolated_by");
	buf_addf(out, "%s%s", words, json_count(policies) ? " " : "");
	json_join(out, policies);
}

static void show_decision(struct table *t, struct json_object *result,
			  const char *direction, const char *party)
{
	_cleanup_(buf_fini) struct buf who = BUF_INIT(BUF_UNBOUNDED);
	_cleanup_(buf_fini) struct buf why = BUF_INIT(BUF_UNBOUNDED);
	struct json_object *d = json_at(result, direction);
	const char *verdict = json_text(d, "verdict");

	buf_addf(&who, "%s of ", direction);
	add_party(&who, json_at(result, party));
	add_reason(&why, d);
	table_add(t, STYLE_NONE, buf_str(&who));
	table_add(t, verdict_style(verdict), verdict);
	table_add(t, STYLE_NONE, buf_str(&why));
}

static void add_headline(struct buf *out, struct json_object *result,
			 bool colour)
{
	_cleanup_(buf_fini) struct buf text = BUF_INIT(BUF_UNBOUNDED);
	const char *verdict = json_text(result, "verdict");
	long long port = json_number(result, "port");

	add_party(&text, json_at(result, "source"));
	buf_adds(&text, " -> ");
	add_party(&text, json_at(result, "destination"));
	buf_addf(&text, " %s", json_text(result, "protocol"));
	if (port)
		buf_addf(&text, "/%lld", port);
	buf_adds(&text, ": ");
	text_safe(out, buf_slice(&text));
	style_add(out, colour, verdict_style(verdict), verdict);
	buf_adds(out, "\n");
}

static void show(struct json_object *result)
{
	_cleanup_(buf_fini) struct buf text = BUF_INIT(BUF_UNBOUNDED);
	bool colour = style_wanted();
	_cleanup_(table_freep) struct table *t = table_new(3, NULL, colour);
	struct json_object *notes = json_at(result, "notes");

	add_headline(&text, result, colour);
	show_decision(t, result, "egress", "source");
	show_decision(t, result, "ingress", "destination");
	table_render(t, 2, &text);
	for (size_t i = 0; i < json_count(notes); i++) {
		buf_adds(&text, "note: ");
		text_safe(&text, slice_of(json_item_text(notes, i)));
		buf_adds(&text, "\n");
	}
	command_print(&text);
}

static void add_text(struct json_object *to, const char *key, const char *text)
{
	json_object_object_add(to, key, json_object_new_string(text));
}

static int ask(const struct cli *cli, const char *source,
	       const struct target *target, enum format format)
{
	_cleanup_(json_unrefp) struct json_object *result = NULL;
	_cleanup_(freep) char *host = target_host(source);
	struct json_object *arguments = json_object_new_object();
	int r;

	add_text(arguments, "source", host);
	add_text(arguments, "destination", target->host);
	add_text(arguments, "protocol", target->protocol);
	if (target->port)
		json_object_object_add(arguments, "port",
				       json_object_new_int(target->port));
	r = command_ask(cli, CONTROL_EXPLAIN, arguments, COMMAND_TIMEOUT_MS,
			&result);
	if (r != EXIT_DONE)
		return r;
	if (format == FORMAT_TABLE)
		show(result);
	else
		command_print_json(result, format);
	return strcmp(json_text(result, "verdict"), "allowed") ? EXIT_NO
							       : EXIT_DONE;
}

static int run(const struct cli *cli, int argc, char **argv)
{
	enum format format = FORMAT_TABLE;
	const struct cli_option options[] = {
		{ 'o', "output", OPTION_FORMAT, &format, FORMATS_TABLE },
		{ 0 },
	};
	_cleanup_(target_fini) struct target target = { 0 };
	const char *error;
	int status = options_read(&command_explain, options, argc, argv);

	if (status >= 0)
		return status;
	if (argc - optind != 2 || !*argv[optind])
		return command_misuse(&command_explain,
				      "takes a source and a destination");
	if (target_parse(argv[optind + 1], &target, &error) < 0)
		return command_misuse(&command_explain, "'%s': %s",
				      argv[optind + 1], error);
	return ask(cli, argv[optind], &target, format);
}

const struct command command_explain = {
	.name = "explain",
	.synopsis = "SRC DST[:PORT[/PROTO]] [-o FORMAT]",
	.summary = "tell whether SRC may reach DST, and which policy decides",
	.help = "Tell whether SRC may open a connection to DST, and which policies decide. Each is\n"
		"a container (NAME, NAMESPACE/NAME or ID) or an address; an IPv6 address with a\n"
		"port stands in brackets. PROTO is tcp (default), udp or sctp; without a port the\n"
		"question is whether ping (ICMP) passes. Exit status 1 when it is denied.\n\n"
		"Options:\n"
		"  -o, --output FORMAT  table (default), json, yaml\n"
		"  -h, --help           print this\n",
	.run = run,
};
