/* SPDX-License-Identifier: GPL-2.0-or-later */
/* diag.c - what a user got wrong, each with its place. */
#include "base/diag.h"

#include <stdarg.h>
#include <string.h>

#include "base/buf.h"
#include "base/term.h"

static void add(struct diag_list *list, enum diag_severity severity,
		struct diag_place at, char *message)
{
	if (severity == DIAG_ERROR)
		list->errors++;
	else
		list->warnings++;
	if (list->entries.len >= DIAG_MAX) {
		free(message);
		return;
	}
	vec_push(&list->entries, (struct diag){
					 .severity = severity,
					 .file = xstrdup(at.file ?: ""),
					 .line = at.line,
					 .col = at.col,
					 .message = message,
				 });
}

static char *format_message(const char *fmt, va_list args)
{
	struct buf text = BUF_INIT(BUF_UNBOUNDED);

	buf_addv(&text, fmt, args);
	return buf_take(&text);
}

void diag_error(struct diag_list *list, struct diag_place at, const char *fmt,
		...)
{
	va_list args;

	va_start(args, fmt);
	add(list, DIAG_ERROR, at, format_message(fmt, args));
	va_end(args);
}

void diag_warning(struct diag_list *list, struct diag_place at, const char *fmt,
		  ...)
{
	va_list args;

	va_start(args, fmt);
	add(list, DIAG_WARNING, at, format_message(fmt, args));
	va_end(args);
}

int diag_errno(struct diag_list *list, const char *file, int error,
	       const char *what)
{
	diag_error(list, (struct diag_place){ .file = file }, "%s: %s", what,
		   strerror(-error));
	return error;
}

const char *diag_format(const struct diag *d, char *text, size_t size)
{
	const char *severity = d->severity == DIAG_ERROR ? "error" : "warning";

	if (d->line)
		snprintf(text, size, "%s:%u:%u: %s: %s", d->file, d->line,
			 d->col, severity, d->message);
	else
		snprintf(text, size, "%s%s%s: %s", d->file,
			 d->file[0] ? ": " : "", severity, d->message);
	return term_defuse(text);
}

void diag_print(const struct diag_list *list, FILE *to)
{
	char text[4096];
	size_t total = list->errors + list->warnings;

	vec_foreach(d, &list->entries)
		fprintf(to, "%s\n", diag_format(d, text, sizeof(text)));
	if (total > list->entries.len)
		fprintf(to, "(and %zu more)\n", total - list->entries.len);
}

void diag_fini(struct diag_list *list)
{
	vec_foreach(d, &list->entries) {
		free(d->file);
		free(d->message);
	}
	vec_fini(&list->entries);
	list->errors = list->warnings = 0;
}
