/* SPDX-License-Identifier: GPL-2.0-or-later */
/* original.c - where denied packets were addressed to before DNAT.
 *
 * A set can only be read as a whole. It is, when a packet comes that was logged
 * after it was read last: so of the packets that are read together it is read
 * for the first one. (A look-up by a key is of no use: what is asked for is
 * part of the key.)
 */
#include "flow/original.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "compile/compile.h"
#include "firewall/harvest.h"

/* What the kernel may need from the packet's time to the set; its times are in
 * microseconds. */
#define GRAIN_NS 50000

/* A key's fields are padded to this. */
#define PAD 4

/* An element: the flow's ends, and where it was addressed to. */
struct entry {
	struct addr src, dst, original;
	uint16_t dport, port;
};

/* A set as it was read last. */
struct copy {
	const char *set;
	uint8_t family;
	uint64_t read; /* realtime ns; 0: not yet */
	VEC(struct entry) entries;
};

struct flow_originals {
	struct harvest *harvest;
	struct copy copies[2 * COMPILE_ORIGINAL_PROTOCOLS];
	size_t n;
	struct copy *reading;
	bool failed;
};

/* ---- a set ------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int r = addr_compare(&x->src, &y->src);

	if (!r)
		r = addr_compare(&x->dst, &y->dst);
	return r ? r : (x->dport > y->dport) - (x->dport < y->dport);
}

static uint16_t port_at(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static void take_element(void *arg, _unused_ size_t set,
			 const struct firewall_element *e)
{
	struct flow_originals *o = arg;
	uint8_t family = o->reading->family;
	size_t a = addr_size(family);
	const uint8_t *key = e->key;

	if (e->key_len != 3 * a + 2 * PAD)
		return;
	vec_push(&o->reading->entries,
		 (struct entry){
			 .src = addr_from_bytes(family, key),
			 .dst = addr_from_bytes(family, key + a),
			 .dport = port_at(key + 2 * a),
			 .original = addr_from_bytes(family, key + 2 * a + PAD),
			 .port = port_at(key + 3 * a + PAD),
		 });
}

static void on_read(_unused_ void *arg, _unused_ int error)
{
}

static void read_set(struct flow_originals *o, struct copy *c, uint64_t now)
{
	struct harvest_set set = { TABLE_INET, c->set };
	int r;

	c->entries.len = 0;
	o->reading = c;
	r = harvest_read_now(o->harvest, &set, 1);
	vec_sort(&c->entries, compare);
	c->read = now;
	if (r < 0 && !o->failed)
		log_warning(
			"cannot read what the kernel did to denied packets: %s; records may not tell by what published port they came",
			strerror(-r));
	o->failed = r < 0;
}

/* ---- a packet ---------------------------------------------------------- */

static struct copy *copy_of(struct flow_originals *o, uint8_t family,
			    uint8_t proto)
{
	const char *set = compile_original_set(family, proto);

	if (!set)
		return NULL;
	for (size_t i = 0; i < o->n; i++)
		if (o->copies[i].set == set)
			return &o->copies[i];
	o->copies[o->n] = (struct copy){ .set = set, .family = family };
	return &o->copies[o->n++];
}

/* A clock that was set back makes it look as if it were read in the future. */
static bool is_fresh(const struct copy *c, uint64_t packet, uint64_t now)
{
	return packet + GRAIN_NS < c->read && c->read <= now;
}

void flow_originals_fill(struct flow_originals *o, struct flow_record *record)
{
	const struct flow_packet *p = &record->packet;
	struct entry wanted = { .src = p->src,
				.dst = p->dst,
				.dport = p->dport };
	uint64_t now = clock_realtime();
	const struct entry *found;
	struct copy *c = NULL;

	if (o && p->has_ports)
		c = copy_of(o, p->src.family, p->proto);
	if (!c)
		return;
	if (!is_fresh(c, record->time, now))
		read_set(o, c, now);
	found = c->entries.len
			? bsearch(&wanted, c->entries.data, c->entries.len,
				  sizeof(wanted), compare)
			: NULL;
	if (!found)
		return;
	record->published = found->original;
	record->published_port = found->port;
}

/* ---- life -------------------------------------------------------------- */

int flow_originals_open(struct loop *loop, struct flow_originals **ret)
{
	struct flow_originals *o = xnew(struct flow_originals);
	struct harvest_listener listener = { take_element, on_read, o };
	int r = harvest_open(loop, listener, &o->harvest);

	if (r < 0) {
		free(o);
		return r;
	}
	*ret = o;
	return 0;
}

void flow_originals_close(struct flow_originals *o)
{
	if (!o)
		return;
	for (size_t i = 0; i < o->n; i++)
		vec_fini(&o->copies[i].entries);
	harvest_close(o->harvest);
	free(o);
}
