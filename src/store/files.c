/* SPDX-License-Identifier: GPL-2.0-or-later */
/* files.c - answers from files of lines.
 *
 * All lines are read for each question; what matches is kept as text until the
 * end, because a flow's last record says what becomes of it. A flow that has
 * ended before the question's time is not kept.
 */
#include <errno.h>
#include <json-c/json.h>
#include <string.h>

#include "base/alloc.h"
#include "base/base64.h"
#include "base/table.h"
#include "base/vec.h"
#include "json/json.h"
#include "store/lines.h"
#include "store/row.h"
#include "store/source_ops.h"

#define HEAD_MAX 65536

struct files {
	struct source source;
	char *path;
	source_complain_fn complain;
	void *arg;
};

static struct files *files_of(struct source *s)
{
	return container_of(s, struct files, source);
}

static void files_close(struct source *s)
{
	struct files *f = files_of(s);

	free(f->path);
	free(s->error);
	free(f);
}

/* Called with each record. Returns false to end. */
typedef bool (*record_fn)(void *arg, struct json_object *record,
			  struct row *row);

/* Returns false to end. */
static bool take_line(struct files *f, struct lines *l, struct slice line,
		      record_fn fn, void *arg)
{
	_cleanup_(json_unrefp) struct json_object *record = json_parse(line);
	_cleanup_(row_fini) struct row row = { 0 };

	if (record && row_take(record, &row) == 0)
		return fn(arg, record, &row);
	if (f->complain)
		f->complain(f->arg, lines_file(l), lines_number(l),
			    "the line is no flow record");
	return true;
}

static int each_record(struct source *s, record_fn fn, void *arg)
{
	struct files *f = files_of(s);
	_cleanup_(lines_closep) struct lines *l = NULL;
	struct slice line;
	int r = lines_open(f->path, &l);

	if (r < 0)
		return r;
	while ((r = lines_next(l, &line)) != 0) {
		if (r == 1) {
			if (!take_line(f, l, line, fn, arg))
				return 0;
		} else if (f->complain) {
			f->complain(f->arg, lines_file(l), lines_number(l),
				    r == -EMSGSIZE ? "the line is too long"
						   : strerror(-r));
		}
	}
	return 0;
}

/* ---- flows, each with its latest record -------------------------------- */

struct entry {
	UT_hash_handle hh; /* only of those with an id */
	int64_t flow_id;
	uint64_t start, stop, order;
	char *text; /* NULL: the latest record is not asked for */
	bool event;
};

struct answer {
	const struct question *question;
	struct entry *by_id;
	VEC(struct entry *) entries;
};

static void answer_fini(struct answer *a)
{
	HASH_CLEAR(hh, a->by_id);
	vec_foreach(entry, &a->entries) {
		free((*entry)->text);
		free(*entry);
	}
	vec_fini(&a->entries);
}

static char *text_of(struct json_object *record)
{
	_cleanup_(json_unrefp) struct json_object *summary =
		row_summary(record);

	return xstrdup(json_object_to_json_string_ext(
		summary,
		JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
}

static struct entry *find(struct answer *a, const struct row *row)
{
	struct entry *e = NULL;

	if (!row->texts[ROW_EVENT] && row->flow_id.is_set)
		HASH_FIND(hh, a->by_id, &row->flow_id.value,
			  sizeof(row->flow_id.value), e);
	return e;
}

static struct entry *entry_new(struct answer *a, const struct row *row)
{
	struct entry *e = xnew(struct entry);

	e->order = a->entries.len;
	e->event = row->texts[ROW_EVENT];
	vec_push(&a->entries, e);
	if (e->event || !row->flow_id.is_set)
		return e;
	e->flow_id = row->flow_id.value;
	HASH_ADD(hh, a->by_id, flow_id, sizeof(e->flow_id), e);
	return e;
}

static bool collect(void *arg, struct json_object *record, struct row *row)
{
	struct answer *a = arg;
	struct entry *e = find(a, row);
	bool wanted;

	if (e && !row->has_first)
		row->start = MIN(row->start, e->start);
	if (e && !row->has_last)
		row->stop = MAX(row->stop, e->stop);
	wanted = question_matches(a->question, row);
	if (!e && !wanted)
		return true;
	if (!e)
		e = entry_new(a, row);
	e->start = row->texts[ROW_EVENT] ? row->time : row->start;
	e->stop = row->stop;
	free(e->text);
	e->text = wanted ? text_of(record) : NULL;
	return true;
}

static int compare(const void *a, const void *b)
{
	const struct entry *x = *(struct entry *const *)a;
	const struct entry *y = *(struct entry *const *)b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	if (x->event != y->event)
		return x->event ? 1 : -1;
	return x->order < y->order ? -1 : x->order > y->order;
}

static int files_list(struct source *s, const struct question *q, source_fn fn,
		      void *arg)
{
	_cleanup_(answer_fini) struct answer a = { .question = q };
	int r = each_record(s, collect, &a);

	if (r < 0)
		return r;
	vec_sort(&a.entries, compare);
	vec_foreach(entry, &a.entries) {
		_cleanup_(json_unrefp) struct json_object *record = NULL;

		if (!(*entry)->text)
			continue;
		record = json_parse(slice_of((*entry)->text));
		if (record && !fn(arg, record))
			break;
	}
	return 0;
}

static int files_count(struct source *s, const struct question *q,
		       uint64_t *ret)
{
	_cleanup_(answer_fini) struct answer a = { .question = q };
	uint64_t n = 0;
	int r = each_record(s, collect, &a);

	if (r < 0)
		return r;
	vec_foreach(entry, &a.entries)
		n += (*entry)->text && !(*entry)->event;
	*ret = n;
	return 0;
}

static bool fold_one(void *arg, struct json_object *record)
{
	if (!*json_text(record, "event"))
		fold_add(arg, record, 1,
			 (uint64_t)json_number(record, "packets"),
			 (uint64_t)json_number(record, "bytes"));
	return true;
}

static int files_fold(struct source *s, const struct question *q,
		      struct fold *fold)
{
	return files_list(s, q, fold_one, fold);
}

/* ---- records ----------------------------------------------------------- */

struct story {
	int64_t flow_id;
	void (*fn)(void *arg, const struct source_record *r);
	void *arg;
};

static int64_t either(const struct row *row, enum row_number a,
		      enum row_number b)
{
	return row->numbers[a].is_set ? row->numbers[a].value
				      : row->numbers[b].value;
}

static bool tell(void *arg, _unused_ struct json_object *record,
		 struct row *row)
{
	const struct story *story = arg;
	struct source_record r = {
		.time = row->time,
		.seq = row->numbers[ROW_SEQ].value,
		.packets = either(row, ROW_NEW_PACKETS, ROW_PACKETS),
		.bytes = either(row, ROW_NEW_BYTES, ROW_BYTES),
		.state = row->texts[ROW_STATE] ?: "",
	};

	if (!row->texts[ROW_EVENT] && row->flow_id.is_set &&
	    row->flow_id.value == story->flow_id)
		story->fn(story->arg, &r);
	return true;
}

static int files_records(struct source *s, int64_t flow_id,
			 void (*fn)(void *arg, const struct source_record *r),
			 void *arg)
{
	struct story story = { flow_id, fn, arg };

	return each_record(s, tell, &story);
}

/* ---- packets ----------------------------------------------------------- */

struct heads {
	const struct question *question;
	bool (*fn)(void *arg, const struct source_packet *p);
	void *arg;
};

static bool show_head(void *arg, struct json_object *record, struct row *row)
{
	const struct heads *heads = arg;
	_cleanup_(buf_fini) struct buf head = BUF_INIT(HEAD_MAX);
	struct source_packet p = {
		.time = row->time,
		.link = row->packet_link ?: "ip",
		.record = record,
	};

	if (!row->packet_head || row->time < heads->question->since ||
	    row->time > heads->question->until ||
	    !question_matches(heads->question, row) ||
	    base64_decode(row->packet_head, &head) < 0)
		return true;
	p.head = buf_slice(&head);
	if (either(row, ROW_NEW_PACKETS, ROW_PACKETS) == 1)
		p.bytes = either(row, ROW_NEW_BYTES, ROW_BYTES);
	return heads->fn(heads->arg, &p);
}

static int files_packets(struct source *s, const struct question *q,
			 bool (*fn)(void *arg, const struct source_packet *p),
			 void *arg)
{
	struct heads heads = { q, fn, arg };

	return each_record(s, show_head, &heads);
}

int source_open_files(const char *path, source_complain_fn complain, void *arg,
		      struct source **ret)
{
	static const struct source_ops ops = {
		.close = files_close,
		.list = files_list,
		.count = files_count,
		.fold = files_fold,
		.records = files_records,
		.packets = files_packets,
	};
	_cleanup_(lines_closep) struct lines *probe = NULL;
	struct files *f;
	int r = lines_open(path, &probe);

	if (r < 0)
		return r;
	f = xnew(struct files);
	f->source.ops = &ops;
	f->path = xstrdup(path);
	f->complain = complain;
	f->arg = arg;
	*ret = &f->source;
	return 0;
}
