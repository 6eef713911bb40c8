/* SPDX-License-Identifier: GPL-2.0-or-later */
/* list.c - asks containerd for records and tasks.
 *
 * Records come as a stream of messages: as one message, those of a thousand
 * containers would pass the server's bound.
 */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "runtime/containerd/containerd.h"
#include "runtime/containerd/nerdctl.h"

#define LONG_TIMEOUT_MS 30000

#define CONTAINERS "/containerd.services.containers.v1.Containers/"
#define TASKS	   "/containerd.services.tasks.v1.Tasks/"

/* ---- calls -------------------------------------------------------------- */

static void unlink_call(struct containerd_call *call)
{
	if (call->prev)
		call->prev->next = call->next;
	else
		call->containerd->calls = call->next;
	if (call->next)
		call->next->prev = call->prev;
}

static void free_call(struct containerd_call *call)
{
	free(call->namespace);
	free(call->id);
	free(call);
}

static void on_message(void *arg, struct slice message)
{
	struct containerd_call *call = arg;

	if (call->message)
		call->message(call->containerd, call, message);
}

static void on_done(void *arg, const struct grpc_result *result)
{
	struct containerd_call *call = arg;

	/* Off the list first: how it ended may fail the connection, which
	 * cancels all that are on it. */
	unlink_call(call);
	call->done(call->containerd, call, result);
	free_call(call);
}

void containerd_send(struct containerd *c,
		     const struct containerd_ask_call *ask)
{
	struct containerd_call *call = xnew(struct containerd_call);
	_cleanup_(freep) char *header =
		ask->namespace
			? xasprintf("containerd-namespace: %s", ask->namespace)
			: NULL;
	const char *metadata[] = { header, NULL };

	call->containerd = c;
	call->message = ask->message;
	call->done = ask->done;
	call->when = c->model ? containerd_model_now(c->model) : 0;
	call->namespace = ask->namespace ? xstrdup(ask->namespace) : NULL;
	call->id = ask->id ? xstrdup(ask->id) : NULL;
	call->next = c->calls;
	if (call->next)
		call->next->prev = call;
	c->calls = call;
	call->request = grpc_send(
		c->http,
		&(struct grpc_call){
			.method = ask->method,
			.metadata = metadata,
			.request = ask->request,
			.stream = ask->stream,
			.timeout_ms = ask->timeout_ms ?: LONG_TIMEOUT_MS,
			.message = on_message,
			.done = on_done,
			.arg = call,
		});
}

void containerd_calls_cancel(struct containerd *c)
{
	while (c->calls) {
		struct containerd_call *call = c->calls;

		grpc_cancel(call->request);
		unlink_call(call);
		free_call(call);
	}
}

/* ---- one record --------------------------------------------------------- */

static int read_record(struct slice message, struct containerd_record *ret)
{
	int r = containerd_wire_record(message, ret);

	if (r == 0)
		nerdctl_read_ports(ret);
	return r;
}

/* One container that cannot be read is no reason to know nothing of the
 * others: it stays an unknown endpoint. */
static void on_record(struct containerd *c, struct containerd_call *call,
		      struct slice message)
{
	struct containerd_record record;

	if (read_record(message, &record) < 0) {
		log_error(
			"containerd: %s: the record of container %s/%s cannot be read; its traffic is that of an unknown endpoint",
			c->session.socket, call->namespace, call->id);
		c->unreadable++;
		return;
	}
	containerd_model_record(c->model, call->when, call->namespace, call->id,
				&record);
	containerd_record_fini(&record);
}

static void on_record_done(struct containerd *c, struct containerd_call *call,
			   const struct grpc_result *result)
{
	/* It vanished between the event and the question. */
	if (result->error == -ENOENT)
		containerd_model_record(c->model, call->when, call->namespace,
					call->id, NULL);
	else
		containerd_failed(c, result);
}

void containerd_want_record(void *arg, const char *namespace, const char *id)
{
	_cleanup_(buf_fini) struct buf request = BUF_INIT(BUF_UNBOUNDED);

	containerd_wire_get(&request, id);
	containerd_send(arg, &(struct containerd_ask_call){
				     .method = CONTAINERS "Get",
				     .namespace = namespace,
				     .id = id,
				     .request = buf_slice(&request),
				     .message = on_record,
				     .done = on_record_done,
			     });
}

/* ---- listing ------------------------------------------------------------ */

/* Who they are is not known; once told, not with every listing. */
static void tell_unreadable(struct containerd *c)
{
	size_t n = c->listing.unreadable;

	if (n > c->unreadable)
		log_error(
			"containerd: %s: records of containers that cannot be read: %zu; their traffic is that of unknown endpoints",
			c->session.socket, n);
	c->unreadable = n;
}

static void complete(struct containerd *c)
{
	size_t containers, networks;

	tell_unreadable(c);
	containerd_model_list_end(c->model, c->listing.when);
	containerd_model_count(c->model, &containers, &networks);
	session_listed(&c->session, containers, networks);
}

static void on_listed_record(struct containerd *c, struct containerd_call *call,
			     struct slice message)
{
	struct containerd_record record;

	if (read_record(message, &record) < 0) {
		c->listing.unreadable++;
		return;
	}
	containerd_model_list_record(c->model, c->listing.when, call->namespace,
				     &record);
	containerd_record_fini(&record);
}

static void on_part_done(struct containerd *c,
			 _unused_ struct containerd_call *call,
			 const struct grpc_result *result)
{
	if (containerd_failed(c, result))
		return;
	if (--c->listing.outstanding == 0)
		complete(c);
}

static void on_tasks(struct containerd *c, struct containerd_call *call,
		     struct slice message)
{
	containerd_tasks tasks;

	if (containerd_wire_tasks(message, &tasks) < 0) {
		session_fail(&c->session, -EBADMSG,
			     "%s: the list of tasks cannot be read",
			     c->session.socket);
		return;
	}
	containerd_model_list_tasks(c->model, c->listing.when, call->namespace,
				    &tasks);
	containerd_tasks_fini(&tasks);
}

void containerd_list(struct session *s)
{
	struct containerd *c = containerd_of(s);

	c->listing.when = containerd_model_now(c->model);
	c->listing.unreadable = 0;
	c->listing.outstanding = 2 * (unsigned)c->namespaces.len;
	containerd_model_list_begin(c->model);
	vec_foreach(name, &c->namespaces) {
		containerd_send(c, &(struct containerd_ask_call){
					   .method = CONTAINERS "ListStream",
					   .namespace = *name,
					   .request = SLICE(""),
					   .stream = true,
					   .message = on_listed_record,
					   .done = on_part_done,
				   });
		containerd_send(c, &(struct containerd_ask_call){
					   .method = TASKS "List",
					   .namespace = *name,
					   .request = SLICE(""),
					   .message = on_tasks,
					   .done = on_part_done,
				   });
	}
}
