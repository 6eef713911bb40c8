/* SPDX-License-Identifier: GPL-2.0-or-later */
/* count.h - packets, bytes and flows by namespace, policy and reason. */
#pragma once

#include "flow/flow.h"

struct flow_counts;

struct flow_counts *flow_counts_new(void);
void flow_counts_free(struct flow_counts *c);
/** Add what @record tells that its flow's former records have not. */
void flow_counts_add(struct flow_counts *c, const struct flow_record *record);
void flow_counts_each(const struct flow_counts *c,
		      void (*fn)(void *arg, const struct flow_count *count),
		      void *arg);
