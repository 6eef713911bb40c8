/* SPDX-License-Identifier: GPL-2.0-or-later */
/* options.h - the options of a command, as a table. */
#pragma once

#include "cli/command.h"

enum cli_option_kind {
	OPTION_FLAG,   /* bool */
	OPTION_TEXT,   /* const char *, borrowed of argv */
	OPTION_FORMAT, /* enum format, one of @formats */
};

struct cli_option {
	char letter; /* 0: it has none */
	const char *name;
	enum cli_option_kind kind;
	void *value; /* what the option sets; it keeps its default without */
	unsigned formats; /* bits 1U << FORMAT_… */
};

/** What every command that prints data can print. */
#define FORMATS_DATA  (1U << FORMAT_JSON | 1U << FORMAT_YAML)
#define FORMATS_TABLE (1U << FORMAT_TABLE | FORMATS_DATA)

/**
 * Read the options of @c. Each has -h and --help besides.
 *
 * @options end without a name; at most OPTIONS_MAX.
 * Returns -1 to go on, with optind at the first argument; or the exit status
 * to end with, after the help or a complaint.
 */
int options_read(const struct command *c, const struct cli_option *options,
		 int argc, char **argv);

#define OPTIONS_MAX 8
