/* SPDX-License-Identifier: GPL-2.0-or-later */
/* repeat.c - which attempts were recorded lately.
 *
 * A hash table whose order of insertion is the order of age: the oldest entry
 * makes room for a new one when the table is full. The window counts from the
 * record, not from the last repeat, so what goes on is told again.
 */
#include "flow/repeat.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "base/table.h"

/* Compared as bytes: no padding, and zeroed where a field does not apply. */
struct key {
	uint8_t src[16], dst[16];
	uint64_t src_owner, dst_owner; /* hash of the id; 0: nobody */
	uint16_t sport, dport;	       /* of ICMP: id; type and code */
	uint16_t ethertype;
	uint8_t proto, direction, reason, audit;
	uint16_t later_fragment;
	uint32_t zero;
};

static_assert(sizeof(struct key) == 64, "the key has padding");

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

static uint64_t owner_hash(const struct endpoint *e)
{
	return e ? hash_seeded(e->id, strlen(e->id)) : 0;
}

static struct key key_of(const struct flow_record *record)
{
	const struct flow_packet *p = &record->packet;
	struct key key = {
		.src_owner = owner_hash(record->src.owner),
		.dst_owner = owner_hash(record->dst.owner),
		.ethertype = p->ethertype,
		.proto = p->proto,
		.direction = (uint8_t)record->direction,
		.reason = (uint8_t)record->reason,
		.audit = record->audit,
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

bool flow_repeats_seen(struct flow_repeats *r, const struct flow_record *record,
		       uint64_t now)
{
	struct key key = key_of(record);
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
