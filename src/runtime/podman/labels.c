/* SPDX-License-Identifier: GPL-2.0-or-later */
/* labels.c - whether the event of a Podman container's creation told all of its
 * labels.
 *
 * One is hidden if it is called as one of podman_hiding. So the engine is asked
 * for containers of that id and such a label. It answers at once when there is
 * none. Else the answer waits for the end of the start: then there is such a
 * label, and inspect will tell it.
 */
#include <string.h>

#include "runtime/podman/podman.h"

static struct podman_check *find_check(const struct podman *p, const char *id)
{
	struct podman_check *c;

	HASH_FIND_STR(p->checks, id, c);
	return c;
}

static void drop_check(struct podman *p, struct podman_check *c)
{
	HASH_DEL(p->checks, c);
	free(c->id);
	free(c);
}

static bool says_none(const struct http_result *result)
{
	podman_ids fit;
	bool none;

	if (result->error || result->status != 200 ||
	    podman_json_ids(result->body, &fit) < 0)
		return false;
	none = !fit.len;
	podman_ids_fini(&fit);
	return none;
}

static void on_answer(struct engine *e, struct engine_call *call,
		      const struct http_result *result)
{
	struct podman *p = podman_of(e);
	struct podman_check *c = find_check(p, call->ids.data[0]);

	c->failed |= !says_none(result);
	if (--c->outstanding)
		return;
	if (!c->failed)
		podman_model_whole(p->model, c->id);
	drop_check(p, c);
}

static void ask(struct podman *p, struct podman_check *c, const char *label)
{
	_cleanup_(freep) char *filter =
		xasprintf("{\"id\":[\"%s\"],\"label\":[\"%s\"]}", c->id, label);
	_cleanup_(freep) char *encoded = http_encode(filter);
	_cleanup_(freep) char *path =
		xasprintf("/containers/json?all=true&filters=%s", encoded);

	c->outstanding++;
	engine_get(&p->engine, p->labels, path, PODMAN_INSPECT_TIMEOUT_MS,
		   on_answer, c->id);
}

void podman_want_labels(void *arg, const char *id)
{
	struct podman *p = arg;
	struct podman_check *c = find_check(p, id);

	if (c)
		return;
	c = xnew(struct podman_check);
	c->id = xstrdup(id);
	HASH_ADD_KEYPTR(hh, p->checks, c->id, strlen(c->id), c);
	for (size_t i = 0; podman_hiding[i]; i++)
		ask(p, c, podman_hiding[i]);
}

void podman_drop_checks(struct podman *p)
{
	struct podman_check *c, *next;

	HASH_ITER(hh, p->checks, c, next)
		drop_check(p, c);
}
