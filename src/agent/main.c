/* SPDX-License-Identifier: GPL-2.0-or-later */
/* main.c - bulkheadd: options, configuration, and the loop. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/agent.h"
#include "agent/writer.h"
#include "base/log.h"
#include "bulkhead/version.h"

/* Exit status, as of the command line: 1 invalid input, 2 usage. */
enum { EXIT_INVALID = 1, EXIT_USAGE = 2 };

static const char usage[] =
	"Usage: bulkheadd [--config FILE] [--check-config]\n"
	"\n"
	"NetworkPolicy for Docker, Podman and containerd hosts: watches the\n"
	"engines, puts the policies into nftables, logs denied flows.\n"
	"\n"
	"  -c, --config FILE    configuration (" CONFIG_FILE ")\n"
	"      --check-config   read it, report what is wrong, and exit\n"
	"  -V, --version        print the version and exit\n"
	"  -h, --help           print this and exit\n"
	"\n"
	"See bulkheadd(8), bulkhead.yaml(5) and bulkhead-policy(5).\n";

struct options {
	const char *config;
	bool check;
	bool done; /* printed what was asked for */
};

static int parse_options(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "check-config", no_argument, NULL, 'C' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "c:Vh", longs, NULL)) != -1)
		switch (c) {
		case 'c':
			o->config = optarg;
			break;
		case 'C':
			o->check = true;
			break;
		case 'V':
			puts("bulkheadd " BULKHEAD_VERSION);
			o->done = true;
			return 0;
		case 'h':
			fputs(usage, stdout);
			o->done = true;
			return 0;
		default:
			return -EINVAL;
		}
	if (optind == argc)
		return 0;
	fprintf(stderr, "bulkheadd: unexpected argument \"%s\"\n",
		argv[optind]);
	return -EINVAL;
}

static int load(const struct options *o, struct config *ret)
{
	struct diag_list diag = { 0 };
	int r = config_load(o->config ?: CONFIG_FILE, o->config != NULL, &diag,
			    ret);

	diag_print(&diag, stderr);
	diag_fini(&diag);
	return r;
}

int main(int argc, char **argv)
{
	struct options options = { 0 };
	struct config config = { 0 };
	struct agent *agent = NULL;

	if (writer_wanted(argc, argv))
		return writer_main(argv[2]);
	if (parse_options(argc, argv, &options) < 0) {
		fputs("Try bulkheadd --help.\n", stderr);
		return EXIT_USAGE;
	}
	if (options.done)
		return EXIT_SUCCESS;
	if (load(&options, &config) < 0)
		return EXIT_INVALID;
	if (options.check) {
		config_fini(&config);
		return EXIT_SUCCESS;
	}
	log_set_level(config.log_level);
	if (agent_start(&config, &agent) < 0)
		return EXIT_INVALID;
	loop_run(agent->loop);
	agent_stop(agent);
	return EXIT_SUCCESS;
}
