/* SPDX-License-Identifier: GPL-2.0-or-later */
/* flow_export.c - bulkhead flows export: logged packet heads as pcapng. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/flow.h"
#include "cli/flow_show.h"
#include "cli/pcapng.h"
#include "cli/text.h"
#include "json/json.h"

#define ETHERNET_HEADER 14

struct export
{
	FILE *to;
	uint64_t packets;
	bool failed;
};

/* Length by the packet's own IP header; 0 when it has none that can be read. */
static uint64_t ip_length(struct slice p)
{
	const unsigned char *b = (const unsigned char *)p.ptr;

	if (p.len >= 20 && b[0] >> 4 == 4)
		return (uint64_t)b[2] << 8 | b[3];
	if (p.len >= 40 && b[0] >> 4 == 6)
		return 40 + ((uint64_t)b[4] << 8 | b[5]);
	return 0;
}

static uint64_t original_length(const struct source_packet *p, bool ethernet)
{
	size_t header = ethernet ? ETHERNET_HEADER : 0;
	struct slice ip = p->head;
	uint64_t length;

	if (ip.len < header)
		return ip.len;
	ip.ptr += header;
	ip.len -= header;
	length = ip_length(ip);
	if (!length && p->bytes > 0)
		length = (uint64_t)p->bytes;
	return length ? length + header : p->head.len;
}

/* Who, to whom, and what became of it. */
static void add_comment(struct json_object *record, struct buf *out)
{
	_cleanup_(buf_fini) struct buf raw = BUF_INIT(BUF_UNBOUNDED);
	struct json_object *policies = json_at(record, "policies");

	flow_format_party(json_at(record, "src"), &raw);
	buf_adds(&raw, " -> ");
	flow_format_party(json_at(record, "dst"), &raw);
	buf_addf(&raw, ": %s by %s", json_text(record, "verdict"),
		 json_text(record, "direction"));
	if (*json_text(record, "reason"))
		buf_addf(&raw, ", %s", json_text(record, "reason"));
	if (json_count(policies)) {
		buf_adds(&raw, " (");
		json_join(&raw, policies);
		buf_adds(&raw, ")");
	}
	if (*json_text(record, "flow_id"))
		buf_addf(&raw, "; flow %s", json_text(record, "flow_id"));
	text_safe(out, buf_slice(&raw));
}

static bool write_packet(void *arg, const struct source_packet *p)
{
	struct export *e = arg;
	bool ethernet = !strcmp(p->link, "ethernet");
	_cleanup_(buf_fini) struct buf comment = BUF_INIT(BUF_UNBOUNDED);
	_cleanup_(buf_fini) struct buf block = BUF_INIT(BUF_UNBOUNDED);

	add_comment(p->record, &comment);
	pcapng_packet(&block, ethernet ? PCAPNG_ETHERNET : PCAPNG_IP, p->time,
		      p->head, original_length(p, ethernet),
		      buf_slice(&comment));
	e->failed = fwrite(block.data, 1, block.len, e->to) != block.len;
	e->packets++;
	return !e->failed;
}

static int export_to(struct source *source, const struct flow_options *o,
		     struct export *e)
{
	_cleanup_(buf_fini) struct buf head = BUF_INIT(BUF_UNBOUNDED);
	int status;

	pcapng_begin(&head);
	e->failed = fwrite(head.data, 1, head.len, e->to) != head.len;
	status = flow_source_status(
		source, source_packets(source, &o->question, write_packet, e));
	/* main() closes and judges standard output. */
	if (e->to != stdout && fclose(e->to) != 0)
		e->failed = true;
	if (!e->failed)
		return status;
	text_complain("%s: %s", o->pcap, strerror(errno));
	return EXIT_NO;
}

int flow_export(const struct cli *cli, const struct flow_options *o)
{
	_cleanup_(source_closep) struct source *source = NULL;
	struct flow_trouble trouble = { 0 };
	struct export e = { 0 };
	int status = flow_source_open(cli, o, &trouble, &source);

	if (status != EXIT_DONE)
		return status;
	e.to = strcmp(o->pcap, "-") ? fopen(o->pcap, "wbe") : stdout;
	if (!e.to) {
		text_complain("%s: %s", o->pcap, strerror(errno));
		return EXIT_NO;
	}
	status = export_to(source, o, &e);
	if (status != EXIT_DONE)
		return status;
	fprintf(stderr, "%llu packets\n", (unsigned long long)e.packets);
	return trouble.status;
}
