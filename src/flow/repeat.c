/* SPDX-License-Identifier: GPL-2.0-or-later */
/* repeat.c - which attempts were recorded lately.
 *
 * A hash table whose order of insertion is the order of age: the oldest entry
 * makes room for a new one when the table is full. The window counts from the
 * record, not from the last repeat, so what goes on is told again.
 */
#include "flow/repeat.h"

#include "base/alloc.h"
#include "base/table.h"

/* Compared as bytes: no padding, and zeroed where a field does not apply. */
struct key {
	uint8_t src[16], dst[16];
	uint16_t sport, dport; /* of ICMP: id; type and code */
	uint16_t ethertype;
	uint8_t proto, direction, reason, later_fragment;
};

struct entry {
	struct key key;
	uint64_t since;
	UT_hash_handle hh;
};

struct flow_repeats {
	struct entry *entries;
	size_t max;
};

struct flow_repeats *flow_repeats_new(size_t max)
{
	struct flow_repeats *r = xnew(struct flow_repeats);

	r->max = max;
	return r;
}

static void forget(struct flow_repeats *r, struct entry *e)
{
	HASH_DEL(r->entries, e);
	free(e);
}

void flow_repeats_free(struct flow_repeats *r)
{
	if (!r)
		return;
	while (r->entries)
		forget(r, r->entries);
	free(r);
}

static struct key key_of(const struct flow_packet *p,
			 enum deny_direction direction, enum deny_reason reason)
{
	struct key key = {
		.ethertype = p->ethertype,
		.proto = p->proto,
		.direction = (uint8_t)direction,
		.reason = (uint8_t)reason,
		.later_fragment = p->later_fragment,
	};

	memcpy(key.src, p->src.bytes, sizeof(key.src));
	memcpy(key.dst, p->dst.bytes, sizeof(key.dst));
	if (p->has_icmp) {
		key.sport = p->echo_id;
		key.dport = (uint16_t)(p->icmp_type << 8 | p->icmp_code);
	} else if (p->has_ports) {
		key.sport = p->sport;
		key.dport = p->dport;
	}
	return key;
}

bool flow_repeats_seen(struct flow_repeats *r, const struct flow_packet *p,
		       enum deny_direction direction, enum deny_reason reason,
		       uint64_t now)
{
	struct key key = key_of(p, direction, reason);
	struct entry *e;

	HASH_FIND(hh, r->entries, &key, sizeof(key), e);
	if (e && now - e->since < FLOW_REPEAT_WINDOW)
		return true;
	if (e)
		forget(r, e);
	else if (HASH_COUNT(r->entries) >= r->max)
		forget(r, r->entries);
	e = xnew(struct entry);
	e->key = key;
	e->since = now;
	HASH_ADD(hh, r->entries, key, sizeof(e->key), e);
	return false;
}
