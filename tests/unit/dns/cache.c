/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cache.c - names by asker and address, and whose are forgotten for whose. */
#include "dns/cache.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* 10.0.0.0 plus @n. */
static struct addr address(uint32_t n)
{
	uint32_t be = htonl(0x0a000000 + n);

	return addr_from_bytes(AF_INET, &be);
}

static void learn(struct dns_cache *c, const char *asker, uint32_t n,
		  const char *name)
{
	struct addr a = address(n);

	dns_cache_learn(c, asker, &a, name, 1);
}

static const char *name_of(struct dns_cache *c, const char *asker, uint32_t n)
{
	struct addr a = address(n);

	return dns_cache_name(c, asker, &a);
}

static void test_last(void **state)
{
	_cleanup_(dns_cache_freep) struct dns_cache *c = dns_cache_new();
	uint8_t six[16] = { 10 };
	struct addr v6 = addr_from_bytes(AF_INET6, six);

	(void)state;
	assert_null(name_of(c, "web", 1));
	learn(c, "web", 1, "a.example");
	learn(c, "web", 2, "a.example");
	assert_string_equal(name_of(c, "web", 1), "a.example");
	learn(c, "web", 1, "b.example");
	assert_string_equal(name_of(c, "web", 1), "b.example");
	assert_string_equal(name_of(c, "web", 2), "a.example");
	assert_null(dns_cache_name(c, "web", &v6));
	assert_int_equal(dns_cache_len(c), 2);
}

static void test_own(void **state)
{
	_cleanup_(dns_cache_freep) struct dns_cache *c = dns_cache_new();

	(void)state;
	learn(c, "web", 1, "good.example");
	learn(c, "evil", 1, "forged.example");
	assert_string_equal(name_of(c, "web", 1), "good.example");
	assert_string_equal(name_of(c, "evil", 1), "forged.example");
	assert_null(name_of(c, "we", 1));
	assert_null(name_of(c, "other", 1));
}

static void test_budget(void **state)
{
	_cleanup_(dns_cache_freep) struct dns_cache *c = dns_cache_new();

	(void)state;
	learn(c, "web", 1, "web.example");
	for (uint32_t i = 0; i < DNS_CACHE_PER_ASKER; i++)
		learn(c, "evil", i, "evil.example");
	/* What is asked about is not the one to go. */
	assert_non_null(name_of(c, "evil", 0));
	for (uint32_t i = 0; i < 10; i++)
		learn(c, "evil", 1000 + i, "evil.example");
	assert_int_equal(dns_cache_len(c), DNS_CACHE_PER_ASKER + 1);
	assert_non_null(name_of(c, "evil", 0));
	assert_null(name_of(c, "evil", 1));
	assert_null(name_of(c, "evil", 10));
	assert_non_null(name_of(c, "evil", 11));
	assert_string_equal(name_of(c, "web", 1), "web.example");
}

static void fill(struct dns_cache *c, unsigned askers)
{
	char asker[32];

	for (unsigned i = 0; i < askers; i++) {
		snprintf(asker, sizeof(asker), "asker%u", i);
		for (uint32_t n = 0; n < DNS_CACHE_PER_ASKER; n++)
			learn(c, asker, n, "x");
	}
}

/* Who has most gives way; who has one address keeps it. */
static void test_total(void **state)
{
	_cleanup_(dns_cache_freep) struct dns_cache *c = dns_cache_new();
	unsigned full = DNS_CACHE_MAX / DNS_CACHE_PER_ASKER;

	(void)state;
	learn(c, "web", 1, "web.example");
	fill(c, full);
	assert_int_equal(dns_cache_len(c), DNS_CACHE_MAX);
	assert_string_equal(name_of(c, "web", 1), "web.example");
	/* One more each takes one from each of those that have most. */
	for (uint32_t i = 0; i < 2 * full; i++)
		learn(c, "late", i % DNS_CACHE_PER_ASKER, "late.example");
	assert_int_equal(dns_cache_len(c), DNS_CACHE_MAX);
	assert_string_equal(name_of(c, "web", 1), "web.example");
	assert_string_equal(name_of(c, "late", 0), "late.example");
}

static void test_many_askers(void **state)
{
	_cleanup_(dns_cache_freep) struct dns_cache *c = dns_cache_new();
	char asker[32];

	(void)state;
	for (unsigned i = 0; i < DNS_CACHE_MAX + 10; i++) {
		snprintf(asker, sizeof(asker), "asker%u", i);
		learn(c, asker, 1, "x");
	}
	assert_int_equal(dns_cache_len(c), DNS_CACHE_MAX);
	assert_null(name_of(c, "asker0", 1));
	assert_non_null(name_of(c, asker, 1));
}

static void test_retired(void **state)
{
	_cleanup_(dns_cache_freep) struct dns_cache *c = dns_cache_new();
	struct addr a = address(9);

	(void)state;
	learn(c, "gone", 1, "gone.example");
	learn(c, "back", 1, "back.example");
	learn(c, "web", 1, "web.example");
	dns_cache_retire(c, "gone", 1);
	dns_cache_retire(c, "gone", 2);
	dns_cache_retire(c, "back", 1);
	dns_cache_retire(c, "never", 1);
	/* Its last records are told with names. */
	assert_string_equal(name_of(c, "gone", 1), "gone.example");
	dns_cache_learn(c, "back", &a, "new.example", DNS_CACHE_RETIRED_NS);
	assert_non_null(name_of(c, "gone", 1));
	dns_cache_learn(c, "web", &a, "web.example", DNS_CACHE_RETIRED_NS + 2);
	assert_null(name_of(c, "gone", 1));
	assert_string_equal(name_of(c, "back", 1), "back.example");
	assert_string_equal(name_of(c, "back", 9), "new.example");
	assert_string_equal(name_of(c, "web", 1), "web.example");
}

/* When all is full, the retired go before anybody else's. */
static void test_retired_first(void **state)
{
	_cleanup_(dns_cache_freep) struct dns_cache *c = dns_cache_new();

	(void)state;
	learn(c, "gone", 1, "gone.example");
	dns_cache_retire(c, "gone", 1);
	fill(c, DNS_CACHE_MAX / DNS_CACHE_PER_ASKER);
	assert_null(name_of(c, "gone", 1));
	assert_non_null(name_of(c, "asker0", 0));
	assert_int_equal(dns_cache_len(c), DNS_CACHE_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_last),
		cmocka_unit_test(test_own),
		cmocka_unit_test(test_budget),
		cmocka_unit_test(test_total),
		cmocka_unit_test(test_many_askers),
		cmocka_unit_test(test_retired),
		cmocka_unit_test(test_retired_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
