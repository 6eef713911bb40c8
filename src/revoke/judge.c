/* SPDX-License-Identifier: GPL-2.0-or-later */
/* judge.c - whether the policies in force would still let a connection begin.
 *
 * A table leads from an address to the endpoints that hold it (holder.c); each
 * of those keeps, per direction, the few policies that select it, as a policy
 * set of its own for the evaluator (subject.c). Answers are kept by addresses
 * and port in a table of fixed size, for a service has many connections that
 * differ in nothing but the client's port.
 */
#include "revoke/judge.h"

#include <string.h>

#include "base/alloc.h"
#include "compile/evaluate.h"
#include "revoke/holder.h"
#include "revoke/local.h"
#include "revoke/publication.h"
#include "revoke/subject.h"

#define ANSWERS 4096 /* kept; a power of two */

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
	struct subjects subjects;
	struct holders holders;
	struct publications publications;
	struct local_addresses local;
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

/* ---- taking in --------------------------------------------------------- */

static bool update_policies(struct judge *j, const struct compile_input *in)
{
	bool changed = j->policies != in->policies ||
		       j->audit != in->options.audit;

	j->audit = in->options.audit;
	if (j->policies == in->policies)
		return changed;
	subjects_forget_policies(&j->subjects);
	policy_set_unref(j->policies);
	j->policies = policy_set_ref(in->policies);
	return changed;
}

static void on_lost(void *arg, struct subject *s)
{
	struct judge *j = arg;

	holders_release(&j->holders, s);
}

bool judge_update(struct judge *j, const struct compile_input *in)
{
	bool changed = update_policies(j, in);
	bool moved = holders_update_bridges(&j->holders, in);

	/* Also where only its state is new: tables point to endpoints. */
	moved = subjects_update(&j->subjects, in, on_lost, j) || moved;
	holders_fill(&j->holders, &j->subjects);
	publications_fill(&j->publications, &j->subjects);
	forget_answers(j);
	return changed || moved;
}

bool judge_is_idle(const struct judge *j)
{
	return j->audit || (!j->policies->policies.len && !j->holders.released);
}

void judge_forget_released(struct judge *j)
{
	holders_forget_released(&j->holders);
	forget_answers(j);
}

void judge_free(struct judge *j)
{
	if (!j)
		return;
	holders_fini(&j->holders);
	publications_fini(&j->publications);
	local_addresses_fini(&j->local);
	subjects_fini(&j->subjects);
	policy_set_unref(j->policies);
	free(j->answers);
	free(j);
}

void judge_reset_local(struct judge *j)
{
	j->local.sorted.len = 0;
	forget_answers(j);
}

void judge_add_local(struct judge *j, const struct addr *a)
{
	local_addresses_add(&j->local, a);
}

/* ---- judging ----------------------------------------------------------- */

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
		own = subject_policies(h->subject, j->policies, direction);
		if (!own->policies.len && !h->subject->endpoint->quarantined)
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
	p = publications_find(&j->publications, &flow.destination.addr,
			      flow.proto, flow.port);
	if (!p)
		return true;
	own = subject_policies(p->subject, j->policies, DENY_INGRESS);
	if (!own->policies.len && !p->subject->endpoint->quarantined)
		return true;
	ret->destination = p->subject->endpoint;
	flow.destination.endpoint = ret->destination;
	flow.destination.host = false;
	flow.port = p->port->port;
	return peers_allow(own, &flow, source, DENY_INGRESS);
}

static void deny(struct judgement *ret, enum deny_direction direction)
{
	ret->allowed = false;
	ret->direction = direction;
}

static struct evaluate_end end_at(const struct judge *j, const struct addr *a,
				  const struct holder *holder)
{
	return (struct evaluate_end){
		.addr = *a,
		.host = !holder && local_addresses_have(&j->local, a),
	};
}

static void answer(const struct judge *j, const struct question *q,
		   struct judgement *ret)
{
	const struct holder *source = holders_find(&j->holders, &q->source);
	const struct holder *destination =
		holders_find(&j->holders, &q->destination);
	struct evaluate_flow flow = {
		.source = end_at(j, &q->source, source),
		.destination = end_at(j, &q->destination, destination),
		.proto = q->proto,
		.port = q->port,
	};

	*ret = (struct judgement){ .allowed = true,
				   .source = holder_first(source),
				   .destination = holder_first(destination) };
	if (holder_is_released(source))
		deny(ret, DENY_EGRESS);
	else if (holder_is_released(destination))
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

/* ---- who admits -------------------------------------------------------- */

struct admitter {
	const struct judge *judge;
	void (*fn)(void *arg, const struct policy *policy);
	void *arg;
	struct admission *ret;
};

/* What the policies that select @self say of @flow. */
static void tell_admitting(const struct admitter *a, struct subject *self,
			   const struct evaluate_flow *flow,
			   enum deny_direction direction)
{
	const struct policy_set *own =
		subject_policies(self, a->judge->policies, direction);
	struct evaluate_verdict v;

	if (!own->policies.len)
		return;
	evaluate(own, flow, &v);
	if (direction == DENY_INGRESS)
		vec_foreach(p, &v.ingress.admitting)
			a->fn(a->arg, *p);
	else
		vec_foreach(p, &v.egress.admitting)
			a->fn(a->arg, *p);
	evaluate_verdict_fini(&v);
}

static struct subject *first_managed(const struct holder *h)
{
	if (h)
		vec_foreach(holding, &h->holdings)
			if (holding->managed)
				return holding->subject;
	return NULL;
}

/* Behind a port at which a process of the host accepts for a container. */
static void admit_proxied(const struct admitter *a, struct evaluate_flow flow)
{
	const struct publication *p =
		flow.source.host || !flow.destination.host
			? NULL
			: publications_find(&a->judge->publications,
					    &flow.destination.addr, flow.proto,
					    flow.port);

	if (!p)
		return;
	a->ret->governed = true;
	a->ret->destination = p->subject->endpoint;
	flow.destination.endpoint = p->subject->endpoint;
	flow.destination.host = false;
	flow.port = p->port->port;
	tell_admitting(a, p->subject, &flow, DENY_INGRESS);
}

void judge_admission(struct judge *j, const struct conntrack_entry *entry,
		     void (*fn)(void *arg, const struct policy *policy),
		     void *arg, struct admission *ret)
{
	const struct addr *from = &entry->original.src;
	const struct addr *to = &entry->reply.src;
	const struct holder *source = holders_find(&j->holders, from);
	const struct holder *destination = holders_find(&j->holders, to);
	struct admitter a = { j, fn, arg, ret };
	struct subject *sender = first_managed(source);
	struct subject *receiver = first_managed(destination);
	struct evaluate_flow flow = {
		.source = end_at(j, from, source),
		.destination = end_at(j, to, destination),
		.proto = entry->proto,
		.port = entry->reply.sport,
	};

	*ret = (struct admission){
		.governed = sender || receiver,
		.source = holder_first(source),
		.destination = holder_first(destination),
	};
	flow.source.endpoint = ret->source;
	flow.destination.endpoint = ret->destination;
	if (sender)
		tell_admitting(&a, sender, &flow, DENY_EGRESS);
	if (receiver)
		tell_admitting(&a, receiver, &flow, DENY_INGRESS);
	admit_proxied(&a, flow);
}
