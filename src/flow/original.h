/* SPDX-License-Identifier: GPL-2.0-or-later */
/* original.h - where denied packets were addressed to before DNAT, for kernels
 * whose log does not tell: from the sets that compile/original.c has them put
 * into.
 */
#pragma once

#include "flow/record.h"
#include "loop/loop.h"

struct flow_originals;

/** Returns 0 or -errno. */
int flow_originals_open(struct loop *loop, struct flow_originals **ret);

/* Both accept NULL: nothing is known. */

void flow_originals_close(struct flow_originals *o);
/** Tell in @record, of a flow's first packet, by what published port it came,
 *  if it did. */
void flow_originals_fill(struct flow_originals *o, struct flow_record *record);
