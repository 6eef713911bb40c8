/* SPDX-License-Identifier: GPL-2.0-or-later */
/* key.h - which element of the kernel's sets counts a denied packet.
 *
 * A denied flow is what one element counts: packets of one deny chain (its
 * direction and reason), of the same addresses, protocol and destination port
 * (of ICMP: type and code); of forged frames, from one port, MAC address and
 * ethertype. Not of one source port: a client that tries again has a new one
 * each time.
 */
#pragma once

#include "compile/compile.h"
#include "flow/nflog.h"
#include "flow/record.h"

/** Compared as bytes. */
struct flow_key {
	uint8_t set; /* number in flow_key_sets() */
	uint8_t len;
	uint8_t bytes[46]; /* as the kernel has it; zero behind the end */
};

/** Every set of compile's, of both tables. */
const struct compile_denied *flow_key_set(size_t i);
size_t flow_key_sets(void);

/**
 * The element that counts @packet, whose record (direction, reason, decoded
 * packet) is @record. @port names the bridge's port that it came from.
 * False when it cannot be told.
 */
bool flow_key_of(const struct flow_nflog_packet *packet,
		 const struct flow_record *record, const char *port,
		 struct flow_key *ret);

/** An element's key. False when it is none of @set's. */
bool flow_key_from_element(size_t set, const uint8_t *bytes, size_t n,
			   struct flow_key *ret);

/** What the key alone tells of a flow: fills @record's direction, reason and
 *  packet, and the port's name. */
void flow_key_tell(const struct flow_key *key, struct flow_record *record);

/** Whose budget an element of the suppressed sets is: an address, or a port
 *  by name. */
void flow_key_account(const struct flow_key *key, struct addr *ret_address,
		      char ret_port[static IFNAMSIZ]);
