/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wire.c - containerd's answers as plain structs, and our requests. */
#include "runtime/containerd/wire.h"

#include <errno.h>

#include "base/alloc.h"
#include "runtime/bounds.h"
#include "runtime/containerd/message.h"
#include "runtime/containerd/nerdctl.h"
#include "runtime/containerd/spec.h"

#define IMAGE_MAX   512
#define VERSION_MAX 64
/* Fields of one record: each becomes some hundred bytes of memory, whatever it
 * takes on the wire. */
#define FIELDS_MAX 8192

/* ---- records ------------------------------------------------------------ */

/* A varint at the front of @bytes, taken away; false when there is none. */
static bool take_varint(struct slice *bytes, uint64_t *ret)
{
	uint64_t value = 0;

	for (unsigned shift = 0; shift < 64 && bytes->len; shift += 7) {
		uint8_t b = (uint8_t)bytes->ptr[0];

		*bytes = (struct slice){ bytes->ptr + 1, bytes->len - 1 };
		value |= (uint64_t)(b & 0x7f) << shift;
		if (!(b & 0x80)) {
			*ret = value;
			return true;
		}
	}
	return false;
}

static bool skip(struct slice *bytes, uint64_t n)
{
	if (n > bytes->len)
		return false;
	*bytes = (struct slice){ bytes->ptr + n, bytes->len - n };
	return true;
}

/* One field at the front of @bytes, taken away. @ret is its content when it is
 * of bytes, else empty. */
static bool take_field(struct slice *bytes, uint64_t *ret_number,
		       struct slice *ret)
{
	uint64_t tag, n;

	*ret = (struct slice){ "", 0 };
	if (!take_varint(bytes, &tag))
		return false;
	*ret_number = tag >> 3;
	switch (tag & 7) {
	case 0:
		return take_varint(bytes, &n);
	case 1:
		return skip(bytes, 8);
	case 2:
		if (!take_varint(bytes, &n) || n > bytes->len)
			return false;
		*ret = (struct slice){ bytes->ptr, n };
		return skip(bytes, n);
	case 5:
		return skip(bytes, 4);
	default: /* groups are long gone */
		return false;
	}
}

static bool count_fields(struct slice record, size_t *n)
{
	struct slice content;
	uint64_t number;

	while (record.len && *n <= FIELDS_MAX) {
		(*n)++;
		if (!take_field(&record, &number, &content))
			return false;
	}
	return true;
}

/* How many fields the record in @message has, which is its field 1; before
 * memory is spent. */
static bool has_few_fields(struct slice message)
{
	struct slice content;
	uint64_t number;
	size_t n = 0;

	while (message.len && n <= FIELDS_MAX) {
		n++;
		if (!take_field(&message, &number, &content) ||
		    (number == 1 && !count_fields(content, &n)))
			return false;
	}
	return n <= FIELDS_MAX;
}

/* Of the whole value: what is kept of it for selectors is too short. */
static void read_nerdctl(struct containerd_record *r, const Pb__Label *l)
{
	struct slice value = slice_of(l->value);

	if (!strcmp(l->key, NERDCTL_PORTS)) {
		nerdctl_ports(value, r);
	} else if (!strcmp(l->key, NERDCTL_NETWORKS)) {
		free(r->network);
		r->network = nerdctl_only_network(value);
	} else if (!strcmp(l->key, NERDCTL_STATE_DIR) && value.len &&
		   value.ptr[0] == '/') {
		free(r->state_dir);
		r->state_dir = xstrdup(l->value);
	}
}

static void add_label(struct containerd_record *r, const Pb__Label *l)
{
	size_t n = strlen(l->value);
	enum bounds_label keep = bounds_label(l->key, l->value, n);

	if (keep == BOUNDS_LEFT_OUT) {
		r->cut_own += bounds_own_label(l->key);
		return;
	}
	if (keep == BOUNDS_CUT)
		n = BOUNDS_VALUE;
	vec_push(&r->labels,
		 (struct label){ xstrdup(l->key), xstrndup(l->value, n) });
}

static void add_labels(struct containerd_record *r, const Pb__Container *c)
{
	if (c->n_labels > BOUNDS_LABELS) {
		r->overlabelled = true;
		return;
	}
	for (size_t i = 0; i < c->n_labels; i++) {
		read_nerdctl(r, c->labels[i]);
		add_label(r, c->labels[i]);
	}
}

static int read_record(const Pb__Container *c, struct containerd_record *ret)
{
	struct containerd_record r = { 0 };
	struct containerd_spec spec = { 0 };

	if (!c || !is_id(c->id))
		return -EBADMSG;
	/* A record may be made without one; its task cannot. */
	if (c->spec && c->spec->value.len &&
	    containerd_spec_parse(bytes_of(&c->spec->value), &spec) < 0)
		return -EBADMSG;
	r.id = xstrdup(c->id);
	r.image = xstrndup(c->image, strnlen(c->image, IMAGE_MAX));
	r.host_network = spec.host_network;
	r.joins_network = spec.joins_network;
	r.created = time_of(c->created_at);
	r.escapable = spec.escapable;
	add_labels(&r, c);
	*ret = r;
	return 0;
}

int containerd_wire_record(struct slice message, struct containerd_record *ret)
{
	_cleanup_(unpackedp) Pb__GetContainerResponse *m =
		has_few_fields(message)
			? unpack(&pb__get_container_response__descriptor,
				 message)
			: NULL;

	return m ? read_record(m->container, ret) : -EBADMSG;
}

void containerd_record_fini(struct containerd_record *r)
{
	vec_foreach(l, &r->labels) {
		free((char *)l->key);
		free((char *)l->value);
	}
	vec_fini(&r->labels);
	vec_fini(&r->published);
	free(r->id);
	free(r->image);
	free(r->escapable);
	free(r->network);
	free(r->state_dir);
	*r = (struct containerd_record){ 0 };
}

/* ---- lists -------------------------------------------------------------- */

/* Pausing is an act upon a running task; what is unknown is no task yet. */
static bool state_of(int status, enum containerd_task_state *ret)
{
	switch (status) {
	case 1:
		*ret = CONTAINERD_TASK_WAITING;
		return true;
	case 2:
	case 4:
	case 5:
		*ret = CONTAINERD_TASK_RUNNING;
		return true;
	case 3:
		*ret = CONTAINERD_TASK_STOPPED;
		return true;
	default: /* what a shim could not tell */
		return false;
	}
}

int containerd_wire_tasks(struct slice message, containerd_tasks *ret)
{
	_cleanup_(unpackedp) Pb__ListTasksResponse *m =
		unpack(&pb__list_tasks_response__descriptor, message);
	containerd_tasks list = { 0 };

	if (!m)
		return -EBADMSG;
	for (size_t i = 0; i < m->n_tasks; i++) {
		const Pb__Task *t = m->tasks[i];
		const char *id = t->container_id[0] ? t->container_id : t->id;
		struct containerd_task task = { .pid = t->pid };

		if (!is_id(id)) {
			containerd_tasks_fini(&list);
			return -EBADMSG;
		}
		if (!state_of(t->status, &task.state))
			continue;
		task.id = xstrdup(id);
		vec_push(&list, task);
	}
	*ret = list;
	return 0;
}

void containerd_tasks_fini(containerd_tasks *list)
{
	vec_foreach(t, list)
		free(t->id);
	vec_fini(list);
}

int containerd_wire_namespaces(struct slice message, containerd_names *ret)
{
	_cleanup_(unpackedp) Pb__ListNamespacesResponse *m =
		unpack(&pb__list_namespaces_response__descriptor, message);

	if (!m)
		return -EBADMSG;
	*ret = (containerd_names){ 0 };
	for (size_t i = 0; i < m->n_namespaces; i++)
		vec_push(ret, xstrdup(m->namespaces[i]->name));
	return 0;
}

void containerd_names_fini(containerd_names *list)
{
	vec_foreach(name, list)
		free(*name);
	vec_fini(list);
}

int containerd_wire_version(struct slice message, char **ret)
{
	_cleanup_(unpackedp) Pb__VersionResponse *m =
		unpack(&pb__version_response__descriptor, message);

	if (!m || !m->version[0] || strlen(m->version) > VERSION_MAX)
		return -EBADMSG;
	*ret = xstrdup(m->version);
	return 0;
}

/* ---- requests ----------------------------------------------------------- */

static void pack(struct buf *out, const ProtobufCMessage *m)
{
	size_t n = protobuf_c_message_get_packed_size(m);
	_cleanup_(freep) uint8_t *bytes = xcalloc(1, n + 1);

	protobuf_c_message_pack(m, bytes);
	buf_add(out, bytes, n);
}

void containerd_wire_subscribe(struct buf *out, char *const *filters, size_t n)
{
	Pb__SubscribeRequest m = PB__SUBSCRIBE_REQUEST__INIT;

	m.filters = (char **)filters;
	m.n_filters = n;
	pack(out, &m.base);
}

void containerd_wire_probe(struct buf *out)
{
	Pb__PublishRequest m = PB__PUBLISH_REQUEST__INIT;
	Pb__Any nothing = PB__ANY__INIT;

	m.topic = (char *)CONTAINERD_PROBE_TOPIC;
	nothing.type_url = (char *)"google.protobuf.Empty";
	m.event = &nothing;
	pack(out, &m.base);
}

void containerd_wire_get(struct buf *out, const char *id)
{
	Pb__GetContainerRequest m = PB__GET_CONTAINER_REQUEST__INIT;

	m.id = (char *)id;
	pack(out, &m.base);
}
