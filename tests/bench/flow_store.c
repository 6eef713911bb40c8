/* SPDX-License-Identifier: GPL-2.0-or-later */
/* flow_store.c - bench: makes a flow store of N flows, and tells how fast.
 *
 * usage: bench_flow_store FILE [FLOWS [BATCH]]
 *
 * The flows are of 24 hours, of 200 containers in 20 namespaces: nine of ten
 * between containers, the others from addresses of the Internet; one of ten
 * has a second record. Then flow_questions.py asks.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "store/store.h"

#define CONTAINERS 200
#define BEGIN	   1769817600ULL
#define DAY_NS	   (86400ULL * 1000000000U)

static uint64_t state = 88172645463325252ULL;

static uint64_t random_next(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static void add_container(struct buf *out, const char *key, unsigned n,
			  unsigned port)
{
	buf_addf(
		out,
		",\"%s\":{\"ip\":\"172.18.%u.%u\",\"port\":%u,\"mac\":\"02:42:ac:12:%02x:%02x\","
		"\"container\":{\"id\":\"%064x\",\"name\":\"app-%u\",\"image\":\"registry.example/team/app-%u:1.4\","
		"\"namespace\":\"team-%u\",\"labels\":{\"app\":\"app-%u\",\"tier\":\"%s\","
		"\"com.docker.compose.project\":\"team-%u\"},\"runtime\":\"docker\"}}",
		key, n / 250, 2 + n % 250, port, n / 250, n % 250, n * 7919, n,
		n % 40, n % 20, n, n % 3 ? "back" : "front", n % 20);
}

static void add_line(struct buf *out, uint64_t i, uint64_t id, uint64_t time,
		     unsigned records)
{
	static const unsigned ports[] = { 5432, 443, 80, 6379,
					  8080, 53,  22, 9200 };
	uint64_t r = random_next();
	unsigned from = (unsigned)(id % CONTAINERS);
	unsigned to = (unsigned)(id / CONTAINERS % CONTAINERS);
	unsigned port = id % 50 ? ports[id % 8]
				: 1024 + (unsigned)(id / 50 % 60000);
	char t[CLOCK_STRLEN];

	buf_addf(
		out,
		"{\"time\":\"%s\",\"host\":\"node-1\",\"boot_id\":\"6e1d2f9c-93a1-4d5e-9f0e-1f2d3c4b5a69\",\"seq\":%" PRIu64
		",\"verdict\":\"%s\",\"direction\":\"%s\",\"reason\":\"no-policy-allows\",\"policies\":[\"team-%u/default-deny\"],\"proto\":\"tcp\"",
		clock_format(time, t), i, id % 20 ? "denied" : "audit",
		id % 2 ? "ingress" : "egress", to % 20);
	if (id % 10 == 9)
		buf_addf(out, ",\"src\":{\"ip\":\"%u.%u.%u.%u\",\"port\":%u}",
			 1 + (unsigned)(id % 200), (unsigned)(id >> 8 & 255),
			 (unsigned)(id >> 16 & 63), (unsigned)(id >> 22 & 255),
			 (unsigned)(r % 60000));
	else
		add_container(out, "src", from, 32768 + (unsigned)(r % 28000));
	add_container(out, "dst", to, port);
	buf_addf(
		out,
		",\"tcp_flags\":\"SYN\",\"iface_in\":\"br-0a1b2c3d4e5f\",\"iface_out\":\"br-0a1b2c3d4e5f\","
		"\"flow_id\":\"%016" PRIx64
		"\",\"state\":\"%s\",\"packets\":%u,\"bytes\":%u,"
		"\"new_packets\":%u,\"new_bytes\":%u,\"first\":\"%s\"",
		(uint64_t)(id * 0x9e3779b97f4a7c15ULL),
		records == 1 ? "new" : "end", records == 1 ? 1 : 4,
		records == 1 ? 60 : 240, records == 1 ? 1 : 3,
		records == 1 ? 60 : 180, t);
	buf_addf(out,
		 ",\"last\":\"%s\",\"community_id\":\"1:%08" PRIx64 "%08" PRIx64
		 "AAAAAAAAAAA=\"}\n",
		 t, r & 0xffffffff, id & 0xffffffff);
}

static int batch(struct store *s, struct buf *text, size_t n)
{
	struct slice *lines = xcalloc(n, sizeof(*lines));
	const char *at = text->data;
	int r;

	for (size_t i = 0; i < n; i++) {
		const char *end = strchr(at, '\n') + 1;

		lines[i] = (struct slice){ at, (size_t)(end - at) };
		at = end;
	}
	r = store_write(s, lines, n, NULL);
	free(lines);
	return r;
}

/* What has been done so far: flows, records, ns of each. */
struct progress {
	uint64_t flows, records, generating, writing, cpu;
};

/* ns of processor that this process has used. */
static uint64_t cpu_time(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

static double rate(uint64_t n, uint64_t ns)
{
	return (double)n * 1e9 / (double)ns;
}

/* The rates are those since @last. */
static void tell(struct store *s, const struct progress *now,
		 const struct progress *last)
{
	uint64_t records = now->records - last->records;
	struct store_size size;
	struct rusage usage;

	if (store_size(s, &size) < 0)
		return;
	getrusage(RUSAGE_SELF, &usage);
	printf("%9" PRIu64
	       " flows: %6.0f records/s, %6.0f a processor's second;"
	       " %.0f MB, %.0f bytes a flow; %ld MB resident\n",
	       now->flows, rate(records, now->writing - last->writing),
	       rate(records, now->cpu - last->cpu), (double)size.bytes / 1e6,
	       (double)size.bytes / (double)now->flows, usage.ru_maxrss / 1000);
	fflush(stdout);
}

/* The lines of some flows. Returns how many. */
static size_t add_lines(struct buf *text, uint64_t flows, size_t batch_size,
			struct progress *p)
{
	size_t n = 0;

	buf_clear(text);
	for (; n < batch_size && p->flows < flows; p->flows++) {
		uint64_t id = p->flows;
		uint64_t time =
			BEGIN * 1000000000U +
			(uint64_t)((double)DAY_NS / (double)flows * (double)id);

		add_line(text, ++p->records, id + 1, time, 1);
		n++;
		if (id % 10 == 0) {
			add_line(text, ++p->records, id + 1, time, 2);
			n++;
		}
	}
	return n;
}

static int generate(struct store *s, uint64_t flows, size_t batch_size)
{
	_cleanup_(buf_fini) struct buf text = BUF_INIT(BUF_UNBOUNDED);
	struct progress now = { 0 }, told = { 0 };

	while (now.flows < flows) {
		uint64_t began = clock_monotonic(), cpu;
		size_t n = add_lines(&text, flows, batch_size, &now);
		int r;

		now.generating += clock_monotonic() - began;
		began = clock_monotonic();
		cpu = cpu_time();
		r = batch(s, &text, n);
		now.writing += clock_monotonic() - began;
		now.cpu += cpu_time() - cpu;
		if (r < 0) {
			fprintf(stderr, "%s: %s\n", strerror(-r),
				store_error(s));
			return 1;
		}
		if (now.flows / 1000000 != told.flows / 1000000 ||
		    now.flows == flows) {
			tell(s, &now, &told);
			told = now;
		}
	}
	printf("generating %.0f s, writing %.0f s\n",
	       (double)now.generating / 1e9, (double)now.writing / 1e9);
	return 0;
}

int main(int argc, char **argv)
{
	struct store_options options = { 0 };
	struct store *s = NULL;
	uint64_t flows = argc > 2 ? strtoull(argv[2], NULL, 10) : 1000000;
	size_t batch_size = argc > 3 ? strtoul(argv[3], NULL, 10) : 1000;
	int r;

	if (argc < 2 || !flows || !batch_size) {
		fprintf(stderr, "usage: %s FILE [FLOWS [BATCH]]\n", argv[0]);
		return 2;
	}
	r = store_open(argv[1], &options, &s, NULL);
	if (r < 0) {
		fprintf(stderr, "%s: %s\n", argv[1], strerror(-r));
		return 1;
	}
	r = generate(s, flows, batch_size);
	store_close(s);
	return r;
}
