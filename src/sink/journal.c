/* SPDX-License-Identifier: GPL-2.0-or-later */
/* journal.c - records to systemd-journald by its native protocol: a datagram of
 * fields for each, or a sealed memfd with them when it is too large.
 *
 * systemd.io/JOURNAL_NATIVE_PROTOCOL: "NAME=value\n", or for a value with a
 * newline "NAME\n", its length as 64 bits in little endian, the value, "\n".
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "base/alloc.h"
#include "json/json.h"
#include "sink/driver.h"
#include "sink/peer.h"
#include "sink/say.h"
#include "sink/text.h"

#define SOCKET "/run/systemd/journal/socket"

struct journal {
	const struct sink_config *config;
	struct peer peer;
	struct buf fields;
};

/* ---- fields ------------------------------------------------------------ */

static void add_field(struct buf *out, const char *name, struct slice value)
{
	uint64_t len = htole64(value.len);

	if (!value.len)
		return;
	buf_adds(out, name);
	if (memchr(value.ptr, '\n', value.len)) {
		buf_adds(out, "\n");
		buf_add(out, &len, sizeof(len));
	} else {
		buf_adds(out, "=");
	}
	buf_add(out, value.ptr, value.len);
	buf_adds(out, "\n");
}

static void add_text(struct buf *out, const char *name, struct json_object *o,
		     const char *key)
{
	add_field(out, name, slice_of(json_text(o, key)));
}

static void add_number(struct buf *out, const char *name, struct json_object *o,
		       const char *key)
{
	if (json_at(o, key))
		buf_addf(out, "%s=%lld\n", name,
			 (long long)json_number(o, key));
}

/* BULKHEAD_SRC_IP and so on. */
static void add_end(struct buf *out, const char *end, struct json_object *o)
{
	static const struct {
		const char *name, *key;
	} texts[] = { { "CONTAINER", "name" },
		      { "CONTAINER_ID", "id" },
		      { "NAMESPACE", "namespace" },
		      { "IMAGE", "image" } };
	struct json_object *container = json_at(o, "container");
	_cleanup_(freep) char *ip = xasprintf("BULKHEAD_%s_IP", end);
	_cleanup_(freep) char *port = xasprintf("BULKHEAD_%s_PORT", end);

	add_text(out, ip, o, "ip");
	add_number(out, port, o, "port");
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		_cleanup_(freep) char *name =
			xasprintf("BULKHEAD_%s_%s", end, texts[i].name);

		add_text(out, name, container, texts[i].key);
	}
}

static void add_message(struct buf *out, struct json_object *record)
{
	_cleanup_(buf_fini) struct buf message = BUF_INIT(BUF_UNBOUNDED);

	say_record(record, &message);
	add_field(out, "MESSAGE", buf_slice(&message));
	buf_addf(out, "PRIORITY=%d\nSYSLOG_IDENTIFIER=bulkhead\n",
		 say_severity(record));
}

static void add_record(struct buf *out, struct json_object *record)
{
	static const struct {
		const char *name, *key;
	} texts[] = { { "BULKHEAD_VERDICT", "verdict" },
		      { "BULKHEAD_EVENT", "event" },
		      { "BULKHEAD_DIRECTION", "direction" },
		      { "BULKHEAD_REASON", "reason" },
		      { "BULKHEAD_PROTO", "proto" },
		      { "BULKHEAD_FLOW_ID", "flow_id" },
		      { "BULKHEAD_STATE", "state" },
		      { "BULKHEAD_COMMUNITY_ID", "community_id" },
		      { "BULKHEAD_TIME", "time" } };
	struct json_object *policies = json_at(record, "policies");

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		add_text(out, texts[i].name, record, texts[i].key);
	add_number(out, "BULKHEAD_SEQ", record, "seq");
	add_number(out, "BULKHEAD_PACKETS", record, "packets");
	add_number(out, "BULKHEAD_BYTES", record, "bytes");
	for (size_t i = 0; i < json_count(policies); i++)
		add_field(out, "BULKHEAD_POLICY",
			  slice_of(json_item_text(policies, i)));
	add_end(out, "SRC", json_at(record, "src"));
	add_end(out, "DST", json_at(record, "dst"));
}

/* ---- sending ----------------------------------------------------------- */

/* The journal accepts only what cannot change any more. */
static int seal(struct slice bytes, int *ret)
{
	_cleanup_(closep) int fd = memfd_create(
		"bulkhead-record", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return -errno;
	if (write(fd, bytes.ptr, bytes.len) != (ssize_t)bytes.len)
		return -EIO;
	if (fcntl(fd, F_ADD_SEALS,
		  F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0)
		return -errno;
	*ret = TAKE_FD(fd);
	return 0;
}

static int send_sealed(struct journal *j)
{
	_cleanup_(closep) int fd = -1;
	int r = seal(buf_slice(&j->fields), &fd);

	return r < 0 ? r : peer_send(&j->peer, SLICE(""), fd);
}

/* @line is in the sink's format, @native what the fields are made of. */
static int send_line(struct journal *j, struct slice native, struct slice line)
{
	_cleanup_(json_unrefp) struct json_object *record = json_parse(native);
	int r;

	if (line.len && line.ptr[line.len - 1] == '\n')
		line.len--;
	buf_clear(&j->fields);
	add_message(&j->fields, record);
	add_record(&j->fields, record);
	add_field(&j->fields, "BULKHEAD_RECORD", line);
	r = peer_send(&j->peer, buf_slice(&j->fields), -1);
	return r == -EMSGSIZE || r == -ENOBUFS ? send_sealed(j) : r;
}

/* ---- the driver -------------------------------------------------------- */

static void *journal_open(_unused_ struct loop *loop,
			  const struct sink_config *config,
			  _unused_ loop_fn changed, _unused_ void *arg)
{
	struct journal *j = xnew(struct journal);

	j->config = config;
	j->peer.fd = -1;
	j->fields = BUF_INIT(BUF_UNBOUNDED);
	return j;
}

static const char *path_of(const struct journal *j)
{
	return j->config->path ? j->config->path : SOCKET;
}

static void journal_deliver(void *state, const struct sink_lines *lines,
			    struct sink_result *result)
{
	struct sink_formatted formatted;
	struct journal *j = state;
	int r = j->peer.fd < 0 ? peer_open_unix(path_of(j), &j->peer) : 0;

	sink_format_lines(j->config->format, lines, &formatted);
	while (r == 0 && result->written < lines->n) {
		size_t i = result->written;

		r = send_line(j, lines->lines[i], formatted.lines.lines[i]);
		result->written += r == 0;
	}
	sink_formatted_fini(&formatted);
	if (r == 0)
		return;
	sink_fail(result, "%s: %s", path_of(j), strerror(-r));
	peer_close(&j->peer);
}

static void journal_close(void *state)
{
	struct journal *j = state;

	peer_close(&j->peer);
	buf_fini(&j->fields);
	free(j);
}

const struct sink_driver sink_journal_driver = { .open = journal_open,
						 .deliver = journal_deliver,
						 .close = journal_close };
