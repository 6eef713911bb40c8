/* SPDX-License-Identifier: GPL-2.0-or-later */
/* count.c - packets, bytes and flows by namespace, policy and reason.
 *
 * Names come from containers and files, so there is a bound: what comes after
 * FLOW_COUNTS_MAX different combinations is counted under no names.
 */
#include "flow/count.h"

#include <string.h>

#include "base/alloc.h"
#include "base/table.h"

struct row {
	char *key; /* all names, NUL-terminated each */
	struct flow_count count;
	UT_hash_handle hh;
};

struct flow_counts {
	struct row *rows;
	struct buf key; /* of the record under way */
};

struct flow_counts *flow_counts_new(void)
{
	struct flow_counts *c = xnew(struct flow_counts);

	c->key = BUF_INIT(BUF_UNBOUNDED);
	return c;
}

void flow_counts_free(struct flow_counts *c)
{
	struct row *row, *next;

	if (!c)
		return;
	HASH_ITER(hh, c->rows, row, next) {
		HASH_DEL(c->rows, row);
		free(row->key);
		free(row);
	}
	buf_fini(&c->key);
	free(c);
}

/* A name with its NUL. */
static void add_name(struct buf *key, const char *name)
{
	buf_add(key, name, strlen(name) + 1);
}

static void make_key(struct buf *key, const struct flow_record *r)
{
	const struct endpoint *decides =
		r->allowed || r->direction == DENY_INGRESS ? r->dst.owner
							   : r->src.owner;
	bool known = !r->no_reason && !r->allowed;

	buf_clear(key);
	add_name(key, decides ? decides->namespace : "");
	for (size_t i = 0; i < r->policies.len; i++)
		buf_addf(key, "%s%s", i ? "," : "", r->policies.data[i]);
	buf_add(key, "", 1);
	add_name(key, r->allowed ? "allowed" : r->audit ? "audit" : "denied");
	add_name(key, known ? deny_direction_name(r->direction) : "");
	add_name(key, known ? deny_reason_name(r->reason) : "");
}

static const char *next_name(const char **at)
{
	const char *name = *at;

	*at += strlen(name) + 1;
	return name;
}

static struct row *add_row(struct flow_counts *c)
{
	struct row *row = xnew(struct row);
	const char *at;

	row->key = xmemdup(buf_str(&c->key), c->key.len);
	at = row->key;
	row->count.namespace = next_name(&at);
	row->count.policies = next_name(&at);
	row->count.verdict = next_name(&at);
	row->count.direction = next_name(&at);
	row->count.reason = next_name(&at);
	HASH_ADD_KEYPTR(hh, c->rows, row->key, c->key.len, row);
	return row;
}

static struct row *find_row(struct flow_counts *c)
{
	struct row *row;

	HASH_FIND(hh, c->rows, buf_str(&c->key), c->key.len, row);
	if (row)
		return row;
	if (HASH_COUNT(c->rows) < FLOW_COUNTS_MAX - 1)
		return add_row(c);
	buf_clear(&c->key);
	buf_add(&c->key, "\0\0\0\0", 5);
	HASH_FIND(hh, c->rows, buf_str(&c->key), c->key.len, row);
	return row ? row : add_row(c);
}

void flow_counts_add(struct flow_counts *c, const struct flow_record *record)
{
	struct row *row;

	make_key(&c->key, record);
	row = find_row(c);
	row->count.packets += record->new_packets;
	row->count.bytes += record->new_bytes;
	row->count.flows += record->id && record->state == FLOW_NEW;
}

void flow_counts_each(const struct flow_counts *c,
		      void (*fn)(void *arg, const struct flow_count *count),
		      void *arg)
{
	const struct row *row;

	for (row = c->rows; row; row = row->hh.next)
		fn(arg, &row->count);
}
