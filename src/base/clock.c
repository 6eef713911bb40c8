/* SPDX-License-Identifier: GPL-2.0-or-later */
/* clock.c - time stamps. */
#include "base/clock.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define NS_PER_S 1000000000ULL

static uint64_t now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

uint64_t clock_realtime(void)
{
	return now(CLOCK_REALTIME);
}

uint64_t clock_monotonic(void)
{
	return now(CLOCK_MONOTONIC);
}

const char *clock_format(uint64_t realtime, char text[static CLOCK_STRLEN])
{
	time_t seconds = (time_t)(realtime / 1000000000U);
	char date[24];
	struct tm tm;

	gmtime_r(&seconds, &tm);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text, CLOCK_STRLEN, "%s.%09uZ", date,
		 (unsigned)(realtime % 1000000000U));
	return text;
}

/* Exactly @n digits at @s, up to @max. */
static bool digits(const char **s, int n, int max, int *ret)
{
	int value = 0;

	for (int i = 0; i < n; i++) {
		if (!isdigit((unsigned char)**s))
			return false;
		value = 10 * value + *(*s)++ - '0';
	}
	*ret = value;
	return value <= max;
}

static bool mark(const char **s, const char *any)
{
	return **s && strchr(any, *(*s)++);
}

static bool clock_part(const char **s, struct tm *tm)
{
	return digits(s, 4, 9999, &tm->tm_year) && mark(s, "-") &&
	       digits(s, 2, 12, &tm->tm_mon) && mark(s, "-") &&
	       digits(s, 2, 31, &tm->tm_mday) && mark(s, "Tt ") &&
	       digits(s, 2, 23, &tm->tm_hour) && mark(s, ":") &&
	       digits(s, 2, 59, &tm->tm_min) && mark(s, ":") &&
	       digits(s, 2, 60, &tm->tm_sec) && tm->tm_year >= 1970 &&
	       tm->tm_mon >= 1 && tm->tm_mday >= 1;
}

/* Nanoseconds; digits behind the ninth count nothing. */
static bool fraction(const char **s, uint64_t *ret)
{
	uint64_t ns = 0, unit = NS_PER_S;

	if (**s != '.') {
		*ret = 0;
		return true;
	}
	(*s)++;
	if (!isdigit((unsigned char)**s))
		return false;
	for (; isdigit((unsigned char)**s); (*s)++) {
		unit /= 10;
		ns += unit * (uint64_t)(**s - '0');
	}
	*ret = ns;
	return true;
}

/* "Z" or "+01:00", to seconds east of UTC. */
static bool zone(const char **s, int *ret)
{
	int sign = **s == '-' ? -1 : 1, hours, minutes;

	if (**s == 'Z' || **s == 'z') {
		(*s)++;
		*ret = 0;
		return true;
	}
	if (!mark(s, "+-") || !digits(s, 2, 23, &hours) || !mark(s, ":") ||
	    !digits(s, 2, 59, &minutes))
		return false;
	*ret = sign * (hours * 3600 + minutes * 60);
	return true;
}

int clock_parse(const char *text, uint64_t *ret_ns)
{
	const char *s = text;
	struct tm tm = { 0 };
	uint64_t ns;
	int64_t seconds;
	int east;

	if (!clock_part(&s, &tm) || !fraction(&s, &ns) || !zone(&s, &east) ||
	    *s)
		return -EINVAL;
	tm.tm_year -= 1900;
	tm.tm_mon--;
	seconds = (int64_t)timegm(&tm) - east;
	if (seconds < 0 || (uint64_t)seconds > UINT64_MAX / NS_PER_S - 1)
		return -EINVAL;
	*ret_ns = (uint64_t)seconds * NS_PER_S + ns;
	return 0;
}
