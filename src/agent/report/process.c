/* SPDX-License-Identifier: GPL-2.0-or-later */
/* process.c - what this process takes of its host, as /proc/self tells. */
#include "agent/report/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"

#define NS_PER_S 1000000000ULL

static uint64_t cpu_time(void)
{
	struct timespec t;

	if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t) < 0)
		return 0;
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

/* statm: total and resident size in pages, … */
static uint64_t resident_size(void)
{
	_cleanup_(closep) int fd =
		open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	char text[128] = "", *end;
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (n <= 0)
		return 0;
	strtoull(text, &end, 10);
	return strtoull(end, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* But for the one that reads the directory. */
static uint64_t count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;
	uint64_t n = 0;

	if (!dir)
		return 0;
	while ((entry = readdir(dir)))
		n += entry->d_name[0] != '.';
	closedir(dir);
	return n - 1;
}

void process_stats(struct process_stats *ret)
{
	struct rlimit limit = { 0 };

	getrlimit(RLIMIT_NOFILE, &limit);
	*ret = (struct process_stats){
		.cpu_ns = cpu_time(),
		.resident = resident_size(),
		.open_fds = count_fds(),
		.max_fds = limit.rlim_cur,
	};
}
