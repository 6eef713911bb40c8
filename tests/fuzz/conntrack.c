/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conntrack.c - fuzz what takes the kernel's dump of connections apart. */
#include "firewall/conntrack.h"

#include <assert.h>
#include <stdint.h>

#include "base/alloc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_entry(void *arg, const struct conntrack_entry *e)
{
	struct slice *all = arg;
	char text[ADDR_STRLEN];

	assert(e->key.ptr >= all->ptr &&
	       e->key.ptr + e->key.len <= all->ptr + all->len);
	assert(addr_format(&e->original.src, text)[0]);
	assert(e->reply.src.family == e->original.src.family);
	assert(e->reply.dst.family == e->original.dst.family);
}

static void on_event(void *arg, const struct conntrack_entry *e,
		     _unused_ bool end)
{
	on_entry(arg, e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(freep) char *copy = xmemdup(data, size);
	struct slice all = { copy, size };
	struct conntrack_tuple tuple;

	conntrack_parse(copy, size, 1, on_entry, &all);
	conntrack_parse_events(copy, size, on_event, &all);
	if (conntrack_parse_original(all, &tuple))
		assert(addr_is_set(&tuple.dst));
	return 0;
}
