/* SPDX-License-Identifier: GPL-2.0-or-later */
/* log.c - the agent's own log, on stderr. */
#include "base/log.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/term.h"

static const struct {
	const char *name;
	int syslog; /* RFC 5424 severity */
} levels[] = {
	[LOG_LEVEL_ERROR] = { "error", 3 },
	[LOG_LEVEL_WARNING] = { "warning", 4 },
	[LOG_LEVEL_INFO] = { "info", 6 },
	[LOG_LEVEL_DEBUG] = { "debug", 7 },
};
static_assert(ARRAY_SIZE(levels) == LOG_LEVEL_DEBUG + 1, "a level is missing");

static enum log_level threshold = LOG_LEVEL_INFO;

void log_set_level(enum log_level level)
{
	threshold = level;
}

int log_level_parse(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(levels); i++)
		if (!strcmp(levels[i].name, name))
			return (int)i;
	return -EINVAL;
}

/* A longer message is cut, not lost. */
#define LINE_MAX_BYTES 8192

void log_write(enum log_level level, const char *fmt, ...)
{
	char line[LINE_MAX_BYTES];
	va_list args;

	if (level > threshold)
		return;
	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	term_defuse(line);
	if (getenv("JOURNAL_STREAM"))
		fprintf(stderr, "<%d>%s\n", levels[level].syslog, line);
	else
		fprintf(stderr, "%s: %s\n", levels[level].name, line);
}
