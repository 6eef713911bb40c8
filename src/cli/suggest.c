/* SPDX-License-Identifier: GPL-2.0-or-later */
/* suggest.c - the word that a user may have meant. */
#include "cli/suggest.h"

#include <string.h>

#include "base/macro.h"

#define LONGEST 32

/* Edits from @a to @b: insert, delete, replace, or swap two neighbours. */
static unsigned distance(const char *a, const char *b)
{
	unsigned rows[3][LONGEST + 1];
	unsigned *before = rows[0], *last = rows[1], *now = rows[2], *spare;
	size_t na = strlen(a), nb = strlen(b);

	if (na > LONGEST || nb > LONGEST)
		return LONGEST;
	for (size_t j = 0; j <= nb; j++)
		last[j] = (unsigned)j;
	for (size_t i = 1; i <= na; i++) {
		now[0] = (unsigned)i;
		for (size_t j = 1; j <= nb; j++) {
			unsigned d = last[j - 1] + (a[i - 1] != b[j - 1]);

			d = MIN(d, MIN(last[j], now[j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1])
				d = MIN(d, before[j - 2] + 1);
			now[j] = d;
		}
		spare = before;
		before = last;
		last = now;
		now = spare;
	}
	return last[nb];
}

const char *suggest(const char *typed, const char *const *words, size_t n)
{
	const char *best = NULL;
	unsigned least = LONGEST;

	for (size_t i = 0; i < n; i++) {
		unsigned d = distance(typed, words[i]);

		if (*typed && !strncmp(typed, words[i], strlen(typed)))
			d = 0;
		/* A third of the word may be wrong, but for short ones. */
		if (d < least && d <= MAX(strlen(words[i]) / 3, 1)) {
			least = d;
			best = words[i];
		}
	}
	return best;
}
