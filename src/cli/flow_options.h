/* SPDX-License-Identifier: GPL-2.0-or-later */
/* flow_options.h - what is asked of the flow log, as it is typed. */
#pragma once

#include <getopt.h>
#include <stdbool.h>

#include "cli/command.h"
#include "store/fold.h"
#include "store/question.h"

enum flow_output {
	FLOW_TABLE,
	FLOW_WIDE,
	FLOW_JSON,
	FLOW_CSV,
	FLOW_ECS,
	FLOW_OCSF,
};

struct flow_options {
	struct question question;
	char *path, *store; /* NULL: where the agent writes */
	char *pcap;
	enum flow_output output;
	bool follow, count, colour;
	size_t top; /* groups; 0: no grouping */
	struct fold_by by;
};

/**
 * Read the options of @c, all of those of `bulkhead flows`.
 *
 * Returns -1 to go on, with optind at the first argument, or an exit status
 * after a complaint or the help.
 */
int flow_options_read(struct flow_options *o, const struct command *c, int argc,
		      char **argv);
void flow_options_fini(struct flow_options *o);
