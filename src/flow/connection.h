/* SPDX-License-Identifier: GPL-2.0-or-later */
/* connection.h - what a connection of the kernel's tells of its packets. */
#pragma once

#include "firewall/conntrack.h"
#include "flow/record.h"

/** As the policies see its first one: DNAT done, SNAT not yet. */
struct flow_packet flow_connection_packet(const struct conntrack_entry *e);
/** Tell in @record where it was addressed to, if DNAT turned it elsewhere. */
void flow_connection_published(const struct conntrack_entry *e,
			       struct flow_record *record);
