/* SPDX-License-Identifier: GPL-2.0-or-later */
/* command.h - what a subcommand is, and what all of them share. */
#pragma once

#include <stdbool.h>

#include "base/buf.h"

struct json_object;

/** Exit statuses, of every command. */
enum {
	EXIT_DONE = 0,
	EXIT_NO = 1, /* the answer is no, or input is invalid */
	EXIT_USAGE = 2,
	EXIT_UNREACHABLE = 3, /* the agent is */
};

struct cli {
	const char *socket;
};

struct command {
	const char *name;
	const char *synopsis; /* what follows "bulkhead NAME" */
	const char *summary;  /* one line, for the list */
	const char *help;     /* the rest of --help: whole lines */
	/* Returns an exit status. argv[0] is "bulkhead NAME". */
	int (*run)(const struct cli *cli, int argc, char **argv);
};

extern const struct command command_status, command_wait, command_get,
	command_check, command_explain, command_flows, command_metrics,
	command_quarantine, command_serve, command_teardown, command_version,
	command_help;

/** NULL-terminated, in the order of the list. */
extern const struct command *const commands[];

/** By name; NULL after a complaint that names the nearest. */
const struct command *command_find(const char *name);

/** Print the --help of @c, or of the program when NULL. */
void command_usage(const struct command *c);

void command_print_version(void);

/** What an option that a command does not handle itself means: -h prints its
 *  help, another is a mistake. Returns the exit status. */
int command_option(const struct command *c, int option);

/** Complain about arguments. Returns EXIT_USAGE. */
int command_misuse(const struct command *c, const char *fmt, ...)
	_printf_(2, 3);

enum format {
	FORMAT_TABLE,
	FORMAT_WIDE,
	FORMAT_JSON,
	FORMAT_YAML,
	FORMAT_NFT,
};

/** The format called @name, one of those whose bit @allowed has set. Returns 0,
 *  or -EINVAL after a complaint. */
int format_parse(const char *name, unsigned allowed, enum format *ret);

/**
 * Ask the agent.
 *
 * @arguments  may be NULL; taken.
 * @timeout_ms -1: none.
 * Returns an exit status, after a complaint when it is not EXIT_DONE; then
 * @ret is untouched.
 */
int command_ask(const struct cli *cli, const char *what,
		struct json_object *arguments, int timeout_ms,
		struct json_object **ret);

/** Time limit of everything that the agent answers at once. */
#define COMMAND_TIMEOUT_MS 10000

/** Print @o as FORMAT_JSON or FORMAT_YAML. */
void command_print_json(struct json_object *o, enum format format);

/** Print text that is fit for a terminal already. */
void command_print(const struct buf *text);
