/* SPDX-License-Identifier: GPL-2.0-or-later */
/* history.h - who held an address before; private to the store. */
#pragma once

#include "endpoint/endpoint.h"

struct endpoint_history;

/** Remembers the last @max owners that gave an address up. */
struct endpoint_history *endpoint_history_new(size_t max);
void endpoint_history_free(struct endpoint_history *h);

/** @owner held @a from @from until @until (realtime ns). */
void endpoint_history_add(struct endpoint_history *h, const struct addr *a,
			  struct endpoint *owner, uint64_t from,
			  uint64_t until);

/** The last former owner that had @a at or before @when, else the oldest
 *  known; NULL when there is none. Borrowed. */
struct endpoint *endpoint_history_find(const struct endpoint_history *h,
				       const struct addr *a, uint64_t when);
