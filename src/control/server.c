/* SPDX-License-Identifier: GPL-2.0-or-later */
/* server.c - the agent's side of the control socket.
 *
 * A client has one command under way at a time; the next line is looked at
 * only when its answer has been taken whole. So a client can hold one request
 * line, one answer and no more, however much it sends and however slowly it
 * reads. A client that neither moves bytes nor waits for an answer is closed
 * after a while, and the number of clients is bounded.
 *
 * All of a client's work happens in on_client(), which the loop calls: first
 * it writes what is pending, then reads, then gives at most one command away.
 * That comes last, for the command's function may answer at once, or close the
 * whole server. An answer is only queued; writing it is the loop's next call.
 */
#include "control/server.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/log.h"
#include "bulkhead/control.h"
#include "control/listen.h"
#include "control/request.h"

/* Of CONTROL_CLIENTS_MAX, those that only root gets: whoever looks into an
 * incident finds a place. */
#define ROOT_RESERVE 8

struct client {
	struct control_server *server;
	struct client *next;
	int fd;
	struct loop_fd *watch;
	struct loop_timer *idle;
	struct control_peer peer;
	struct buf in, out;
	size_t sent; /* of out */
	struct control_call *call;
	bool eof;     /* it sends no more, but may still read */
	bool closing; /* close when all is written */
};

struct control_call {
	struct client *client; /* NULL: it has gone */
	struct control_server *server;
	struct control_call *next; /* those whose client has gone */
	struct control_peer peer;
	void (*hangup)(void *arg); /* NULL: it is answered all the same */
	void *arg;
};

struct control_server {
	struct loop *loop;
	char *path;
	int fd;
	gid_t group;
	struct loop_fd *watch;
	struct loop_timer *pause; /* of accepting, without descriptors */
	bool starved; /* the last accept failed for a lack of them */
	struct client *clients;
	struct control_call *orphans;
	unsigned n; /* of clients and orphans */
	unsigned idle_ms;
	control_fn fn;
	void *arg;
};

static void client_free(struct client *c)
{
	loop_fd_close(c->watch);
	loop_timer_close(c->idle);
	close(c->fd);
	buf_fini(&c->in);
	buf_fini(&c->out);
	free(c);
}

/* The call's client has gone. */
static void abandon(struct control_call *call)
{
	struct control_server *s = call->server;

	if (call->hangup) {
		call->hangup(call->arg);
		free(call);
		return;
	}
	call->client = NULL;
	call->next = s->orphans;
	s->orphans = call;
	s->n++;
}

static void drop(struct client *c)
{
	struct client **at = &c->server->clients;
	struct control_call *call = TAKE_PTR(c->call);

	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	c->server->n--;
	client_free(c);
	if (call)
		abandon(call);
}

static bool pending(const struct client *c)
{
	return c->sent < c->out.len;
}

static bool has_line(const struct client *c)
{
	return c->in.len && memchr(c->in.data, '\n', c->in.len);
}

/* One byte more than the longest line, so that a longer one shows. */
static bool has_room(const struct client *c)
{
	return c->in.len <= CONTROL_REQUEST_MAX;
}

static void watch(struct client *c)
{
	int events = 0;

	if (!c->eof && !c->closing && has_room(c))
		events |= LOOP_READABLE;
	/* Writable it is soon: the loop comes back for the next line. */
	if (pending(c) ||
	    (!c->call && (has_line(c) || c->eof || c->closing || !has_room(c))))
		events |= LOOP_WRITABLE;
	loop_fd_set(c->watch, events);
}

static void moved(struct client *c)
{
	loop_timer_start(c->idle, c->server->idle_ms, 0);
}

static void on_idle(void *arg)
{
	struct client *c = arg;

	/* A command may take as long as it likes, while somebody waits. */
	if (c->call && !control_peer_gone(c->fd))
		moved(c);
	else
		drop(c);
}

/* Returns 0 or -errno; the client may still have bytes pending. */
static int flush(struct client *c)
{
	ssize_t n;

	while (pending(c)) {
		n = send(c->fd, c->out.data + c->sent, c->out.len - c->sent,
			 MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 0 : -errno;
		c->sent += (size_t)n;
		moved(c);
	}
	c->sent = 0;
	buf_fini(&c->out);
	return 0;
}

/* One read, bounded by the room that is left. */
static int fill(struct client *c)
{
	char chunk[4096];
	size_t room = CONTROL_REQUEST_MAX + 1 - c->in.len;
	ssize_t n = recv(c->fd, chunk, MIN(sizeof(chunk), room), MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (n == 0) {
		c->eof = true;
		return control_peer_gone(c->fd) ? -ECONNRESET : 0;
	}
	moved(c);
	return buf_add(&c->in, chunk, (size_t)n);
}

static void answer(struct client *c, struct json_object *message)
{
	size_t n;
	const char *text = json_object_to_json_string_length(
		message,
		JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &n);

	buf_add(&c->out, text, n);
	buf_adds(&c->out, "\n");
	json_object_put(message);
	moved(c);
	watch(c);
}

static struct json_object *failure(const char *error)
{
	struct json_object *message = json_object_new_object();

	json_object_object_add(message, "ok", json_object_new_boolean(false));
	json_object_object_add(message, "error", json_object_new_string(error));
	return message;
}

/* The client broke the protocol: tell it, then let it go. */
static void refuse(struct client *c, const char *error)
{
	log_debug("control: pid %d, uid %u: %s", (int)c->peer.pid,
		  (unsigned)c->peer.uid, error);
	c->closing = true;
	answer(c, failure(error));
}

static struct control_call *call_new(struct client *c)
{
	struct control_call *call = xnew(struct control_call);

	call->client = c;
	call->server = c->server;
	call->peer = c->peer;
	return call;
}

/* Give the first line away; nothing of @c or its server may be used after. */
static void dispatch(struct client *c)
{
	const char *end = memchr(c->in.data, '\n', c->in.len);
	size_t n = (size_t)(end - c->in.data);
	_cleanup_(freep) char *command = NULL;
	struct control_server *s = c->server;
	struct json_object *arguments;
	const char *error;
	int r;

	r = control_parse_request((struct slice){ c->in.data, n }, &command,
				  &arguments, &error);
	buf_consume(&c->in, n + 1);
	if (r < 0) {
		refuse(c, error);
		return;
	}
	log_debug("control: %.64s from pid %d, uid %u", command,
		  (int)c->peer.pid, (unsigned)c->peer.uid);
	c->call = call_new(c);
	watch(c);
	s->fn(s->arg, c->call, command, arguments);
	json_object_put(arguments);
}

/* What comes next, once nothing is pending and no command is under way. */
static void advance(struct client *c)
{
	if (!c->closing && has_line(c))
		dispatch(c);
	else if (!c->closing && !has_room(c))
		refuse(c, "the request is longer than 64 KiB");
	else if (!c->closing && !c->eof)
		watch(c);
	else
		drop(c);
}

static void on_client(void *arg, int events, int error)
{
	struct client *c = arg;
	int r = error;

	if (r == 0)
		r = flush(c);
	if (r == 0 && (events & LOOP_READABLE) && !c->closing && !c->eof &&
	    has_room(c))
		r = fill(c);
	if (r < 0)
		drop(c);
	else if (pending(c) || c->call)
		watch(c);
	else
		advance(c);
}

/* Too early for a client: one attempt to say why, then it is closed. */
static void turn_away(int fd, const char *error)
{
	_cleanup_(buf_fini) struct buf line = BUF_INIT(512);
	ssize_t n;

	buf_addf(&line, "{\"ok\":false,\"error\":\"%s\"}\n", error);
	n = send(fd, line.data, line.len, MSG_NOSIGNAL | MSG_DONTWAIT);
	(void)n; /* it may be gone already */
	close(fd);
}

static const char *objection(const struct control_server *s, int fd,
			     const struct control_peer *peer)
{
	unsigned reserve = peer->uid == 0 ? 0 : ROOT_RESERVE;

	if (!control_peer_allowed(fd, peer, s->group)) {
		log_warning(
			"control: refused pid %d, uid %u: neither root nor in the socket's group",
			(int)peer->pid, (unsigned)peer->uid);
		return "only root and the socket's group may ask";
	}
	if (s->n + reserve >= CONTROL_CLIENTS_MAX)
		return "too many clients are connected: try again later";
	return NULL;
}

static void client_new(struct control_server *s, int fd,
		       const struct control_peer *peer)
{
	struct client *c = xnew(struct client);

	c->server = s;
	c->fd = fd;
	c->peer = *peer;
	c->in = BUF_INIT(CONTROL_REQUEST_MAX + 1);
	c->out = BUF_INIT(BUF_UNBOUNDED);
	c->watch = loop_fd_new(s->loop, fd, LOOP_READABLE, on_client, c);
	c->idle = loop_timer_new(s->loop, on_idle, c);
	c->next = s->clients;
	s->clients = c;
	s->n++;
	moved(c);
}

static void on_pause_over(void *arg)
{
	struct control_server *s = arg;

	loop_fd_set(s->watch, LOOP_READABLE);
}

/* Without descriptors the connection stays, and would wake the loop again and
 * again: look away for a second. */
static void accept_failed(struct control_server *s, int error)
{
	if (error != EMFILE && error != ENFILE && error != ENOBUFS &&
	    error != ENOMEM)
		return;
	if (!s->starved)
		log_warning("control: cannot accept clients: %s",
			    strerror(error));
	s->starved = true;
	loop_fd_set(s->watch, 0);
	loop_timer_start(s->pause, 1000, 0);
}

static void on_connection(void *arg, _unused_ int events, _unused_ int error)
{
	struct control_server *s = arg;
	struct control_peer peer;
	const char *why;
	int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0) {
		accept_failed(s, errno);
		return;
	}
	if (s->starved)
		log_info("control: clients are accepted again");
	s->starved = false;
	if (control_peer(fd, &peer) < 0) {
		close(fd);
		return;
	}
	why = objection(s, fd, &peer);
	if (why)
		turn_away(fd, why);
	else
		client_new(s, fd, &peer);
}

int control_listen(struct loop *loop, const char *path, gid_t group,
		   control_fn fn, void *arg, struct control_server **ret)
{
	gid_t owner = group == (gid_t)-1 ? getegid() : group;
	struct control_server *s;
	int fd, r;

	r = control_socket(path, owner, &fd);
	if (r < 0)
		return r;
	s = xnew(struct control_server);
	s->loop = loop;
	s->path = xstrdup(path);
	s->fd = fd;
	s->group = owner;
	s->idle_ms = CONTROL_IDLE_MS;
	s->fn = fn;
	s->arg = arg;
	s->watch = loop_fd_new(loop, fd, LOOP_READABLE, on_connection, s);
	s->pause = loop_timer_new(loop, on_pause_over, s);
	*ret = s;
	return 0;
}

void control_set_idle(struct control_server *s, unsigned ms)
{
	s->idle_ms = ms;
}

void control_close(struct control_server *s)
{
	if (!s)
		return;
	while (s->clients) {
		if (s->clients->call)
			s->clients->call->hangup = NULL;
		drop(s->clients);
	}
	while (s->orphans) {
		struct control_call *call = s->orphans;

		s->orphans = call->next;
		free(call);
	}
	loop_fd_close(s->watch);
	loop_timer_close(s->pause);
	close(s->fd);
	control_socket_remove(s->path);
	free(s->path);
	free(s);
}

unsigned control_clients(const struct control_server *s)
{
	return s->n;
}

uid_t control_call_uid(const struct control_call *call)
{
	return call->peer.uid;
}

pid_t control_call_pid(const struct control_call *call)
{
	return call->peer.pid;
}

void control_call_on_hangup(struct control_call *call, void (*fn)(void *arg),
			    void *arg)
{
	call->hangup = fn;
	call->arg = arg;
}

/* Takes the message's reference and frees the call. */
static void finish(struct control_call *call, struct json_object *message)
{
	struct client *c = call->client;
	struct control_call **at = &call->server->orphans;

	if (c) {
		c->call = NULL;
		answer(c, message);
	} else {
		while (*at != call)
			at = &(*at)->next;
		*at = call->next;
		call->server->n--;
		json_object_put(message);
	}
	free(call);
}

void control_reply(struct control_call *call, struct json_object *result)
{
	struct json_object *message = json_object_new_object();

	json_object_object_add(message, "ok", json_object_new_boolean(true));
	json_object_object_add(message, "result", result);
	finish(call, message);
}

void control_fail(struct control_call *call, const char *fmt, ...)
{
	_cleanup_(buf_fini) struct buf error = BUF_INIT(BUF_UNBOUNDED);
	va_list args;

	va_start(args, fmt);
	buf_addv(&error, fmt, args);
	va_end(args);
	finish(call, failure(buf_str(&error)));
}
