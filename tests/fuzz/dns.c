/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dns.c - fuzz the reader of name servers' answers. */
#include "dns/answer.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
	size_t n;
	char name[DNS_NAME_STRLEN];
};

/* Every address is one of the same name, which is fit to print. */
static void check(void *arg, const char *name, const struct addr *a)
{
	struct seen *seen = arg;

	assert(strlen(name) < DNS_NAME_STRLEN);
	assert(a->family == AF_INET || a->family == AF_INET6);
	for (const char *s = name; *s; s++)
		assert(*s > ' ' && *s < 0x7f && !(*s >= 'A' && *s <= 'Z'));
	if (seen->n++)
		assert(!strcmp(seen->name, name));
	memcpy(seen->name, name, strlen(name) + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(freep) char *copy = xmemdup(data, size);
	struct seen seen = { 0 };

	if (dns_answer_read((struct slice){ copy, size }, check, &seen) < 0)
		assert(!seen.n);
	/* A record has eleven bytes and an address at least, and more than one
	 * pass only finds what the ones before did not. */
	assert(seen.n <= size / 15);
	return 0;
}
