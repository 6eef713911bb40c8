/* SPDX-License-Identifier: GPL-2.0-or-later */
/* client.c - libcurl's multi interface, driven by the loop.
 *
 * libcurl tells which descriptors to watch and when to be woken; the loop
 * calls curl_multi_socket_action() in return. libcurl must not be entered from
 * its own callbacks, so those only collect. What they collected is handed out
 * afterwards by deliver(), from where a caller may do anything: start or
 * cancel requests, even free the client.
 */
#include "http/http.h"

#include <assert.h>
#include <errno.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "http/request.h"

struct http_client {
	struct loop *loop;
	char *path;
	bool h2, remote;     /* remote: @path is an origin */
	struct http_tls tls; /* its paths are owned */
	CURLM *multi;
	struct loop_timer *timer;
	struct http_request *requests;
	unsigned delivering; /* callbacks of ours under way */
	bool freed;	     /* in one of them: free when it is over */
};

/* A descriptor of libcurl's; lives until libcurl tells to forget it. */
struct watch {
	struct http_client *client;
	curl_socket_t fd;
	struct loop_fd *loop_fd;
};

static void unlink_request(struct http_request *r)
{
	struct http_client *c = r->client;

	if (r->prev)
		r->prev->next = r->next;
	else
		c->requests = r->next;
	if (r->next)
		r->next->prev = r->prev;
	curl_multi_remove_handle(c->multi, r->easy);
}

static void finish(struct http_request *r)
{
	_cleanup_(freep) char *message =
		http_request_message(r, r->client->path);
	struct http_result result = {
		.error = http_request_error(r),
		.message = message,
	};
	long status = 0;

	curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &status);
	result.status = (int)status;
	if (!http_request_streams(r))
		result.body = buf_slice(&r->body);
	if (r->get.keep_head)
		result.head = buf_slice(&r->head);
	unlink_request(r);
	r->get.done(r->get.arg, &result);
	http_request_free(r);
}

static void hand_out(struct http_request *r)
{
	_cleanup_(buf_fini) struct buf piece = r->body;

	/* The callee may cancel the request: the bytes are ours by now. */
	r->body = BUF_INIT(piece.max);
	r->get.data(r->get.arg, buf_slice(&piece));
}

static bool must_open(const struct http_request *r)
{
	return r->get.opened && !r->opened && http_request_streams(r);
}

/* Whether there is anything to tell about @r. */
static bool has_news(const struct http_request *r)
{
	return r->ended || must_open(r) ||
	       (r->body.len && http_request_streams(r));
}

static void open_stream(struct http_request *r)
{
	r->opened = true;
	r->get.opened(r->get.arg);
}

static struct http_request *next_news(const struct http_client *c)
{
	struct http_request *r = c->requests;

	while (r && !has_news(r))
		r = r->next;
	return r;
}

static void destroy(struct http_client *c)
{
	curl_multi_cleanup(c->multi);
	loop_timer_close(c->timer);
	free(c->path);
	free((char *)c->tls.ca);
	free((char *)c->tls.cert);
	free((char *)c->tls.key);
	free(c);
}

static void deliver(struct http_client *c)
{
	struct http_request *r;

	/* From the start each time: a callback may change the whole list. */
	c->delivering++;
	while ((r = next_news(c))) {
		if (must_open(r))
			open_stream(r);
		else if (r->body.len && http_request_streams(r))
			hand_out(r);
		else
			finish(r);
	}
	c->delivering--;
	if (c->freed && !c->delivering)
		destroy(c);
}

static void collect_ended(struct http_client *c)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(c->multi, &left))) {
		struct http_request *r = NULL;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &r);
		r->ended = true;
		r->code = message->data.result;
	}
}

static void act(struct http_client *c, curl_socket_t fd, int events)
{
	int running;

	curl_multi_socket_action(c->multi, fd, events, &running);
	collect_ended(c);
	deliver(c);
}

static void on_timeout(void *arg)
{
	act(arg, CURL_SOCKET_TIMEOUT, 0);
}

static int on_timer_wanted(_unused_ CURLM *multi, long ms, void *arg)
{
	struct http_client *c = arg;

	if (ms < 0)
		loop_timer_stop(c->timer);
	else
		loop_timer_start(c->timer, (uint64_t)ms, 0);
	return 0;
}

static void on_fd(void *arg, int events, int error)
{
	struct watch *w = arg;
	int bits = (events & LOOP_READABLE ? CURL_CSELECT_IN : 0) |
		   (events & LOOP_WRITABLE ? CURL_CSELECT_OUT : 0) |
		   (error ? CURL_CSELECT_ERR : 0);

	act(w->client, w->fd, bits);
}

static int on_socket_wanted(_unused_ CURL *easy, curl_socket_t fd, int what,
			    void *arg, void *socket_arg)
{
	struct http_client *c = arg;
	struct watch *w = socket_arg;
	int events = (what & CURL_POLL_IN ? LOOP_READABLE : 0) |
		     (what & CURL_POLL_OUT ? LOOP_WRITABLE : 0);

	if (what == CURL_POLL_REMOVE) {
		if (w)
			loop_fd_close(w->loop_fd);
		free(w);
		return 0;
	}
	if (w) {
		loop_fd_set(w->loop_fd, events);
		return 0;
	}
	w = xnew(struct watch);
	w->client = c;
	w->fd = fd;
	w->loop_fd = loop_fd_new(c->loop, fd, events, on_fd, w);
	curl_multi_assign(c->multi, fd, w);
	return 0;
}

static CURLM *new_multi(struct http_client *c)
{
	static bool initialised;
	CURLM *multi;

	/* TLS is set up only in a process that uses it. */
	if (!initialised)
		curl_global_init(c->remote ? CURL_GLOBAL_SSL
					   : CURL_GLOBAL_NOTHING);
	initialised = true;
	multi = curl_multi_init();
	assert(multi);
	curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket_wanted);
	curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, c);
	curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer_wanted);
	curl_multi_setopt(multi, CURLMOPT_TIMERDATA, c);
	curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)HTTP_CONNECTIONS);
	curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS,
			  (long)HTTP_PARALLEL);
	return multi;
}

static struct http_client *new_client(struct loop *loop, const char *path,
				      bool remote)
{
	struct http_client *c = xnew(struct http_client);

	c->loop = loop;
	c->path = xstrdup(path);
	c->remote = remote;
	c->timer = loop_timer_new(loop, on_timeout, c);
	c->multi = new_multi(c);
	return c;
}

struct http_client *http_client_new(struct loop *loop, const char *path)
{
	return new_client(loop, path, false);
}

struct http_client *http_client_new_h2(struct loop *loop, const char *path)
{
	struct http_client *c = new_client(loop, path, false);

	c->h2 = true;
	return c;
}

static char *copy_path(const char *path)
{
	return path ? xstrdup(path) : NULL;
}

struct http_client *http_client_new_remote(struct loop *loop,
					   const char *origin,
					   const struct http_tls *tls)
{
	struct http_client *c = new_client(loop, origin, true);

	c->tls.ca = copy_path(tls->ca);
	c->tls.cert = copy_path(tls->cert);
	c->tls.key = copy_path(tls->key);
	return c;
}

void http_client_free(struct http_client *c)
{
	if (!c)
		return;
	while (c->requests)
		http_cancel(c->requests);
	if (c->delivering)
		c->freed = true;
	else
		destroy(c);
}

static struct http_request *start(struct http_client *c,
				  const struct http_get *get,
				  const struct http_body *body)
{
	struct http_request *r = http_request_new(c, c->path, get);

	/* Fails without memory, or for a path with control bytes. */
	assert(r && (!body || http_request_post(r, body)) &&
	       (!c->h2 || http_request_h2(r)) &&
	       (!c->remote || http_request_remote(r, c->path, &c->tls)));
	r->next = c->requests;
	if (r->next)
		r->next->prev = r;
	c->requests = r;
	/* Wakes us by a timer of 0 ms, so nothing is called from here. */
	curl_multi_add_handle(c->multi, r->easy);
	return r;
}

struct http_request *http_get(struct http_client *c, const struct http_get *get)
{
	return start(c, get, NULL);
}

struct http_request *http_post(struct http_client *c,
			       const struct http_get *get,
			       const struct http_body *body)
{
	return start(c, get, body);
}

void http_cancel(struct http_request *r)
{
	if (!r)
		return;
	unlink_request(r);
	http_request_free(r);
}

char *http_encode(const char *text)
{
	static const char hex[] = "0123456789ABCDEF";
	static const char plain[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
	struct buf out = BUF_INIT(BUF_UNBOUNDED);

	for (const char *p = text; *p; p++) {
		unsigned char c = (unsigned char)*p;
		char escaped[3] = { '%', hex[c >> 4], hex[c & 15] };

		if (strchr(plain, c))
			buf_add(&out, p, 1);
		else
			buf_add(&out, escaped, sizeof(escaped));
	}
	return buf_take(&out);
}
