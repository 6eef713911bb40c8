/* SPDX-License-Identifier: GPL-2.0-or-later */
/* status.c - how the agent stands, for `bulkhead status`. */
#include <string.h>

#include "agent/agent.h"
#include "agent/report/put.h"
#include "agent/report/report.h"
#include "bulkhead/version.h"

/* Append to "problems" or "warnings". */
static void add_problem(struct json_object *problems, const char *subject,
			const char *message)
{
	struct json_object *item = report_item(problems);

	report_string(item, "subject", subject);
	report_string(item, "message", message);
}

/* ---- runtimes ---------------------------------------------------------- */

static void report_runtimes(struct agent *a, struct json_object *to,
			    struct json_object *problems)
{
	struct json_object *list = report_array(to, "runtimes");
	struct runtime_status s;

	vec_foreach(r, &a->runtimes) {
		struct json_object *item = report_item(list);

		(*r)->ops->status(*r, &s);
		report_string(item, "name", s.name);
		report_string(item, "socket", s.socket);
		report_string(item, "state", runtime_state_name(s.state));
		report_optional(item, "version", s.version);
		report_optional(item, "api_version", s.api);
		report_string(item, "support", runtime_support_name(s.support));
		report_optional(item, "detail", s.detail);
		report_uint(item, "events", s.events);
		report_uint(item, "reconnects", s.reconnects);
		report_uint(item, "resyncs", s.resyncs);
		if (s.state != RUNTIME_IN_STEP)
			add_problem(problems, s.name,
				    s.detail[0] ? s.detail : "not in step yet");
	}
}

/* ---- endpoints and networks -------------------------------------------- */

/* Returns 1 when @e has the trouble @message, else (it is NULL) 0. */
static unsigned tell_endpoint(struct json_object *list,
			      const struct endpoint *e, const char *message)
{
	_cleanup_(freep) char *name = NULL;

	if (!message)
		return 0;
	name = xasprintf("%s/%s", e->namespace, e->name);
	add_problem(list, name, message);
	return 1;
}

static void report_counts(struct agent *a, struct json_object *to,
			  struct json_object *problems,
			  struct json_object *warnings)
{
	struct json_object *endpoints = report_mapping(to, "endpoints");
	struct compile_stats stats;
	size_t n, unenforceable = 0, escapable = 0, live = 0;
	struct endpoint *const *all = endpoint_store_all(a->store, &n);

	for (size_t i = 0; i < n; i++) {
		const struct endpoint *e = all[i];

		if (e->state == ENDPOINT_EXITED)
			continue;
		live++;
		unenforceable += tell_endpoint(problems, e, e->unenforceable);
		escapable += tell_endpoint(warnings, e, e->escapable);
	}
	compiler_stats(a->compiler, &stats);
	report_uint(endpoints, "total", live);
	report_uint(endpoints, "enforced", stats.endpoints);
	report_uint(endpoints, "isolated_ingress", stats.isolated_ingress);
	report_uint(endpoints, "isolated_egress", stats.isolated_egress);
	report_uint(endpoints, "unenforceable", unenforceable);
	report_uint(endpoints, "escapable", escapable);
	endpoint_store_networks(a->store, &n);
	report_uint(to, "networks", n);
}

static void report_bridges(struct agent *a, struct json_object *to,
			   struct json_object *problems)
{
	struct json_object *list = report_array(to, "bridges");

	vec_foreach(n, &a->managed.all) {
		struct json_object *item = report_item(list);
		bool filtered = a->link && link_filtered(a->link, (*n)->bridge);
		const char *problem =
			filtered ? NULL
			: link_netfilter_present()
				? "the bridge is not there, or does not hand packets to the firewall"
				: "br_netfilter is not loaded: run modprobe br_netfilter";

		report_string(item, "name", (*n)->bridge);
		report_bool(item, "filtered", filtered);
		report_optional(item, "problem", problem);
		if (problem && strcmp((*n)->runtime, "remembered"))
			add_problem(problems, (*n)->bridge, problem);
	}
}

/* ---- policies ---------------------------------------------------------- */

static void add_errors(struct json_object *errors, const struct diag_list *diag)
{
	char text[1024];

	if (!diag)
		return;
	vec_foreach(d, &diag->entries)
		if (d->severity == DIAG_ERROR)
			json_object_array_add(
				errors, json_object_new_string(diag_format(
						d, text, sizeof(text))));
}

static void report_policy_files(struct agent *a, struct json_object *to,
				struct json_object *problems)
{
	struct json_object *policies = report_mapping(to, "policies");
	const char *problem = policy_dir_problem(a->policies);
	struct policy_dir_file file;
	struct json_object *broken;
	size_t n = policy_dir_files(a->policies);

	report_uint(policies, "total",
		    policy_dir_set(a->policies)->policies.len);
	report_uint(policies, "files", n);
	broken = report_array(policies, "broken_files");
	for (size_t i = 0; i < n; i++) {
		struct json_object *item, *errors;

		policy_dir_file(a->policies, i, &file);
		if (!file.broken)
			continue;
		item = report_item(broken);
		report_string(item, "file", file.path);
		errors = report_array(item, "errors");
		add_errors(errors, file.diag);
		add_errors(errors, file.conflicts);
		report_bool(item, "in_force", file.in_force);
		add_problem(
			problems, file.path,
			file.in_force
				? "invalid; its last good version is in force"
				: "invalid, and no version of it is in force");
	}
	if (problem)
		add_problem(problems, a->config.policy_dir, problem);
}

/* ---- firewall and flow log --------------------------------------------- */

static void report_firewall(struct agent *a, struct json_object *to,
			    struct json_object *problems)
{
	const struct enforcement *e = &a->enforcement;
	struct json_object *firewall = report_mapping(to, "firewall");
	const char *blocked = enforce_blocked(a);

	report_bool(firewall, "in_step",
		    e->committed && !e->dirty && !e->error);
	report_bool(firewall, "owned", firewall_owned(a->firewall));
	report_uint(firewall, "restored", e->restored);
	report_uint(firewall, "generation", e->generation);
	report_uint(firewall, "transactions", e->transactions);
	report_time(firewall, "last_commit", e->commit_time);
	report_uint(firewall, "last_duration_us", e->commit_ns / 1000);
	report_uint(firewall, "objects", e->objects);
	report_optional(firewall, "error", e->error);
	if (e->error)
		add_problem(problems, "nftables", e->error);
	if (blocked)
		add_problem(problems, "enforcement", blocked);
}

static void report_sink(struct agent *a, size_t i, struct json_object *list,
			struct json_object *problems)
{
	const struct sink_config *c = &a->config.sinks.data[i];
	struct json_object *item = report_item(list);
	struct sink_feed_sink s;

	sink_feed_sink(a->feed, i, &s);
	report_string(item, "name", c->name);
	report_string(item, "kind", sink_kind_name(c->kind));
	report_optional(item, "target", c->path ? c->path : c->url);
	report_uint(item, "written", s.written);
	report_uint(item, "waiting", s.waiting);
	report_uint(item, "lost", s.lost);
	report_uint(item, "lag_ms", s.lag_ns / 1000000);
	report_optional(item, "problem", s.problem);
	if (s.problem[0])
		add_problem(problems, c->path ? c->path : c->name, s.problem);
}

static void report_writer(struct agent *a, struct json_object *to,
			  struct json_object *problems)
{
	struct json_object *writer = report_mapping(to, "writer");
	struct sink_feed_writer w;

	sink_feed_writer(a->feed, &w);
	report_uint(writer, "pid", (uint64_t)w.pid);
	report_optional(writer, "user",
			a->log_owner.name ? a->log_owner.name : "");
	report_uint(writer, "restarts", w.restarts);
	report_uint(writer, "waiting", w.waiting);
	report_uint(writer, "lost", w.lost);
	report_optional(writer, "problem", w.problem);
	if (w.problem[0])
		add_problem(problems, "flow writer", w.problem);
}

/* What the file at "path" stands for, when there is one. */
static void report_main_file(struct agent *a, struct json_object *log)
{
	struct sink_feed_sink s = { .problem = "" };
	struct sink_feed_writer w;

	for (size_t i = 0; a->config.flow_log && i < a->config.sinks.len; i++) {
		const char *path = a->config.sinks.data[i].path;

		if (path && !strcmp(path, a->config.flow_log)) {
			sink_feed_sink(a->feed, i, &s);
			break;
		}
	}
	sink_feed_writer(a->feed, &w);
	report_uint(log, "records", s.written);
	report_uint(log, "unwritten", s.lost + w.lost);
	report_optional(log, "problem", s.problem);
}

static void report_flow_log(struct agent *a, struct json_object *to,
			    struct json_object *problems)
{
	struct json_object *log = report_mapping(to, "flow_log");
	struct json_object *sinks;
	struct flow_stats s;

	flow_stats(a->flow, &s);
	report_optional(log, "path", a->config.flow_log);
	report_main_file(a, log);
	report_uint(log, "packets", s.packets);
	report_uint(log, "lost", s.lost);
	report_writer(a, log, problems);
	sinks = report_array(log, "sinks");
	for (size_t i = 0; i < a->config.sinks.len; i++)
		report_sink(a, i, sinks, problems);
}

static void report_allowed(struct agent *a, struct json_object *warnings)
{
	const char *problem = flow_allowed_problem(a->flow);

	if (problem)
		add_problem(warnings, "allowed flows", problem);
}

static void report_names(struct agent *a, struct json_object *warnings)
{
	const char *problem = flow_names_problem(a->flow);

	if (problem)
		add_problem(warnings, "DNS names", problem);
}

static void report_foreign(struct agent *a, struct json_object *warnings)
{
	foreign_look(&a->foreign);
	vec_foreach(rules, &a->foreign.rules)
		add_problem(warnings, rules->subject, rules->message);
}

static void report_revocation(struct agent *a, struct json_object *to,
			      struct json_object *problems)
{
	struct json_object *revocation = report_mapping(to, "revocation");
	struct revoke_stats s;

	revoke_stats(a->revoke, &s);
	report_bool(revocation, "idle", revoke_is_idle(a->revoke));
	report_uint(revocation, "revoked", s.revoked);
	report_uint(revocation, "unrecorded", s.unrecorded);
	report_uint(revocation, "sweeps", s.sweeps);
	report_uint(revocation, "last_entries", s.entries);
	report_uint(revocation, "last_duration_us", s.duration_ns / 1000);
	report_optional(revocation, "problem", s.problem);
	if (s.problem[0])
		add_problem(problems, "revocation", s.problem);
}

static void report_table_counters(struct agent *a, struct json_object *to,
				  enum ruleset_table table,
				  const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t packets = 0, bytes = 0;
		struct json_object *item;

		if (firewall_counter(a->firewall, table, names[i], &packets,
				     &bytes) < 0)
			continue;
		item = report_mapping(to, names[i]);
		report_uint(item, "packets", packets);
		report_uint(item, "bytes", bytes);
	}
}

static void report_counters(struct agent *a, struct json_object *to)
{
	struct json_object *counters = report_mapping(to, "counters");
	size_t n;
	const char *const *names = compile_counters(&n);

	report_table_counters(a, counters, TABLE_INET, names, n);
	names = compile_guard_counters(&n);
	report_table_counters(a, counters, TABLE_BRIDGE, names, n);
}

static const char *overall(const struct agent *a,
			   const struct json_object *problems)
{
	if (!a->enforcement.committed)
		return "starting";
	return json_object_array_length(problems) ? "degraded" : "in-step";
}

struct json_object *report_status(struct agent *a)
{
	struct json_object *result = json_object_new_object();
	struct json_object *problems = json_object_new_array();
	struct json_object *warnings = json_object_new_array();

	report_string(result, "version", BULKHEAD_VERSION);
	report_uint(result, "pid", (uint64_t)getpid());
	report_time(result, "started", a->started);
	report_runtimes(a, result, problems);
	report_counts(a, result, problems, warnings);
	report_policy_files(a, result, problems);
	report_firewall(a, result, problems);
	report_revocation(a, result, problems);
	report_flow_log(a, result, problems);
	report_bridges(a, result, problems);
	report_counters(a, result);
	report_string(result, "state", overall(a, problems));
	report_string(result, "mode",
		      a->config.compile.audit ? "audit" : "enforce");
	report_bool(result, "ready", a->ready);
	report_foreign(a, warnings);
	report_allowed(a, warnings);
	report_names(a, warnings);
	report_object(result, "warnings", warnings);
	report_object(result, "problems", problems);
	return result;
}
