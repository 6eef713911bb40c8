/* SPDX-License-Identifier: GPL-2.0-or-later */
/* attribute.h - whose packet it was, and which policies decided. */
#pragma once

#include "flow/flow.h"
#include "flow/iface.h"
#include "flow/nflog.h"
#include "flow/record.h"

/**
 * Fill @record's ends; its @time, @direction, @reason and @packet are set
 * already. The owners in it are borrowed from @resolver.
 */
void flow_attribute_ends(const struct flow_nflog_packet *packet,
			 const struct flow_resolver *resolver,
			 struct flow_record *record);

/**
 * Fill the ends and policies of a flow as of @record's last packet, from what
 * is known of it without a packet: its addresses and interfaces.
 */
void flow_attribute_again(const struct flow_resolver *resolver,
			  struct flow_record *record);

/** Fill the rest, policies and interfaces, for which the ends are needed. */
void flow_attribute_rest(const struct flow_nflog_packet *packet,
			 const struct flow_resolver *resolver,
			 struct flow_ifaces *ifaces, uint64_t now,
			 struct flow_record *record);
