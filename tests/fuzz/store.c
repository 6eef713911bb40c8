/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store.c - fuzz target: lines of the flow log into a store. */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct store *store;
static char path[64];

static void finish(void)
{
	static const char *const endings[] = { "", "-wal", "-shm" };

	store_close(store);
	for (size_t i = 0; i < ARRAY_SIZE(endings); i++) {
		char name[80];

		snprintf(name, sizeof(name), "%s%s", path, endings[i]);
		unlink(name);
	}
}

/* What one input leaves behind, the next one finds; it is kept small. */
static void begin(void)
{
	struct store_options options = { .max_bytes = 256 << 10 };

	snprintf(path, sizeof(path), "/dev/shm/bh-fuzz-store.%d",
		 (int)getpid());
	unlink(path);
	assert(store_open(path, &options, &store, NULL) == 0);
	atexit(finish);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice lines[16];
	const char *at = (const char *)data, *end = at + size;
	struct store_written written;
	size_t n = 0;

	if (!store)
		begin();
	while (at < end && n < ARRAY_SIZE(lines)) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));

		newline = newline ? newline + 1 : end;
		lines[n++] = (struct slice){ at, (size_t)(newline - at) };
		at = newline;
	}
	assert(store_write(store, lines, n, &written) == 0);
	assert(written.records + written.known + written.refused == n);
	assert(!written.replaced);
	assert(store_trim(store, 0, NULL) == 0);
	return 0;
}
