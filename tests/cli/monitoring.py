#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""monitoring.py - the alert rules and the dashboard, by Prometheus' own tool:
each alert fires when it should, and not when it should not."""

import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import exposition

# Steps of a series, a minute each; of half an hour where an alert waits a day.
STEPS = 60
SLOW = {"BulkheadAuditMode"}


def series(name, values, **labels):
    labels = {"instance": "host", "job": "bulkhead", **labels}
    inside = ",".join(f'{k}="{v}"' for k, v in labels.items())
    return {"series": f"{name}{{{inside}}}", "values": values}


def steady(name, value, **labels):
    return series(name, f"{value}x{STEPS}", **labels)


def rising(name, step, **labels):
    return series(name, f"0+{step}x{STEPS}", **labels)


def latency(slow):
    """A transaction a minute, all under 5 ms or all over half a second."""
    name = "bulkhead_transaction_duration_seconds_bucket"
    return [rising(name, 0 if slow else 1, le="0.005"),
            rising(name, 0 if slow else 1, le="0.5"),
            rising(name, 1, le="1"), rising(name, 1, le="+Inf")]


def lost_sink(step):
    return rising("bulkhead_sink_lost_lines_total", step, sink="file", kind="file")


def denied(step, reason):
    return rising("bulkhead_denied_packets_total", step, table="inet",
                  direction="egress", reason=reason)


# Alert: (series that make it fire, series like them that do not).
CASES = {
    "BulkheadExporterDown": ([steady("up", 0)], [steady("up", 1), steady("up", 0, job="other")]),
    "BulkheadAgentDown": ([steady("bulkhead_up", 0)], [steady("bulkhead_up", 1)]),
    "BulkheadAgentRestarting": (
        [series("bulkhead_agent_start_time_seconds", f"1000+100x{STEPS}")],
        [series("bulkhead_agent_start_time_seconds", f"1000x30 2000x{STEPS - 30}")]),
    "BulkheadNotInStep": ([steady("bulkhead_firewall_in_step", 0)],
                          # For a moment it is not, at each start of a container.
                          [series("bulkhead_firewall_in_step", f"1 0 1 1 0 1 1x{STEPS}")]),
    "BulkheadTransactionsFailing": (
        [rising("bulkhead_transaction_failures_total", 1)],
        [steady("bulkhead_transaction_failures_total", 5)]),
    "BulkheadTransactionsSlow": (latency(True), latency(False)),
    "BulkheadRuntimeAway": ([steady("bulkhead_runtime_in_step", 1, runtime="docker"),
                             steady("bulkhead_runtime_in_step", 0, runtime="containerd")],
                            [steady("bulkhead_runtime_in_step", 1, runtime="docker")]),
    "BulkheadPolicyFileInvalid": (
        [steady("bulkhead_policy_files_invalid", 1, in_force="true"),
         steady("bulkhead_policy_files_invalid", 0, in_force="false")],
        [steady("bulkhead_policy_files_invalid", 0, in_force=x) for x in ("true", "false")]),
    "BulkheadPolicyDirectoryUnreadable": (
        [steady("bulkhead_policy_directory_readable", 0)],
        [steady("bulkhead_policy_directory_readable", 1)]),
    "BulkheadBridgeUnfiltered": ([steady("bulkhead_bridges", 1, filtered="false")],
                                 [steady("bulkhead_bridges", 0, filtered="false"),
                                  steady("bulkhead_bridges", 9, filtered="true")]),
    "BulkheadEndpointUnenforceable": (
        [steady("bulkhead_endpoints_unenforceable", 1, runtime="docker")],
        [steady("bulkhead_endpoints_unenforceable", 0, runtime="docker")]),
    "BulkheadAuditMode": ([steady("bulkhead_mode", 1, mode="audit")],
                          [steady("bulkhead_mode", 0, mode="audit"),
                           steady("bulkhead_mode", 1, mode="enforce")]),
    "BulkheadTamper": ([rising("bulkhead_tables_restored_total", 1)],
                       [steady("bulkhead_tables_restored_total", 3)]),
    "BulkheadForeignChain": ([steady("bulkhead_foreign_chains", 1)],
                             [steady("bulkhead_foreign_chains", 0)]),
    "BulkheadSpoofing": ([denied(1, "spoofed")], [denied(1, "no-policy-allows")]),
    # 60 a minute is one a second.
    "BulkheadDenialsHigh": ([denied(60 * 200, "no-policy-allows")],
                            [denied(60 * 50, "no-policy-allows"),
                             denied(60 * 200, "link-control")]),
    "BulkheadRevocationFailing": ([steady("bulkhead_revocation_failing", 1)],
                                  [steady("bulkhead_revocation_failing", 0)]),
    "BulkheadFlowLogLoss": ([rising("bulkhead_flow_log_lost_packets_total", 7)],
                            [steady("bulkhead_flow_log_lost_packets_total", 7)]),
    "BulkheadConnectionLoss": ([rising("bulkhead_flow_log_lost_events_total", 3)],
                               [steady("bulkhead_flow_log_lost_events_total", 3)]),
    "BulkheadRevocationsUnrecorded": (
        [rising("bulkhead_revoked_connections_unrecorded_total", 1)],
        [steady("bulkhead_revoked_connections_unrecorded_total", 9)]),
    "BulkheadDenialsUnaccounted": (
        [rising("bulkhead_flow_log_accounted_packets_total", 2, **{"as": "lost"})],
        [rising("bulkhead_flow_log_accounted_packets_total", 2, **{"as": "suppressed"})]),
    "BulkheadFlowWriterDown": ([steady("bulkhead_flow_writer_up", 0)],
                               [steady("bulkhead_flow_writer_up", 1)]),
    "BulkheadFlowWriterLoss": ([rising("bulkhead_flow_writer_lost_lines_total", 1)],
                               [steady("bulkhead_flow_writer_lost_lines_total", 1)]),
    "BulkheadSinkFailing": ([steady("bulkhead_sink_failing", 1, sink="loki", kind="loki")],
                            [steady("bulkhead_sink_failing", 0, sink="loki", kind="loki")]),
    "BulkheadSinkLagging": ([rising("bulkhead_sink_lag_seconds", 60, sink="loki", kind="loki")],
                            [steady("bulkhead_sink_lag_seconds", 59, sink="loki", kind="loki")]),
    "BulkheadSinkLoss": ([lost_sink(1)], [lost_sink(0)]),
    "BulkheadFileDescriptorsShort": (
        [steady("bulkhead_agent_open_fds", 900), steady("bulkhead_agent_max_fds", 1024)],
        [steady("bulkhead_agent_open_fds", 500), steady("bulkhead_agent_max_fds", 1024)]),
    "BulkheadControlSocketBusy": (
        [steady("bulkhead_control_clients", 60), steady("bulkhead_control_clients_max", 64)],
        [steady("bulkhead_control_clients", 4), steady("bulkhead_control_clients_max", 64)]),
}


def promtool(*args):
    done = subprocess.run(["promtool", *args], capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def expectation(input_series, alert, fires):
    """One of promtool's tests: only this alert is firing in the end, or none."""
    at, interval = ("28h", "30m") if alert in SLOW else ("45m", "1m")

    def count(expr, n):
        return {"expr": expr, "eval_time": at,
                "exp_samples": [{"labels": "{}", "value": n}] if n else []}
    firing = 'ALERTS{alertstate="firing"}'
    return {"interval": interval, "input_series": input_series, "promql_expr_test": [
        count(f'count by () (count by (alertname) ({firing}))', int(fires)),
        count(f'count by () (count by (alertname) (ALERTS{{alertstate="firing",'
              f'alertname="{alert}"}}))', int(fires))]}


class Alerts(unittest.TestCase):
    def run_rules(self, tests):
        """The first that fails, or the last: (status, output)."""
        for slow in False, True:
            some = [t for t in tests if (t["interval"] != "1m") == slow]
            status, text = self.run_some(some, "30m" if slow else "1m")
            if status:
                break
        return status, text

    def run_some(self, tests, interval):
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as f:
            # JSON is YAML.
            json.dump({"rule_files": [exposition.ALERTS], "evaluation_interval": interval,
                       "tests": tests}, f)
            f.flush()
            return promtool("test", "rules", f.name)

    def test_syntax(self):
        status, text = promtool("check", "rules", "--lint=all", exposition.ALERTS)
        self.assertEqual(status, 0, text)
        self.assertIn(f"{len(CASES)} rules found", text)

    def test_every_alert_has_a_case(self):
        self.assertEqual({name for name, _, _ in exposition.alerts()}, set(CASES))

    def test_fires(self):
        tests = [expectation(fires, name, True) for name, (fires, _) in CASES.items()]
        status, text = self.run_rules(tests)
        self.assertEqual(status, 0, text)

    def test_does_not_fire(self):
        tests = [expectation(quiet, name, False) for name, (_, quiet) in CASES.items()]
        status, text = self.run_rules(tests)
        self.assertEqual(status, 0, text)

    def test_the_tests_can_fail(self):
        """That promtool looks at what it is told to expect."""
        fires, quiet = CASES["BulkheadAgentDown"]
        self.assertNotEqual(self.run_rules([expectation(fires, "BulkheadAgentDown", False)])[0], 0)
        self.assertNotEqual(self.run_rules([expectation(quiet, "BulkheadAgentDown", True)])[0], 0)

    def test_severities(self):
        with open(exposition.ALERTS, encoding="utf-8") as f:
            found = re.findall(r"severity: (\w+)}", f.read())
        self.assertEqual(len(found), len(CASES))
        self.assertLessEqual(set(found), {"critical", "warning", "info"})
        for name, _, texts in exposition.alerts():
            self.assertEqual(len(texts), 2, name)


class Names(unittest.TestCase):
    def test_what_is_used_is_documented(self):
        known = exposition.documented()
        self.assertGreater(len(known), 50)
        for where, name, labels in exposition.uses():
            self.assertIn(name, known, where)
            self.assertLessEqual(labels, known[name][1], (where, name))

    def test_conventions(self):
        """Counters end in _total, units are base units."""
        for name, (kind, _) in exposition.documented().items():
            self.assertTrue(name.startswith("bulkhead_"), name)
            self.assertEqual(name.endswith("_total"), kind == "counter", name)
            self.assertIsNone(re.search(r"_(ms|us|ns|minutes|kb|mb|percent)(_|$)", name), name)
            if kind == "histogram":
                self.assertTrue(name.endswith("_seconds"), name)


class Dashboard(unittest.TestCase):
    def test_expressions(self):
        """Each is one that Prometheus takes, its variables filled in."""
        rules = [{"record": f"panel:{i}", "expr": expr.replace("$__rate_interval", "5m")
                  .replace("$instance", "host")}
                 for i, (_, expr, _) in enumerate(exposition.panels())]
        self.assertGreater(len(rules), 20)
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as f:
            json.dump({"groups": [{"name": "panels", "rules": rules}]}, f)
            f.flush()
            status, text = promtool("check", "rules", f.name)
        self.assertEqual(status, 0, text)

    def test_data_source_is_a_variable(self):
        board = exposition.dashboard()
        variables = {v["name"]: v for v in board["templating"]["list"]}
        self.assertEqual(variables["datasource"]["type"], "datasource")
        self.assertIn("instance", variables)
        for p in board["panels"]:
            for t in [p, *p.get("targets", [])] if "targets" in p else []:
                self.assertEqual(t["datasource"]["uid"], "${datasource}", p["title"])

    def test_panels(self):
        board = exposition.dashboard()
        ids = [p["id"] for p in board["panels"]]
        self.assertEqual(len(set(ids)), len(ids))
        taken = set()
        for p in board["panels"]:
            g = p["gridPos"]
            self.assertLessEqual(g["x"] + g["w"], 24, p["title"])
            cells = {(x, y) for x in range(g["x"], g["x"] + g["w"])
                     for y in range(g["y"], g["y"] + g["h"])}
            self.assertFalse(cells & taken, p["title"])
            taken |= cells
            # Of every host, or of those that were chosen.
            for t in p.get("targets", []):
                for selector in re.findall(r"bulkhead_\w+(\{[^}]*\})?", t["expr"]):
                    self.assertIn('instance=~"$instance"', selector, p["title"])


if __name__ == "__main__":
    unittest.main()
