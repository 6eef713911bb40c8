/* SPDX-License-Identifier: GPL-2.0-or-later */
/* log.h - the agent's own log, on stderr. Log once, where it is decided. */
#pragma once

#include "base/macro.h"

enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARNING,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG
};

/** Levels above @level are dropped. Under systemd, lines get its <N> prefix. */
void log_set_level(enum log_level level);

/** Level of "error", "warning", "info" or "debug"; -EINVAL for another. */
int log_level_parse(const char *name);

/** One line on standard error, without control characters, unless the level says
 *  no. Write it by the macros below. */
void log_write(enum log_level level, const char *fmt, ...) _printf_(2, 3);

#define log_error(...)	 log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...)	 log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)	 log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)
