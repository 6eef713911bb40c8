/* SPDX-License-Identifier: GPL-2.0-or-later */
/* flow_source.h - where the flow log is read from, and how it is shown. */
#pragma once

#include "cli/command.h"
#include "cli/flow_options.h"
#include "store/source.h"

/** The exit status that reading has come to; zero-initialised. */
struct flow_trouble {
	int status;
};

/**
 * The store or the files that were asked for; else what the agent writes, its
 * store before its file. Returns EXIT_DONE, or EXIT_NO after a complaint.
 *
 * @trouble must outlive @ret: lines that are skipped are counted there.
 */
int flow_source_open(const struct cli *cli, const struct flow_options *o,
		     struct flow_trouble *trouble, struct source **ret);

/**
 * What -f is to follow: the store or the file that was asked for; else what the
 * agent writes, its file before its store, which gets records in batches.
 *
 * Returns true for a store. @ret_path is owned by the caller.
 */
bool flow_source_followed(const struct cli *cli, const struct flow_options *o,
			  char **ret_path);

/** What is wrong with a store, by -errno. */
const char *flow_source_reason(int r);

/** Complain about what a source_…() returned. Returns EXIT_NO, or EXIT_DONE for
 *  0. */
int flow_source_status(const struct source *s, int r);

/** Print what stands above all records. */
void flow_print_heading(const struct flow_options *o);
/** Print one record. */
void flow_print(const struct flow_options *o, struct json_object *record);
