/* SPDX-License-Identifier: GPL-2.0-or-later */
/* flows.c - bulkhead flows: asks the flow log. */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "cli/emit.h"
#include "cli/flow_follow.h"
#include "cli/flow_show.h"
#include "cli/table.h"
#include "cli/text.h"
#include "format/format.h"
#include "json/json.h"

/* ---- lists and sums ---------------------------------------------------- */

static bool show_record(void *arg, struct json_object *record)
{
	flow_print(arg, record);
	return !ferror(stdout);
}

static int show_list(struct source *s, const struct flow_options *o)
{
	flow_print_heading(o);
	return source_list(s, &o->question, show_record, (void *)o);
}

static int show_count(struct source *s, const struct flow_options *o)
{
	uint64_t n = 0;
	int r = source_count(s, &o->question, &n);

	if (r == 0)
		printf(o->output == FLOW_JSON ? "{\"flows\":%llu}\n" : "%llu\n",
		       (unsigned long long)n);
	return r;
}

static struct json_object *group_json(const struct fold_by *by,
				      const struct fold_group *g)
{
	struct json_object *o = json_object_new_object();

	for (unsigned i = 0; i < by->n; i++)
		json_object_object_add(o, fold_field_name(by->fields[i]),
				       json_object_new_string(g->values[i]));
	json_object_object_add(o, "flows", json_object_new_uint64(g->flows));
	json_object_object_add(o, "packets",
			       json_object_new_uint64(g->packets));
	json_object_object_add(o, "bytes", json_object_new_uint64(g->bytes));
	return o;
}

static void print_groups_json(const struct fold_by *by,
			      const struct fold_group *groups, size_t n)
{
	_cleanup_(buf_fini) struct buf out = BUF_INIT(BUF_UNBOUNDED);

	for (size_t i = 0; i < n; i++) {
		_cleanup_(json_unrefp) struct json_object *o =
			group_json(by, &groups[i]);

		json_compact(&out, o);
	}
	command_print(&out);
}

/* Upper case, as headings are. */
static void add_headings(struct table *t, const struct fold_by *by)
{
	static const char *const sums[] = { "FLOWS", "PACKETS", "BYTES" };

	for (unsigned i = 0; i < by->n; i++) {
		_cleanup_(freep) char *name =
			xstrdup(fold_field_name(by->fields[i]));

		for (char *c = name; *c; c++)
			if (*c >= 'a' && *c <= 'z')
				*c = (char)(*c - 'a' + 'A');
		table_add(t, STYLE_BOLD, name);
	}
	for (size_t i = 0; i < ARRAY_SIZE(sums); i++)
		table_add(t, STYLE_BOLD, sums[i]);
}

static void print_groups_table(const struct flow_options *o,
			       const struct fold_group *groups, size_t n)
{
	_cleanup_(buf_fini) struct buf out = BUF_INIT(BUF_UNBOUNDED);
	struct table *t = table_new(o->by.n + 3, NULL, o->colour);

	add_headings(t, &o->by);
	for (size_t i = 0; i < n; i++) {
		const uint64_t sums[] = { groups[i].flows, groups[i].packets,
					  groups[i].bytes };

		for (unsigned k = 0; k < o->by.n; k++)
			table_add(t, STYLE_NONE, groups[i].values[k]);
		for (size_t k = 0; k < ARRAY_SIZE(sums); k++) {
			char text[24];

			snprintf(text, sizeof(text), "%llu",
				 (unsigned long long)sums[k]);
			table_add(t, STYLE_NONE, text);
		}
	}
	table_render(t, 0, &out);
	table_free(t);
	command_print(&out);
}

static void print_groups_csv(const struct fold_by *by,
			     const struct fold_group *groups, size_t n)
{
	_cleanup_(buf_fini) struct buf out = BUF_INIT(BUF_UNBOUNDED);

	for (unsigned i = 0; i < by->n; i++)
		buf_addf(&out, "%s,", fold_field_name(by->fields[i]));
	buf_adds(&out, "flows,packets,bytes\n");
	for (size_t i = 0; i < n; i++) {
		for (unsigned k = 0; k < by->n; k++) {
			format_csv_text(slice_of(groups[i].values[k]), &out);
			buf_adds(&out, ",");
		}
		buf_addf(&out, "%llu,%llu,%llu\n",
			 (unsigned long long)groups[i].flows,
			 (unsigned long long)groups[i].packets,
			 (unsigned long long)groups[i].bytes);
	}
	command_print(&out);
}

static int show_top(struct source *s, const struct flow_options *o)
{
	_cleanup_(fold_freep) struct fold *fold = fold_new(&o->by, o->top);
	const struct fold_group *groups;
	size_t n;
	int r = source_fold(s, &o->question, fold);

	if (r < 0)
		return r;
	n = fold_top(fold, &groups);
	if (o->output == FLOW_JSON)
		print_groups_json(&o->by, groups, n);
	else if (o->output == FLOW_CSV)
		print_groups_csv(&o->by, groups, n);
	else
		print_groups_table(o, groups, n);
	return 0;
}

static int answer(const struct cli *cli, const struct flow_options *o)
{
	_cleanup_(source_closep) struct source *s = NULL;
	struct flow_trouble trouble = { 0 };
	int status = flow_source_open(cli, o, &trouble, &s);

	if (status != EXIT_DONE)
		return status;
	status = flow_source_status(s, o->count ? show_count(s, o)
				       : o->top ? show_top(s, o)
						: show_list(s, o));
	return status != EXIT_DONE ? status : trouble.status;
}

/* ---- the command ------------------------------------------------------- */

static int run_with(const struct cli *cli, const struct flow_options *o,
		    int argc, char **argv)
{
	bool show = argc && !strcmp(argv[0], "show");
	bool export = argc && !strcmp(argv[0], "export");

	if (argc && !show && !export)
		return command_misuse(&command_flows,
				      "'%s' is neither 'show' nor 'export'",
				      argv[0]);
	if (show && argc != 2)
		return command_misuse(&command_flows, "show takes one flow");
	if (export && argc != 1)
		return command_misuse(&command_flows,
				      "export takes no argument");
	if (export != (o->pcap != NULL))
		return command_misuse(&command_flows,
				      "export and --pcap go together");
	if (show)
		return flow_show(cli, o, argv[1]);
	if (export)
		return flow_export(cli, o);
	return o->follow ? flow_follow(cli, o) : answer(cli, o);
}

static int run(const struct cli *cli, int argc, char **argv)
{
	_cleanup_(flow_options_fini) struct flow_options o = { 0 };
	int r = flow_options_read(&o, &command_flows, argc, argv);

	if (r >= 0)
		return r;
	return run_with(cli, &o, argc - optind, argv + optind);
}

const struct command command_flows = {
	.name = "flows",
	.synopsis =
		"[-f] [FILTER...] [--count | --top N --by FIELD,...] [-o FORMAT]\n"
		"       bulkhead flows show ID\n"
		"       bulkhead flows export [FILTER...] --pcap FILE",
	.summary = "ask the flow log",
	.help = "Show who talked to whom, what was denied, and by which policies; one line a\n"
		"flow. 'show' tells one flow's story, 'export' writes logged packets.\n\n"
		"Filters:\n"
		"  --since WHEN         flows that had a packet then or later: 10m (ago),\n"
		"                       2026-01-31T10:20:30Z\n"
		"  --until WHEN         or not later than then\n"
		"  --denied, --audit, --allowed\n"
		"                       of this verdict; several of them: any\n"
		"  --from WHO, --to WHO a container (web, shop/web, its id), a namespace (shop/),\n"
		"                       labels (app=web,tier!=db), an address or block, a DNS name\n"
		"  --port PORT          to this port\n"
		"  --proto PROTOCOL     tcp, udp, icmp, ...\n"
		"  --policy NAME        decided by this policy, as shop/deny\n"
		"  --reason REASON      for this reason, as no-policy-allows\n"
		"  --direction SIDE     ingress or egress: whose policy decided\n"
		"  --events             what else happened, too: containers, policies, tampering\n\n"
		"Options:\n"
		"  -f, --follow         what there is, and each record from now on\n"
		"  --count              how many flows\n"
		"  --top N              the N largest groups by flows\n"
		"  --by FIELD,...       groups of src, dst, src-ip, dst-ip, src-namespace,\n"
		"                       dst-namespace, src-image, dst-image, port, proto, verdict,\n"
		"                       direction, reason, policy, host\n"
		"  --path FILE          read FILE and those it was rotated to (.gz too)\n"
		"  --file FILE          the same\n"
		"  --store FILE         read an SQLite store; default is the agent's store, else\n"
		"                       its file\n"
		"  --pcap FILE          write pcapng there; - is standard output\n"
		"  -o, --output FORMAT  table (default), wide, json, csv, ecs, ocsf\n"
		"  -h, --help           print this\n",
	.run = run,
};
