/* SPDX-License-Identifier: GPL-2.0-or-later */
/* metrics.c - what monitoring asks for; bulkhead-metrics(5) lists it.
 *
 * Labels are directions, reasons, states and the names of what is configured;
 * where they are containers' or policies', there is a bound and a row for what
 * is beyond (see flow_counts()). Addresses, ports and containers are in the flow
 * log, not here.
 */
#include <string.h>

#include "agent/agent.h"
#include "agent/report/metric.h"
#include "agent/report/process.h"
#include "agent/report/put.h"
#include "agent/report/report.h"
#include "bulkhead/control.h"
#include "bulkhead/version.h"
#include "json/json.h"

/* ---- the agent --------------------------------------------------------- */

/* One sample for each of @names, 1 for the one that is @present. */
static void add_states(struct json_object *families, const char *family,
		       const char *help, const char *label,
		       const char *const *names, const char *present)
{
	struct json_object *samples =
		metric_family(families, "gauge", family, help);

	for (; *names; names++)
		metric_uint(samples, !strcmp(*names, present), label, *names,
			    NULL);
}

static void add_agent(struct agent *a, struct json_object *families)
{
	static const char *const states[] = { "starting", "in-step", "degraded",
					      NULL };
	static const char *const modes[] = { "enforce", "audit", NULL };
	_cleanup_(json_unrefp) struct json_object *status = report_status(a);

	metric_uint(metric_family(families, "gauge", "bulkhead_build_info",
				  "The agent's version."),
		    1, "version", BULKHEAD_VERSION, NULL);
	add_states(
		families, "bulkhead_state",
		"How the agent stands, as bulkhead status tells: 1 for the present state.",
		"state", states, json_text(status, "state"));
	add_states(
		families, "bulkhead_mode",
		"Whether what is denied is dropped (enforce) or only logged (audit): 1 for the present mode.",
		"mode", modes, json_text(status, "mode"));
	metric_gauge(families, "bulkhead_problems",
		     "Problems that bulkhead status lists.",
		     json_count(json_at(status, "problems")));
	metric_gauge(families, "bulkhead_warnings",
		     "Warnings that bulkhead status lists.",
		     json_count(json_at(status, "warnings")));
}

static void add_process(struct agent *a, struct json_object *families)
{
	struct process_stats s;

	process_stats(&s);
	metric_gauge_seconds(families, "bulkhead_agent_start_time_seconds",
			     "When the agent was started, since 1970.",
			     a->started);
	metric_seconds(
		metric_family(families, "counter",
			      "bulkhead_agent_cpu_seconds_total",
			      "Processor time of the agent, user and system."),
		s.cpu_ns, NULL);
	metric_gauge(families, "bulkhead_agent_resident_memory_bytes",
		     "Resident memory of the agent.", s.resident);
	metric_gauge(families, "bulkhead_agent_open_fds",
		     "File descriptors that the agent has open.", s.open_fds);
	metric_gauge(families, "bulkhead_agent_max_fds",
		     "File descriptors that the agent may have open.",
		     s.max_fds);
}

static void add_control(struct agent *a, struct json_object *families)
{
	metric_gauge(families, "bulkhead_control_clients",
		     "Connections to the control socket, this one among them.",
		     control_clients(a->control));
	metric_gauge(families, "bulkhead_control_clients_max",
		     "How many there can be.", CONTROL_CLIENTS_MAX);
}

/* ---- runtimes, endpoints, networks ------------------------------------- */

static void add_runtimes(struct agent *a, struct json_object *families)
{
	struct json_object *in_step = metric_family(
		families, "gauge", "bulkhead_runtime_in_step",
		"1 while the agent follows the runtime's events.");
	struct json_object *info = metric_family(
		families, "gauge", "bulkhead_runtime_info",
		"1; which engine it is, and how its version stands to those that this was tried with.");
	struct json_object *events = metric_family(
		families, "counter", "bulkhead_runtime_events_total",
		"Events of the runtime that were applied.");
	struct json_object *reconnects = metric_family(
		families, "counter", "bulkhead_runtime_reconnects_total",
		"Times that the connection to the runtime was made anew.");
	struct json_object *resyncs = metric_family(
		families, "counter", "bulkhead_runtime_resyncs_total",
		"Times that all containers were listed.");
	struct runtime_status s;

	vec_foreach(r, &a->runtimes) {
		(*r)->ops->status(*r, &s);
		metric_uint(in_step, s.state == RUNTIME_IN_STEP, "runtime",
			    s.name, NULL);
		metric_uint(info, 1, "runtime", s.name, "version", s.version,
			    "api_version", s.api, "support",
			    runtime_support_name(s.support), NULL);
		metric_uint(events, s.events, "runtime", s.name, NULL);
		metric_uint(reconnects, s.reconnects, "runtime", s.name, NULL);
		metric_uint(resyncs, s.resyncs, "runtime", s.name, NULL);
	}
}

/* What there is of one runtime. */
struct population {
	uint64_t states[ENDPOINT_EXITED + 1];
	uint64_t unenforceable, escapable, quarantined;
};

static struct population count_endpoints(struct agent *a, const char *runtime)
{
	struct population p = { 0 };
	size_t n;
	struct endpoint *const *all = endpoint_store_all(a->store, &n);

	for (size_t i = 0; i < n; i++) {
		const struct endpoint *e = all[i];

		if (strcmp(e->runtime, runtime) != 0)
			continue;
		p.states[e->state]++;
		if (e->state == ENDPOINT_EXITED)
			continue;
		p.unenforceable += e->unenforceable != NULL;
		p.escapable += e->escapable != NULL;
		p.quarantined += e->quarantined;
	}
	return p;
}

static void add_populations(struct agent *a, struct json_object *families)
{
	struct json_object *total = metric_family(families, "gauge",
						  "bulkhead_endpoints",
						  "Containers by state.");
	struct json_object *unenforceable = metric_family(
		families, "gauge", "bulkhead_endpoints_unenforceable",
		"Containers, but for those that have exited, that no packet filter on this host can hold.");
	struct json_object *escapable = metric_family(
		families, "gauge", "bulkhead_endpoints_escapable",
		"Containers, but for those that have exited, that could undo what holds them.");
	struct json_object *quarantined = metric_family(
		families, "gauge", "bulkhead_endpoints_quarantined",
		"Containers, but for those that have exited, that an operator has sealed off.");

	vec_foreach(r, &a->runtimes) {
		const char *name = (*r)->ops->name;
		struct population p = count_endpoints(a, name);

		for (int state = 0; state <= ENDPOINT_EXITED; state++)
			metric_uint(
				total, p.states[state], "runtime", name,
				"state",
				endpoint_state_name((enum endpoint_state)state),
				NULL);
		metric_uint(unenforceable, p.unenforceable, "runtime", name,
			    NULL);
		metric_uint(escapable, p.escapable, "runtime", name, NULL);
		metric_uint(quarantined, p.quarantined, "runtime", name, NULL);
	}
}

static void pass_over(_unused_ void *arg, _unused_ const struct policy *policy)
{
}

/* Those that a policy selects and nothing here can hold are not isolated. */
static uint64_t count_isolated(struct agent *a, bool ingress)
{
	uint64_t isolated = 0;
	size_t n;
	struct endpoint *const *all = endpoint_store_all(a->store, &n);

	for (size_t i = 0; i < n; i++)
		if (all[i]->state != ENDPOINT_EXITED && !all[i]->unenforceable)
			isolated += compiler_isolating(a->compiler, all[i]->id,
						       ingress, pass_over,
						       NULL) > 0;
	return isolated;
}

static void add_endpoints(struct agent *a, struct json_object *families)
{
	struct json_object *isolated;

	add_populations(a, families);
	isolated = metric_family(
		families, "gauge", "bulkhead_endpoints_isolated",
		"Containers that a policy isolates in that direction.");
	metric_uint(isolated, count_isolated(a, true), "direction", "ingress",
		    NULL);
	metric_uint(isolated, count_isolated(a, false), "direction", "egress",
		    NULL);
}

static void add_networks(struct agent *a, struct json_object *families)
{
	uint64_t filtered = 0, unfiltered = 0;
	struct json_object *bridges;
	size_t n;

	endpoint_store_networks(a->store, &n);
	metric_gauge(families, "bulkhead_networks", "Networks of the runtimes.",
		     n);
	vec_foreach(network, &a->managed.all) {
		if (a->link && link_filtered(a->link, (*network)->bridge))
			filtered++;
		else if (strcmp((*network)->runtime, "remembered") != 0)
			unfiltered++;
	}
	bridges = metric_family(
		families, "gauge", "bulkhead_bridges",
		"Bridges of managed networks, by whether they hand their packets to the firewall.");
	metric_uint(bridges, filtered, "filtered", "true", NULL);
	metric_uint(bridges, unfiltered, "filtered", "false", NULL);
}

/* ---- policies and the firewall ----------------------------------------- */

static void add_policies(struct agent *a, struct json_object *families)
{
	size_t n = policy_dir_files(a->policies);
	uint64_t broken[2] = { 0 };
	struct json_object *invalid;
	struct policy_dir_file file;

	for (size_t i = 0; i < n; i++) {
		policy_dir_file(a->policies, i, &file);
		if (file.broken)
			broken[file.in_force]++;
	}
	metric_gauge(families, "bulkhead_policies", "Policies in force.",
		     policy_dir_set(a->policies)->policies.len);
	metric_gauge(families, "bulkhead_policy_files",
		     "Files in the policy directory.", n);
	invalid = metric_family(
		families, "gauge", "bulkhead_policy_files_invalid",
		"Files whose newest version is invalid, by whether an earlier one is in force.");
	metric_uint(invalid, broken[true], "in_force", "true", NULL);
	metric_uint(invalid, broken[false], "in_force", "false", NULL);
	metric_gauge(
		families, "bulkhead_policy_directory_readable",
		"0 while the policy directory cannot be read; what was in force stays.",
		!policy_dir_problem(a->policies));
}

static void add_transactions(const struct enforcement *e,
			     struct json_object *families)
{
	metric_counter(families, "bulkhead_transactions_total",
		       "Changes of the kernel's rules.", e->transactions);
	metric_counter(
		families, "bulkhead_transaction_failures_total",
		"Changes that the kernel refused; what was in force stayed.",
		e->failed);
	metric_histogram(families, "bulkhead_transaction_duration_seconds",
			 "From the difference to the kernel's answer.",
			 &e->commits);
	metric_histogram(families, "bulkhead_compile_duration_seconds",
			 "From policies and containers to rules.",
			 &e->compiles);
	metric_gauge_seconds(
		families, "bulkhead_last_transaction_timestamp_seconds",
		"When the kernel's rules were last changed, since 1970; 0: not yet.",
		e->commit_time);
}

static void add_firewall(struct agent *a, struct json_object *families)
{
	const struct enforcement *e = &a->enforcement;

	metric_gauge(
		families, "bulkhead_firewall_in_step",
		"1 while the kernel's rules reflect policies and containers.",
		e->committed && !e->dirty && !e->error);
	metric_gauge(families, "bulkhead_firewall_owned",
		     "1 when nobody else can change the tables.",
		     firewall_owned(a->firewall));
	add_transactions(e, families);
	metric_counter(
		families, "bulkhead_tables_restored_total",
		"Times that somebody else's change of the tables was undone.",
		e->restored);
	metric_gauge(
		families, "bulkhead_foreign_chains",
		"Others' chains that come before ours and accept, untrack or redirect packets.",
		a->foreign.rules.len);
}

static void add_revocation(struct agent *a, struct json_object *families)
{
	struct revoke_stats s;

	revoke_stats(a->revoke, &s);
	metric_counter(
		families, "bulkhead_revoked_connections_total",
		"Connections that were ended because no policy allows them any more.",
		s.revoked);
	metric_counter(families,
		       "bulkhead_revoked_connections_unrecorded_total",
		       "Of those, the ones that the flow log does not tell.",
		       s.unrecorded);
	metric_counter(families, "bulkhead_revocation_sweeps_total",
		       "Times that all connections were judged.", s.sweeps);
	metric_gauge(families, "bulkhead_revocation_sweep_connections",
		     "Connections that the last sweep judged.", s.entries);
	metric_gauge_seconds(
		families, "bulkhead_revocation_sweep_duration_seconds",
		"From the last change to the end of its sweep.", s.duration_ns);
	metric_gauge(families, "bulkhead_revocation_failing",
		     "1 when the last sweep failed.", s.problem[0] != '\0');
}

struct json_object *report_metrics(struct agent *a)
{
	struct json_object *result = json_object_new_object();
	struct json_object *families = report_array(result, "families");

	add_agent(a, families);
	add_process(a, families);
	add_control(a, families);
	add_runtimes(a, families);
	add_endpoints(a, families);
	add_networks(a, families);
	add_policies(a, families);
	add_firewall(a, families);
	add_revocation(a, families);
	report_flow_metrics(a, families);
	return result;
}
