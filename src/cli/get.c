/* SPDX-License-Identifier: GPL-2.0-or-later */
/* get.c - bulkhead get: lists of what the agent knows. */
#include "cli/get.h"

#include <getopt.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "bulkhead/control.h"
#include "cli/options.h"
#include "cli/suggest.h"
#include "cli/table.h"
#include "cli/text.h"

static const struct view *const views[] = {
	&view_endpoints,
	&view_policies,
	&view_rules,
	&view_networks,
};

void get_short_id(const char *id, struct buf *out)
{
	bool digits = strlen(id) == 64 && strspn(id, "0123456789abcdef") == 64;

	buf_add(out, id, digits ? 12 : strlen(id));
}

static const struct view *find(const char *name)
{
	const char *names[ARRAY_SIZE(views)];
	const char *nearest;

	for (size_t i = 0; i < ARRAY_SIZE(views); i++) {
		if (!strcmp(views[i]->name, name))
			return views[i];
		names[i] = views[i]->name;
	}
	nearest = suggest(name, names, ARRAY_SIZE(names));
	command_misuse(&command_get, "'%s' is nothing to get%s%s%s", name,
		       nearest ? ": did you mean '" : "", nearest ?: "",
		       nearest ? "'?" : "");
	return NULL;
}

static void add_row(struct table *t, const struct view *v, bool wide,
		    struct json_object *item)
{
	for (const struct column *c = v->columns; c->heading; c++) {
		_cleanup_(buf_fini) struct buf text = BUF_INIT(BUF_UNBOUNDED);

		if (c->wide && !wide)
			continue;
		c->cell(item, &text);
		table_add(t, c->style ? c->style(item) : STYLE_NONE,
			  buf_str(&text));
	}
}

static void show(const struct view *v, bool wide, struct json_object *result)
{
	_cleanup_(buf_fini) struct buf text = BUF_INIT(BUF_UNBOUNDED);
	_cleanup_(table_freep) struct table *t = NULL;
	struct json_object *list = json_at(result, v->name);
	const char *headings[COLUMNS_MAX];
	size_t n = 0;

	if (!json_count(list)) {
		fprintf(stderr, "No %s.\n", v->name);
		return;
	}
	for (const struct column *c = v->columns; c->heading; c++)
		if (wide || !c->wide)
			headings[n++] = c->heading;
	t = table_new(n, headings, style_wanted());
	for (size_t i = 0; i < json_count(list); i++)
		add_row(t, v, wide, json_item(list, i));
	table_render(t, 0, &text);
	command_print(&text);
}

/* The ruleset's text: comments in it name policies. */
static void show_nft(struct json_object *result)
{
	_cleanup_(buf_fini) struct buf text = BUF_INIT(BUF_UNBOUNDED);
	const char *line = json_text(result, "nft");

	for (;;) {
		size_t n = strcspn(line, "\n");

		for (; n && *line == '\t'; line++, n--)
			buf_adds(&text, "\t");
		text_safe(&text, (struct slice){ line, n });
		if (!line[n])
			break;
		buf_adds(&text, "\n");
		line += n + 1;
	}
	command_print(&text);
}

static struct json_object *arguments_of(const struct view *v,
					enum format format)
{
	struct json_object *arguments = json_object_new_object();

	if (format == FORMAT_NFT)
		json_object_object_add(arguments, "nft",
				       json_object_new_boolean(true));
	if (format == FORMAT_TABLE && v->bulky)
		json_object_object_add(arguments, v->bulky,
				       json_object_new_boolean(false));
	return arguments;
}

static int ask(const struct cli *cli, const struct view *v, enum format format)
{
	_cleanup_(json_unrefp) struct json_object *result = NULL;
	int r;

	r = command_ask(cli, v->command, arguments_of(v, format),
			COMMAND_TIMEOUT_MS, &result);
	if (r != EXIT_DONE)
		return r;
	if (format == FORMAT_NFT)
		show_nft(result);
	else if (format == FORMAT_TABLE || format == FORMAT_WIDE)
		show(v, format == FORMAT_WIDE, result);
	else
		command_print_json(result, format);
	return EXIT_DONE;
}

static int run(const struct cli *cli, int argc, char **argv)
{
	const unsigned formats = FORMATS_TABLE | 1U << FORMAT_WIDE |
				 1U << FORMAT_NFT;
	enum format format = FORMAT_TABLE;
	const struct cli_option options[] = {
		{ 'o', "output", OPTION_FORMAT, &format, formats },
		{ 0 },
	};
	const struct view *v;
	int status = options_read(&command_get, options, argc, argv);

	if (status >= 0)
		return status;
	if (argc - optind != 1)
		return command_misuse(
			&command_get,
			"takes one of endpoints, policies, rules, networks");
	v = find(argv[optind]);
	if (!v)
		return EXIT_USAGE;
	if (format == FORMAT_NFT && v != &view_rules)
		return command_misuse(&command_get,
				      "only rules have the format nft");
	return ask(cli, v, format);
}

const struct command command_get = {
	.name = "get",
	.synopsis = "endpoints|policies|rules|networks [-o FORMAT]",
	.summary = "list endpoints, policies, rules or networks",
	.help = "List what the agent knows:\n"
		"  endpoints  containers, their addresses, and the policies that isolate them\n"
		"  policies   NetworkPolicy objects and how many endpoints each selects\n"
		"  rules      what each policy allows each endpoint\n"
		"  networks   container networks, and whether they are enforced\n\n"
		"Options:\n"
		"  -o, --output FORMAT  table (default), wide, json, yaml; for rules also nft\n"
		"  -h, --help           print this\n",
	.run = run,
};
