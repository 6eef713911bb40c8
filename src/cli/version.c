/* SPDX-License-Identifier: GPL-2.0-or-later */
/* version.c - bulkhead version. */
#include <getopt.h>
#include <stdio.h>

#include "bulkhead/version.h"
#include "cli/options.h"

void command_print_version(void)
{
	printf("bulkhead %s\n", BULKHEAD_VERSION);
}

static int run(_unused_ const struct cli *cli, int argc, char **argv)
{
	static const struct cli_option options[] = { { 0 } };
	int status = options_read(&command_version, options, argc, argv);

	if (status >= 0)
		return status;
	if (optind < argc)
		return command_misuse(&command_version, "takes no argument");
	command_print_version();
	return EXIT_DONE;
}

const struct command command_version = {
	.name = "version",
	.synopsis = "",
	.summary = "print the version of this program",
	.help = "Print the version of this program. 'bulkhead status' tells the agent's.\n\n"
		"Options:\n"
		"  -h, --help  print this\n",
	.run = run,
};
