/* SPDX-License-Identifier: GPL-2.0-or-later */
/* event.c - containerd's events as plain structs. */
#include <errno.h>

#include "base/alloc.h"
#include "runtime/containerd/message.h"

static int set_id(struct containerd_event *e, const char *id)
{
	if (!is_id(id))
		return -EBADMSG;
	e->id = xstrdup(id);
	return 0;
}

static int read_container(struct containerd_event *e, struct slice bytes)
{
	_cleanup_(unpackedp) Pb__ContainerEvent *m =
		unpack(&pb__container_event__descriptor, bytes);

	return m ? set_id(e, m->id) : -EBADMSG;
}

static int read_create(struct containerd_event *e, struct slice bytes)
{
	_cleanup_(unpackedp)
		Pb__TaskCreate *m = unpack(&pb__task_create__descriptor, bytes);

	if (!m)
		return -EBADMSG;
	e->pid = m->pid;
	return set_id(e, m->container_id);
}

static int read_start(struct containerd_event *e, struct slice bytes)
{
	_cleanup_(unpackedp)
		Pb__TaskStart *m = unpack(&pb__task_start__descriptor, bytes);

	if (!m)
		return -EBADMSG;
	e->pid = m->pid;
	return set_id(e, m->container_id);
}

/* The processes of an exec have ids of their own. */
static void only_first_process(struct containerd_event *e, const char *id,
			       const char *container)
{
	if (id[0] && strcmp(id, container) != 0)
		e->kind = CONTAINERD_OTHER;
}

static int read_exit(struct containerd_event *e, struct slice bytes)
{
	_cleanup_(unpackedp)
		Pb__TaskExit *m = unpack(&pb__task_exit__descriptor, bytes);

	if (!m)
		return -EBADMSG;
	e->pid = m->pid;
	only_first_process(e, m->id, m->container_id);
	return set_id(e, m->container_id);
}

static int read_delete(struct containerd_event *e, struct slice bytes)
{
	_cleanup_(unpackedp)
		Pb__TaskDelete *m = unpack(&pb__task_delete__descriptor, bytes);

	if (!m)
		return -EBADMSG;
	e->pid = m->pid;
	only_first_process(e, m->id, m->container_id);
	return set_id(e, m->container_id);
}

static int read_exec(struct containerd_event *e, struct slice bytes)
{
	_cleanup_(unpackedp) Pb__TaskExecStarted *m =
		unpack(&pb__task_exec_started__descriptor, bytes);

	if (!m)
		return -EBADMSG;
	e->pid = m->pid;
	return set_id(e, m->container_id);
}

static int read_oom(struct containerd_event *e, struct slice bytes)
{
	_cleanup_(unpackedp)
		Pb__TaskOOM *m = unpack(&pb__task_oom__descriptor, bytes);

	return m ? set_id(e, m->container_id) : -EBADMSG;
}

static const struct topic {
	const char *name;
	enum containerd_event_kind kind;
	int (*read)(struct containerd_event *e, struct slice bytes);
} topics[] = {
	{ "/containers/create", CONTAINERD_CONTAINER_CHANGED, read_container },
	{ "/containers/update", CONTAINERD_CONTAINER_CHANGED, read_container },
	{ "/containers/delete", CONTAINERD_CONTAINER_DELETED, read_container },
	{ "/tasks/create", CONTAINERD_TASK_CREATED, read_create },
	{ "/tasks/start", CONTAINERD_TASK_STARTED, read_start },
	{ "/tasks/exit", CONTAINERD_TASK_EXITED, read_exit },
	{ "/tasks/delete", CONTAINERD_TASK_DELETED, read_delete },
	{ "/tasks/exec-started", CONTAINERD_EXEC_STARTED, read_exec },
	{ "/tasks/oom", CONTAINERD_OOM, read_oom },
	{ CONTAINERD_PROBE_TOPIC, CONTAINERD_PROBE, NULL },
};

static int read_topic(struct containerd_event *e, const Pb__Envelope *m)
{
	for (size_t i = 0; i < ARRAY_SIZE(topics); i++) {
		if (strcmp(topics[i].name, m->topic) != 0)
			continue;
		e->kind = topics[i].kind;
		if (!topics[i].read)
			return 0;
		return m->event ? topics[i].read(e, bytes_of(&m->event->value))
				: -EBADMSG;
	}
	return 0;
}

int containerd_wire_event(struct slice message, struct containerd_event *ret)
{
	_cleanup_(unpackedp)
		Pb__Envelope *m = unpack(&pb__envelope__descriptor, message);
	struct containerd_event e = { .kind = CONTAINERD_OTHER };
	int r;

	if (!m || !is_id(m->namespace_))
		return -EBADMSG;
	e.namespace = xstrdup(m->namespace_);
	e.time = time_of(m->timestamp);
	r = read_topic(&e, m);
	if (r < 0) {
		containerd_event_fini(&e);
		return r;
	}
	*ret = e;
	return 0;
}

void containerd_event_fini(struct containerd_event *e)
{
	free(e->namespace);
	free(e->id);
	e->namespace = e->id = NULL;
}
