/* SPDX-License-Identifier: GPL-2.0-or-later */
/* probe.c - what a container of the tests runs: serve, ask, stream.
 *
 *   probe serve PROTO:PORT...            echo on every address, log each peer
 *                                        (a UDP flow once a second)
 *   probe ask [-t MS] PROTO:ADDR:PORT... all at once, one result line each
 *   probe stream [-t MS] PROTO:ADDR:PORT one flow kept busy, until it dies
 *   probe blast [-r RATE] udp:ADDR:PORT  RATE datagrams a second on one flow,
 *                                        until standard input ends
 *
 * PROTO is tcp or udp; IPv6 addresses are written bare (tcp:fd00::2:80 means
 * port 80: the last colon counts). A result is one of
 *
 *   open      the far end answered through the connection
 *   refused   RST, or ICMP port unreachable
 *   closed    connected, but closed or reset without an answer
 *   mute      connected, but without an answer in time
 *   timeout   nothing came back at all
 *   or an errno's name, such as EHOSTUNREACH
 *
 * blast says "up" at its first answer and, in the end, "sent N answered N gap MS
 * last MS": the longest time without an answer, and when the last one came. It
 * keeps at most BLAST_WINDOW of an answered flow's datagrams on their way, so
 * that no queue of a busy machine overflows: what is missing was dropped.
 * "open" takes an echo and not just a connection, because docker-proxy accepts
 * before it knows whether it gets through. Statically linked, no resolver.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define TARGETS_MAX	 2048
#define PING		 "ping\n"
#define STREAM_MS	 20
#define BLAST_WINDOW	 64
#define BLAST_GIVE_UP_US 1000000

struct target {
	const char *text;
	bool tcp;
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} at;
	socklen_t size;
	int fd;
	bool connected, sent;
	const char *result;
	int64_t ms;
};

static struct target targets[TARGETS_MAX];
static struct pollfd polls[TARGETS_MAX];

static int64_t now_us(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

static _Noreturn void usage(const char *what)
{
	fprintf(stderr, "probe: cannot read '%s'\n", what);
	exit(2);
}

/* "tcp:80" without an address, "tcp:10.0.0.1:80" with one. */
static void parse_target(const char *text, bool address, struct target *t)
{
	char copy[128], *host = copy + 4, *port;

	snprintf(copy, sizeof(copy), "%s", text);
	if (strncmp(copy, "tcp:", 4) && strncmp(copy, "udp:", 4))
		usage(text);
	port = strrchr(copy, ':') + 1;
	if (address == (port == host))
		usage(text);
	t->text = text;
	t->tcp = copy[0] == 't';
	t->fd = -1;
	if (!address)
		host = "::";
	else
		port[-1] = '\0';
	if (strchr(host, ':')) {
		t->at.v6.sin6_family = AF_INET6;
		t->at.v6.sin6_port = htons((uint16_t)atoi(port));
		t->size = sizeof(t->at.v6);
		if (inet_pton(AF_INET6, host, &t->at.v6.sin6_addr) != 1)
			usage(text);
	} else {
		t->at.v4.sin_family = AF_INET;
		t->at.v4.sin_port = htons((uint16_t)atoi(port));
		t->size = sizeof(t->at.v4);
		if (inet_pton(AF_INET, host, &t->at.v4.sin_addr) != 1)
			usage(text);
	}
}

static size_t parse_targets(char **args, bool address)
{
	size_t n = 0;

	for (; *args; args++) {
		if (n == TARGETS_MAX)
			usage("so many targets");
		parse_target(*args, address, &targets[n++]);
	}
	if (!n)
		usage("no target");
	return n;
}

/* Serving */

static void log_peer(const struct target *t, const struct sockaddr_in6 *peer)
{
	char text[INET6_ADDRSTRLEN];
	const char *start = text;

	inet_ntop(AF_INET6, &peer->sin6_addr, text, sizeof(text));
	if (!strncmp(text, "::ffff:", 7))
		start += 7;
	printf("%s from %s %u at %lld\n", t->text, start,
	       ntohs(peer->sin6_port),
	       (long long)now_us(CLOCK_MONOTONIC) / 1000);
}

static void serve_open(struct target *t)
{
	int off = 0, on = 1;

	t->fd = socket(AF_INET6,
		       (t->tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK, 0);
	if (t->fd >= 0) {
		setsockopt(t->fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	} else { /* a kernel or container without IPv6 */
		t->fd = socket(
			AF_INET,
			(t->tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK, 0);
		t->at.v4 =
			(struct sockaddr_in){ .sin_family = AF_INET,
					      .sin_port = t->at.v6.sin6_port };
		t->size = sizeof(t->at.v4);
	}
	setsockopt(t->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(t->fd, &t->at.any, t->size) < 0 ||
	    (t->tcp && listen(t->fd, 512) < 0)) {
		perror(t->text);
		exit(1);
	}
}

static void serve_accept(const struct target *t, size_t *n)
{
	struct sockaddr_in6 peer = { 0 };
	socklen_t size = sizeof(peer);
	int fd = accept4(t->fd, (struct sockaddr *)&peer, &size, SOCK_NONBLOCK);

	if (fd < 0)
		return;
	log_peer(t, &peer);
	if (*n == TARGETS_MAX)
		close(fd);
	else
		polls[(*n)++] = (struct pollfd){ .fd = fd, .events = POLLIN };
}

/* A flow of 1,000 datagrams a second is worth a line a second. */
static bool told_lately(const struct target *t, const struct sockaddr_in6 *peer)
{
	static struct {
		const struct target *target;
		struct sockaddr_in6 peer;
		int64_t at;
	} told[16];
	static size_t next;
	int64_t now = now_us(CLOCK_MONOTONIC);

	for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++)
		if (told[i].target == t && now - told[i].at < 1000000 &&
		    !memcmp(&told[i].peer, peer, sizeof(*peer)))
			return true;
	told[next].target = t;
	told[next].peer = *peer;
	told[next].at = now;
	next = (next + 1) % (sizeof(told) / sizeof(told[0]));
	return false;
}

static void serve_udp(const struct target *t)
{
	struct sockaddr_in6 peer = { 0 };
	socklen_t size = sizeof(peer);
	char data[2048];
	ssize_t n = recvfrom(t->fd, data, sizeof(data), 0,
			     (struct sockaddr *)&peer, &size);

	if (n < 0)
		return;
	if (!told_lately(t, &peer))
		log_peer(t, &peer);
	sendto(t->fd, data, (size_t)n, 0, (struct sockaddr *)&peer, size);
}

/* False when the connection is over. */
static bool serve_echo(int fd)
{
	char data[4096];
	ssize_t n = recv(fd, data, sizeof(data), 0);

	if (n < 0 && errno == EAGAIN)
		return true;
	return n > 0 && send(fd, data, (size_t)n, MSG_NOSIGNAL) == n;
}

static _Noreturn void serve(char **args)
{
	size_t listening = parse_targets(args, false), n = listening;

	for (size_t i = 0; i < listening; i++) {
		serve_open(&targets[i]);
		polls[i] = (struct pollfd){ targets[i].fd, POLLIN, 0 };
	}
	puts("serving");
	for (;;) {
		poll(polls, n, -1);
		for (size_t i = n; i-- > listening;)
			if (polls[i].revents && !serve_echo(polls[i].fd)) {
				close(polls[i].fd);
				polls[i] = polls[--n];
			}
		for (size_t i = 0; i < listening; i++) {
			if (!polls[i].revents)
				continue;
			if (targets[i].tcp)
				serve_accept(&targets[i], &n);
			else
				serve_udp(&targets[i]);
		}
	}
}

/* Asking */

static const char *failure(const struct target *t, int error)
{
	if (t->tcp && t->connected)
		return "closed";
	if (error == ECONNREFUSED)
		return "refused";
	if (error == ETIMEDOUT)
		return "timeout";
	return strerrorname_np(error) ?: "unknown";
}

static void settle(struct target *t, const char *result, int64_t start)
{
	t->result = result;
	t->ms = (now_us(CLOCK_MONOTONIC) - start) / 1000;
	if (t->fd >= 0)
		close(t->fd);
	t->fd = -1;
}

static void ask_open(struct target *t, int64_t start)
{
	t->fd = socket(t->at.any.sa_family,
		       (t->tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK, 0);
	if (t->fd < 0 ||
	    (connect(t->fd, &t->at.any, t->size) < 0 && errno != EINPROGRESS))
		settle(t, failure(t, errno), start);
	else if (!t->tcp && send(t->fd, PING, strlen(PING), 0) < 0)
		settle(t, failure(t, errno), start);
	else
		t->sent = !t->tcp;
}

/* Its descriptor has something to tell. */
static void ask_step(struct target *t, int64_t start)
{
	char data[64];
	int error = 0;
	socklen_t size = sizeof(error);
	ssize_t n;

	if (!t->sent) {
		getsockopt(t->fd, SOL_SOCKET, SO_ERROR, &error, &size);
		if (!error) {
			t->connected = true;
			if (send(t->fd, PING, strlen(PING), MSG_NOSIGNAL) < 0)
				error = errno;
		}
		t->sent = true;
		if (error)
			settle(t, failure(t, error), start);
		return;
	}
	n = recv(t->fd, data, sizeof(data), 0);
	if (n > 0)
		settle(t, "open", start);
	else if (n == 0)
		settle(t, "closed", start);
	else if (errno != EAGAIN)
		settle(t, failure(t, errno), start);
}

static size_t ask_round(size_t n, int64_t start, int64_t deadline)
{
	int64_t left = (deadline - now_us(CLOCK_MONOTONIC)) / 1000;
	size_t pending = 0;

	for (size_t i = 0; i < n; i++) {
		polls[i].fd = targets[i].fd; /* -1 is skipped */
		polls[i].events = targets[i].sent ? POLLIN : POLLOUT;
		polls[i].revents = 0;
		pending += targets[i].fd >= 0;
	}
	if (!pending)
		return 0;
	poll(polls, n, left > 0 ? (int)left + 1 : 0);
	for (size_t i = 0; i < n; i++)
		if (polls[i].fd >= 0 && polls[i].revents)
			ask_step(&targets[i], start);
		else if (polls[i].fd >= 0 && left <= 0)
			settle(&targets[i],
			       targets[i].connected ? "mute" : "timeout",
			       start);
	return pending;
}

static int ask(char **args, int timeout_ms)
{
	int64_t start = now_us(CLOCK_MONOTONIC);
	size_t n = parse_targets(args, true);

	for (size_t i = 0; i < n; i++)
		ask_open(&targets[i], start);
	while (ask_round(n, start, start + 1000LL * timeout_ms))
		;
	for (size_t i = 0; i < n; i++)
		printf("%s %s %lld\n", targets[i].text, targets[i].result,
		       (long long)targets[i].ms);
	return 0;
}

/* Streaming */

static int stream_end(const char *how, int64_t last)
{
	printf("%s; last answer at %lld\n", how, (long long)last / 1000);
	return 0;
}

/* A ping every STREAM_MS; over when none was answered for @timeout_ms. */
static int stream(char **args, int timeout_ms)
{
	int64_t last = now_us(CLOCK_MONOTONIC);
	struct target *t = &targets[0];
	char data[4096];
	bool up = false;

	parse_targets(args, true);
	t->fd = socket(t->at.any.sa_family, t->tcp ? SOCK_STREAM : SOCK_DGRAM,
		       0);
	if (connect(t->fd, &t->at.any, t->size) < 0)
		return stream_end(failure(t, errno), last);
	t->connected = true;
	for (;;) {
		struct pollfd p = { t->fd, POLLIN, 0 };

		if (send(t->fd, PING, strlen(PING),
			 MSG_NOSIGNAL | MSG_DONTWAIT) < 0 &&
		    errno != EAGAIN)
			return stream_end(failure(t, errno), last);
		poll(&p, 1, STREAM_MS);
		if (p.revents) {
			ssize_t n = recv(t->fd, data, sizeof(data), 0);

			if (n <= 0)
				return stream_end(
					failure(t, n < 0 ? errno : EPIPE),
					last);
			last = now_us(CLOCK_MONOTONIC);
			if (!up)
				puts("up");
			up = true;
			usleep(STREAM_MS * 1000);
		} else if (now_us(CLOCK_MONOTONIC) - last >
			   1000LL * timeout_ms) {
			return stream_end("mute", last);
		}
	}
}

/* Blasting */

struct blast {
	int64_t start, last, gap;      /* us */
	uint64_t sent, answered, lost; /* lost: given up, out of the window */
};

static void blast_receive(struct blast *b, int fd)
{
	char data[64];

	while (recv(fd, data, sizeof(data), MSG_DONTWAIT) > 0) {
		int64_t now = now_us(CLOCK_MONOTONIC);

		if (!b->answered++)
			puts("up");
		else if (now - b->last > b->gap)
			b->gap = now - b->last;
		b->last = now;
	}
}

/* As many as are due by now, and as the window lets out. */
static void blast_send(struct blast *b, int fd, int64_t rate)
{
	int64_t now = now_us(CLOCK_MONOTONIC);
	uint64_t due = (uint64_t)((now - b->start) * rate / 1000000);

	if (b->answered && now - b->last > BLAST_GIVE_UP_US)
		b->lost = b->sent - b->answered;
	for (int i = 0; i < BLAST_WINDOW && b->sent < due; i++) {
		if (b->answered &&
		    b->sent - b->answered - b->lost >= BLAST_WINDOW)
			break;
		/* What the host refuses (EPERM) was sent and not answered. */
		(void)send(fd, PING, strlen(PING), MSG_DONTWAIT);
		b->sent++;
	}
}

static int blast(char **args, int rate)
{
	struct blast b = { .start = now_us(CLOCK_MONOTONIC) };
	struct target *t = &targets[0];
	int64_t end = INT64_MAX;
	bool over = false;

	parse_targets(args, true);
	t->fd = socket(t->at.any.sa_family, SOCK_DGRAM, 0);
	if (t->tcp || connect(t->fd, &t->at.any, t->size) < 0)
		usage(t->text);
	while (now_us(CLOCK_MONOTONIC) < end) {
		struct pollfd p[] = { { t->fd, POLLIN, 0 },
				      { over ? -1 : 0, POLLIN, 0 } };

		poll(p, 2, 1);
		over |= p[1].revents != 0;
		blast_receive(&b, t->fd);
		if (!over)
			blast_send(&b, t->fd, rate);
		else if (end == INT64_MAX || b.sent == b.answered)
			/* The answers under way still count. */
			end = b.sent == b.answered
				      ? 0
				      : now_us(CLOCK_MONOTONIC) + 500000;
	}
	printf("sent %llu answered %llu gap %lld last %lld\n",
	       (unsigned long long)b.sent, (unsigned long long)b.answered,
	       (long long)b.gap / 1000, (long long)b.last / 1000);
	return 0;
}

int main(int argc, char **argv)
{
	int timeout_ms = 1000, rate = 1000;
	char **args = argv + 2;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc < 3)
		usage("no arguments");
	if (!strcmp(args[0], "-t") && argc > 3) {
		timeout_ms = atoi(args[1]);
		args += 2;
	}
	if (!strcmp(args[0], "-r") && argc > 3) {
		rate = atoi(args[1]);
		args += 2;
	}
	if (!strcmp(argv[1], "blast"))
		return blast(args, rate);
	if (!strcmp(argv[1], "serve"))
		serve(args);
	if (!strcmp(argv[1], "ask"))
		return ask(args, timeout_ms);
	if (!strcmp(argv[1], "stream"))
		return stream(args, timeout_ms);
	usage(argv[1]);
}
