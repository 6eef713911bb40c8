/* SPDX-License-Identifier: GPL-2.0-or-later */
/* start.c - a Podman container is about to run its first instruction.
 *
 * Its config.json names its network namespace (early.h), and the kernel tells
 * what is in there. Its labels came with the event of its creation, which the
 * engine is asked for as soon as a port appears, because it would take its time
 * to tell. So when the network stands nothing is waited for; the engine is asked
 * once more, for what happened in between (a new name) counts too.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "runtime/podman/podman.h"

#define ASK_TIMEOUT_MS 10000

/* --- events ------------------------------------------------------------------- */

static bool seen_before(struct podman *p, const struct podman_event *e)
{
	struct podman_seen *s;

	for (size_t i = 0; i < MIN(p->nseen, (size_t)PODMAN_SEEN); i++)
		if (p->seen[i].time == e->time &&
		    !strncmp(p->seen[i].id, e->id, sizeof(s->id) - 1))
			return true;
	s = &p->seen[p->nseen++ % PODMAN_SEEN];
	s->time = e->time;
	snprintf(s->id, sizeof(s->id), "%s", e->id);
	p->since = MAX(p->since, e->time);
	return false;
}

/* For the record. Which command it is, the engine does not tell. */
static void tell_exec(const struct runtime_host *host,
		      const struct podman_event *e)
{
	if (host->exec && !e->network && !e->pod && !strcmp(e->action, "exec"))
		host->exec(host->arg, e->id, NULL);
}

int podman_event(struct engine *engine, struct slice line)
{
	struct podman *p = podman_of(engine);
	struct podman_event e;
	int r = podman_json_event(line, &e);

	if (r < 0)
		return r;
	r = 0;
	if (!seen_before(p, &e)) {
		tell_exec(&engine->session.host, &e);
		r = podman_model_event(p->model, &e);
	}
	podman_event_fini(&e);
	return r;
}

static void ask_events(struct podman *p);
static void on_events(struct engine *e, _unused_ struct engine_call *call,
		      const struct http_result *result)
{
	struct podman *p = podman_of(e);
	struct lines lines = LINES_INIT(ENGINE_EVENT_MAX);
	struct slice rest = result->body, line;

	p->asking_events = false;
	if (result->error || result->status != 200)
		log_debug("podman: no events sooner: %s", result->message);
	else
		while (lines_next(&lines, &rest, &line))
			e->session.events += podman_event(e, line) > 0;
	lines_fini(&lines);
	if (p->events_again)
		ask_events(p);
	else
		podman_starts_go_on(p);
}

/* With its log in a file, the engine looks for events four times a second; when
 * asked for those that were, it answers at once. */
static void ask_events(struct podman *p)
{
	_cleanup_(freep) char *filter = http_encode(PODMAN_EVENT_FILTER);
	_cleanup_(freep) char *path =
		xasprintf("/events?stream=false&since=%llu.%09llu&filters=%s",
			  (unsigned long long)(p->since / 1000000000U),
			  (unsigned long long)(p->since % 1000000000U), filter);

	p->asking_events = true;
	p->events_again = false;
	engine_get(&p->engine, p->engine.http, path, ASK_TIMEOUT_MS, on_events,
		   NULL);
}

void podman_want_events(struct podman *p)
{
	if (p->asking_events)
		p->events_again = true;
	else
		ask_events(p);
}

/* --- before the first instruction ------------------------------------------------ */

static struct podman_start *find_start(const struct podman *p, const char *id)
{
	struct podman_start *s;

	HASH_FIND_STR(p->starts, id, s);
	return s;
}

static void drop_start(struct podman *p, struct podman_start *s)
{
	HASH_DEL(p->starts, s);
	vec_fini(&s->ports);
	free(s->id);
	free(s);
}

/* All events up to now are applied. */
void podman_starts_go_on(struct podman *p)
{
	struct podman_start *s, *next;

	HASH_ITER(hh, p->starts, s, next) {
		podman_model_early(p->model, s->id, s->when, &s->ports);
		drop_start(p, s);
	}
}

static void find_ports(struct podman *p, int netns, podman_ports *ret)
{
	const struct runtime_links *links = &p->engine.session.host.links;
	runtime_ports all = { 0 };

	links->ports(links->arg, &all);
	vec_foreach(from, &all) {
		struct podman_port to = { .mac = from->mac };
		struct runtime_address v4, v6;

		if (from->netns != netns ||
		    links->addresses(links->arg, from->veth, &v4, &v6) < 0)
			continue;
		memcpy(to.bridge, from->bridge, IFNAMSIZ);
		to.v4 = v4.addr;
		to.v6 = v6.addr;
		vec_push(ret, to);
	}
	vec_fini(&all);
}

/* A namespace of another process is one that is shared. */
void podman_starting(void *arg, const char *id, const char *path)
{
	struct podman *p = arg;
	const struct runtime_links *links = &p->engine.session.host.links;
	struct podman_start *s = find_start(p, id);
	podman_ports ports = { 0 };
	int netns;

	if (!strncmp(path, "/proc/", 6) || !links->netns_at ||
	    links->netns_at(links->arg, path, &netns) < 0)
		return;
	find_ports(p, netns, &ports);
	if (!ports.len)
		return;
	if (s)
		drop_start(p, s);
	s = xnew(struct podman_start);
	s->id = xstrdup(id);
	s->ports = ports;
	s->when = clock_monotonic();
	HASH_ADD_KEYPTR(hh, p->starts, s->id, strlen(s->id), s);
	podman_model_early(p->model, id, s->when, &s->ports);
	podman_want_events(p);
	/* Its answer ends what is assumed now, also when the start fails. */
	podman_want_container(p, id);
}

void podman_drop_starts(struct podman *p)
{
	struct podman_start *s, *next;

	HASH_ITER(hh, p->starts, s, next)
		drop_start(p, s);
	podman_early_close(TAKE_PTR(p->early));
	p->asking_events = p->events_again = false;
	p->nseen = 0;
}
