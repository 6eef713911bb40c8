/* SPDX-License-Identifier: GPL-2.0-or-later */
/* moment.c - durations and times as users write them. */
#include "cli/moment.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/macro.h"

#define NS_PER_MS 1000000ULL
#define LONGEST	  (3653ULL * 86400 * 1000)

int duration_parse(const char *text, uint64_t *ret_ms)
{
	static const struct {
		const char *name;
		uint64_t ms;
	} units[] = {
		{ "", 1000 },	{ "ms", 1 },	  { "s", 1000 },
		{ "m", 60000 }, { "h", 3600000 }, { "d", 86400000 },
	};
	char *end;
	unsigned long long n;

	if (!isdigit((unsigned char)*text))
		return -EINVAL;
	errno = 0;
	n = strtoull(text, &end, 10);
	if (errno || n > LONGEST)
		return -EINVAL;
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		if (strcmp(end, units[i].name) != 0)
			continue;
		if (n * units[i].ms > LONGEST)
			return -EINVAL;
		*ret_ms = n * units[i].ms;
		return 0;
	}
	return -EINVAL;
}

/* What may be left out; the log's times are UTC. */
static int parse_time(const char *text, uint64_t *ret_ns)
{
	static const char *const endings[] = { "", "Z", ":00Z", "T00:00:00Z" };

	for (size_t i = 0; i < ARRAY_SIZE(endings); i++) {
		_cleanup_(freep) char *whole =
			xasprintf("%s%s", text, endings[i]);

		if (clock_parse(whole, ret_ns) == 0)
			return 0;
	}
	return -EINVAL;
}

int moment_parse(const char *text, uint64_t now, uint64_t *ret_ns)
{
	uint64_t ms;

	if (duration_parse(text, &ms) < 0)
		return parse_time(text, ret_ns);
	*ret_ns = ms * NS_PER_MS < now ? now - ms * NS_PER_MS : 0;
	return 0;
}
