/* SPDX-License-Identifier: GPL-2.0-or-later */
/* event.c - what a Podman engine tells by itself, and the kernel of a container
 * that is being started.
 */
#include <string.h>

#include "runtime/podman/state.h"

static bool is_of_interest(const char *action)
{
	static const char *const actions[] = {
		"create", "init",    "start",	"restart", "die",
		"died",	  "stop",    "cleanup", "remove",  "destroy",
		"rename", "pause",   "unpause", "connect", "disconnect",
		"update", "restore", NULL
	};

	for (size_t k = 0; actions[k]; k++)
		if (!strcmp(action, actions[k]))
			return true;
	return false;
}

/* As the engine names it; one that was given another name is known when it has
 * been inspected. */
static bool is_infra(const struct podman_event *e)
{
	const char *name = e->entry.name;

	return strlen(e->pod_id) > 12 && strlen(name) == 18 &&
	       !strncmp(name, e->pod_id, 12) && !strcmp(name + 12, "-infra");
}

/* Its network is the infra container's. */
static bool is_member(const struct podman_item *i)
{
	return i->is.pod && i->is.pod[0] && !i->is.infra;
}

/* The labels are asked about at once: when the network stands, some 50 ms before
 * the first instruction, it would often be too late. */
static void take_creation(struct podman_model *m, struct podman_event *e)
{
	struct podman_item *i = podman_get_item(m, e->id);

	if (i->known || i->told)
		return;
	i->told = true;
	i->is.infra = is_infra(e);
	i->is.entry = e->entry;
	e->entry = (struct docker_container){ 0 };
	i->is.entry.state = xstrdup("created");
	i->is.entry.network_mode = xstrdup("");
	i->is.more.image = xstrdup("");
	i->is.pod = TAKE_PTR(e->pod_id);
	i->is.spec = xstrdup("");
	if (m->hosted && !m->rootless && !is_member(i))
		m->ask.labels(m->ask.arg, i->id);
}

/* It is told at once; everything else waits for its start to be over. */
static void take_name(struct podman_model *m, const struct podman_event *e)
{
	struct podman_item *i = podman_find_item(m, e->id);

	if (!i || !(i->known || i->told) || !e->entry.name[0])
		return;
	free(i->is.entry.name);
	i->is.entry.name = xstrdup(e->entry.name);
}

bool podman_model_event(struct podman_model *m, struct podman_event *e)
{
	if (!e->id[0] || !is_of_interest(e->action))
		return false;
	if (e->pod) {
		if (strcmp(e->action, "create"))
			return false;
		podman_note_pod(m, e->id, e->entry.name);
		return true;
	}
	if (!e->network && !strcmp(e->action, "create"))
		take_creation(m, e);
	else if (!strcmp(e->action, "rename"))
		take_name(m, e);
	m->ask.container(m->ask.arg, e->id);
	return true;
}

/* --- before the first instruction ------------------------------------------------ */

/* Somebody else's interfaces: a namespace that is joined, not made. */
static bool is_taken(const struct podman_model *m, const struct podman_item *by,
		     const podman_ports *ports)
{
	struct podman_item *i, *next;

	HASH_ITER(hh, m->items, i, next) {
		if (i == by || !i->known || !podman_has_network(&i->is) ||
		    podman_is_shared(i->is.entry.network_mode))
			continue;
		vec_foreach(a, &i->is.addresses)
			vec_foreach(p, ports)
				if (!memcmp(&a->mac, &p->mac, sizeof(a->mac)))
					return true;
	}
	return false;
}

void podman_model_early(struct podman_model *m, const char *id, uint64_t when,
			const podman_ports *ports)
{
	struct podman_item *i = podman_find_item(m, id);

	if (!i || !(i->known || i->told) || i->is.running ||
	    i->asked_at > when || (!i->known && is_member(i)) ||
	    podman_is_shared(i->is.entry.network_mode) || is_taken(m, i, ports))
		return;
	vec_fini(&i->early);
	vec_foreach(p, ports) {
		vec_push(&i->early, *p);
		if (!podman_network_on(m, p->bridge))
			m->ask.networks(m->ask.arg);
	}
	i->early_at = when;
	podman_publish(m, i);
	if (!i->known && !i->whole)
		m->ask.labels(m->ask.arg, id);
}

void podman_model_whole(struct podman_model *m, const char *id)
{
	struct podman_item *i = podman_find_item(m, id);

	if (!i || i->known || !i->told)
		return;
	i->whole = true;
	podman_publish(m, i);
}
