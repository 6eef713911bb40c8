/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dispatch.c - the maps and sets that lead from addresses to classes. */
#include "compile/dispatch.h"

#include <netinet/in.h>
#include <linux/netfilter.h>
#include <string.h>

#include "compile/build.h"
#include "compile/skeleton.h"

/* Keys of one set under way, with their verdicts where it is a map. */
struct filling {
	struct ruleset_set *set;
	struct buf keys;
	VEC(struct verdict) verdicts;
	size_t n;
};

static struct filling filling_of(const char *name, unsigned flags, size_t n,
				 const enum ruleset_type *types)
{
	return (struct filling){ .set = build_set(name, NULL, flags, n, types),
				 .keys = BUF_INIT(BUF_UNBOUNDED) };
}

static void fill(struct filling *f, const void *key, size_t len)
{
	static const uint8_t zero[4];

	buf_add(&f->keys, key, len);
	if (f->set->nfields > 1 && len % 4)
		buf_add(&f->keys, zero, 4 - len % 4);
}

/* The last run's set in place of an equal one. */
static struct ruleset_set *shared(const struct compiler *c, size_t i,
				  struct ruleset_set *set)
{
	struct ruleset_set *last = i < c->made.len ? c->made.data[i] : NULL;

	if (!last || !ruleset_set_equal(last, set))
		return set;
	ruleset_set_unref(set);
	return ruleset_set_ref(last);
}

static void fill_done(const struct compiler *c, struct filling *f, bool sorted,
		      set_list *to)
{
	struct ruleset_set *set;

	build_set_fill(f->set, f->n, buf_str(&f->keys),
		       f->set->flags & SET_VMAP ? f->verdicts.data : NULL,
		       sorted);
	set = shared(c, to->len, f->set);
	vec_push(to, set);
	buf_fini(&f->keys);
	vec_fini(&f->verdicts);
}

static size_t addr_position(const struct compiler *c, const struct addr *a)
{
	size_t low = 0, high = c->addrs.len;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (addr_compare(&c->addrs.data[mid].addr, a) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* Where several endpoints have the address at @i (overlapping networks), the
 * policies of an isolated one hold for all of them. */
static const struct class *class_at(const struct compiler *c, size_t i,
				    enum deny_direction direction)
{
	const struct owned_addr *a = &c->addrs.data[i];

	for (; i < c->addrs.len && addr_eq(&c->addrs.data[i].addr, &a->addr);
	     i++)
		if (c->addrs.data[i].classes[direction])
			return c->addrs.data[i].classes[direction];
	return NULL;
}

static void verdict_at(const struct compiler *c, size_t i,
		       enum deny_direction direction, struct verdict *ret)
{
	const struct class *class = class_at(c, i, direction);
	bool other = !class && class_at(c, i, !direction);

	ret->kind = class || other ? VERDICT_GOTO : VERDICT_RETURN;
	if (class)
		memcpy(ret->chain, class->chain->name, sizeof(ret->chain));
	else if (other)
		snprintf(ret->chain, sizeof(ret->chain), "%s",
			 skeleton_openings_chain(direction));
}

/* Where a family's addresses lie among all of them. */
static void family_addrs(const struct compiler *c, uint8_t family,
			 size_t *ret_first, size_t *ret_end)
{
	const struct addr split = { .family = AF_INET6 };
	size_t at = addr_position(c, &split);

	*ret_first = family == AF_INET ? 0 : at;
	*ret_end = family == AF_INET ? at : c->addrs.len;
}

/* A set with an element for each address of @family: the address, @fields
 * times. Written down at once: these are the largest sets of all, and every
 * endpoint that comes or goes makes them anew. */
static struct ruleset_set *addr_set(const struct compiler *c, uint8_t family,
				    const char *name, unsigned flags,
				    size_t fields,
				    enum deny_direction direction)
{
	enum ruleset_type type = family == AF_INET ? TYPE_IPV4 : TYPE_IPV6;
	const enum ruleset_type types[] = { type, type };
	struct ruleset_set *set = build_set(name, NULL, flags, fields, types);
	unsigned size = addr_size(family);
	size_t first, end;
	uint8_t *key;

	family_addrs(c, family, &first, &end);
	if (first == end)
		return set;
	key = set->keys = xcalloc(end - first, set->key_len);
	if (flags & SET_VMAP)
		set->verdicts = xcalloc(end - first, sizeof(*set->verdicts));
	for (size_t i = first; i < end; i++) {
		const struct addr *a = &c->addrs.data[i].addr;

		if (i > first && addr_eq(a, &c->addrs.data[i - 1].addr))
			continue;
		for (size_t k = 0; k < fields; k++, key += size)
			memcpy(key, a->bytes, size);
		if (set->verdicts)
			verdict_at(c, i, direction, &set->verdicts[set->n]);
		set->n++;
	}
	return set;
}

static void keep_addr_set(struct compiler *c, struct ruleset_set *made,
			  set_list *to)
{
	struct ruleset_set *set = shared(c, to->len, made);

	vec_push(to, set);
}

static void dispatch_map(struct compiler *c, uint8_t family,
			 enum deny_direction direction, const char *name,
			 set_list *to)
{
	keep_addr_set(c, addr_set(c, family, name, SET_VMAP, 1, direction), to);
}

static void self_set(struct compiler *c, uint8_t family, const char *name,
		     set_list *to)
{
	keep_addr_set(c, addr_set(c, family, name, 0, 2, DENY_EGRESS), to);
}

static void confined_set(struct compiler *c, uint8_t family, const char *name,
			 set_list *to)
{
	const enum ruleset_type type[] = { family == AF_INET ? TYPE_IPV4
							     : TYPE_IPV6 };
	struct filling f = filling_of(name, 0, 1, type);

	for (size_t i = 0; i < c->addrs.len; i++) {
		const struct addr *a = &c->addrs.data[i].addr;

		if (a->family != family || !class_at(c, i, DENY_EGRESS))
			continue;
		fill(&f, a->bytes, addr_size(family));
		f.n++;
	}
	fill_done(c, &f, true, to);
}

static bool is_link_local(const struct addr *a)
{
	return a->family == AF_INET6 && a->bytes[0] == 0xfe &&
	       (a->bytes[1] & 0xc0) == 0x80;
}

/* Asked for one address after the other, of which most are on the bridge of the
 * one before: @last is that network. */
static bool is_managed(const struct compile_input *in, const char *bridge,
		       size_t *last)
{
	if (!bridge[0])
		return false;
	if (*last < in->nnetworks &&
	    !strcmp(in->networks[*last]->bridge, bridge))
		return true;
	for (size_t i = 0; i < in->nnetworks; i++)
		if (!strcmp(in->networks[i]->bridge, bridge)) {
			*last = i;
			return true;
		}
	return false;
}

/* Link-local ones are at home on every link. */
static bool at_home(const struct compile_input *in, const struct owned_addr *a,
		    size_t *last)
{
	if (is_link_local(&a->addr))
		return false;
	vec_foreach(at, &a->member->endpoint->attachments)
		if ((addr_eq(&at->v4, &a->addr) ||
		     addr_eq(&at->v6, &a->addr)) &&
		    is_managed(in, at->bridge, last))
			return true;
	return false;
}

/* Addresses that are on a managed bridge, and come from nowhere else. */
static void home_set(struct compiler *c, const struct compile_input *in,
		     uint8_t family, const char *name, set_list *to)
{
	const enum ruleset_type type[] = { family == AF_INET ? TYPE_IPV4
							     : TYPE_IPV6 };
	struct filling f = filling_of(name, 0, 1, type);
	size_t first, end, last = 0;

	family_addrs(c, family, &first, &end);
	for (size_t i = first; i < end; i++) {
		if (!at_home(in, &c->addrs.data[i], &last))
			continue;
		fill(&f, c->addrs.data[i].addr.bytes, addr_size(family));
		f.n++;
	}
	fill_done(c, &f, true, to);
}

static bool has_isolated(const struct compiler *c, const char *bridge)
{
	struct member *m, *next;

	HASH_ITER(hh, c->members, m, next) {
		if (!m->classes[DENY_INGRESS])
			continue;
		vec_foreach(a, &m->endpoint->attachments)
			if (!strcmp(a->bridge, bridge))
				return true;
	}
	return false;
}

static void bridge_sets(struct compiler *c, const struct compile_input *in,
			set_list *to)
{
	const enum ruleset_type type[] = { TYPE_IFNAME };
	struct filling all = filling_of(SET_BRIDGES, 0, 1, type);
	struct filling quiet = filling_of(SET_QUIET, 0, 1, type);

	for (size_t i = 0; i < in->nnetworks; i++) {
		const struct network *n = in->networks[i];
		char name[IFNAMSIZ] = "";

		if (!n->bridge[0])
			continue;
		memcpy(name, n->bridge, strnlen(n->bridge, IFNAMSIZ - 1));
		fill(&all, name, sizeof(name));
		all.n++;
		if (!has_isolated(c, n->bridge))
			continue;
		fill(&quiet, name, sizeof(name));
		quiet.n++;
	}
	fill_done(c, &all, false, to);
	fill_done(c, &quiet, false, to);
}

/* 224.0.0.0/4, 255.255.255.255 and the subnets' broadcast addresses. */
static void groups_set(const struct compiler *c, const struct compile_input *in,
		       set_list *to)
{
	static const struct prefix fixed[] = {
		{ { AF_INET, { 224 } }, 4 },
		{ { AF_INET, { 255, 255, 255, 255 } }, 32 },
	};
	const enum ruleset_type type[] = { TYPE_IPV4 };
	struct filling f = filling_of(SET_GROUPS4, SET_INTERVAL, 1, type);
	struct block_ranges ranges = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(fixed); i++)
		ranges_add(&ranges, &fixed[i], NULL, 0);
	for (size_t i = 0; i < in->nnetworks; i++)
		vec_foreach(subnet, &in->networks[i]->subnets) {
			struct prefix last = { .len = 32 };
			struct addr first;

			if (subnet->addr.family != AF_INET || subnet->len > 30)
				continue;
			prefix_range(subnet, &first, &last.addr);
			ranges_add(&ranges, &last, NULL, 0);
		}
	ranges_normalise(&ranges);
	vec_foreach(range, &ranges.family[0].ranges) {
		fill(&f, range->first, 4);
		fill(&f, range->last, 4);
		f.n++;
	}
	fill_done(c, &f, true, to);
	ranges_fini(&ranges);
}

/* Published ports, with those of containers that nobody isolates: they, too,
 * hold their port. */
struct publishing {
	struct filling any, on[2];
};

static void publish(struct publishing *to, const struct member *m, size_t i,
		    uint8_t family, bool own)
{
	const struct published_port *p = &m->endpoint->published.data[i];
	const struct object *proxy = m->proxies.data[i];
	uint8_t port[] = { (uint8_t)(p->host_port >> 8),
			   (uint8_t)p->host_port };
	uint8_t nfproto = family == AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6;
	struct filling *f = &to->any;

	if (!p->host_port || (p->host.family == family) != own)
		return;
	if (addr_is_unspecified(&p->host)) {
		fill(f, &nfproto, 1);
	} else if (own) {
		f = &to->on[family_index(family)];
		fill(f, p->host.bytes, addr_size(family));
	} else {
		return;
	}
	fill(f, &p->proto, 1);
	fill(f, port, sizeof(port));
	vec_push(&f->verdicts,
		 proxy ? build_goto(proxy->name) : VERDICT(VERDICT_RETURN));
	f->n++;
}

static int compare_members(const void *a, const void *b)
{
	const struct member *const *x = a, *const *y = b;

	return strcmp((*x)->endpoint->id, (*y)->endpoint->id);
}

/* The unspecified address of one family may take connections of the other one
 * too (a socket on [::], Go's on 0.0.0.0), unless somebody else holds the port
 * there: of equal keys the first one counts. */
static void publish_all(struct compiler *c, struct publishing *to)
{
	VEC(struct member *) members = { 0 };
	struct member *m, *next;

	HASH_ITER(hh, c->members, m, next)
		if (m->proxies.len)
			vec_push(&members, m);
	vec_sort(&members, compare_members);
	for (int own = 1; own >= 0; own--)
		vec_foreach(slot, &members)
			for (size_t i = 0; i < (*slot)->proxies.len; i++) {
				publish(to, *slot, i, AF_INET, own);
				publish(to, *slot, i, AF_INET6, own);
			}
	vec_fini(&members);
}

static void held_ports_set(struct compiler *c, set_list *to)
{
	static const enum ruleset_type type[] = { TYPE_SERVICE };
	struct filling f = filling_of(SET_HELD_PORTS, 0, 1, type);
	struct member *m, *next;

	HASH_ITER(hh, c->members, m, next)
		for (size_t i = 0; i < m->proxies.len; i++) {
			const struct published_port *p =
				&m->endpoint->published.data[i];
			uint16_t port = htons(p->host_port);

			if (!m->proxies.data[i] || p->proto != IPPROTO_TCP ||
			    !port)
				continue;
			fill(&f, &port, sizeof(port));
			f.n++;
		}
	fill_done(c, &f, false, to);
}

static void published_maps(struct compiler *c, set_list *to)
{
	static const enum ruleset_type any[] = { TYPE_NFPROTO, TYPE_PROTO,
						 TYPE_SERVICE };
	static const enum ruleset_type on4[] = { TYPE_IPV4, TYPE_PROTO,
						 TYPE_SERVICE };
	static const enum ruleset_type on6[] = { TYPE_IPV6, TYPE_PROTO,
						 TYPE_SERVICE };
	struct publishing p = {
		.any = filling_of(MAP_PUBLISHED, SET_VMAP, 3, any),
		.on = { filling_of(MAP_PUBLISHED4, SET_VMAP, 3, on4),
			filling_of(MAP_PUBLISHED6, SET_VMAP, 3, on6) },
	};

	publish_all(c, &p);
	fill_done(c, &p.any, false, to);
	fill_done(c, &p.on[0], false, to);
	fill_done(c, &p.on[1], false, to);
}

/* Its own published port @p, for each of the container's addresses. */
static void hairpin(struct filling *f, const struct member *m,
		    const struct published_port *p, uint8_t family, bool on)
{
	uint16_t port = htons(p->host_port);

	if (!port || p->host.family != family ||
	    addr_is_unspecified(&p->host) == on)
		return;
	vec_foreach(a, &m->addrs) {
		if (a->family != family)
			continue;
		fill(f, a->bytes, addr_size(family));
		if (on)
			fill(f, p->host.bytes, addr_size(family));
		fill(f, &p->proto, 1);
		fill(f, &port, sizeof(port));
		f->n++;
	}
}

static void hairpin_set(struct compiler *c, const char *name, uint8_t family,
			bool on, set_list *to)
{
	enum ruleset_type a = family == AF_INET ? TYPE_IPV4 : TYPE_IPV6;
	const enum ruleset_type any[] = { a, TYPE_PROTO, TYPE_SERVICE };
	const enum ruleset_type at[] = { a, a, TYPE_PROTO, TYPE_SERVICE };
	struct filling f = filling_of(name, 0, on ? 4 : 3, on ? at : any);
	struct member *m, *next;

	HASH_ITER(hh, c->members, m, next)
		for (size_t i = 0; i < m->proxies.len; i++)
			if (m->proxies.data[i])
				hairpin(&f, m, &m->endpoint->published.data[i],
					family, on);
	fill_done(c, &f, false, to);
}

void dispatch_drop(struct compiler *c)
{
	vec_foreach(set, &c->made)
		ruleset_set_unref(*set);
	vec_fini(&c->made);
}

void dispatch_make(struct compiler *c, const struct compile_input *in)
{
	set_list made = { 0 };

	dispatch_map(c, AF_INET, DENY_EGRESS, MAP_EGRESS4, &made);
	dispatch_map(c, AF_INET6, DENY_EGRESS, MAP_EGRESS6, &made);
	dispatch_map(c, AF_INET, DENY_INGRESS, MAP_INGRESS4, &made);
	dispatch_map(c, AF_INET6, DENY_INGRESS, MAP_INGRESS6, &made);
	self_set(c, AF_INET, SET_SELF4, &made);
	self_set(c, AF_INET6, SET_SELF6, &made);
	confined_set(c, AF_INET, SET_CONFINED4, &made);
	confined_set(c, AF_INET6, SET_CONFINED6, &made);
	home_set(c, in, AF_INET, SET_HOME4, &made);
	home_set(c, in, AF_INET6, SET_HOME6, &made);
	bridge_sets(c, in, &made);
	groups_set(c, in, &made);
	published_maps(c, &made);
	held_ports_set(c, &made);
	hairpin_set(c, SET_HAIRPIN4, AF_INET, false, &made);
	hairpin_set(c, SET_HAIRPIN6, AF_INET6, false, &made);
	hairpin_set(c, SET_HAIRPIN4_ON, AF_INET, true, &made);
	hairpin_set(c, SET_HAIRPIN6_ON, AF_INET6, true, &made);
	dispatch_drop(c);
	c->made = made;
}
