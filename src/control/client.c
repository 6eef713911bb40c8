/* SPDX-License-Identifier: GPL-2.0-or-later */
/* client.c - the command line's side of the control socket. */
#include "control/client.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "bulkhead/control.h"
#include "control/request.h"
#include "json/json.h"

#define NS_PER_MS 1000000ULL
#define NO_LIMIT  UINT64_MAX

static uint64_t deadline_of(int timeout_ms)
{
	if (timeout_ms < 0)
		return NO_LIMIT;
	return clock_monotonic() + (uint64_t)timeout_ms * NS_PER_MS;
}

/* Milliseconds left, rounded up, or -1 without a limit; as poll wants them. */
static int left(uint64_t deadline)
{
	uint64_t now = clock_monotonic();

	if (deadline == NO_LIMIT)
		return -1;
	if (now >= deadline)
		return 0;
	return (int)((deadline - now + NS_PER_MS - 1) / NS_PER_MS);
}

/* Returns 0, -ETIMEDOUT or -errno. */
static int wait_for(int fd, short events, uint64_t deadline)
{
	struct pollfd p = { .fd = fd, .events = events };
	int r;

	do
		r = poll(&p, 1, left(deadline));
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return -errno;
	return r == 0 ? -ETIMEDOUT : 0;
}

/* A full backlog makes connect() wait: its limit is the socket's. */
static int limit_connect(int fd, uint64_t deadline)
{
	int ms = left(deadline);
	struct timeval tv = { ms / 1000, ms % 1000 * 1000 };

	if (ms < 0)
		return 0;
	if (ms == 0)
		return -ETIMEDOUT;
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)) < 0)
		return -errno;
	return 0;
}

static int connect_to(const char *path, uint64_t deadline, int *ret_fd)
{
	_cleanup_(closep) int fd = -1;
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	size_t n = strlen(path);
	int r;

	if (!n || n >= sizeof(a.sun_path))
		return n ? -ENAMETOOLONG : -EINVAL;
	memcpy(a.sun_path, path, n);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	r = limit_connect(fd, deadline);
	if (r < 0)
		return r;
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

static int send_all(int fd, struct slice text, uint64_t deadline)
{
	ssize_t n;
	int r;

	while (text.len) {
		n = send(fd, text.ptr, text.len, MSG_NOSIGNAL);
		if (n < 0 && errno == EAGAIN) {
			r = wait_for(fd, POLLOUT, deadline);
			if (r < 0)
				return r;
		} else if (n < 0 && errno != EINTR) {
			return -errno;
		} else if (n > 0) {
			text.ptr += n;
			text.len -= (size_t)n;
		}
	}
	return 0;
}

/* Until the newline, which stays. */
static int receive_line(int fd, struct buf *line, uint64_t deadline)
{
	char chunk[65536];
	ssize_t n;
	int r;

	for (;;) {
		n = recv(fd, chunk, sizeof(chunk), 0);
		if (n == 0)
			return -ECONNRESET;
		if (n < 0 && errno == EAGAIN) {
			r = wait_for(fd, POLLIN, deadline);
			if (r < 0)
				return r;
		} else if (n < 0 && errno != EINTR) {
			return -errno;
		} else if (n > 0) {
			r = buf_add(line, chunk, (size_t)n);
			if (r < 0)
				return r;
			if (memchr(chunk, '\n', (size_t)n))
				return 0;
		}
	}
}

static int exchange(const char *path, struct slice request, uint64_t deadline,
		    struct buf *answer)
{
	_cleanup_(closep) int fd = -1;
	int r, sent;

	r = connect_to(path, deadline, &fd);
	if (r < 0)
		return r;
	/* Who is turned away finds the reason to read, although it could not
	 * send. */
	sent = send_all(fd, request, deadline);
	if (sent == -ETIMEDOUT)
		return sent;
	r = receive_line(fd, answer, deadline);
	return r < 0 && sent < 0 ? sent : r;
}

static void format_request(struct buf *line, const char *command,
			   struct json_object *arguments)
{
	struct json_object *message = json_object_new_object();

	json_object_object_add(message, "command",
			       json_object_new_string(command));
	if (arguments)
		json_object_object_add(message, "arguments",
				       json_object_get(arguments));
	buf_adds(line, json_object_to_json_string_ext(message,
						      JSON_C_TO_STRING_PLAIN));
	buf_adds(line, "\n");
	json_object_put(message);
}

/* Returns 0, -EREMOTEIO with @ret_error, or -EPROTO. */
static int read_answer(struct slice line, struct json_object **ret_result,
		       char **ret_error)
{
	struct json_object *message = json_parse(line);
	struct json_object *ok, *value;
	int r = -EPROTO;

	if (!json_object_is_type(message, json_type_object) ||
	    !json_object_object_get_ex(message, "ok", &ok))
		goto out;
	if (json_object_get_boolean(ok) &&
	    json_object_object_get_ex(message, "result", &value)) {
		*ret_result = json_object_get(value);
		r = 0;
	} else if (!json_object_get_boolean(ok) &&
		   json_object_object_get_ex(message, "error", &value)) {
		*ret_error = xstrdup(json_object_get_string(value) ?: "");
		r = -EREMOTEIO;
	}
out:
	json_object_put(message);
	return r;
}

static char *denied(const char *path)
{
	struct stat st;
	struct group *g = NULL;

	if (stat(path, &st) == 0 && st.st_gid != 0 && (st.st_mode & S_IWGRP))
		g = getgrgid(st.st_gid);
	if (g)
		return xasprintf(
			"%s: permission denied: be root or a member of group '%s'",
			path, g->gr_name);
	return xasprintf("%s: permission denied: only root may ask bulkheadd",
			 path);
}

static char *explain(const char *path, int error)
{
	switch (-error) {
	case ENOENT:
		return xasprintf(
			"bulkheadd is not running (no socket at %s): start it with 'systemctl start bulkheadd'",
			path);
	case ECONNREFUSED:
		return xasprintf(
			"bulkheadd is not running (nobody listens at %s): start it with 'systemctl start bulkheadd'",
			path);
	case EACCES:
	case EPERM:
		return denied(path);
	case ETIMEDOUT:
		return xasprintf("%s: no answer within the time limit", path);
	case ECONNRESET:
	case EPIPE:
		return xasprintf(
			"%s: bulkheadd hung up before it answered: see 'journalctl -u bulkheadd'",
			path);
	case EPROTO:
		return xasprintf("%s: the answer is no message of bulkheadd",
				 path);
	default:
		return xasprintf("%s: %s", path, strerror(-error));
	}
}

int control_request(const char *path, const char *command,
		    struct json_object *arguments, int timeout_ms,
		    struct json_object **ret_result, char **ret_error)
{
	_cleanup_(buf_fini) struct buf request = BUF_INIT(BUF_UNBOUNDED);
	_cleanup_(buf_fini) struct buf answer = BUF_INIT(CONTROL_ANSWER_MAX);
	int r;

	format_request(&request, command, arguments);
	r = exchange(path, buf_slice(&request), deadline_of(timeout_ms),
		     &answer);
	if (r == 0)
		r = read_answer(buf_slice(&answer), ret_result, ret_error);
	if (r < 0 && r != -EREMOTEIO)
		*ret_error = explain(path, r);
	return r;
}
