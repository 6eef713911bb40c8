/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store.c - what the store tells, whose an address is, who was it before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "endpoint/store.h"

struct fixture {
	struct endpoint_store *store;
	struct buf told; /* "+a ~b -c +net n" */
};

static void told(void *arg, struct endpoint *old, struct endpoint *now)
{
	struct fixture *f = arg;

	buf_addf(&f->told, "%s%s ",
		 !old  ? "+"
		 : now ? "~"
		       : "-",
		 (now ?: old)->id);
	/* The store has it already. */
	assert_ptr_equal(endpoint_store_by_id(f->store, (now ?: old)->id), now);
}

static void told_network(void *arg, const struct network *old,
			 const struct network *now)
{
	struct fixture *f = arg;

	buf_addf(&f->told, "%snet:%s ",
		 !old  ? "+"
		 : now ? "~"
		       : "-",
		 (now ?: old)->id);
}

static int setup(void **state)
{
	struct fixture *f = xnew(struct fixture);

	f->store = endpoint_store_new();
	f->told = BUF_INIT(BUF_UNBOUNDED);
	endpoint_store_observe(
		f->store, (struct endpoint_observer){ told, told_network, f });
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	endpoint_store_free(f->store);
	buf_fini(&f->told);
	free(f);
	return 0;
}

static void expect_told(struct fixture *f, const char *text)
{
	assert_string_equal(buf_str(&f->told), text);
	buf_clear(&f->told);
}

static struct addr parse(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(slice_of(text), &a), 0);
	return a;
}

/* An endpoint named as its id, on network @network with @v4 (NULL: none). */
static struct endpoint *make(const char *id, const char *network,
			     const char *v4)
{
	struct endpoint *e = endpoint_new("docker", id);
	struct attachment *a = endpoint_attach(e, network, network);

	free(e->name);
	e->name = xstrdup(id);
	e->state = ENDPOINT_RUNNING;
	if (v4)
		a->v4 = parse(v4);
	return e;
}

static const char *owner(struct fixture *f, const char *text)
{
	struct addr a = parse(text);
	struct endpoint *e = endpoint_store_by_addr(f->store, &a);

	return e ? e->id : "none";
}

static void changes_are_told_once(void **state)
{
	struct fixture *f = *state;
	uint64_t before;

	endpoint_store_put(f->store, make("a", "n", "10.0.0.2"));
	expect_told(f, "+a ");
	before = endpoint_store_generation(f->store);
	endpoint_store_put(f->store, make("a", "n", "10.0.0.2"));
	expect_told(f, "");
	assert_int_equal(endpoint_store_generation(f->store), before);
	endpoint_store_put(f->store, make("a", "n", "10.0.0.3"));
	expect_told(f, "~a ");
	endpoint_store_remove(f->store, "a");
	endpoint_store_remove(f->store, "a");
	expect_told(f, "-a ");
	assert_string_equal(owner(f, "10.0.0.3"), "none");
}

/* The next container has the address before the last one's die arrives. */
static void late_die_leaves_the_new_owner(void **state)
{
	struct fixture *f = *state;

	endpoint_store_put(f->store, make("old", "n", "10.0.0.2"));
	endpoint_store_put(f->store, make("new", "n", "10.0.0.2"));
	expect_told(f, "+old ~old +new ");
	assert_false(addr_is_set(&endpoint_store_by_id(f->store, "old")
					  ->attachments.data[0]
					  .v4));
	assert_string_equal(owner(f, "10.0.0.2"), "new");
	endpoint_store_remove(f->store, "old");
	assert_string_equal(owner(f, "10.0.0.2"), "new");
}

/* Independent networks may use one range: both keep what they have. */
static void overlap_between_networks(void **state)
{
	struct fixture *f = *state;

	endpoint_store_put(f->store, make("a", "n1", "10.0.0.2"));
	endpoint_store_put(f->store, make("b", "n2", "10.0.0.2"));
	expect_told(f, "+a +b ");
	assert_string_equal(owner(f, "10.0.0.2"), "b");
	/* Told again, the older claim does not become the newest. */
	endpoint_store_remove(f->store, "x");
	endpoint_store_put(f->store, make("a", "n1", "10.0.0.2"));
	assert_string_equal(owner(f, "10.0.0.2"), "b");
	endpoint_store_remove(f->store, "b");
	assert_string_equal(owner(f, "10.0.0.2"), "a");
}

static void exited_holds_no_address(void **state)
{
	struct fixture *f = *state;
	struct endpoint *e = make("a", "n", "10.0.0.2");

	endpoint_store_put(f->store, endpoint_copy(e));
	e->state = ENDPOINT_EXITED;
	endpoint_store_put(f->store, e);
	assert_string_equal(owner(f, "10.0.0.2"), "none");
}

static void history_knows_former_owners(void **state)
{
	struct fixture *f = *state;
	struct addr a = parse("10.0.0.2");
	uint64_t start = clock_realtime(), first, second;

	endpoint_store_put(f->store, make("a", "n", "10.0.0.2"));
	first = clock_realtime();
	endpoint_store_remove(f->store, "a");
	assert_null(endpoint_store_by_addr(f->store, &a));
	assert_string_equal(endpoint_store_owner_at(f->store, &a, first)->id,
			    "a");
	endpoint_store_put(f->store, make("b", "n", "10.0.0.2"));
	second = clock_realtime();
	assert_string_equal(endpoint_store_owner_at(f->store, &a, second)->id,
			    "b");
	assert_string_equal(endpoint_store_owner_at(f->store, &a, first)->id,
			    "a");
	/* Before anybody: the nearest one known. */
	assert_string_equal(
		endpoint_store_owner_at(f->store, &a, start - 1)->id, "a");
}

static void history_is_bounded(void **state)
{
	struct fixture *f = *state;
	struct addr a = parse("10.0.0.2");
	uint64_t early;

	endpoint_store_put(f->store, make("first", "n", "10.0.0.2"));
	early = clock_realtime();
	endpoint_store_remove(f->store, "first");
	for (int i = 0; i < ENDPOINT_HISTORY; i++) {
		endpoint_store_put(
			f->store,
			make("x", "n", i % 2 ? "10.0.0.2" : "10.0.0.3"));
		endpoint_store_remove(f->store, "x");
	}
	assert_string_equal(endpoint_store_owner_at(f->store, &a, early)->id,
			    "x");
}

static void resync_sweeps_its_runtime_only(void **state)
{
	struct fixture *f = *state;
	struct endpoint *other = endpoint_new("static", "vm");

	endpoint_store_put(f->store, make("a", "n", "10.0.0.2"));
	endpoint_store_put(f->store, make("b", "n", "10.0.0.3"));
	endpoint_store_put(f->store, other);
	endpoint_store_put_network(f->store, network_new("docker", "n", "n"));
	endpoint_store_put_network(f->store, network_new("docker", "m", "m"));
	buf_clear(&f->told);
	endpoint_store_sync_begin(f->store, "docker");
	endpoint_store_put(f->store, make("b", "n", "10.0.0.3"));
	endpoint_store_put_network(f->store, network_new("docker", "m", "m"));
	endpoint_store_sync_end(f->store, "docker");
	expect_told(f, "-a -net:n ");
}

static void find_by_name_or_id(void **state)
{
	struct fixture *f = *state;
	struct endpoint *e = make("abcdef01", "n", NULL);
	bool ambiguous;

	free(e->name);
	e->name = xstrdup("web");
	endpoint_store_put(f->store, e);
	endpoint_store_put(f->store, make("abcdef02", "n", NULL));
	assert_ptr_equal(endpoint_store_find(f->store, "web", &ambiguous), e);
	assert_ptr_equal(
		endpoint_store_find(f->store, "default/web", &ambiguous), e);
	assert_ptr_equal(endpoint_store_find(f->store, "abcdef01", &ambiguous),
			 e);
	assert_null(endpoint_store_find(f->store, "other/web", &ambiguous));
	assert_false(ambiguous);
	assert_null(endpoint_store_find(f->store, "abcdef", &ambiguous));
	assert_true(ambiguous);
	assert_null(endpoint_store_find(f->store, "abc", &ambiguous));
	assert_false(ambiguous);
}

static void all_is_sorted(void **state)
{
	struct fixture *f = *state;
	struct endpoint *const *all;
	size_t n;

	endpoint_store_put(f->store, make("c", "n", NULL));
	endpoint_store_put(f->store, make("a", "n", NULL));
	endpoint_store_put(f->store, make("b", "n", NULL));
	all = endpoint_store_all(f->store, &n);
	assert_int_equal(n, 3);
	assert_string_equal(all[0]->id, "a");
	assert_string_equal(all[2]->id, "c");
	assert_ptr_equal(endpoint_store_all(f->store, &n), all);
	endpoint_store_remove(f->store, "b");
	endpoint_store_all(f->store, &n);
	assert_int_equal(n, 2);
}

static struct endpoint *make_published(const char *id, const char *host,
				       uint16_t host_port)
{
	struct endpoint *e = make(id, "n", NULL);
	struct published_port p = { .host_port = host_port,
				    .port = 80,
				    .proto = IPPROTO_TCP };

	assert_int_equal(addr_parse(slice_of(host), &p.host), 0);
	vec_push(&e->published, p);
	return e;
}

static const char *publisher(struct fixture *f, const char *host, uint8_t proto,
			     uint16_t port)
{
	struct endpoint *e;
	struct addr a;

	assert_int_equal(addr_parse(slice_of(host), &a), 0);
	e = endpoint_store_published(f->store, &a, proto, port);
	return e ? e->id : "nobody";
}

static void published_ports_have_owners(void **state)
{
	struct fixture *f = *state;

	endpoint_store_put(f->store, make_published("any", "0.0.0.0", 80));
	endpoint_store_put(f->store, make_published("one", "10.0.0.1", 80));
	endpoint_store_put(f->store, make_published("six", "::", 81));
	assert_string_equal(publisher(f, "10.0.0.1", IPPROTO_TCP, 80), "one");
	assert_string_equal(publisher(f, "10.0.0.2", IPPROTO_TCP, 80), "any");
	assert_string_equal(publisher(f, "10.0.0.2", IPPROTO_UDP, 80),
			    "nobody");
	assert_string_equal(publisher(f, "fd00::1", IPPROTO_TCP, 80), "nobody");
	assert_string_equal(publisher(f, "fd00::1", IPPROTO_TCP, 81), "six");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(changes_are_told_once),
		TEST(late_die_leaves_the_new_owner),
		TEST(overlap_between_networks),
		TEST(exited_holds_no_address),
		TEST(history_knows_former_owners),
		TEST(history_is_bounded),
		TEST(resync_sweeps_its_runtime_only),
		TEST(find_by_name_or_id),
		TEST(all_is_sorted),
		TEST(published_ports_have_owners),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
