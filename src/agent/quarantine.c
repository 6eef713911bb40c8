/* SPDX-License-Identifier: GPL-2.0-or-later */
/* quarantine.c - which containers the operator has sealed off. */
#include "agent/quarantine.h"

#include <errno.h>
#include <json-c/json.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "json/json.h"

#define FILE_NAME "quarantine.json"
#define FILE_MAX  (8U << 20)

static void entry_fini(struct quarantined *e)
{
	free(e->id);
	free(e->name);
	free(e->reason);
}

/* ---- the file ---------------------------------------------------------- */

static int take_entry(struct quarantine *q, struct json_object *o)
{
	struct quarantined e = {
		.id = xstrdup(json_text(o, "id")),
		.name = xstrdup(json_text(o, "name")),
		.reason = xstrdup(json_text(o, "reason")),
		.since = (uint64_t)json_number(o, "since"),
		.uid = (uint32_t)json_number(o, "uid"),
	};

	if (!e.id[0]) {
		entry_fini(&e);
		return -EBADMSG;
	}
	vec_push(&q->all, e);
	endpoint_store_quarantine(q->store, e.id, true);
	return 0;
}

static int read_entries(struct quarantine *q, struct slice text)
{
	_cleanup_(json_unrefp) struct json_object *o = json_parse(text);
	struct json_object *list = json_at(o, "quarantined");
	int r = list ? 0 : -EBADMSG;

	for (size_t i = 0; r == 0 && i < json_count(list); i++)
		r = take_entry(q, json_item(list, i));
	return r;
}

static struct json_object *entry_new(const struct quarantined *e)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "id", json_object_new_string(e->id));
	json_object_object_add(o, "name", json_object_new_string(e->name));
	json_object_object_add(o, "reason", json_object_new_string(e->reason));
	json_object_object_add(o, "since", json_object_new_uint64(e->since));
	json_object_object_add(o, "uid", json_object_new_int64(e->uid));
	return o;
}

static int save(const struct quarantine *q)
{
	_cleanup_(json_unrefp) struct json_object *o = json_object_new_object();
	struct json_object *list = json_object_new_array();
	const char *text;

	vec_foreach(e, &q->all)
		json_object_array_add(list, entry_new(e));
	json_object_object_add(o, "quarantined", list);
	text = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY);
	return write_file_atomically(q->path, slice_of(text));
}

int quarantine_init(struct quarantine *q, struct endpoint_store *store,
		    const char *state_dir)
{
	_cleanup_(buf_fini) struct buf text = BUF_INIT(FILE_MAX);
	int r;

	q->store = store;
	q->path = xasprintf("%s/%s", state_dir, FILE_NAME);
	r = buf_read_file(&text, q->path);
	if (r == -ENOENT)
		return 0;
	return r < 0 ? r : read_entries(q, buf_slice(&text));
}

void quarantine_fini(struct quarantine *q)
{
	vec_foreach(e, &q->all)
		entry_fini(e);
	vec_fini(&q->all);
	free(q->path);
}

/* ---- changes ----------------------------------------------------------- */

const struct quarantined *quarantine_find(const struct quarantine *q,
					  const char *id)
{
	vec_foreach(e, &q->all)
		if (!strcmp(e->id, id))
			return e;
	return NULL;
}

const struct quarantined *quarantine_find_named(const struct quarantine *q,
						const char *text)
{
	vec_foreach(e, &q->all)
		if (!strcmp(e->id, text) || !strcmp(e->name, text))
			return e;
	return NULL;
}

int quarantine_add(struct quarantine *q, const struct endpoint *e,
		   const char *reason, uid_t by)
{
	struct quarantined entry = { 0 };
	int r;

	if (quarantine_find(q, e->id))
		return 0;
	if (q->all.len == QUARANTINE_MAX)
		return -ENOSPC;
	entry.id = xstrdup(e->id);
	entry.name = xasprintf("%s/%s", e->namespace, e->name);
	entry.reason = xstrdup(reason);
	entry.since = clock_realtime();
	entry.uid = by;
	vec_push(&q->all, entry);
	r = save(q);
	if (r < 0) {
		entry_fini(&entry);
		q->all.len--;
		return r;
	}
	endpoint_store_quarantine(q->store, entry.id, true);
	return 0;
}

int quarantine_lift(struct quarantine *q, const char *text)
{
	struct quarantined entry;
	const struct quarantined *found = quarantine_find_named(q, text);
	size_t i;
	int r;

	if (!found)
		return -ENOENT;
	i = (size_t)(found - q->all.data);
	entry = *found;
	vec_remove(&q->all, i);
	r = save(q);
	if (r < 0) {
		vec_push(&q->all, entry);
		return r;
	}
	endpoint_store_quarantine(q->store, entry.id, false);
	entry_fini(&entry);
	return 0;
}
