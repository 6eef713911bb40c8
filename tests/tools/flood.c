/* SPDX-License-Identifier: GPL-2.0-or-later */
/* flood.c - UDP datagrams at a steady rate, for the flow log's tests.
 *
 * usage: flood ADDRESS FIRST-PORT PORTS COUNT RATE
 *
 * Sends COUNT empty datagrams from one source port to PORTS ports of ADDRESS in
 * turn, from FIRST-PORT on, RATE a second (0: as fast as it goes), as evenly as a
 * pause of a millisecond allows. Prints how many the kernel took, and how many
 * milliseconds that was.
 */
#include <arpa/inet.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define BATCH 64

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* What comes in a millisecond. */
static unsigned batch_of(double rate)
{
	return rate <= 0 || rate >= 1000 * BATCH ? BATCH
	       : rate < 1000			 ? 1
						 : (unsigned)(rate / 1000);
}

static void pace(double start, unsigned long sent, double rate)
{
	double early = rate > 0 ? start + (double)sent / rate - now() : 0;
	struct timespec pause = { 0 };

	if (early < 0.0005)
		return;
	pause.tv_sec = (time_t)early;
	pause.tv_nsec = (long)((early - (double)pause.tv_sec) * 1e9);
	nanosleep(&pause, NULL);
}

/* Of either family: the port is at the same place. */
union place {
	struct sockaddr any;
	struct sockaddr_in four;
	struct sockaddr_in6 six;
};

static union place place_of(const char *address, socklen_t *len)
{
	union place p = { .six = { .sin6_family = AF_INET6 } };

	*len = sizeof(p.six);
	if (inet_pton(AF_INET6, address, &p.six.sin6_addr) == 1)
		return p;
	p = (union place){ .four = { .sin_family = AF_INET } };
	*len = sizeof(p.four);
	if (inet_pton(AF_INET, address, &p.four.sin_addr) != 1)
		errx(2, "no address: %s", address);
	return p;
}

int main(int argc, char **argv)
{
	static struct mmsghdr messages[BATCH];
	static union place to[BATCH];
	unsigned long first, ports, count, sent = 0;
	double rate, start;
	int fd, size = 4 << 20;

	if (argc != 6)
		errx(2, "usage: flood ADDRESS FIRST-PORT PORTS COUNT RATE");
	first = strtoul(argv[2], NULL, 10);
	ports = strtoul(argv[3], NULL, 10);
	count = strtoul(argv[4], NULL, 10);
	rate = strtod(argv[5], NULL);
	to[0] = place_of(argv[1], &messages[0].msg_hdr.msg_namelen);
	fd = socket(to[0].any.sa_family, SOCK_DGRAM, 0);
	if (fd < 0)
		err(1, "socket");
	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	for (int i = 0; i < BATCH; i++) {
		to[i] = to[0];
		messages[i].msg_hdr.msg_name = &to[i];
		messages[i].msg_hdr.msg_namelen =
			messages[0].msg_hdr.msg_namelen;
	}
	start = now();
	while (sent < count) {
		unsigned most = batch_of(rate);
		unsigned n = count - sent < most ? (unsigned)(count - sent)
						 : most;
		int done;

		for (unsigned i = 0; i < n; i++)
			to[i].four.sin_port = htons(
				(unsigned short)(first + (sent + i) % ports));
		done = sendmmsg(fd, messages, n, 0);
		if (done > 0)
			sent += (unsigned)done;
		pace(start, sent, rate);
	}
	printf("%lu %.0f\n", sent, (now() - start) * 1e3);
	return 0;
}
