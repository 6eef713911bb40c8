/* SPDX-License-Identifier: GPL-2.0-or-later */
/* query.c - asks the engine what the model wants to know.
 *
 * One question per network is under way at a time, and one about containers,
 * for all that are wanted then: many starts at once become few requests.
 * Something wanted while its question is under way is asked for again, as the
 * answer may be from before.
 */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "runtime/docker/docker.h"

#define ASK_TIMEOUT_MS	   10000
#define INSPECT_TIMEOUT_MS 30000
#define BATCH_MAX	   64 /* ids per request: a URL of some 5 kB */
#define INSPECTS_MAX	   4  /* at one time, of those that can wait */

struct engine_call *docker_get(struct docker *d, struct http_client *client,
			       const char *path, unsigned timeout_ms,
			       engine_answer_fn answer, const char *id)
{
	struct engine_call *call =
		engine_get(&d->engine, client, path, timeout_ms, answer, id);

	call->when = docker_model_now(d->model);
	return call;
}

/* --- what is wanted -------------------------------------------------------- */

static struct docker_want *find_want(struct docker_want *table, const char *id)
{
	struct docker_want *w;

	HASH_FIND_STR(table, id, w);
	return w;
}

static struct docker_want *get_want(struct docker_want **table, const char *id)
{
	struct docker_want *w = find_want(*table, id);

	if (w)
		return w;
	w = xnew(struct docker_want);
	w->id = xstrdup(id);
	HASH_ADD_KEYPTR(hh, *table, w->id, strlen(w->id), w);
	return w;
}

static void drop_want(struct docker_want **table, struct docker_want *w)
{
	HASH_DEL(*table, w);
	free(w->id);
	free(w);
}

static void drop_all(struct docker_want **table)
{
	struct docker_want *w, *next;

	HASH_ITER(hh, *table, w, next)
		drop_want(table, w);
}

void docker_asks_cancel(struct docker *d)
{
	drop_all(&d->containers);
	drop_all(&d->networks);
	drop_all(&d->inspects);
	d->asking_containers = false;
	d->inspecting = 0;
}

/* --- containers ------------------------------------------------------------ */

static const struct docker_container *find_entry(const docker_containers *list,
						 const char *id)
{
	vec_foreach(c, list)
		if (!strcmp(c->id, id))
			return c;
	return NULL;
}

static void ask_containers(struct docker *d);

static void on_containers(struct engine *e, struct engine_call *call,
			  const struct http_result *result)
{
	struct docker *d = docker_of(e);
	_cleanup_(docker_containers_fini) docker_containers list = { 0 };
	size_t bad;

	if (engine_failed(&d->engine, result))
		return;
	if (docker_json_containers(result->body, &list, &bad) < 0) {
		session_fail(&d->engine.session, -EBADMSG,
			     "%s: the list of containers cannot be read",
			     d->engine.session.socket);
		return;
	}
	vec_foreach(id, &call->ids)
		docker_model_container(d->model, call->when, *id,
				       find_entry(&list, *id));
	d->asking_containers = false;
	if (d->containers)
		ask_containers(d);
}

/* {"id":["…","…"]}: ids are letters and digits, see docker_json.c. */
static char *containers_path(const engine_ids *ids)
{
	_cleanup_(buf_fini) struct buf filter = BUF_INIT(BUF_UNBOUNDED);
	_cleanup_(freep) char *encoded = NULL;

	buf_adds(&filter, "{\"id\":[");
	vec_foreach(id, ids)
		buf_addf(&filter, "%s\"%s\"", id == ids->data ? "" : ",", *id);
	buf_adds(&filter, "]}");
	encoded = http_encode(buf_str(&filter));
	return xasprintf("/containers/json?all=1&filters=%s", encoded);
}

static void ask_containers(struct docker *d)
{
	_cleanup_(freep) char *path = NULL;
	struct docker_want *w, *next;
	struct engine_call *call;
	engine_ids ids = { 0 };

	HASH_ITER(hh, d->containers, w, next) {
		if (ids.len == BATCH_MAX)
			break;
		vec_push(&ids, xstrdup(w->id));
		drop_want(&d->containers, w);
	}
	path = containers_path(&ids);
	d->asking_containers = true;
	call = docker_get(d, d->engine.http, path, ASK_TIMEOUT_MS,
			  on_containers, NULL);
	call->ids = ids;
}

static void want_container(void *arg, const char *id)
{
	struct docker *d = arg;

	get_want(&d->containers, id);
	if (!d->asking_containers)
		ask_containers(d);
}

/* --- networks -------------------------------------------------------------- */

static void ask_network(struct docker *d, struct docker_want *w);

void docker_take_network(struct docker *d, const struct engine_call *call,
			 const struct http_result *result)
{
	struct docker_network n = { 0 };
	const char *id = call->ids.data[0];

	if (result->status == 404) {
		docker_model_network(d->model, call->when, id, NULL);
		return;
	}
	if (docker_json_network(result->body, d->engine.session.base.ops->name,
				&n) < 0) {
		session_fail(&d->engine.session, -EBADMSG,
			     "%s: network %.12s cannot be read",
			     d->engine.session.socket, id);
		return;
	}
	docker_model_network(d->model, call->when, id, &n);
	docker_network_fini(&n);
}

static void on_network(struct engine *e, struct engine_call *call,
		       const struct http_result *result)
{
	struct docker *d = docker_of(e);
	struct docker_want *w;

	if (result->status != 404 && engine_failed(&d->engine, result))
		return;
	docker_take_network(d, call, result);
	w = find_want(d->networks, call->ids.data[0]);
	if (!w) /* the connection has failed meanwhile */
		return;
	if (w->again)
		ask_network(d, w);
	else
		drop_want(&d->networks, w);
}

static void ask_network(struct docker *d, struct docker_want *w)
{
	_cleanup_(freep) char *path = xasprintf("/networks/%s", w->id);

	w->sent = true;
	w->again = false;
	docker_get(d, d->engine.http, path, ASK_TIMEOUT_MS, on_network, w->id);
}

static void want_network(void *arg, const char *id)
{
	struct docker *d = arg;
	struct docker_want *w = get_want(&d->networks, id);

	if (w->sent)
		w->again = true;
	else
		ask_network(d, w);
}

/* --- inspect ---------------------------------------------------------------- */

typedef void (*inspect_fn)(struct docker_model *m, uint64_t when,
			   const char *id, const struct docker_inspect *i);

/* It only tells what is nice to know early, so it may fail. */
static void take_inspect(struct docker *d, const struct engine_call *call,
			 const struct http_result *result, inspect_fn take)
{
	struct docker_inspect i = { 0 };
	const char *id = call->ids.data[0];

	if (result->error || result->status != 200 ||
	    docker_json_inspect(result->body, &i) < 0) {
		log_debug("docker: container %.12s not inspected: %s", id,
			  result->message);
		return;
	}
	take(d->model, call->when, id, &i);
	docker_inspect_fini(&i);
}

static void ask_inspect(struct docker *d, const char *id,
			engine_answer_fn answer)
{
	_cleanup_(freep) char *path = xasprintf("/containers/%s/json", id);

	docker_get(d, d->engine.slow, path, INSPECT_TIMEOUT_MS, answer, id);
}

static void on_inspect(struct engine *e, struct engine_call *call,
		       const struct http_result *result)
{
	struct docker *d = docker_of(e);
	take_inspect(d, call, result, docker_model_inspect);
}

static void want_inspect(void *arg, const char *id)
{
	ask_inspect(arg, id, on_inspect);
}

static void inspect_next(struct docker *d);

/* The store is told once, after the last: else a thousand containers that were
 * there before us would be a thousand changes. */
static void on_inspect_later(struct engine *e, struct engine_call *call,
			     const struct http_result *result)
{
	struct docker *d = docker_of(e);
	take_inspect(d, call, result, docker_model_inspect_quietly);
	d->inspecting--;
	inspect_next(d);
	if (!d->inspecting)
		docker_model_publish(d->model);
}

static void inspect_next(struct docker *d)
{
	while (d->inspects && d->inspecting < INSPECTS_MAX) {
		d->inspecting++;
		ask_inspect(d, d->inspects->id, on_inspect_later);
		drop_want(&d->inspects, d->inspects);
	}
}

static void want_inspect_later(void *arg, const char *id)
{
	struct docker *d = arg;

	get_want(&d->inspects, id);
	inspect_next(d);
}

struct docker_ask docker_asks(struct docker *d)
{
	return (struct docker_ask){
		.container = want_container,
		.inspect = want_inspect,
		.inspect_later = want_inspect_later,
		.network = want_network,
		.arg = d,
	};
}
