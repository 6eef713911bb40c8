/* SPDX-License-Identifier: GPL-2.0-or-later */
/* source.c - a store and files give the same answers, and both the right ones:
 * random records, random questions. */
#include <errno.h>
#include <json-c/json.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <zlib.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/vec.h"
#include "json/json.h"
#include "store/source.h"
#include "store/store.h"

#define SECOND 1000000000ULL
#define BEGIN  (1769854820ULL * SECOND)

static char dir[64], db[128], file[128];

static int setup(_unused_ void **state)
{
	snprintf(dir, sizeof(dir), "/tmp/bh-source.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(db, sizeof(db), "%s/flows.db", dir);
	snprintf(file, sizeof(file), "%s/flows.jsonl", dir);
	return 0;
}

static int teardown(_unused_ void **state)
{
	_cleanup_(freep) char *command = xasprintf("rm -rf '%s'", dir);

	return system(command); /* NOLINT: a test's own directory */
}

static unsigned seed;

static unsigned pick(unsigned n)
{
	seed = seed * 1103515245 + 12345;
	return (seed >> 16) % n;
}

/* ---- records ----------------------------------------------------------- */

static void add_end(struct buf *out, const char *key, unsigned who, bool port)
{
	buf_addf(out, ",\"%s\":{\"ip\":\"%s%u\"", key,
		 who % 3 ? "172.18.0." : "fd00::", who + 1);
	if (port)
		buf_addf(out, ",\"port\":%u", 1 + who % 4);
	if (who % 4)
		buf_addf(
			out,
			",\"container\":{\"id\":\"c0ffee%02x\",\"name\":\"c%u\",\"image\":\"i\",\"namespace\":\"ns%u\","
			"\"labels\":{\"app\":\"a%u\"%s},\"runtime\":\"docker\"}",
			who, who, who % 2, who % 3,
			who % 2 ? ",\"odd\":\"yes\"" : "");
	else if (who == 8) /* as if it were an address */
		buf_adds(out, ",\"name\":\"172.18.0.2\"");
	else
		buf_addf(out, ",\"name\":\"host%u.example\"", who);
	if (who == 5)
		buf_adds(out, ",\"zone\":3");
	buf_adds(out, "}");
}

/* One flow: the same tuple whenever, with totals that grow. */
static void add_flow(struct buf *out, unsigned id, unsigned seq,
		     unsigned records)
{
	static const char *const verdicts[] = { "denied", "audit", "allowed",
						"denied" };
	unsigned from = id % 7, to = (id / 7) % 11;
	uint64_t first = BEGIN + id * 7 * SECOND;
	uint64_t last = first + (records - 1) * (1 + id % 50) * SECOND;
	char t1[CLOCK_STRLEN], t2[CLOCK_STRLEN];

	buf_addf(
		out,
		"{\"time\":\"%s\",\"host\":\"h%u\",\"boot_id\":\"b\",\"seq\":%u,\"verdict\":\"%s\"",
		clock_format(last, t1), id % 2, seq, verdicts[id % 4]);
	buf_addf(
		out,
		",\"direction\":\"%s\",\"reason\":\"%s\",\"policies\":[%s],\"proto\":\"%s\"",
		id % 2 ? "ingress" : "egress",
		id % 5 ? "no-policy-allows" : "spoofed",
		id % 3	 ? "\"ns0/p1\""
		: id % 2 ? "\"ns0/p1\",\"ns1/p2\""
			 : "",
		id % 3 ? "tcp" : "udp");
	add_end(out, "src", from, true);
	add_end(out, "dst", to, id % 9);
	if (id % 6)
		buf_addf(out, ",\"flow_id\":\"%016x\"", id);
	buf_addf(
		out,
		",\"state\":\"%s\",\"packets\":%u,\"bytes\":%u,\"new_packets\":%u,\"new_bytes\":%u",
		records == 1 ? "new" : "update", records * 2, records * 100, 2,
		100);
	buf_addf(out, ",\"first\":\"%s\",\"last\":\"%s\"",
		 clock_format(first, t1), clock_format(last, t2));
	if (id % 10 == 0)
		buf_addf(out, ",\"vlan\":%u,\"x\":[1,null,{\"y\":1.5}]", id);
	buf_adds(out, "}\n");
}

static void add_event(struct buf *out, unsigned seq, uint64_t time)
{
	static const char *const names[] = { "loss", "container-start",
					     "policy-changed" };
	char t[CLOCK_STRLEN];
	unsigned which = pick(3), who = pick(7);

	buf_addf(
		out,
		"{\"time\":\"%s\",\"host\":\"h0\",\"boot_id\":\"b\",\"seq\":%u,\"event\":\"%s\",\"level\":\"info\",\"message\":\"m%u\"",
		clock_format(time + 1, t), seq, names[which], seq);
	if (which == 1)
		buf_addf(
			out,
			",\"container\":{\"id\":\"c0ffee%02x\",\"name\":\"c%u\",\"namespace\":\"ns%u\"}",
			who, who, who % 2);
	buf_addf(out, ",\"records\":%u}\n", seq);
}

static void write_file(const char *path, struct slice text, bool packed)
{
	if (packed) {
		gzFile gz = gzopen(path, "wb");

		assert_non_null(gz);
		assert_int_equal(gzwrite(gz, text.ptr, (unsigned)text.len),
				 text.len);
		gzclose(gz);
	} else {
		FILE *f = fopen(path, "w");

		assert_non_null(f);
		assert_int_equal(fwrite(text.ptr, 1, text.len, f), text.len);
		fclose(f);
	}
}

/* All records as lines, into a file, two that it was rotated to, and a store in
 * batches. */
static void generate(unsigned flows)
{
	_cleanup_(buf_fini) struct buf text = BUF_INIT(BUF_UNBOUNDED);
	VEC(size_t) ends = { 0 };
	struct store_options options = { 0 };
	struct store *s = NULL;
	_cleanup_(freep) char *old = xasprintf("%s.2.gz", file);
	_cleanup_(freep) char *mid = xasprintf("%s.1", file);
	unsigned seq = 0;
	size_t third, at = 0;

	for (unsigned id = 0; id < flows; id++) {
		unsigned records = id % 6 ? 1 + pick(4) : 1;

		for (unsigned i = 1; i <= records; i++) {
			add_flow(&text, id, ++seq, i);
			vec_push(&ends, text.len);
		}
		if (pick(8) == 0) {
			add_event(&text, ++seq, BEGIN + id * 7 * SECOND);
			vec_push(&ends, text.len);
		}
	}
	third = ends.len / 3;
	write_file(old, (struct slice){ text.data, ends.data[third] }, true);
	write_file(mid,
		   (struct slice){ text.data + ends.data[third],
				   ends.data[2 * third] - ends.data[third] },
		   false);
	write_file(file,
		   (struct slice){ text.data + ends.data[2 * third],
				   text.len - ends.data[2 * third] },
		   false);
	assert_int_equal(store_open(db, &options, &s, NULL), 0);
	for (size_t i = 0; i < ends.len;) {
		struct slice lines[64];
		size_t n = 0;

		for (unsigned most = 1 + pick(64); n < most && i < ends.len;) {
			lines[n++] = (struct slice){ text.data + at,
						     ends.data[i] - at };
			at = ends.data[i++];
		}
		assert_int_equal(store_write(s, lines, n, NULL), 0);
	}
	store_close(s);
	vec_fini(&ends);
}

/* ---- answers ----------------------------------------------------------- */

struct answers {
	VEC(struct json_object *) records;
};

static bool keep(void *arg, struct json_object *record)
{
	struct answers *a = arg;

	vec_push(&a->records, json_object_get(record));
	return true;
}

static void answers_fini(struct answers *a)
{
	vec_foreach(record, &a->records)
		json_object_put(*record);
	vec_fini(&a->records);
}

static void complain(_unused_ void *arg, const char *where, uint64_t line,
		     const char *what)
{
	fail_msg("%s:%u: %s", where, (unsigned)line, what);
}

static void compare_lists(struct source *a, struct source *b,
			  const struct question *q, size_t *ret)
{
	_cleanup_(answers_fini) struct answers x = { 0 }, y = { 0 };

	assert_int_equal(source_list(a, q, keep, &x), 0);
	assert_int_equal(source_list(b, q, keep, &y), 0);
	assert_int_equal(x.records.len, y.records.len);
	for (size_t i = 0; i < x.records.len; i++)
		if (!json_object_equal(x.records.data[i], y.records.data[i]))
			fail_msg("%zu:\n%s\n%s", i,
				 json_object_to_json_string(x.records.data[i]),
				 json_object_to_json_string(y.records.data[i]));
	*ret += x.records.len;
}

static void compare_folds(struct fold *a, struct fold *b, unsigned fields)
{
	const struct fold_group *x, *y;
	size_t n = fold_top(a, &x);

	assert_int_equal(n, fold_top(b, &y));
	for (size_t i = 0; i < n; i++) {
		for (unsigned k = 0; k < fields; k++)
			assert_string_equal(x[i].values[k], y[i].values[k]);
		assert_int_equal(x[i].flows, y[i].flows);
		assert_int_equal(x[i].packets, y[i].packets);
		assert_int_equal(x[i].bytes, y[i].bytes);
	}
}

static void compare_tops(struct source *a, struct source *b,
			 const struct question *q)
{
	struct fold_by by = { .n = 1 + pick(3) };
	_cleanup_(fold_freep) struct fold *x = NULL, *y = NULL;
	size_t top = pick(2) ? SIZE_MAX : 1 + pick(4);

	for (unsigned i = 0; i < by.n; i++)
		by.fields[i] = (enum fold_field)pick(FOLD_FIELDS);
	x = fold_new(&by, top);
	y = fold_new(&by, top);
	assert_int_equal(source_fold(a, q, x), 0);
	assert_int_equal(source_fold(b, q, y), 0);
	compare_folds(x, y, by.n);
}

static void random_party(struct party *p)
{
	static const char *const parties[] = {
		"c1",
		"ns1/c3",
		"ns1/",
		"c0ffee02",
		"app=a1",
		"app!=a1",
		"odd,",
		"!odd",
		"app=a0,odd=yes",
		"172.18.0.0/30",
		"fd00::/16",
		"172.18.0.2",
		"host4.example",
		"0.0.0.0/0",
		"nobody",
		"app=a1,app=a2",
	};
	const char *error;

	if (pick(3) == 0)
		assert_int_equal(party_parse(parties[pick(ARRAY_SIZE(parties))],
					     p, &error),
				 0);
}

static void random_question(struct question *q, unsigned flows)
{
	q->until = UINT64_MAX;
	if (pick(2))
		q->since = BEGIN + pick(flows * 7) * SECOND;
	if (pick(3) == 0)
		q->until = q->since + pick(2000) * SECOND + BEGIN * !q->since;
	if (pick(3) == 0)
		q->verdicts = pick(8);
	random_party(&q->from);
	random_party(&q->to);
	if (pick(5) == 0) {
		q->port.is_set = true;
		q->port.port = (uint16_t)(1 + pick(5));
	}
	if (pick(5) == 0)
		q->proto = xstrdup(pick(2) ? "tcp" : "udp");
	if (pick(5) == 0)
		q->policy = xstrdup(pick(3) ? "ns0/p1" : "ns1/p2");
	if (pick(5) == 0)
		q->reason = xstrdup(pick(2) ? "spoofed" : "no-policy-allows");
	if (pick(5) == 0)
		q->direction = xstrdup(pick(2) ? "ingress" : "egress");
	if (pick(12) == 0) {
		q->has_flow_id = true;
		q->flow_id = pick(flows);
	}
	q->events = pick(2);
}

static void test_same_answers(_unused_ void **state)
{
	enum { FLOWS = 300, QUESTIONS = 40 };
	_cleanup_(source_closep) struct source *a = NULL, *b = NULL;
	size_t listed = 0;

	seed = (unsigned)clock_monotonic();
	print_message("seed %u\n", seed);
	generate(FLOWS);
	assert_int_equal(source_open_store(db, &a), 0);
	assert_int_equal(source_open_files(file, complain, NULL, &b), 0);
	for (unsigned i = 0; i < QUESTIONS; i++) {
		_cleanup_(question_fini) struct question q = { 0 };
		uint64_t x = 0, y = 1;

		random_question(&q, FLOWS);
		compare_lists(a, b, &q, &listed);
		assert_int_equal(source_count(a, &q, &x), 0);
		assert_int_equal(source_count(b, &q, &y), 0);
		assert_int_equal(x, y);
		compare_tops(a, b, &q);
	}
	assert_true(listed > QUESTIONS);
}

/* ---- sums -------------------------------------------------------------- */

struct counted {
	struct fold *fold;
	uint64_t flows;
};

static bool count_record(void *arg, struct json_object *record)
{
	struct counted *c = arg;

	if (*json_text(record, "event"))
		return true;
	c->flows++;
	fold_add(c->fold, record, 1, (uint64_t)json_number(record, "packets"),
		 (uint64_t)json_number(record, "bytes"));
	return true;
}

/* The sums of @q are those of its rows. */
static void compare_with_rows(struct source *s, const struct question *q)
{
	struct fold_by by = { .n = 1 + pick(3) };
	_cleanup_(fold_freep) struct fold *sums = NULL, *rows = NULL;
	struct counted counted = { 0 };
	uint64_t n;

	for (unsigned i = 0; i < by.n; i++)
		by.fields[i] = (enum fold_field)pick(FOLD_FIELDS);
	sums = fold_new(&by, SIZE_MAX);
	rows = fold_new(&by, SIZE_MAX);
	counted.fold = rows;
	assert_int_equal(source_list(s, q, count_record, &counted), 0);
	assert_int_equal(source_count(s, q, &n), 0);
	assert_int_equal(n, counted.flows);
	assert_int_equal(source_fold(s, q, sums), 0);
	compare_folds(sums, rows, by.n);
}

/* While the oldest go, by age and then by size. */
static void test_sums_are_of_rows(_unused_ void **state)
{
	enum { FLOWS = 250, QUESTIONS = 8 };
	struct store_options options = { .max_age = 1500 * SECOND };
	struct store *s = NULL;

	seed = (unsigned)clock_monotonic();
	print_message("seed %u\n", seed);
	generate(FLOWS);
	for (unsigned round = 0; round < 4; round++) {
		_cleanup_(source_closep) struct source *source = NULL;
		struct store_trimmed trimmed = { .more = round > 0 };

		if (round == 3)
			options.max_bytes = 180 << 10;
		assert_int_equal(store_open(db, &options, &s, NULL), 0);
		while (trimmed.more)
			assert_int_equal(
				store_trim(s,
					   BEGIN + (1400 + 400 * round) *
							   SECOND,
					   &trimmed),
				0);
		assert_int_equal(source_open_store(db, &source), 0);
		for (unsigned i = 0; i < QUESTIONS; i++) {
			_cleanup_(question_fini) struct question q = { 0 };

			random_question(&q, FLOWS);
			compare_with_rows(source, &q);
		}
		store_close(s);
	}
}

/* ---- records ----------------------------------------------------------- */

static void add_packets(void *arg, const struct source_record *r)
{
	int64_t *sum = arg;

	*sum += r->packets;
}

/* The sum of a flow's records is the flow's. */
static void test_records(_unused_ void **state)
{
	_cleanup_(source_closep) struct source *a = NULL, *b = NULL;

	seed = 1;
	generate(100);
	assert_int_equal(source_open_store(db, &a), 0);
	assert_int_equal(source_open_files(file, complain, NULL, &b), 0);
	for (int64_t id = 1; id < 100; id += 5) {
		_cleanup_(answers_fini) struct answers x = { 0 };
		struct question q = { .until = UINT64_MAX,
				      .has_flow_id = true,
				      .flow_id = id };
		int64_t of_store = 0, of_files = 0;

		if (id % 6 == 0)
			continue;
		assert_int_equal(source_records(a, id, add_packets, &of_store),
				 0);
		assert_int_equal(source_records(b, id, add_packets, &of_files),
				 0);
		assert_int_equal(of_store, of_files);
		assert_int_equal(source_list(a, &q, keep, &x), 0);
		/* Besides it, events that tell of what is missing. */
		vec_foreach(record, &x.records)
			if (*json_text(*record, "flow_id"))
				assert_int_equal(
					json_number(*record, "packets"),
					of_store);
	}
}

static void count_packet(struct json_object *record, const char *head,
			 const struct source_packet *p)
{
	assert_string_equal(p->link, "ip");
	assert_int_equal(p->head.len, 4);
	assert_memory_equal(p->head.ptr, head, 4);
	assert_int_equal(p->bytes, 60);
	assert_string_equal(json_text(record, "verdict"), "denied");
}

static bool see_packet(void *arg, const struct source_packet *p)
{
	unsigned *n = arg;

	count_packet(p->record, "ABCD", p);
	++*n;
	return true;
}

static void test_packets(_unused_ void **state)
{
	static const char line[] =
		"{\"time\":\"2026-01-31T10:20:30Z\",\"seq\":1,\"verdict\":\"denied\",\"flow_id\":\"00000000000000aa\","
		"\"packets\":1,\"bytes\":60,\"packet_head\":\"QUJDRA==\",\"packet_link\":\"ip\"}\n";
	static const char other[] =
		"{\"time\":\"2026-01-31T10:20:31Z\",\"seq\":2,\"verdict\":\"allowed\",\"flow_id\":\"00000000000000ab\","
		"\"packet_head\":\"QUJDRA==\"}\n";
	struct slice lines[] = { SLICE(line), SLICE(other) };
	_cleanup_(freep) char *both = xasprintf("%s%s", line, other);
	struct store_options options = { 0 };
	struct question q = { .until = UINT64_MAX,
			      .verdicts = QUESTION_DENIED };
	struct store *s = NULL;

	write_file(file, slice_of(both), false);
	assert_int_equal(store_open(db, &options, &s, NULL), 0);
	assert_int_equal(store_write(s, lines, 2, NULL), 0);
	store_close(s);
	for (unsigned i = 0; i < 2; i++) {
		_cleanup_(source_closep) struct source *from = NULL;
		unsigned n = 0;

		if (i)
			assert_int_equal(source_open_store(db, &from), 0);
		else
			assert_int_equal(
				source_open_files(file, complain, NULL, &from),
				0);
		assert_int_equal(source_packets(from, &q, see_packet, &n), 0);
		assert_int_equal(n, 1);
	}
}

static void test_not_there(_unused_ void **state)
{
	struct source *s = NULL;

	assert_int_equal(source_open_store(db, &s), -ENOENT);
	assert_int_equal(source_open_files(file, NULL, NULL, &s), -ENOENT);
	write_file(db, SLICE("this is no database, but long enough to be one"),
		   false);
	assert_int_equal(source_open_store(db, &s), -EBADMSG);
	assert_null(s);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_same_answers), TEST(test_sums_are_of_rows),
		TEST(test_records),	 TEST(test_packets),
		TEST(test_not_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
