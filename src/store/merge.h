/* SPDX-License-Identifier: GPL-2.0-or-later */
/* merge.h - rows of flows and of events, shown as records in one order. */
#pragma once

#include <sqlite3.h>

#include "store/names.h"
#include "store/source.h"

struct merge {
	struct names *names;
	const struct question *question;
	source_fn fn;
	void *arg;
	sqlite3_stmt *events; /* RECORD_EVENT by time; its row is one ahead */
	int code;	      /* of the last step through them */
	int64_t time;	      /* of the row that it is at */
	bool ended;	      /* @fn wants no more */
};

/** Set the members up to @events first. */
void merge_begin(struct merge *m);

/**
 * Show the flows of @flows, RECORD_FLOW by the time in column @time, with the
 * events before each of them. Returns SQLITE_OK, also when @ended, or the error.
 */
int merge_flows(struct merge *m, sqlite3_stmt *flows, int time);

/** Show the other events. */
int merge_end(struct merge *m);
