/* SPDX-License-Identifier: GPL-2.0-or-later */
/* syslog.c - records as messages of RFC 5424: a datagram each over a unix
 * socket or UDP (RFC 5426), or counted octets in a TCP stream (RFC 6587).
 *
 * TCP tells no sender what was received in the end. A batch counts as written
 * once the other machine has acknowledged its bytes and not closed the
 * connection; else it is sent again as a whole.
 */
#include "sink/syslog.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "json/json.h"
#include "sink/driver.h"
#include "sink/peer.h"
#include "sink/say.h"
#include "sink/text.h"

/* What RFC 5424 allows a header's fields. */
enum { HOST_MAX = 255, APP_MAX = 48, MSGID_MAX = 32 };

struct syslog {
	const struct sink_config *config;
	struct peer peer;
	struct buf message;
};

/* ---- a message --------------------------------------------------------- */

/* PRINTUSASCII, or the nil value. */
static void add_field(struct buf *out, const char *text, size_t max)
{
	size_t n = strnlen(text, max);

	if (!n)
		buf_adds(out, "-");
	for (size_t i = 0; i < n; i++) {
		char c = text[i];

		buf_add(out, c > ' ' && c < 127 ? &c : "?", 1);
	}
	buf_adds(out, " ");
}

/* At most six digits behind the dot. */
static void add_time(struct buf *out, const char *time)
{
	uint64_t ns;
	char text[CLOCK_STRLEN];

	if (clock_parse(time, &ns) < 0) {
		buf_adds(out, "- ");
		return;
	}
	clock_format(ns, text);
	buf_addf(out, "%.26sZ ", text);
}

void syslog_message(struct json_object *record, unsigned facility,
		    struct slice text, struct buf *out)
{
	buf_addf(out, "<%u>1 ", facility * 8 + (unsigned)say_severity(record));
	add_time(out, json_text(record, "time"));
	add_field(out, json_text(record, "host"), HOST_MAX);
	add_field(out, "bulkhead", APP_MAX);
	buf_addf(out, "%d ", (int)getpid());
	add_field(out, say_kind(record), MSGID_MAX);
	buf_adds(out, "- "); /* no structured data */
	buf_add(out, text.ptr, text.len);
}

/* ---- sending ----------------------------------------------------------- */

static int connect_peer(struct syslog *s)
{
	const struct sink_config *c = s->config;

	if (s->peer.fd >= 0 && c->transport == SINK_TCP &&
	    peer_is_gone(&s->peer))
		peer_close(&s->peer);
	if (s->peer.fd >= 0)
		return 0;
	return c->transport == SINK_UNIX
		       ? peer_open_unix(c->path, &s->peer)
		       : peer_open_network(c->transport, c->host, c->port,
					   &s->peer);
}

static int send_message(struct syslog *s)
{
	_cleanup_(freep) char *count = NULL;
	int r;

	if (s->config->transport != SINK_TCP)
		return peer_send(&s->peer, buf_slice(&s->message), -1);
	count = xasprintf("%zu ", s->message.len);
	r = peer_stream(&s->peer, slice_of(count));
	return r < 0 ? r : peer_stream(&s->peer, buf_slice(&s->message));
}

/* @line is in the sink's format, @native what the header is made of. */
static int send_line(struct syslog *s, struct slice native, struct slice line)
{
	_cleanup_(json_unrefp) struct json_object *record = json_parse(native);

	if (line.len && line.ptr[line.len - 1] == '\n')
		line.len--;
	buf_clear(&s->message);
	syslog_message(record, s->config->facility, line, &s->message);
	return send_message(s);
}

static void fail(struct syslog *s, struct sink_result *result, int error)
{
	const struct sink_config *c = s->config;

	if (c->transport == SINK_UNIX)
		sink_fail(result, "%s: %s", c->path, strerror(-error));
	else
		sink_fail(result, "%s %s:%s: %s",
			  c->transport == SINK_TCP ? "tcp" : "udp", c->host,
			  c->port, strerror(-error));
	if (error != -EMSGSIZE)
		peer_close(&s->peer);
}

static int send_lines(struct syslog *s, const struct sink_lines *native,
		      const struct sink_lines *lines, size_t *ret_sent)
{
	int r = connect_peer(s);

	while (r == 0 && *ret_sent < lines->n) {
		r = send_line(s, native->lines[*ret_sent],
			      lines->lines[*ret_sent]);
		*ret_sent += r == 0;
	}
	return r;
}

/* ---- the driver -------------------------------------------------------- */

static void *syslog_open(_unused_ struct loop *loop,
			 const struct sink_config *config,
			 _unused_ loop_fn changed, _unused_ void *arg)
{
	struct syslog *s = xnew(struct syslog);

	s->config = config;
	s->peer.fd = -1;
	s->message = BUF_INIT(BUF_UNBOUNDED);
	return s;
}

static void syslog_deliver(void *state, const struct sink_lines *lines,
			   struct sink_result *result)
{
	struct sink_formatted formatted;
	struct syslog *s = state;
	size_t sent = 0;
	int r, flushed = 0;

	sink_format_lines(s->config->format, lines, &formatted);
	r = send_lines(s, lines, &formatted.lines, &sent);
	if (s->config->transport == SINK_TCP && sent)
		flushed = peer_flush(&s->peer);
	if (flushed == 0)
		result->written = sent;
	/* Larger than any datagram can be. */
	result->refused = r == -EMSGSIZE;
	if (r < 0 || flushed < 0)
		fail(s, result, r < 0 ? r : flushed);
	sink_formatted_fini(&formatted);
}

static void syslog_close(void *state)
{
	struct syslog *s = state;

	peer_close(&s->peer);
	buf_fini(&s->message);
	free(s);
}

const struct sink_driver sink_syslog_driver = { .open = syslog_open,
						.deliver = syslog_deliver,
						.close = syslog_close };
