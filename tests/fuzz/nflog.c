/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nflog.c - fuzz the whole way from a netlink datagram to a line of JSON. */
#include "flow/nflog.h"

#include <assert.h>
#include <stdlib.h>

#include <json-c/json.h>

#include "base/alloc.h"
#include "flow/attribute.h"
#include "flow/record.h"

#define GROUP 2748

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct endpoint *owner(_unused_ void *arg, _unused_ const struct addr *a,
			      _unused_ uint64_t realtime)
{
	return NULL;
}

static void policies(_unused_ void *arg, _unused_ const struct endpoint *e,
		     _unused_ bool ingress,
		     _unused_ void (*add)(void *to, const char *policy),
		     _unused_ void *to)
{
}

/* A line is one JSON value and a newline. */
static void check_line(struct buf *line)
{
	struct json_tokener *tok = json_tokener_new();
	struct json_object *o;

	assert(line->len && line->data[line->len - 1] == '\n');
	assert(!memchr(line->data, '\n', line->len - 1));
	json_tokener_set_flags(tok, JSON_TOKENER_STRICT |
					    JSON_TOKENER_VALIDATE_UTF8);
	o = json_tokener_parse_ex(tok, line->data, (int)line->len + 1);
	assert(json_tokener_get_error(tok) == json_tokener_success);
	json_object_put(o);
	json_tokener_free(tok);
}

static void on_packet(_unused_ void *arg, const struct flow_nflog_packet *p)
{
	static const struct flow_origin origin = { "host", "boot" };
	static const struct flow_resolver resolver = { .owner = owner,
						       .policies = policies };
	static struct flow_ifaces ifaces;
	_cleanup_(flow_record_fini) struct flow_record record = { 0 };
	_cleanup_(buf_fini) struct buf line = BUF_INIT(FLOW_LINE_MAX);

	/* Not only with a prefix of ours: the rest must hold for any. */
	deny_prefix_parse(p->prefix, &record.direction, &record.reason,
			  &record.audit);
	flow_packet_decode(p->ethertype, p->payload, &record.packet);
	record.time = record.first = record.last = p->time;
	flow_attribute_ends(p, &resolver, &record);
	flow_attribute_rest(p, &resolver, &ifaces, 1, &record);
	assert(flow_record_format(&record, &origin, &line) == 0);
	check_line(&line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(freep) char *copy = xmemdup(data, size);

	flow_nflog_parse((struct slice){ copy, size }, GROUP, on_packet, NULL);
	return 0;
}
