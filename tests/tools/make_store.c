/* SPDX-License-Identifier: GPL-2.0-or-later */
/* make_store.c - lines from standard input into a store, as a sink does it.
 *
 * usage: make_store FILE
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "store/store.h"

int main(int argc, char **argv)
{
	struct store_options options = { 0 };
	_cleanup_(store_closep) struct store *s = NULL;
	_cleanup_(freep) char *line = NULL;
	size_t size = 0;
	ssize_t n;
	int r;

	if (argc != 2) {
		fprintf(stderr, "usage: %s FILE\n", argv[0]);
		return 2;
	}
	r = store_open(argv[1], &options, &s, NULL);
	while (r == 0 && (n = getline(&line, &size, stdin)) > 0)
		r = store_write(s, &(struct slice){ line, (size_t)n }, 1, NULL);
	if (r < 0)
		fprintf(stderr, "%s: %s\n", argv[1], strerror(-r));
	return r < 0;
}
