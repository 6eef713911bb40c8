/* SPDX-License-Identifier: GPL-2.0-or-later */
/* diag.h - what a user got wrong, each with its place: collect all, then fail.
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "base/macro.h"
#include "base/vec.h"

enum diag_severity { DIAG_ERROR, DIAG_WARNING };

/** A place in a file; @line and @col count from 1, 0 where unknown. */
struct diag_place {
	const char *file;
	unsigned line, col;
};

struct diag {
	enum diag_severity severity;
	char *file;
	unsigned line, col;
	char *message;
};

/** Zero-initialise it. At most DIAG_MAX entries are kept; all are counted. */
struct diag_list {
	VEC(struct diag) entries;
	size_t errors, warnings;
};

#define DIAG_MAX 1000

/** Append one; beyond DIAG_MAX they are only counted. */
void diag_error(struct diag_list *list, struct diag_place at, const char *fmt,
		...) _printf_(3, 4);
void diag_warning(struct diag_list *list, struct diag_place at, const char *fmt,
		  ...) _printf_(3, 4);

/**
 * Report that @what failed on @file with the negative errno @error, as
 * "file: what: reason". Returns @error.
 */
int diag_errno(struct diag_list *list, const char *file, int error,
	       const char *what);

/** "file:line:col: error: message", into @text of @size bytes, without control
 *  characters that a file's content might have brought in. Returns @text. */
const char *diag_format(const struct diag *d, char *text, size_t size);

/** One line each, errors and warnings in the order they were found. */
void diag_print(const struct diag_list *list, FILE *to);
void diag_fini(struct diag_list *list);
