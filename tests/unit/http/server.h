/* SPDX-License-Identifier: GPL-2.0-or-later */
/* server.h - a small HTTP server on a unix socket, to misbehave in tests.
 *
 * A child process accepts, a grandchild serves each connection. All of them
 * end with server_stop() or with the test.
 */
#pragma once

#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* Answers one request for @path on @fd; false: close the connection. */
typedef bool (*server_fn)(int fd, const char *path);

struct server {
	char dir[32], path[64];
	pid_t pid;
};

static inline void server_bytes(int fd, const void *bytes, size_t n)
{
	const char *p = bytes;

	while (n) {
		ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);

		if (sent <= 0)
			_exit(0);
		p += sent;
		n -= (size_t)sent;
	}
}

static inline void server_send(int fd, const char *text)
{
	server_bytes(fd, text, strlen(text));
}

static inline void server_answer(int fd, const char *body)
{
	char head[128];

	snprintf(head, sizeof(head),
		 "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n",
		 strlen(body));
	server_send(fd, head);
	server_send(fd, body);
}

/* Read a request's head; false at the end of the connection. */
static inline bool server_read(int fd, char *path, size_t size)
{
	char head[8192];
	size_t n = 0;

	while (n < sizeof(head) - 1) {
		ssize_t got = read(fd, head + n, sizeof(head) - 1 - n);
		char *end;

		if (got <= 0)
			return false;
		n += (size_t)got;
		head[n] = '\0';
		if (!strstr(head, "\r\n\r\n"))
			continue;
		end = strncmp(head, "GET ", 4) ? NULL : strchr(head + 4, ' ');
		if (!end)
			return false;
		*end = '\0';
		snprintf(path, size, "%s", head + 4);
		return true;
	}
	return false;
}

/* Any function, until who knows its type calls it. */
typedef void (*server_any)(void);
/* Serves the connection @fd by @fn, in a process of its own. */
typedef void (*server_connection)(int fd, server_any fn);

static inline void server_http(int fd, server_any fn)
{
	char path[8192];

	while (server_read(fd, path, sizeof(path)) && ((server_fn)fn)(fd, path))
		;
}

static inline void server_accept(int fd, server_connection serve, server_any fn)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGCHLD, SIG_IGN);
	for (;;) {
		int connection = accept(fd, NULL, NULL);

		if (connection < 0)
			_exit(1);
		if (fork() == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			close(fd);
			serve(connection, fn);
			_exit(0);
		}
		close(connection);
	}
}

/* Listen (again) on the socket of @s. */
static inline void server_listen_by(struct server *s, server_connection serve,
				    server_any fn)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(address.sun_path, s->path, sizeof(s->path));
	unlink(s->path);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(fd, 64) < 0)
		abort();
	s->pid = fork();
	if (s->pid == 0)
		server_accept(fd, serve, fn);
	close(fd);
}

static inline void server_listen(struct server *s, server_fn fn)
{
	server_listen_by(s, server_http, (server_any)fn);
}

static inline void server_init(struct server *s)
{
	strcpy(s->dir, "/tmp/bulkhead-test-XXXXXX");
	if (!mkdtemp(s->dir))
		abort();
	snprintf(s->path, sizeof(s->path), "%s/socket", s->dir);
	s->pid = 0;
}

/* Its connections end with it; the socket file stays, as after a crash. */
static inline void server_kill(struct server *s)
{
	if (s->pid > 0) {
		kill(s->pid, SIGKILL);
		waitpid(s->pid, NULL, 0);
	}
	s->pid = 0;
}

static inline void server_stop(struct server *s)
{
	server_kill(s);
	unlink(s->path);
	rmdir(s->dir);
}
