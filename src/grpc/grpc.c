/* SPDX-License-Identifier: GPL-2.0-or-later */
/* grpc.c - gRPC calls as requests of HTTP/2.
 *
 * A message may end the call: what cannot be read, or is too long, is known
 * before the server is done. The HTTP request is then cancelled and @done told
 * from here. The caller may cancel from within @message, so the request is
 * freed only when nobody is inside it any more.
 */
#include "grpc/grpc.h"

#include <errno.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/vec.h"
#include "grpc/frame.h"
#include "grpc/status.h"

#define MESSAGE_MAX (16U << 20) /* gRPC servers of Go have it as their bound */

struct grpc_request {
	struct grpc_call call;
	char *method;
	struct http_request *http; /* NULL once it has ended */
	struct frames frames;
	size_t messages;
	bool inside;	/* @message is being called */
	bool cancelled; /* from in there */
};

static void request_free(struct grpc_request *r)
{
	frames_fini(&r->frames);
	free(r->method);
	free(r);
}

static void end(struct grpc_request *r, int error, int status,
		const char *message)
{
	struct grpc_result result = { error, status, message };

	http_cancel(TAKE_PTR(r->http));
	r->call.done(r->call.arg, &result);
	request_free(r);
}

static void end_unreadable(struct grpc_request *r, int error)
{
	_cleanup_(freep) char *text = NULL;

	if (error == -EMSGSIZE)
		text = xasprintf("%s: sent a message of more than %zu bytes",
				 r->method, r->frames.max);
	else
		text = xasprintf("%s: sent a message that cannot be read",
				 r->method);
	end(r, error, -1, text);
}

/* Returns false when the call is over for it. */
static bool take_message(struct grpc_request *r, struct slice message)
{
	r->messages++;
	r->inside = true;
	r->call.message(r->call.arg, message);
	r->inside = false;
	if (!r->cancelled)
		return true;
	request_free(r);
	return false;
}

static void on_data(void *arg, struct slice bytes)
{
	struct grpc_request *r = arg;
	struct slice message;
	int got;

	while ((got = frames_next(&r->frames, &bytes, &message)) > 0) {
		if (r->messages && !r->call.stream) {
			end_unreadable(r, -EBADMSG);
			return;
		}
		if (!take_message(r, message))
			return;
	}
	if (got < 0)
		end_unreadable(r, got);
}

static bool is_complete(const struct grpc_request *r)
{
	return !frames_pending(&r->frames) && (r->call.stream || r->messages);
}

static void end_by_trailers(struct grpc_request *r,
			    const struct http_result *http)
{
	_cleanup_(freep) char *words = status_words(http->head);
	_cleanup_(freep) char *text = NULL;
	int code = status_code(http->head);
	int error = code < 0 ? -EPROTO : status_error(code);

	if (code < 0)
		text = xasprintf("%s: is no gRPC service", http->message);
	else if (error)
		text = xasprintf("%s: %s%s%s", r->method, status_name(code),
				 words[0] ? ": " : "", words);
	else if (!is_complete(r))
		text = xasprintf("%s: the answer is not complete", r->method);
	if (text && !error)
		error = -EBADMSG;
	end(r, error, code, text ? text : "");
}

static void on_done(void *arg, const struct http_result *result)
{
	struct grpc_request *r = arg;

	r->http = NULL; /* freed after this */
	if (result->error)
		end(r, result->error, -1, result->message);
	else
		end_by_trailers(r, result);
}

static void send_request(struct grpc_request *r, struct http_client *client)
{
	static const char *const fixed[] = {
		"content-type: application/grpc",
		"te: trailers",
		"user-agent: bulkhead",
	};
	_cleanup_(buf_fini) struct buf frame = BUF_INIT(BUF_UNBOUNDED);
	VEC(const char *) headers = { 0 };
	struct http_get get = { .path = r->method,
				.timeout_ms = r->call.timeout_ms,
				.keep_head = true,
				.data = on_data,
				.done = on_done,
				.arg = r };

	for (size_t i = 0; i < ARRAY_SIZE(fixed); i++)
		vec_push(&headers, fixed[i]);
	for (const char *const *m = r->call.metadata; m && *m; m++)
		vec_push(&headers, *m);
	vec_push(&headers, NULL);
	frame_add(&frame, r->call.request);
	r->http = http_post(
		client, &get,
		&(struct http_body){ headers.data, buf_slice(&frame) });
	vec_fini(&headers);
}

struct grpc_request *grpc_send(struct http_client *client,
			       const struct grpc_call *call)
{
	struct grpc_request *r = xnew(struct grpc_request);

	r->call = *call;
	r->method = xstrdup(call->method);
	r->frames = FRAMES_INIT(call->max_message ? call->max_message
						  : MESSAGE_MAX);
	send_request(r, client);
	/* Borrowed for the sending only. */
	r->call.metadata = NULL;
	r->call.request = (struct slice){ NULL, 0 };
	r->call.method = r->method;
	return r;
}

void grpc_cancel(struct grpc_request *r)
{
	if (!r)
		return;
	http_cancel(TAKE_PTR(r->http));
	if (r->inside)
		r->cancelled = true;
	else
		request_free(r);
}
