/* SPDX-License-Identifier: GPL-2.0-or-later */
/* server.c - metrics over HTTP, to whoever can connect.
 *
 * A thread for each connection, so that one that waits for a hung agent keeps
 * nobody else waiting but those that ask the agent as well. libmicrohttpd ends
 * a connection that moves nothing; one that moves a byte now and then is ended
 * by its age. Each connection is closed after its answer, so age is all there
 * is to it.
 */
#include "expose/server.h"

#include <errno.h>
#include <microhttpd.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/text.h"
#include "expose/exposition.h"
#include "expose/page.h"

#define STACK_SIZE (1U << 20)
#define NS_PER_S   1000000000ULL
#define NS_PER_MS  1000000ULL

struct connection {
	int fd; /* -1: this place is free */
	uint64_t since;
};

struct server {
	struct server_options options;
	struct MHD_Daemon *daemon;
	pthread_mutex_t asking;	    /* held while the agent is asked */
	pthread_mutex_t accounting; /* of what follows */
	struct connection connections[SERVER_CLIENTS_MAX];
};

/* ---- asking the agent -------------------------------------------------- */

typedef int (*make_fn)(const char *socket, int timeout_ms, struct buf *out,
		       char **ret_error);

static struct timespec after_ms(uint64_t ms)
{
	uint64_t at = clock_monotonic() + ms * NS_PER_MS;

	return (struct timespec){ .tv_sec = (time_t)(at / NS_PER_S),
				  .tv_nsec = (long)(at % NS_PER_S) };
}

/* One at a time: what the agent spends on us is bounded, and so is what
 * getgrgid(3) of an error's text has to bear. */
static int ask(struct server *s, make_fn make, struct buf *out,
	       char **ret_error)
{
	struct timespec limit = after_ms((uint64_t)s->options.timeout_ms);
	uint64_t begin = clock_monotonic();
	int left, r;

	if (pthread_mutex_clocklock(&s->asking, CLOCK_MONOTONIC, &limit) != 0) {
		*ret_error = xstrdup(
			"earlier requests wait for bulkheadd, which does not answer");
		return -ETIMEDOUT;
	}
	left = s->options.timeout_ms -
	       (int)((clock_monotonic() - begin) / NS_PER_MS);
	r = make(s->options.socket, MAX(left, 1), out, ret_error);
	pthread_mutex_unlock(&s->asking);
	return r;
}

/* ---- answers ----------------------------------------------------------- */

static enum MHD_Result reply(struct MHD_Connection *c, unsigned status,
			     const char *type, const struct buf *body)
{
	struct slice text = buf_slice(body);
	struct MHD_Response *response = MHD_create_response_from_buffer(
		text.len, (void *)text.ptr, MHD_RESPMEM_MUST_COPY);
	enum MHD_Result r;

	if (!response)
		return MHD_NO;
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
	MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL,
				"no-store");
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW,
					"GET, HEAD");
	r = MHD_queue_response(c, status, response);
	MHD_destroy_response(response);
	return r;
}

#define PLAIN "text/plain; charset=utf-8"

static enum MHD_Result reply_text(struct MHD_Connection *c, unsigned status,
				  const char *text)
{
	_cleanup_(buf_fini) struct buf body = BUF_INIT(BUF_UNBOUNDED);

	buf_adds(&body, text);
	return reply(c, status, PLAIN, &body);
}

/* "bulkhead_up 0" is an answer: a status other than 200 would have Prometheus
 * throw it away. Why, for people, in a comment. */
static enum MHD_Result reply_metrics(struct server *s, struct MHD_Connection *c)
{
	_cleanup_(buf_fini) struct buf body = BUF_INIT(BUF_UNBOUNDED);
	_cleanup_(freep) char *error = NULL;

	if (ask(s, page_make, &body, &error) < 0) {
		if (!body.len)
			page_down(&body);
		buf_adds(&body, "# ");
		text_safe(&body, slice_of(error));
		buf_adds(&body, "\n");
	}
	return reply(c, MHD_HTTP_OK, EXPOSITION_TYPE, &body);
}

static enum MHD_Result reply_health(struct server *s, struct MHD_Connection *c)
{
	_cleanup_(buf_fini) struct buf body = BUF_INIT(BUF_UNBOUNDED);
	_cleanup_(freep) char *error = NULL;

	if (ask(s, page_health, &body, &error) == 0)
		return reply(c, MHD_HTTP_OK, PLAIN, &body);
	text_safe(&body, slice_of(error));
	buf_adds(&body, "\n");
	return reply(c, MHD_HTTP_SERVICE_UNAVAILABLE, PLAIN, &body);
}

/* Called once with the headers, then with each piece of a body, which we do not
 * read: the answer is given with the headers. */
static enum MHD_Result on_request(void *arg, struct MHD_Connection *c,
				  const char *url, const char *method,
				  _unused_ const char *version,
				  _unused_ const char *upload,
				  _unused_ size_t *upload_size,
				  _unused_ void **request)
{
	struct server *s = arg;

	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 &&
	    strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		return reply_text(c, MHD_HTTP_METHOD_NOT_ALLOWED,
				  "only GET and HEAD\n");
	if (!strcmp(url, "/metrics"))
		return reply_metrics(s, c);
	if (!strcmp(url, "/healthz"))
		return reply_health(s, c);
	if (!strcmp(url, "/"))
		return reply_text(c, MHD_HTTP_OK,
				  "bulkhead: see /metrics and /healthz\n");
	return reply_text(c, MHD_HTTP_NOT_FOUND,
			  "there are /metrics and /healthz\n");
}

/* ---- connections ------------------------------------------------------- */

static struct connection *find(struct server *s, int fd)
{
	for (size_t i = 0; i < SERVER_CLIENTS_MAX; i++)
		if (s->connections[i].fd == fd)
			return &s->connections[i];
	return NULL;
}

/* A descriptor is closed only after this was told so: under the mutex, those
 * that are noted are open. */
static void on_connection(void *arg, struct MHD_Connection *c,
			  _unused_ void **context,
			  enum MHD_ConnectionNotificationCode what)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct server *s = arg;
	struct connection *place;

	if (!info)
		return;
	pthread_mutex_lock(&s->accounting);
	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		place = find(s, -1);
		if (place)
			*place = (struct connection){ info->connect_fd,
						      clock_monotonic() };
	} else {
		place = find(s, info->connect_fd);
		if (place)
			place->fd = -1;
	}
	pthread_mutex_unlock(&s->accounting);
}

void server_tick(struct server *s)
{
	uint64_t now = clock_monotonic();

	pthread_mutex_lock(&s->accounting);
	for (size_t i = 0; i < SERVER_CLIENTS_MAX; i++) {
		struct connection *c = &s->connections[i];

		if (c->fd >= 0 && now - c->since > SERVER_LIFETIME_S * NS_PER_S)
			shutdown(c->fd, SHUT_RDWR);
	}
	pthread_mutex_unlock(&s->accounting);
}

/* ---- life -------------------------------------------------------------- */

int server_start(int fd, const struct server_options *options,
		 struct server **ret)
{
	struct server *s = xnew(struct server);

	s->options = *options;
	pthread_mutex_init(&s->asking, NULL);
	pthread_mutex_init(&s->accounting, NULL);
	for (size_t i = 0; i < SERVER_CLIENTS_MAX; i++)
		s->connections[i].fd = -1;
	errno = 0;
	s->daemon = MHD_start_daemon(
		MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL |
			MHD_USE_THREAD_PER_CONNECTION,
		0, NULL, NULL, on_request, s, MHD_OPTION_LISTEN_SOCKET, fd,
		MHD_OPTION_CONNECTION_LIMIT, SERVER_CLIENTS_MAX,
		MHD_OPTION_CONNECTION_TIMEOUT, SERVER_IDLE_S,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)SERVER_REQUEST_MAX,
		MHD_OPTION_THREAD_STACK_SIZE, (size_t)STACK_SIZE,
		MHD_OPTION_NOTIFY_CONNECTION, on_connection, s, MHD_OPTION_END);
	if (!s->daemon) {
		int r = errno ? -errno : -EIO;

		close(fd);
		server_stop(s);
		return r;
	}
	*ret = s;
	return 0;
}

void server_stop(struct server *s)
{
	if (!s)
		return;
	if (s->daemon)
		MHD_stop_daemon(s->daemon);
	pthread_mutex_destroy(&s->asking);
	pthread_mutex_destroy(&s->accounting);
	free(s);
}
