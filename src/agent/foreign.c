/* SPDX-License-Identifier: GPL-2.0-or-later */
/* foreign.c - tells of others' rules that come before ours. */
#include "agent/foreign.h"

#include <string.h>

#include "base/alloc.h"
#include "base/log.h"

/* Others change nftables in bursts. */
#define PAUSE_MS 1000

static const char *const consequences[] = {
	[FOREIGN_ACCEPTS] =
		"accepts packets before bulkhead's chains, which are asked all the same: this opens nothing",
	[FOREIGN_UNTRACKS] =
		"takes packets out of connection tracking: bulkhead judges each of them as a connection of its own, the answers too",
	[FOREIGN_REDIRECTS] =
		"sends packets on past every hook: bulkhead does not see them",
};

static void on_foreign(void *arg, const struct firewall_foreign *found)
{
	struct foreign *f = arg;
	struct foreign_rules rules = {
		.subject =
			xasprintf("table %s %s", found->family, found->table),
		.message = xasprintf("chain %s (hook %s, priority %d) %s",
				     found->chain, found->hook, found->priority,
				     consequences[found->act]),
		.seen = true,
	};

	vec_foreach(known, &f->rules)
		if (!strcmp(known->subject, rules.subject) &&
		    !strcmp(known->message, rules.message)) {
			known->seen = true;
			free(rules.subject);
			free(rules.message);
			return;
		}
	log_warning("%s, %s", rules.subject, rules.message);
	vec_push(&f->rules, rules);
}

static void forget(struct foreign *f, size_t i)
{
	free(f->rules.data[i].subject);
	free(f->rules.data[i].message);
	vec_remove(&f->rules, i);
}

void foreign_look(struct foreign *f)
{
	uint32_t generation;

	if (firewall_generation(f->firewall, &generation) < 0 ||
	    generation == f->looked)
		return;
	vec_foreach(rules, &f->rules)
		rules->seen = false;
	/* Torn by a change, or refused: what was known stays known. */
	if (firewall_foreign(f->firewall, on_foreign, f) < 0)
		return;
	f->looked = generation;
	for (size_t i = f->rules.len; i-- > 0;) {
		if (f->rules.data[i].seen)
			continue;
		log_info("%s: what came before bulkhead's chains is gone",
			 f->rules.data[i].subject);
		forget(f, i);
	}
}

static void on_timer(void *arg)
{
	foreign_look(arg);
}

void foreign_committed(struct foreign *f, uint32_t generation)
{
	bool others = generation != f->committed + 1;

	if (f->looked && f->looked == f->committed && !others)
		f->looked = generation;
	f->committed = generation;
	if (others && !loop_timer_active(f->timer))
		loop_timer_start(f->timer, PAUSE_MS, 0);
}

void foreign_init(struct foreign *f, struct loop *loop,
		  struct firewall *firewall)
{
	f->firewall = firewall;
	f->timer = loop_timer_new(loop, on_timer, f);
}

void foreign_fini(struct foreign *f)
{
	loop_timer_close(f->timer);
	while (f->rules.len)
		forget(f, f->rules.len - 1);
	vec_fini(&f->rules);
}
