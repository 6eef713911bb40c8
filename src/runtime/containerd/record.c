/* SPDX-License-Identifier: GPL-2.0-or-later */
/* record.c - what a container's record says of it: who it is, for selectors and
 * for people, and whose it is to govern.
 */
#include <string.h>

#include "base/log.h"
#include "runtime/bounds.h"
#include "runtime/containerd/state.h"

/* Clients that make ids up at random make 64 hex digits; other ids are unique
 * within a namespace only. */
const char *containerd_store_id(const struct containerd_item *c)
{
	return strlen(c->id) == 64 && strspn(c->id, "0123456789abcdef") == 64
		       ? c->id
		       : c->key;
}

static const char *label_of(const struct containerd_record *r, const char *key)
{
	vec_foreach(l, &r->labels)
		if (!strcmp(l->key, key))
			return l->value;
	return NULL;
}

static bool is_kubernetes(const struct containerd_record *r)
{
	return label_of(r, "io.cri-containerd.kind") ||
	       label_of(r, "io.kubernetes.pod.name");
}

static bool is_sandbox(const struct containerd_record *r)
{
	const char *kind = label_of(r, "io.cri-containerd.kind");

	return kind && !strcmp(kind, "sandbox");
}

static const char *name_of(const struct containerd_record *r)
{
	const char *pod = label_of(r, "io.kubernetes.pod.name");
	const char *nerdctl = label_of(r, "nerdctl/name");

	if (pod)
		return pod;
	return nerdctl && nerdctl[0] ? nerdctl : r->id;
}

/* A namespace's name as NetworkPolicy has it: containerd's may have dots. */
static char *fallback_of(const struct containerd_record *r,
			 const char *namespace)
{
	const char *pod = label_of(r, "io.kubernetes.pod.namespace");
	_cleanup_(freep) char *made = xstrdup(pod ?: namespace);

	for (char *p = made; *p; p++)
		if (*p == '.')
			*p = '-';
	return endpoint_namespace_of(made);
}

/* Tell each problem once, not with every answer. Takes @problem. */
static void tell_problems(struct containerd_item *c,
			  const struct containerd_record *r, char *problem)
{
	if (r->cut_own && !problem)
		problem = xasprintf(
			"%zu labels bulkhead.… of more than %d bytes are left out",
			r->cut_own, BOUNDS_OWN_VALUE);
	if (problem && (!c->problem || strcmp(problem, c->problem) != 0))
		log_warning("container %s: %s", c->key, problem);
	free(c->problem);
	c->problem = problem;
	if (r->overlabelled && !c->overlabelled)
		log_error(
			"container %s: more than %d labels, so no policy can judge it: its traffic is that of an unknown endpoint; start it with fewer labels",
			c->key, BOUNDS_LABELS);
	c->overlabelled = r->overlabelled;
}

void containerd_record_take(struct containerd_model *m,
			    struct containerd_item *c,
			    const struct containerd_record *r)
{
	_cleanup_(freep) char *fallback = fallback_of(r, c->namespace);
	struct endpoint *e =
		endpoint_new(runtime_containerd.name, containerd_store_id(c));
	char *problem;

	free(e->name);
	e->name = xstrdup(name_of(r));
	free(e->image);
	e->image = xstrdup(r->image);
	endpoint_set_labels(e, r->labels.data, r->labels.len, fallback,
			    &problem);
	vec_foreach(p, &r->published)
		vec_push(&e->published, *p);
	endpoint_unref(c->labels);
	c->labels = e;
	free(c->network);
	c->network = r->network ? xstrdup(r->network) : NULL;
	c->foreign = is_kubernetes(r) && !m->host.kubernetes;
	c->host_network = r->host_network;
	/* A pod's sandbox is given a namespace, and is the first in it. */
	c->joins = r->joins_network && !is_sandbox(r);
	c->member = is_kubernetes(r) && c->joins;
	c->created = r->created ? r->created : UINT64_MAX;
	free(c->escapable);
	c->escapable = r->escapable ? xstrdup(r->escapable) : NULL;
	tell_problems(c, r, problem);
}
