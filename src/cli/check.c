/* SPDX-License-Identifier: GPL-2.0-or-later */
/* check.c - bulkhead check: are these policy files valid? Needs no agent. */
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/vec.h"
#include "cli/options.h"
#include "cli/text.h"
#include "json/json.h"
#include "policy/policy.h"

/* As much as the loader takes of a file. */
#define STDIN_MAX (16U << 20)

struct check {
	struct diag_list diag;
	VEC(struct policy_set *) sets;
	size_t files;
};

static void check_fini(struct check *k)
{
	diag_fini(&k->diag);
	vec_foreach(set, &k->sets)
		policy_set_unref(*set);
	vec_fini(&k->sets);
}

static void keep(struct check *k, struct policy_set *set)
{
	k->files++;
	if (set)
		vec_push(&k->sets, set);
}

static void check_file(struct check *k, const char *path)
{
	struct policy_set *set = NULL;

	policy_load_file(path, &k->diag, &set);
	keep(k, set);
}

static void check_stdin(struct check *k)
{
	_cleanup_(buf_fini) struct buf text = BUF_INIT(STDIN_MAX);
	static const char name[] = "<stdin>";
	struct policy_set *set = NULL;
	char chunk[16384];
	size_t n;

	while ((n = fread(chunk, 1, sizeof(chunk), stdin)) > 0)
		buf_add(&text, chunk, n);
	if (ferror(stdin))
		diag_errno(&k->diag, name, -errno, "cannot read");
	else if (buf_error(&text))
		diag_errno(&k->diag, name, -EFBIG, "cannot read");
	else
		policy_parse(buf_slice(&text), name, &k->diag, &set);
	keep(k, set);
}

/* What the agent reads of its policy directory: no hidden files, no editor's
 * leftovers. */
static int is_policy_file(const struct dirent *e)
{
	static const char *const endings[] = { ".yaml", ".yml", ".json" };
	const char *dot = strrchr(e->d_name, '.');

	if (!dot || strchr(".#", e->d_name[0]))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(endings); i++)
		if (!strcmp(dot, endings[i]))
			return 1;
	return 0;
}

static void check_directory(struct check *k, const char *path)
{
	struct dirent **entries;
	int n = scandir(path, &entries, is_policy_file, alphasort);

	if (n < 0) {
		diag_errno(&k->diag, path, -errno, "cannot read");
		return;
	}
	if (n == 0)
		diag_warning(&k->diag, (struct diag_place){ .file = path },
			     "no *.yaml, *.yml or *.json in this directory");
	for (int i = 0; i < n; i++) {
		_cleanup_(freep) char *file =
			xasprintf("%s/%s", path, entries[i]->d_name);

		check_file(k, file);
		free(entries[i]);
	}
	free(entries);
}

static void check_argument(struct check *k, const char *path)
{
	struct stat st;

	if (!strcmp(path, "-"))
		check_stdin(k);
	else if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		check_directory(k, path);
	else
		check_file(k, path);
}

static void complain(const struct diag_list *diag)
{
	char line[4096];
	size_t total = diag->errors + diag->warnings;

	vec_foreach(d, &diag->entries) {
		_cleanup_(buf_fini) struct buf safe = BUF_INIT(BUF_UNBOUNDED);

		text_safe(&safe, slice_of(diag_format(d, line, sizeof(line))));
		fprintf(stderr, "%s\n", buf_str(&safe));
	}
	if (total > diag->entries.len)
		fprintf(stderr, "(and %zu more)\n", total - diag->entries.len);
}

static const char *plural(size_t n, const char *one, const char *many)
{
	return n == 1 ? one : many;
}

static void summarize(const struct check *k, const struct policy_set *all)
{
	size_t p = all->policies.len, n = all->namespaces.len;
	size_t e = k->diag.errors, w = k->diag.warnings;

	printf("%zu %s: %zu %s, %zu %s, %zu %s, %zu %s\n", k->files,
	       plural(k->files, "file", "files"), p,
	       plural(p, "policy", "policies"), n,
	       plural(n, "namespace", "namespaces"), e,
	       plural(e, "error", "errors"), w,
	       plural(w, "warning", "warnings"));
}

static void add(struct json_object *o, const char *key,
		struct json_object *value)
{
	json_object_object_add(o, key, value);
}

static struct json_object *diagnostics(const struct diag_list *diag)
{
	struct json_object *list = json_object_new_array();

	vec_foreach(d, &diag->entries) {
		struct json_object *o = json_object_new_object();

		add(o, "severity",
		    json_object_new_string(
			    d->severity == DIAG_ERROR ? "error" : "warning"));
		add(o, "file", json_object_new_string(d->file));
		add(o, "line", json_object_new_int((int)d->line));
		add(o, "column", json_object_new_int((int)d->col));
		add(o, "message", json_object_new_string(d->message));
		json_object_array_add(list, o);
	}
	return list;
}

static void print_json(const struct check *k, const struct policy_set *all,
		       enum format format)
{
	_cleanup_(json_unrefp) struct json_object *o = json_object_new_object();

	add(o, "valid", json_object_new_boolean(!k->diag.errors));
	add(o, "files", json_object_new_uint64(k->files));
	add(o, "policies", json_object_new_uint64(all->policies.len));
	add(o, "namespaces", json_object_new_uint64(all->namespaces.len));
	add(o, "errors", json_object_new_uint64(k->diag.errors));
	add(o, "warnings", json_object_new_uint64(k->diag.warnings));
	add(o, "diagnostics", diagnostics(&k->diag));
	command_print_json(o, format);
}

static int check_all(char **paths, int n, enum format format)
{
	_cleanup_(check_fini) struct check k = { 0 };
	_cleanup_(policy_set_unrefp) struct policy_set *all = NULL;

	for (int i = 0; i < n; i++)
		check_argument(&k, paths[i]);
	all = policy_set_merge(k.sets.data, k.sets.len, &k.diag);
	if (format == FORMAT_TABLE) {
		complain(&k.diag);
		summarize(&k, all);
	} else {
		print_json(&k, all, format);
	}
	return k.diag.errors ? EXIT_NO : EXIT_DONE;
}

static int run(_unused_ const struct cli *cli, int argc, char **argv)
{
	enum format format = FORMAT_TABLE;
	const struct cli_option options[] = {
		{ 'o', "output", OPTION_FORMAT, &format, FORMATS_TABLE },
		{ 0 },
	};
	int status = options_read(&command_check, options, argc, argv);

	if (status >= 0)
		return status;
	if (optind >= argc)
		return command_misuse(&command_check,
				      "names no file; '-' is standard input");
	return check_all(argv + optind, argc - optind, format);
}

const struct command command_check = {
	.name = "check",
	.synopsis = "FILE... [-o FORMAT]",
	.summary = "validate policy files, without an agent",
	.help = "Validate policy files as the agent and a Kubernetes API server would. Every\n"
		"problem is reported as file:line:col on standard error. FILE may be a directory,\n"
		"of which *.yaml, *.yml and *.json are read, or '-' for standard input. Needs no\n"
		"agent. Exit status 1 when there is an error.\n\n"
		"Options:\n"
		"  -o, --output FORMAT  table (default), json, yaml: diagnostics included\n"
		"  -h, --help           print this\n",
	.run = run,
};
