/* SPDX-License-Identifier: GPL-2.0-or-later */
/* judge.c - whether the policies in force would still let a connection begin.
 *
 * A table leads from an address to the endpoints that hold it; each of those
 * keeps, per direction, the few policies that select it, as a policy set of
 * its own for the evaluator. Answers are kept by addresses and port in a table
 * of fixed size, for a service has many connections that differ in nothing but
 * the client's port.
 */
#include "agent/judge.h"

#include <netinet/in.h>
#include <string.h>

#include "base/alloc.h"
#include "base/table.h"
#include "compile/evaluate.h"
#include "compile/member.h"

#define ANSWERS 4096 /* kept; a power of two */

/* An endpoint, and what selects it. */
struct subject {
	struct endpoint *endpoint; /* a reference */
	uint64_t epoch;
	bool asked[2]; /* by deny_direction: @own is made */
	/* Policies and namespaces are borrowed from the set in force. */
	struct policy_set own[2];
	UT_hash_handle hh; /* by id */
};

struct holding {
	struct subject *subject;
	bool managed; /* by an attachment to a bridge that is governed */
};

/* An address that is somebody's, or was until lately. */
struct holder {
	struct addr addr;
	VEC(struct holding) holdings;
	struct endpoint *former; /* a reference; NULL: none */
	UT_hash_handle hh;
};

/* A published port: whoever reaches it on the host reaches @subject. */
struct publication {
	uint8_t proto;
	uint16_t host_port;
	const struct published_port *port;
	struct subject *subject;
};

/* What a judgement depends on; compared as bytes, so zero it first. */
struct question {
	struct addr source, destination;
	uint8_t proto;
	uint8_t none; /* no gap: compared and hashed as bytes */
	uint16_t port;
};

struct answer {
	bool known;
	struct question question;
	struct judgement judgement;
};

struct judge {
	struct policy_set *policies; /* a reference */
	bool audit;
	uint64_t epoch;
	struct subject *subjects;
	struct holder *holders;
	VEC(struct publication) publications; /* by protocol, port, rank */
	VEC(struct addr) local;		      /* sorted */
	VEC(char *) bridges;		      /* governed, sorted */
	bool released;
	struct answer *answers; /* ANSWERS */
};

struct judge *judge_new(void)
{
	struct judge *j = xnew(struct judge);

	j->answers = xcalloc(ANSWERS, sizeof(*j->answers));
	return j;
}

static void forget_answers(struct judge *j)
{
	memset(j->answers, 0, ANSWERS * sizeof(*j->answers));
}

/* ---- policies of an endpoint ------------------------------------------- */

static void forget_own(struct subject *s)
{
	for (int d = DENY_EGRESS; d <= DENY_INGRESS; d++) {
		vec_fini(&s->own[d].policies);
		s->asked[d] = false;
	}
}

static const struct policy_set *own_policies(const struct judge *j,
					     struct subject *s,
					     enum deny_direction direction)
{
	unsigned type = direction == DENY_INGRESS ? POLICY_INGRESS
						  : POLICY_EGRESS;
	struct policy_set *own = &s->own[direction];

	if (s->asked[direction])
		return own;
	s->asked[direction] = true;
	own->namespaces.data = j->policies->namespaces.data;
	own->namespaces.len = j->policies->namespaces.len;
	vec_foreach(p, &j->policies->policies)
		if ((*p)->types & type &&
		    !strcmp((*p)->namespace, s->endpoint->namespace) &&
		    selector_matches((*p)->pods, s->endpoint->labels))
			vec_push(&own->policies, *p);
	return own;
}

static void subject_free(struct subject *s)
{
	forget_own(s);
	endpoint_unref(s->endpoint);
	free(s);
}

/* ---- what changed ------------------------------------------------------ */

static bool attachments_equal(const struct endpoint *a,
			      const struct endpoint *b)
{
	if (a->attachments.len != b->attachments.len)
		return false;
	for (size_t i = 0; i < a->attachments.len; i++) {
		const struct attachment *x = &a->attachments.data[i];
		const struct attachment *y = &b->attachments.data[i];

		if (strcmp(x->bridge, y->bridge) || !addr_eq(&x->v4, &y->v4) ||
		    !addr_eq(&x->v6, &y->v6) ||
		    memcmp(&x->mac, &y->mac, sizeof(x->mac)))
			return false;
	}
	return true;
}

static bool ports_equal(const struct endpoint *a, const struct endpoint *b)
{
	if (a->ports.len != b->ports.len ||
	    a->published.len != b->published.len)
		return false;
	for (size_t i = 0; i < a->ports.len; i++)
		if (a->ports.data[i].port != b->ports.data[i].port ||
		    a->ports.data[i].proto != b->ports.data[i].proto ||
		    strcmp(a->ports.data[i].name, b->ports.data[i].name))
			return false;
	for (size_t i = 0; i < a->published.len; i++) {
		const struct published_port *x = &a->published.data[i];
		const struct published_port *y = &b->published.data[i];

		if (!addr_eq(&x->host, &y->host) || x->proto != y->proto ||
		    x->host_port != y->host_port || x->port != y->port)
			return false;
	}
	return true;
}

static bool labels_equal(const struct label_set *a, const struct label_set *b)
{
	if (a == b)
		return true;
	if (!a || !b || a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->labels[i].key, b->labels[i].key) ||
		    strcmp(a->labels[i].value, b->labels[i].value))
			return false;
	return true;
}

/* Nothing that a policy can ask about differs. */
static bool same_rights(const struct endpoint *a, const struct endpoint *b)
{
	return !strcmp(a->namespace, b->namespace) &&
	       labels_equal(a->labels, b->labels) && attachments_equal(a, b) &&
	       ports_equal(a, b);
}

static bool update_bridges(struct judge *j, const struct compile_input *in)
{
	bool changed = j->bridges.len != in->nnetworks;

	for (size_t i = 0; i < in->nnetworks && !changed; i++)
		changed = strcmp(j->bridges.data[i], in->networks[i]->bridge);
	if (!changed)
		return false;
	vec_foreach(bridge, &j->bridges)
		free(*bridge);
	j->bridges.len = 0;
	for (size_t i = 0; i < in->nnetworks; i++)
		vec_push(&j->bridges, xstrdup(in->networks[i]->bridge));
	return true;
}

/* ---- addresses --------------------------------------------------------- */

static struct holder *find_holder(const struct judge *j, const struct addr *a)
{
	struct holder *h;

	HASH_FIND(hh, j->holders, a, sizeof(*a), h);
	return h;
}

static struct holder *need_holder(struct judge *j, const struct addr *a)
{
	struct holder *h = find_holder(j, a);

	if (!h) {
		h = xnew(struct holder);
		h->addr = *a;
		HASH_ADD(hh, j->holders, addr, sizeof(h->addr), h);
	}
	return h;
}

static void holder_free(struct judge *j, struct holder *h)
{
	HASH_DEL(j->holders, h);
	vec_fini(&h->holdings);
	endpoint_unref(h->former);
	free(h);
}

typedef void (*address_fn)(struct judge *j, struct subject *s,
			   const struct attachment *at, const struct addr *a);

/* Those that the compiler's dispatch maps hold. */
static void each_address(struct judge *j, struct subject *s, address_fn fn)
{
	vec_foreach(at, &s->endpoint->attachments) {
		struct addr link_local = member_link_local(&at->mac);

		if (addr_is_set(&at->v4))
			fn(j, s, at, &at->v4);
		if (addr_is_set(&at->v6))
			fn(j, s, at, &at->v6);
		if (mac_is_set(&at->mac))
			fn(j, s, at, &link_local);
	}
}

static bool is_governed(const struct judge *j, const char *bridge)
{
	vec_foreach(b, &j->bridges)
		if (bridge[0] && !strcmp(*b, bridge))
			return true;
	return false;
}

/* In the order of ids, as the compiler takes those that share an address. */
static void hold(struct judge *j, struct subject *s,
		 const struct attachment *at, const struct addr *a)
{
	struct holder *h = need_holder(j, a);
	struct holding holding = { s, is_governed(j, at->bridge) };
	size_t i;

	vec_foreach(other, &h->holdings)
		if (other->subject == s) {
			other->managed = other->managed || holding.managed;
			return;
		}
	vec_push(&h->holdings, holding);
	for (i = h->holdings.len - 1;
	     i && strcmp(h->holdings.data[i - 1].subject->endpoint->id,
			 s->endpoint->id) > 0;
	     i--)
		h->holdings.data[i] = h->holdings.data[i - 1];
	h->holdings.data[i] = holding;
}

static void release(struct judge *j, struct subject *s,
		    _unused_ const struct attachment *at, const struct addr *a)
{
	struct holder *h = need_holder(j, a);

	if (!h->former)
		h->former = endpoint_ref(s->endpoint);
	j->released = true;
}

/* Who holds what, anew; who held something lately is kept. */
static void fill_holders(struct judge *j)
{
	struct holder *h, *next_holder;
	struct subject *s, *next;

	HASH_ITER(hh, j->holders, h, next_holder)
		h->holdings.len = 0;
	HASH_ITER(hh, j->subjects, s, next)
		each_address(j, s, hold);
	HASH_ITER(hh, j->holders, h, next_holder) {
		if (!h->holdings.len && !h->former)
			holder_free(j, h);
	}
}

/* ---- published ports --------------------------------------------------- */

static int compare_publications(const void *a, const void *b)
{
	const struct publication *x = a, *y = b;

	if (x->proto != y->proto)
		return x->proto < y->proto ? -1 : 1;
	if (x->host_port != y->host_port)
		return x->host_port < y->host_port ? -1 : 1;
	return strcmp(x->subject->endpoint->id, y->subject->endpoint->id);
}

static void fill_publications(struct judge *j)
{
	struct subject *s, *next;

	j->publications.len = 0;
	HASH_ITER(hh, j->subjects, s, next)
		vec_foreach(p, &s->endpoint->published)
			if (p->host_port)
				vec_push(&j->publications,
					 (struct publication){ p->proto,
							       p->host_port, p,
							       s });
	vec_sort(&j->publications, compare_publications);
}

static bool is_unspecified(const struct addr *a)
{
	static const uint8_t zero[16];

	return !memcmp(a->bytes, zero, sizeof(zero));
}

/* How well @p fits the host's address @a; 0: not at all. A socket on [::] may
 * take connections to IPv4 addresses too, and Go's on 0.0.0.0 the reverse. */
static int publication_rank(const struct published_port *p,
			    const struct addr *a)
{
	if (addr_eq(&p->host, a))
		return 3;
	if (!is_unspecified(&p->host))
		return 0;
	return p->host.family == a->family ? 2 : 1;
}

/* Whose container is behind the host's @a:@port; NULL: nobody's. */
static const struct publication *find_publication(const struct judge *j,
						  const struct addr *a,
						  uint8_t proto, uint16_t port)
{
	const struct publication *best = NULL;
	size_t low = 0, high = j->publications.len;
	int best_rank = 0;

	while (low < high) {
		size_t mid = (low + high) / 2;
		const struct publication *p = &j->publications.data[mid];

		if (p->proto < proto ||
		    (p->proto == proto && p->host_port < port))
			low = mid + 1;
		else
			high = mid;
	}
	for (; low < j->publications.len; low++) {
		const struct publication *p = &j->publications.data[low];
		int rank = publication_rank(p->port, a);

		if (p->proto != proto || p->host_port != port)
			break;
		if (rank > best_rank) {
			best = p;
			best_rank = rank;
		}
	}
	return best;
}

/* ---- taking in --------------------------------------------------------- */

static bool has_rights(const struct endpoint *e)
{
	return e->state != ENDPOINT_EXITED && e->attachments.len;
}

/* Returns true when what it may do, or where, is not as it was. */
static bool update_subject(struct judge *j, struct endpoint *e)
{
	struct subject *s;
	bool same;

	HASH_FIND_STR(j->subjects, e->id, s);
	if (s && s->endpoint == e) {
		s->epoch = j->epoch;
		return false;
	}
	same = s && same_rights(s->endpoint, e);
	if (s) {
		if (!same)
			each_address(j, s, release);
		HASH_DEL(j->subjects, s);
		subject_free(s);
	}
	s = xnew(struct subject);
	s->endpoint = endpoint_ref(e);
	s->epoch = j->epoch;
	HASH_ADD_KEYPTR(hh, j->subjects, e->id, strlen(e->id), s);
	return !same;
}

static bool update_subjects(struct judge *j, const struct compile_input *in)
{
	struct subject *s, *next;
	bool changed = false;

	j->epoch++;
	for (size_t i = 0; i < in->nendpoints; i++)
		if (has_rights(in->endpoints[i]) &&
		    update_subject(j, in->endpoints[i]))
			changed = true;
	HASH_ITER(hh, j->subjects, s, next) {
		if (s->epoch == j->epoch)
			continue;
		each_address(j, s, release);
		HASH_DEL(j->subjects, s);
		subject_free(s);
		changed = true;
	}
	return changed;
}

static bool update_policies(struct judge *j, const struct compile_input *in)
{
	struct subject *s, *next;
	bool changed = j->policies != in->policies ||
		       j->audit != in->options.audit;

	j->audit = in->options.audit;
	if (j->policies == in->policies)
		return changed;
	HASH_ITER(hh, j->subjects, s, next)
		forget_own(s);
	policy_set_unref(j->policies);
	j->policies = policy_set_ref(in->policies);
	return changed;
}

bool judge_update(struct judge *j, const struct compile_input *in)
{
	bool changed = update_policies(j, in);
	bool moved = update_bridges(j, in);

	/* Also where only its state is new: tables point to endpoints. */
	moved = update_subjects(j, in) || moved;
	fill_holders(j);
	fill_publications(j);
	forget_answers(j);
	return changed || moved;
}

bool judge_is_idle(const struct judge *j)
{
	return j->audit || (!j->policies->policies.len && !j->released);
}

void judge_forget_released(struct judge *j)
{
	struct holder *h, *next;

	j->released = false;
	HASH_ITER(hh, j->holders, h, next) {
		endpoint_unref(TAKE_PTR(h->former));
		if (!h->holdings.len)
			holder_free(j, h);
	}
	forget_answers(j);
}

void judge_free(struct judge *j)
{
	struct subject *s, *next;
	struct holder *h, *next_holder;

	if (!j)
		return;
	HASH_ITER(hh, j->holders, h, next_holder)
		holder_free(j, h);
	HASH_ITER(hh, j->subjects, s, next) {
		HASH_DEL(j->subjects, s);
		subject_free(s);
	}
	vec_foreach(bridge, &j->bridges)
		free(*bridge);
	vec_fini(&j->bridges);
	vec_fini(&j->publications);
	vec_fini(&j->local);
	policy_set_unref(j->policies);
	free(j->answers);
	free(j);
}

/* ---- the host ---------------------------------------------------------- */

void judge_reset_local(struct judge *j)
{
	j->local.len = 0;
	forget_answers(j);
}

static size_t local_position(const struct judge *j, const struct addr *a)
{
	size_t low = 0, high = j->local.len;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (addr_compare(&j->local.data[mid], a) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static bool is_local(const struct judge *j, const struct addr *a)
{
	size_t at = local_position(j, a);

	if (a->family == AF_INET && a->bytes[0] == 127)
		return true;
	return at < j->local.len && addr_eq(&j->local.data[at], a);
}

void judge_add_local(struct judge *j, const struct addr *a)
{
	size_t at = local_position(j, a);

	if (at < j->local.len && addr_eq(&j->local.data[at], a))
		return;
	vec_grow(&j->local);
	memmove(j->local.data + at + 1, j->local.data + at,
		(j->local.len - at) * sizeof(*j->local.data));
	j->local.data[at] = *a;
	j->local.len++;
}

/* ---- judging ----------------------------------------------------------- */

static struct endpoint *first_of(const struct holder *h)
{
	if (!h)
		return NULL;
	return h->holdings.len ? h->holdings.data[0].subject->endpoint
			       : h->former;
}

/* What one policy set says of a flow in one direction. */
static bool side_allows(const struct policy_set *own,
			const struct evaluate_flow *flow,
			enum deny_direction direction)
{
	struct evaluate_verdict v;
	bool allowed;

	evaluate(own, flow, &v);
	allowed = v.self || (direction == DENY_INGRESS ? v.ingress.allowed
						       : v.egress.allowed);
	evaluate_verdict_fini(&v);
	return allowed;
}

/* An address that several share is a peer of whatever one of them is. */
static bool peers_allow(const struct policy_set *own,
			struct evaluate_flow *flow, const struct holder *peers,
			enum deny_direction direction)
{
	struct evaluate_end *peer =
		direction == DENY_INGRESS ? &flow->source : &flow->destination;

	if (!peers || !peers->holdings.len)
		return side_allows(own, flow, direction);
	vec_foreach(p, &peers->holdings) {
		peer->endpoint = p->subject->endpoint;
		if (side_allows(own, flow, direction))
			return true;
	}
	return false;
}

/* The policies of the first one that is isolated hold for all who share its
 * address, as in the compiled ruleset. */
static bool direction_allows(const struct judge *j, struct evaluate_flow flow,
			     const struct holder *selves,
			     const struct holder *peers,
			     enum deny_direction direction)
{
	struct evaluate_end *self =
		direction == DENY_INGRESS ? &flow.destination : &flow.source;

	if (!selves)
		return true;
	vec_foreach(h, &selves->holdings) {
		const struct policy_set *own;

		if (!h->managed)
			continue;
		own = own_policies(j, h->subject, direction);
		if (!own->policies.len)
			continue;
		self->endpoint = h->subject->endpoint;
		return peers_allow(own, &flow, peers, direction);
	}
	return true;
}

/* A connection that a process of the host takes for a container. */
static bool proxy_allows(const struct judge *j, struct evaluate_flow flow,
			 const struct holder *source, struct judgement *ret)
{
	const struct publication *p;
	const struct policy_set *own;

	if (flow.source.host || !flow.destination.host)
		return true;
	p = find_publication(j, &flow.destination.addr, flow.proto, flow.port);
	if (!p)
		return true;
	own = own_policies(j, p->subject, DENY_INGRESS);
	if (!own->policies.len)
		return true;
	ret->destination = p->subject->endpoint;
	flow.destination.endpoint = ret->destination;
	flow.destination.host = false;
	flow.port = p->port->port;
	return peers_allow(own, &flow, source, DENY_INGRESS);
}

static bool is_released(const struct holder *h)
{
	return h && h->former && !h->holdings.len;
}

static void deny(struct judgement *ret, enum deny_direction direction)
{
	ret->allowed = false;
	ret->direction = direction;
}

static void answer(const struct judge *j, const struct question *q,
		   struct judgement *ret)
{
	const struct holder *source = find_holder(j, &q->source);
	const struct holder *destination = find_holder(j, &q->destination);
	struct evaluate_flow flow = {
		.source = { .addr = q->source,
			    .host = !source && is_local(j, &q->source) },
		.destination = { .addr = q->destination,
				 .host = !destination &&
					 is_local(j, &q->destination) },
		.proto = q->proto,
		.port = q->port,
	};

	*ret = (struct judgement){ .allowed = true,
				   .source = first_of(source),
				   .destination = first_of(destination) };
	if (is_released(source))
		deny(ret, DENY_EGRESS);
	else if (is_released(destination))
		deny(ret, DENY_INGRESS);
	else if (!direction_allows(j, flow, source, destination, DENY_EGRESS))
		deny(ret, DENY_EGRESS);
	else if (!direction_allows(j, flow, destination, source,
				   DENY_INGRESS) ||
		 !proxy_allows(j, flow, source, ret))
		deny(ret, DENY_INGRESS);
}

static void ask(struct judge *j, const struct addr *source,
		const struct addr *destination, uint8_t proto, uint16_t port,
		struct judgement *ret)
{
	struct question q;
	struct answer *kept;

	memset(&q, 0, sizeof(q));
	q.source = *source;
	q.destination = *destination;
	q.proto = proto;
	q.port = port;
	kept = &j->answers[hash_seeded(&q, sizeof(q)) % ANSWERS];
	if (!kept->known || memcmp(&kept->question, &q, sizeof(q))) {
		answer(j, &q, &kept->judgement);
		memcpy(&kept->question, &q, sizeof(q));
		kept->known = true;
	}
	*ret = kept->judgement;
}

/* Who opened a connection that conntrack met in its midst is not known: then
 * it must be allowed both ways. */
void judge_connection(struct judge *j, const struct conntrack_entry *entry,
		      struct judgement *ret)
{
	const struct conntrack_tuple *original = &entry->original;
	const struct conntrack_tuple *reply = &entry->reply;

	ask(j, &original->src, &reply->src, entry->proto, reply->sport, ret);
	if (ret->allowed && entry->picked_up)
		ask(j, &reply->src, &original->src, entry->proto,
		    original->sport, ret);
}
