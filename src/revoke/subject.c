/* SPDX-License-Identifier: GPL-2.0-or-later */
/* subject.c - endpoints, and the policies that select each. */
#include "revoke/subject.h"

#include <string.h>

#include "base/alloc.h"

/* ---- policies of an endpoint ------------------------------------------- */

static void forget_own(struct subject *s)
{
	for (int d = DENY_EGRESS; d <= DENY_INGRESS; d++) {
		vec_fini(&s->own[d].policies);
		s->asked[d] = false;
	}
}

const struct policy_set *subject_policies(struct subject *s,
					  const struct policy_set *policies,
					  enum deny_direction direction)
{
	unsigned type = direction == DENY_INGRESS ? POLICY_INGRESS
						  : POLICY_EGRESS;
	struct policy_set *own = &s->own[direction];

	if (s->asked[direction])
		return own;
	s->asked[direction] = true;
	own->namespaces.data = policies->namespaces.data;
	own->namespaces.len = policies->namespaces.len;
	vec_foreach(p, &policies->policies)
		if ((*p)->types & type &&
		    !strcmp((*p)->namespace, s->endpoint->namespace) &&
		    selector_matches((*p)->pods, s->endpoint->labels))
			vec_push(&own->policies, *p);
	return own;
}

void subjects_forget_policies(struct subjects *all)
{
	struct subject *s, *next;

	HASH_ITER(hh, all->table, s, next)
		forget_own(s);
}

/* ---- taking in --------------------------------------------------------- */

static void subject_free(struct subject *s)
{
	forget_own(s);
	endpoint_unref(s->endpoint);
	free(s);
}

static bool has_rights(const struct endpoint *e)
{
	return e->state != ENDPOINT_EXITED && e->attachments.len;
}

/* Returns true when what it may do, or where, is not as it was. */
static bool update_subject(struct subjects *all, struct endpoint *e,
			   subject_fn lost, void *arg)
{
	struct subject *s;
	bool same;

	HASH_FIND_STR(all->table, e->id, s);
	if (s && s->endpoint == e) {
		s->epoch = all->epoch;
		return false;
	}
	same = s && endpoint_same_rights(s->endpoint, e);
	if (s) {
		if (!same)
			lost(arg, s);
		HASH_DEL(all->table, s);
		subject_free(s);
	}
	s = xnew(struct subject);
	s->endpoint = endpoint_ref(e);
	s->epoch = all->epoch;
	HASH_ADD_KEYPTR(hh, all->table, e->id, strlen(e->id), s);
	return !same;
}

bool subjects_update(struct subjects *all, const struct compile_input *in,
		     subject_fn lost, void *arg)
{
	struct subject *s, *next;
	bool changed = false;

	all->epoch++;
	all->quarantined = 0;
	for (size_t i = 0; i < in->nendpoints; i++)
		if (has_rights(in->endpoints[i]) &&
		    update_subject(all, in->endpoints[i], lost, arg))
			changed = true;
	HASH_ITER(hh, all->table, s, next) {
		if (s->epoch == all->epoch) {
			all->quarantined += s->endpoint->quarantined;
			continue;
		}
		lost(arg, s);
		HASH_DEL(all->table, s);
		subject_free(s);
		changed = true;
	}
	return changed;
}

void subjects_fini(struct subjects *all)
{
	struct subject *s, *next;

	HASH_ITER(hh, all->table, s, next) {
		HASH_DEL(all->table, s);
		subject_free(s);
	}
}
