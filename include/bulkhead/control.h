/* SPDX-License-Identifier: GPL-2.0-or-later */
/* control.h - what the agent and the command line say to each other.
 *
 * A unix stream socket. One JSON object a line each way, in order:
 *
 *   {"command": "explain", "arguments": {"source": "web", …}}
 *   {"ok": true, "result": {…}}
 *   {"ok": false, "error": "no endpoint is called 'wbe'"}
 *
 * A command is answered exactly once, "arguments" may be missing. A line that
 * is too long or no such object is answered with an error, then the agent
 * closes the connection; so it does when too many clients are connected.
 *
 * The shapes of the results follow; bulkhead(1) repeats them for users. Every
 * key is always there. "?" marks a value that may be null. n is an integer, t
 * a string, TIME RFC 3339 text in UTC, REF a policy as "namespace/name". A
 * program must expect new keys.
 */
#pragma once

#define CONTROL_SOCKET "/run/bulkhead/control.sock"

/** Longest request line, in bytes, without its newline. */
#define CONTROL_REQUEST_MAX (64U << 10)

/** Longest answer that a client takes. */
#define CONTROL_ANSWER_MAX (256U << 20)

/** Clients that are served at one time. */
#define CONTROL_CLIENTS_MAX 64

/*
 * {} -> {
 *   "version": t, "pid": n, "started": TIME,
 *   "state": "starting" | "in-step" | "degraded",
 *   "mode": "enforce" | "audit",
 *   "ready": bool,
 *   "problems": [{"subject": t, "message": t}],
 *   "warnings": [{"subject": t, "message": t}],
 *   "runtimes": [{"name": t, "socket": t,
 *                 "state": "connecting" | "in-step" | "away",
 *                 "version": t?, "api_version": t?,
 *                 "support": "unknown" | "too-old" | "older" | "tried" |
 *                            "newer",
 *                 "detail": t?,
 *                 "events": n, "reconnects": n, "resyncs": n}],
 *   "endpoints": {"total": n, "enforced": n, "isolated_ingress": n,
 *                 "isolated_egress": n, "unenforceable": n,
 *                 "escapable": n},
 *   "networks": n,
 *   "policies": {"total": n, "files": n,
 *                "broken_files": [{"file": t, "errors": [t],
 *                                  "in_force": bool}]},
 *   "firewall": {"in_step": bool, "owned": bool, "restored": n,
 *                "generation": n, "transactions": n, "last_commit": TIME?,
 *                "last_duration_us": n, "objects": n, "error": t?},
 *   "revocation": {"idle": bool, "revoked": n, "unrecorded": n, "sweeps": n,
 *                  "last_entries": n, "last_duration_us": n, "problem": t?},
 *   "flow_log": {"path": t?, "records": n, "packets": n, "lost": n,
 *                "unwritten": n, "problem": t?,
 *                "writer": {"pid": n, "user": t?, "restarts": n, "waiting": n,
 *                           "lost": n, "problem": t?},
 *                "sinks": [{"name": t, "kind": t, "target": t?, "written": n,
 *                           "waiting": n, "lost": n, "lag_ms": n,
 *                           "problem": t?}]},
 *   "counters": {NAME: {"packets": n, "bytes": n}},
 *   "bridges": [{"name": t, "filtered": bool, "problem": t?}]
 * }
 * "errors" are whole diagnostics, "file:line:col: error: message". "in_force"
 * tells that the file's last good version still is. "objects" are those of the
 * last transaction; "owned": nobody else can change the tables; "restored": times
 * that somebody's change was undone. NAME is the kernel counter's, as "ingress_no_policy_allows".
 * "problems" keep the state from being "in-step"; "warnings" do not: of endpoints
 * that are held and could escape, of others' rules that come before ours.
 * "revocation" is "idle" when every connection has been judged by what is in
 * force; "last_entries" of conntrack were, by the last sweep.
 */
#define CONTROL_STATUS "status"

/*
 * {} -> {"families": [{
 *   "name": t, "type": "counter" | "gauge" | "histogram", "help": t,
 *   "samples": [{"labels": {KEY: t}, "value": number}
 *               or {"labels": {KEY: t}, "count": n, "sum": number,
 *                   "buckets": [{"le": number, "count": n}]}]
 * }]}, for a histogram the second; "labels" may be missing. Times are in
 * seconds, everything else in base units too. Names are Prometheus', and
 * bulkhead-metrics(5) lists them. A bucket counts what is at most "le"; the one
 * without a bound is "count".
 */
#define CONTROL_METRICS "metrics"

/*
 * {} -> {"generation": n}, once the kernel reflects the policy directory and
 * the containers as they were when the command came. An error when it cannot
 * come to that without somebody's help, as with a broken policy file; it says
 * which. The client sets the time limit and hangs up.
 */
#define CONTROL_WAIT "wait"

/*
 * {} or {"labels": bool} -> {"endpoints": [{
 *   "id": t, "name": t, "namespace": t, "image": t, "runtime": t,
 *   "state": "created" | "running" | "exited", "pid": n?,
 *   "labels": {KEY: t},
 *   "attachments": [{"network": t, "bridge": t?, "interface": t?,
 *                    "ipv4": t?, "ipv6": t?, "mac": t?}],
 *   "ports": [{"name": t, "protocol": "tcp" | "udp" | "sctp", "port": n}],
 *   "published": [{"host": t, "host_port": n, "port": n, "protocol": t}],
 *   "ingress": {"isolated": bool, "policies": [REF]},
 *   "egress": {"isolated": bool, "policies": [REF]},
 *   "unenforceable": t?, "escapable": t?, "quarantined": bool
 * }]}, sorted by namespace and name. "policies" are those that isolate it,
 * "unenforceable" is the reason why nothing on this host can hold it,
 * "escapable" the reason why it could undo what does. With "labels" false the
 * agent may leave the labels empty, which are most of a long answer.
 */
#define CONTROL_ENDPOINTS "endpoints"

/*
 * {} or {"add": t, "reason": t?} or {"lift": t} -> {"quarantined": [{
 *   "id": t, "name": "namespace/name", "since": TIME, "reason": t?, "uid": n,
 *   "present": bool
 * }], "in_force": bool}, in the order of "since". Only root may add and lift.
 * A quarantined container reaches nobody, and only the host reaches it,
 * whatever the policies say; the connections that it had are ended. It stays so
 * over restarts, until it is lifted. "present": the container is there.
 * "in_force": the kernel has what the answer says.
 */
#define CONTROL_QUARANTINE "quarantine"

/*
 * {} -> {"policies": [{
 *   "namespace": t, "name": t, "file": t, "line": n,
 *   "types": ["Ingress", "Egress"], "pod_selector": t,
 *   "endpoints": ["namespace/name" of a selected endpoint],
 *   "ingress_rules": n, "egress_rules": n,
 *   "status": "enforced" | "audited" | "last-good" | "failed",
 *   "message": t?
 * }]}, sorted by namespace and name. "pod_selector" is as kubectl writes it,
 * "" for one that selects all. "last-good" tells that its file is broken and an
 * earlier version in force, "failed" that it could not be programmed and that
 * its endpoints are isolated. "message" says more.
 */
#define CONTROL_POLICIES "policies"

/*
 * {} -> {"networks": [{
 *   "id": t, "name": t, "runtime": t, "driver": t, "bridge": t?,
 *   "subnets": [t], "managed": bool, "filtered": bool, "reason": t?
 * }]}, sorted by name. "managed": policies govern its endpoints; "filtered":
 * its bridge hands packets to the firewall; "reason": why not, for either.
 */
#define CONTROL_NETWORKS "networks"

/*
 * {"nft": false} or {} -> {"rules": [{
 *   "endpoint": "namespace/name", "direction": "ingress" | "egress",
 *   "policy": REF, "allows": bool, "peers": [t], "ports": [t]
 * }]}, sorted by endpoint, direction and policy: one for each rule of each
 * policy that isolates the endpoint, in the policy's order. A policy without a
 * rule in that direction has one entry that does not allow. Peers are text
 * ("pods app=web", "pods app=web in namespaces team=a", "10.0.0.0/8 except
 * 10.1.0.0/16"), none: everybody. Ports are "tcp/80", "udp/53-60", "tcp/http"
 * or "tcp"; none: every port and protocol.
 *
 * {"nft": true} -> {"nft": t}: the ruleset as nft text.
 */
#define CONTROL_RULES "rules"

/*
 * {"source": t, "destination": t, "protocol": t, "port": n} -> {
 *   "verdict": "allowed" | "denied",
 *   "source": PARTY, "destination": PARTY, "protocol": t, "port": n?,
 *   "egress": DECISION, "ingress": DECISION,
 *   "notes": [t]
 * }
 * PARTY: {"kind": "endpoint" | "host" | "address", "address": t?, "name": t?,
 *         "namespace": t?, "id": t?}
 * DECISION: {"verdict": "allowed" | "denied", "reason": t,
 *            "policies": [REF], "isolated_by": [REF]}
 *
 * A party is named by endpoint name, "namespace/name", id, a unique prefix of
 * the id, address, or "host". "protocol" is "tcp", "udp", "sctp" or "icmp"; "port" is
 * missing for icmp, null in its answer. "egress" is the source's decision,
 * "ingress" the destination's; "policies" are those that allow it,
 * "isolated_by" those that isolate that end. Reasons: "policy-allows",
 * "no-policy-allows", "not-isolated", "no-endpoint" (a party that no policy
 * governs), "same-endpoint", "local-host" (from the host itself),
 * "quarantine", "unenforceable". "notes" are sentences for people.
 */
#define CONTROL_EXPLAIN "explain"
