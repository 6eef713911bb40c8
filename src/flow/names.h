/* SPDX-License-Identifier: GPL-2.0-or-later */
/* names.h - DNS names of a flow's ends, from the answers that containers got.
 *
 * A name is that of an address as the flow's *other* end was told it last: who
 * asks chooses the name server, so what it answers is shown in nobody else's
 * records.
 */
#pragma once

#include "flow/flow.h"

struct flow_names;

/** Read the answers that the kernel copies to NFLOG group @group. @resolver's
 *  owner() is asked. Returns 0; -EBUSY when another process has the group; or
 *  -errno. */
int flow_names_open(struct loop *loop, uint16_t group,
		    const struct flow_resolver *resolver,
		    struct flow_names **ret);

/* Each of these accepts NULL: nothing is known. */

void flow_names_close(struct flow_names *n);
/** Give @record the names that it has not yet, as of its last packet. */
void flow_names_fill(struct flow_names *n, struct flow_record *record);
/** The endpoint @id is no more. */
void flow_names_retire(struct flow_names *n, const char *id);
void flow_names_stats(const struct flow_names *n, struct flow_names_stats *ret);
