/* SPDX-License-Identifier: GPL-2.0-or-later */
/* flow_follow.c - bulkhead flows -f: a log's file, or a store.
 *
 * Of a file, each record is shown; of a store, each flow whenever it has
 * another record, as its latest one says. The store's writer may be killed,
 * leave, come back, or begin a new file in the place of a corrupt one: what the
 * old one can still tell is shown, then all of the new one.
 */
#include "cli/flow_follow.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "cli/tail.h"
#include "cli/text.h"
#include "cli/watch.h"
#include "json/json.h"
#include "store/row.h"

/* ---- a file ------------------------------------------------------------ */

/* Returns false for a line that is no record. */
static bool show_line(const struct flow_options *o, struct slice line)
{
	_cleanup_(json_unrefp) struct json_object *record = json_parse(line);
	_cleanup_(json_unrefp) struct json_object *summary = NULL;
	_cleanup_(row_fini) struct row row = { 0 };

	if (!record || row_take(record, &row) < 0)
		return false;
	if (!question_matches(&o->question, &row))
		return true;
	summary = row_summary(record);
	flow_print(o, summary);
	return true;
}

/* All lines that are there now. Returns 0 or -errno. */
static int show_present(const struct flow_options *o, const char *path,
			struct tail *t)
{
	struct slice line;
	int r;

	for (;;) {
		r = tail_next(t, &line);
		if (r == 0 || (r < 0 && r != -EMSGSIZE))
			return r;
		if (r == -EMSGSIZE || !show_line(o, line))
			text_complain("%s:%llu: %s: skipped", path,
				      (unsigned long long)tail_line(t),
				      r < 0 ? "the line is too long"
					    : "the line is no flow record");
	}
}

static int follow_file(const struct flow_options *o, const char *path)
{
	_cleanup_(tail_closep) struct tail *t = NULL;
	int r = tail_open(path, true, &t);

	if (r == 0)
		flow_print_heading(o);
	while (r == 0) {
		r = show_present(o, path, t);
		if (fflush(stdout) != 0)
			return EXIT_NO; /* main() says why */
		if (r == 0)
			r = tail_wait(t);
	}
	text_complain("%s: %s", path, strerror(-r));
	return EXIT_NO;
}

/* ---- a store ----------------------------------------------------------- */

struct followed {
	const struct flow_options *options;
	const char *path;
	struct source *source; /* NULL: there is none */
	struct stat file;      /* that it is of */
	bool is_corrupt;       /* that file is: another one will follow */
	int trouble;	       /* -errno that was complained of; 0: none */
};

static bool show_record(void *arg, struct json_object *record)
{
	flow_print(arg, record);
	return !ferror(stdout);
}

/* Once for each trouble: it is looked again and again. */
static void complain(struct followed *f, int r)
{
	const char *error = f->source ? source_error(f->source) : "";

	if (r == f->trouble)
		return;
	f->trouble = r;
	if (r < 0)
		text_complain("%s: %s", f->path,
			      *error ? error : flow_source_reason(r));
}

static int look(struct followed *f)
{
	return source_news(f->source, &f->options->question, show_record,
			   (void *)f->options);
}

/* True when the name is another file's now; nobody's is not another's. */
static bool is_replaced(const struct followed *f, const struct stat *now)
{
	return now->st_dev != f->file.st_dev || now->st_ino != f->file.st_ino;
}

static void leave(struct followed *f)
{
	source_close(f->source);
	f->source = NULL;
}

/* Returns 0, also when there is no store yet, or -errno. */
static int open_named(struct followed *f)
{
	int r;

	if (stat(f->path, &f->file) < 0)
		return errno == ENOENT ? 0 : -errno;
	r = source_open_store(f->path, &f->source);
	/* Its writer is about to make it. */
	return r == -ENOENT || r == -ENODATA ? 0 : r;
}

static int look_at_name(struct followed *f)
{
	struct stat now;
	int r;

	if (stat(f->path, &now) == 0 && is_replaced(f, &now)) {
		/* Whether it can still tell or not, it is the last time. */
		if (f->source)
			(void)look(f);
		leave(f);
		f->is_corrupt = false;
	}
	if (f->is_corrupt)
		return -EBADMSG;
	r = f->source ? 0 : open_named(f);
	if (r < 0)
		return r;
	if (!f->source)
		return 0;
	r = look(f);
	if (r == -EBADMSG)
		f->is_corrupt = true;
	return r;
}

/* What is another program's, or a newer version's, stays so, and what may not be
 * read; but a log's index may only be missing yet. */
static bool is_final(const struct followed *f, int r)
{
	return r == -EEXIST || r == -EPROTO ||
	       (r == -EACCES && access(f->path, R_OK) < 0);
}

static int follow_store(const struct flow_options *o, const char *path)
{
	struct followed f = { .options = o, .path = path };
	_cleanup_(closep) int watch = watch_open(path);
	int r = watch < 0 ? watch : 0;

	if (r == 0)
		flow_print_heading(o);
	while (r == 0) {
		r = look_at_name(&f);
		complain(&f, r);
		if (f.is_corrupt)
			leave(&f); /* nobody is kept from replacing it */
		if (fflush(stdout) != 0 || is_final(&f, r))
			break;
		r = watch_wait(watch);
	}
	complain(&f, r);
	leave(&f);
	return EXIT_NO;
}

int flow_follow(const struct cli *cli, const struct flow_options *o)
{
	_cleanup_(freep) char *path = NULL;
	bool is_store = flow_source_followed(cli, o, &path);

	return is_store ? follow_store(o, path) : follow_file(o, path);
}
