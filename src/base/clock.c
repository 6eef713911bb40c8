/* SPDX-License-Identifier: GPL-2.0-or-later */
/* clock.c - time stamps. */
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

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
