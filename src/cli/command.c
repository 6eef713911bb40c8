/* SPDX-License-Identifier: GPL-2.0-or-later */
/* command.c - the table of subcommands, and what all of them share. */
#include "cli/command.h"

#include <errno.h>
#include <getopt.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "cli/emit.h"
#include "cli/suggest.h"
#include "cli/text.h"
#include "control/client.h"
#include "json/json.h"

const struct command *const commands[] = {
	&command_status,
	&command_wait,
	&command_get,
	&command_check,
	&command_explain,
	&command_flows,
	&command_metrics,
	&command_quarantine,
	&command_serve,
	&command_teardown,
	&command_version,
	&command_help,
	NULL,
};

const struct command *command_find(const char *name)
{
	const char *names[ARRAY_SIZE(commands)];
	const char *nearest;
	size_t n = 0;

	for (; commands[n]; n++) {
		if (!strcmp(commands[n]->name, name))
			return commands[n];
		names[n] = commands[n]->name;
	}
	nearest = suggest(name, names, n);
	if (nearest)
		text_complain("unknown command '%s': did you mean '%s'?", name,
			      nearest);
	else
		text_complain("unknown command '%s': see 'bulkhead --help'",
			      name);
	return NULL;
}

static void program_usage(void)
{
	printf("Usage: bulkhead [--socket PATH] COMMAND\n\n"
	       "NetworkPolicy for the containers of this host.\n\n"
	       "Commands:\n");
	for (size_t i = 0; commands[i]; i++)
		printf("  %-10s %s\n", commands[i]->name, commands[i]->summary);
	printf("\nOptions:\n"
	       "  --socket PATH  where bulkheadd listens\n"
	       "  -V, --version  print the version\n"
	       "  -h, --help     print this; after a command, its own help\n");
}

void command_usage(const struct command *c)
{
	if (!c)
		program_usage();
	else
		printf("Usage: bulkhead %s%s%s\n\n%s", c->name,
		       *c->synopsis ? " " : "", c->synopsis, c->help);
}

int command_option(const struct command *c, int option)
{
	if (option == 'h') {
		command_usage(c);
		return EXIT_DONE;
	}
	/* getopt has named the option. */
	fprintf(stderr, "Try 'bulkhead %s --help'.\n", c->name);
	return EXIT_USAGE;
}

int command_misuse(const struct command *c, const char *fmt, ...)
{
	_cleanup_(buf_fini) struct buf text = BUF_INIT(BUF_UNBOUNDED);
	va_list args;

	va_start(args, fmt);
	buf_addv(&text, fmt, args);
	va_end(args);
	text_complain("%s: %s", c->name, buf_str(&text));
	fprintf(stderr, "Usage: bulkhead %s%s%s\n", c->name,
		*c->synopsis ? " " : "", c->synopsis);
	return EXIT_USAGE;
}

int format_parse(const char *name, unsigned allowed, enum format *ret)
{
	static const char *const names[] = {
		[FORMAT_TABLE] = "table", [FORMAT_WIDE] = "wide",
		[FORMAT_JSON] = "json",	  [FORMAT_YAML] = "yaml",
		[FORMAT_NFT] = "nft",
	};
	_cleanup_(buf_fini) struct buf known = BUF_INIT(BUF_UNBOUNDED);

	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		if (!(allowed & 1U << i))
			continue;
		if (!strcmp(names[i], name)) {
			*ret = (enum format)i;
			return 0;
		}
		buf_addf(&known, "%s%s", known.len ? ", " : "", names[i]);
	}
	text_complain("unknown output format '%s': use one of %s", name,
		      buf_str(&known));
	return -EINVAL;
}

int command_ask(const struct cli *cli, const char *what,
		struct json_object *arguments, int timeout_ms,
		struct json_object **ret)
{
	_cleanup_(freep) char *error = NULL;
	int r = control_request(cli->socket, what, arguments, timeout_ms, ret,
				&error);

	json_object_put(arguments);
	if (r == 0)
		return EXIT_DONE;
	text_complain("%s", error);
	return r == -EREMOTEIO ? EXIT_NO : EXIT_UNREACHABLE;
}

void command_print_json(struct json_object *o, enum format format)
{
	_cleanup_(buf_fini) struct buf text = BUF_INIT(BUF_UNBOUNDED);

	if (format == FORMAT_YAML)
		json_yaml(&text, o);
	else
		json_pretty(&text, o);
	command_print(&text);
}

void command_print(const struct buf *text)
{
	fwrite(buf_str(text), 1, text->len, stdout);
}
