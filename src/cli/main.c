/* SPDX-License-Identifier: GPL-2.0-or-later */
/* main.c - bulkhead, the command line. */
#include <errno.h>
#include <getopt.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "bulkhead/control.h"
#include "cli/command.h"
#include "cli/text.h"

static int misuse(void)
{
	fprintf(stderr, "Try 'bulkhead --help'.\n");
	return EXIT_USAGE;
}

static int run(const struct cli *cli, int argc, char **argv)
{
	const struct command *c = command_find(argv[0]);
	_cleanup_(freep) char *name = NULL;

	if (!c)
		return EXIT_USAGE;
	/* The name that getopt complains in. */
	name = xasprintf("bulkhead %s", c->name);
	argv[0] = name;
	optind = 0;
	return c->run(cli, argc, argv);
}

/* What was printed must have arrived: a full disk is no success. */
static int finish(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	text_complain("cannot write the output: %s", strerror(errno));
	return status == EXIT_DONE ? EXIT_NO : status;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "socket", required_argument, NULL, 's' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	static char program[] = "bulkhead";
	struct cli cli = { .socket = CONTROL_SOCKET };
	int c;

	/* Widths of characters, without translations or another decimal
	 * point. */
	setlocale(LC_CTYPE, "C.UTF-8");
	if (argc)
		argv[0] = program;
	while ((c = getopt_long(argc, argv, "+hV", options, NULL)) != -1) {
		switch (c) {
		case 's':
			cli.socket = optarg;
			break;
		case 'V':
			command_print_version();
			return finish(EXIT_DONE);
		case 'h':
			command_usage(NULL);
			return finish(EXIT_DONE);
		default:
			return misuse();
		}
	}
	if (optind >= argc) {
		text_complain("no command given");
		return misuse();
	}
	return finish(run(&cli, argc - optind, argv + optind));
}
