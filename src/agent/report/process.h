/* SPDX-License-Identifier: GPL-2.0-or-later */
/* process.h - what this process takes of its host. */
#pragma once

#include <stdint.h>

/** What cannot be found out is 0. */
struct process_stats {
	uint64_t cpu_ns;   /* user and system, since its start */
	uint64_t resident; /* bytes */
	uint64_t open_fds;
	uint64_t max_fds; /* the soft limit */
};

void process_stats(struct process_stats *ret);
