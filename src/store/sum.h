/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sum.h - counts and top lists, from packed flows. */
#pragma once

#include "store/fold.h"
#include "store/names.h"
#include "store/plan.h"

/** Each returns an SQLite result code. */
int sum_count(sqlite3 *db, const struct plan *plan, uint64_t *ret);
int sum_fold(sqlite3 *db, struct names *names, const struct plan *plan,
	     struct fold *fold);
