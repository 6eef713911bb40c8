/* SPDX-License-Identifier: GPL-2.0-or-later */
/* flow_metrics.c - denied packets, and the way of their records. */
#include <string.h>

#include "agent/agent.h"
#include "agent/report/metric.h"
#include "agent/report/report.h"

/* ---- the kernel's counters --------------------------------------------- */

/* How a counter's name tells direction and reason. */
struct denial {
	const char *direction;
	char reason[64];
};

/* "egress_no_policy_allows" -> egress, no-policy-allows, as in the flow log.
 * What has no direction is a container's own doing: what it sends. */
static struct denial read_counter_name(const char *name)
{
	static const char *const directions[] = { "egress", "ingress" };
	struct denial d = { .direction = "egress" };
	size_t n;

	if (!strcmp(name, "foreign_protocol"))
		name = "egress_protocol";
	for (size_t i = 0; i < ARRAY_SIZE(directions); i++) {
		n = strlen(directions[i]);
		if (strncmp(name, directions[i], n) == 0 && name[n] == '_') {
			d.direction = directions[i];
			name += n + 1;
			break;
		}
	}
	for (n = 0; name[n] && n + 1 < sizeof(d.reason); n++)
		d.reason[n] = name[n] == '_' ? '-' : name[n];
	return d;
}

struct counters {
	struct json_object *packets, *bytes;
};

static void add_table(struct agent *a, struct counters to,
		      enum ruleset_table table, const char *label,
		      const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct denial d = read_counter_name(names[i]);
		uint64_t packets = 0, bytes = 0;

		/* Some of the packets that others count as well. */
		if (!strcmp(names[i], COMPILE_COUNTER_UNATTRIBUTED))
			continue;
		if (firewall_counter(a->firewall, table, names[i], &packets,
				     &bytes) < 0)
			continue;
		metric_uint(to.packets, packets, "table", label, "direction",
			    d.direction, "reason", d.reason, NULL);
		metric_uint(to.bytes, bytes, "table", label, "direction",
			    d.direction, "reason", d.reason, NULL);
	}
}

static void add_denied(struct agent *a, struct json_object *families)
{
	struct counters to;
	const char *const *names;
	size_t n;

	to.packets = metric_family(
		families, "counter", "bulkhead_denied_packets_total",
		"Packets that the kernel denied (in audit mode: would have); exact, and begun anew with the tables.");
	to.bytes = metric_family(families, "counter",
				 "bulkhead_denied_bytes_total",
				 "Their bytes, as the IP header tells.");
	names = compile_counters(&n);
	add_table(a, to, TABLE_INET, "inet", names, n);
	names = compile_guard_counters(&n);
	add_table(a, to, TABLE_BRIDGE, "bridge", names, n);
}

/* ---- by namespace and policy ------------------------------------------- */

struct counts {
	struct json_object *packets, *bytes, *flows;
};

static void add_count_to(struct json_object *samples, uint64_t value,
			 const struct flow_count *c)
{
	metric_uint(samples, value, "namespace", c->namespace, "policies",
		    c->policies, "verdict", c->verdict, "direction",
		    c->direction, "reason", c->reason, NULL);
}

static void add_count(void *arg, const struct flow_count *c)
{
	const struct counts *to = arg;

	add_count_to(to->packets, c->packets, c);
	add_count_to(to->bytes, c->bytes, c);
	add_count_to(to->flows, c->flows, c);
}

static void add_counts(struct agent *a, struct json_object *families)
{
	struct counts to;

	to.packets = metric_family(
		families, "counter", "bulkhead_flow_packets_total",
		"Packets that the flow log told of, by the deciding container's namespace and the policies that isolate it.");
	to.bytes = metric_family(families, "counter",
				 "bulkhead_flow_bytes_total", "Their bytes.");
	to.flows = metric_family(families, "counter", "bulkhead_flows_total",
				 "Their flows.");
	flow_counts(a->flow, add_count, &to);
}

/* ---- the flow log ------------------------------------------------------ */

static void add_account(const struct flow_stats *s,
			struct json_object *families)
{
	struct json_object *accounted = metric_family(
		families, "counter",
		"bulkhead_flow_log_accounted_packets_total",
		"Denied packets that records told of, that summaries of a used up budget did, and that neither could: together what the kernel has counted.");

	metric_uint(accounted, s->recorded_packets, "as", "recorded", NULL);
	metric_uint(accounted, s->suppressed_packets, "as", "suppressed", NULL);
	metric_uint(accounted, s->lost_packets, "as", "lost", NULL);
	metric_gauge(families, "bulkhead_flow_log_active_flows",
		     "Denied flows that are being counted.", s->flows);
	metric_gauge(families, "bulkhead_flow_log_active_connections",
		     "Allowed connections that live.", s->connections);
}

static void add_flow_log(struct agent *a, struct json_object *families)
{
	struct flow_stats s;

	flow_stats(a->flow, &s);
	metric_counter(families, "bulkhead_flow_log_packets_total",
		       "Packets that the kernel handed to the flow log.",
		       s.packets);
	metric_counter(families, "bulkhead_flow_log_records_total",
		       "Records that the flow log made.", s.records);
	metric_counter(families, "bulkhead_flow_log_lost_packets_total",
		       "Packets that the kernel could not hand over.", s.lost);
	metric_counter(
		families, "bulkhead_flow_log_lost_events_total",
		"Begins and ends of allowed connections that the kernel could not hand over.",
		s.lost_events);
	metric_counter(families, "bulkhead_flow_log_undecoded_packets_total",
		       "Packets that are recorded with less than all fields.",
		       s.undecoded);
	add_account(&s, families);
}

static void add_names(struct agent *a, struct json_object *families)
{
	struct json_object *skipped;
	struct flow_names_stats s;
	uint64_t packets = 0, bytes = 0;

	flow_dns_stats(a->flow, &s);
	if (!s.on)
		return;
	metric_counter(families, "bulkhead_dns_answers_total",
		       "Name servers' answers that the kernel handed over.",
		       s.answers);
	skipped = metric_family(
		families, "counter", "bulkhead_dns_answers_skipped_total",
		"Those of which nothing was learnt: over their rate, lost on their way to the agent, or no answer that can be read.");
	firewall_counter(a->firewall, TABLE_INET, COMPILE_COUNTER_ANSWERS,
			 &packets, &bytes);
	metric_uint(skipped, packets, "why", "rate", NULL);
	metric_uint(skipped, s.lost, "why", "lost", NULL);
	metric_uint(skipped, s.malformed, "why", "malformed", NULL);
	metric_gauge(families, "bulkhead_dns_names",
		     "Addresses whose names are known, of all containers.",
		     s.addresses);
}

static void add_writer(struct agent *a, struct json_object *families)
{
	struct sink_feed_writer w;

	sink_feed_writer(a->feed, &w);
	metric_gauge(families, "bulkhead_flow_writer_up",
		     "1 while the process that writes to the sinks runs.",
		     w.pid > 0);
	metric_counter(families, "bulkhead_flow_writer_restarts_total",
		       "Times that it was started again.", w.restarts);
	metric_gauge(families, "bulkhead_flow_writer_waiting_lines",
		     "Lines that wait to be handed to it.", w.waiting);
	metric_counter(families, "bulkhead_flow_writer_lost_lines_total",
		       "Lines that had no room, for every sink.", w.lost);
}

static void add_sinks(struct agent *a, struct json_object *families)
{
	struct json_object *written = metric_family(
		families, "counter", "bulkhead_sink_written_lines_total",
		"Lines that the sink has taken.");
	struct json_object *lost = metric_family(
		families, "counter", "bulkhead_sink_lost_lines_total",
		"Lines that the sink did not get, but for those that no sink got.");
	struct json_object *waiting =
		metric_family(families, "gauge", "bulkhead_sink_waiting_lines",
			      "Lines that wait for the sink.");
	struct json_object *lag = metric_family(
		families, "gauge", "bulkhead_sink_lag_seconds",
		"How old the oldest line is that waits for the sink.");
	struct json_object *failing =
		metric_family(families, "gauge", "bulkhead_sink_failing",
			      "1 while the sink has a problem.");
	struct sink_feed_sink s;

	for (size_t i = 0; i < a->config.sinks.len; i++) {
		const struct sink_config *c = &a->config.sinks.data[i];
		const char *kind = sink_kind_name(c->kind);

		sink_feed_sink(a->feed, i, &s);
		metric_uint(written, s.written, "sink", c->name, "kind", kind,
			    NULL);
		metric_uint(lost, s.lost, "sink", c->name, "kind", kind, NULL);
		metric_uint(waiting, s.waiting, "sink", c->name, "kind", kind,
			    NULL);
		metric_seconds(lag, s.lag_ns, "sink", c->name, "kind", kind,
			       NULL);
		metric_uint(failing, s.problem[0] != '\0', "sink", c->name,
			    "kind", kind, NULL);
	}
}

void report_flow_metrics(struct agent *a, struct json_object *families)
{
	add_denied(a, families);
	add_counts(a, families);
	add_flow_log(a, families);
	add_names(a, families);
	add_writer(a, families);
	add_sinks(a, families);
}
