/* SPDX-License-Identifier: GPL-2.0-or-later */
/* help.c - bulkhead help. */
#include <getopt.h>

#include "cli/options.h"

static int run(_unused_ const struct cli *cli, int argc, char **argv)
{
	static const struct cli_option options[] = { { 0 } };
	const struct command *about = NULL;
	int status = options_read(&command_help, options, argc, argv);

	if (status >= 0)
		return status;
	if (argc - optind > 1)
		return command_misuse(&command_help, "takes one command");
	if (optind < argc) {
		about = command_find(argv[optind]);
		if (!about)
			return EXIT_USAGE;
	}
	command_usage(about);
	return EXIT_DONE;
}

const struct command command_help = {
	.name = "help",
	.synopsis = "[COMMAND]",
	.summary = "print help about a command",
	.help = "Print what COMMAND does, or the list of commands.\n\n"
		"Options:\n"
		"  -h, --help  print this\n",
	.run = run,
};
