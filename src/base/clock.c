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

/* Between two readings of the one clock that are close together, the other is
 * read at about their time: a process may lose the processor at any point. */
static int64_t wall_ahead(void)
{
	uint64_t before, wall, after;
	int tries = 0;

	do {
		before = now(CLOCK_BOOTTIME);
		wall = clock_realtime();
		after = now(CLOCK_BOOTTIME);
	} while (after - before > CLOCK_STEP_MIN / 10 && ++tries < 10);
	return (int64_t)(wall - before - (after - before) / 2);
}

int64_t clock_step(struct clock_watch *w)
{
	int64_t ahead = wall_ahead(), step = ahead - w->ahead;

	if (w->known && step < CLOCK_STEP_MIN && step > -CLOCK_STEP_MIN)
		return 0;
	if (!w->known)
		step = 0;
	*w = (struct clock_watch){ .ahead = ahead, .known = true };
	return step;
}

/* @n digits of @value, the last ones. */
static char *put_digits(char *to, uint64_t value, int n)
{
	for (int i = n; i-- > 0; value /= 10)
		to[i] = (char)('0' + value % 10);
	return to + n;
}

static char *put_mark(char *to, char mark)
{
	*to = mark;
	return to + 1;
}

/* The day of the Gregorian calendar that is @days after 1970-01-01. Counted in
 * years from March on, whose leap day is the last, and in eras of 400 years. */
static char *put_date(char *to, uint64_t days)
{
	uint64_t since = days + 719468; /* 0000-03-01 */
	uint64_t era = since / 146097, day = since % 146097;
	uint64_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
	uint64_t of_year = day - (365 * year + year / 4 - year / 100);
	uint64_t from_march = (5 * of_year + 2) / 153;
	uint64_t month = from_march < 10 ? from_march + 3 : from_march - 9;

	to = put_digits(to, era * 400 + year + (month <= 2), 4);
	to = put_digits(put_mark(to, '-'), month, 2);
	return put_digits(put_mark(to, '-'),
			  of_year - (153 * from_march + 2) / 5 + 1, 2);
}

/* By hand: it is called several times for each line of the flow log, and
 * strftime(3) and printf(3) took a tenth of what a line takes. */
const char *clock_format(uint64_t realtime, char text[static CLOCK_STRLEN])
{
	uint64_t seconds = realtime / NS_PER_S;
	char *to = put_date(text, seconds / 86400);

	to = put_digits(put_mark(to, 'T'), seconds / 3600 % 24, 2);
	to = put_digits(put_mark(to, ':'), seconds / 60 % 60, 2);
	to = put_digits(put_mark(to, ':'), seconds % 60, 2);
	to = put_digits(put_mark(to, '.'), realtime % NS_PER_S, 9);
	put_mark(put_mark(to, 'Z'), '\0');
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
