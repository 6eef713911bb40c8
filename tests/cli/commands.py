#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""commands.py - the command line, run as users run it, against an agent that
answers from files through the real control server."""

import json
import os
import pty
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

BULKHEAD = os.environ["BULKHEAD"]
STUB_AGENT = os.environ["STUB_AGENT"]
SOURCE = os.environ["SOURCE"]
ANSWERS = os.path.join(SOURCE, "tests/cli/answers")
EXAMPLES = os.path.join(SOURCE, "policy-examples")

# What may reach a terminal: text, newlines, tabs.
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]")

POLICY = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: %s, namespace: shop}
spec:
  podSelector: {}
"""


def record(**fields):
    r = {
        "time": "2026-01-31T10:20:30.123456789Z",
        "verdict": "denied",
        "direction": "ingress",
        "reason": "no-policy-allows",
        "policies": ["shop/deny"],
        "proto": "tcp",
        "src": {"ip": "172.18.0.2", "port": 40000,
                "container": {"namespace": "shop", "name": "web"}},
        "dst": {"ip": "172.18.0.3", "port": 5432},
    }
    r.update(fields)
    return json.dumps(r) + "\n"


def load(path):
    with open(path) as f:
        return json.load(f)


def canned(name):
    return load(os.path.join(ANSWERS, name))


class Case(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="bh-cli.")
        self.addCleanup(shutil.rmtree, self.dir)
        self.socket = os.path.join(self.dir, "control.sock")
        self.answers = os.path.join(self.dir, "answers")
        shutil.copytree(ANSWERS, self.answers)

    def start_agent(self):
        agent = subprocess.Popen([STUB_AGENT, self.socket, self.answers],
                                 stdout=subprocess.PIPE, text=True)
        self.addCleanup(self.stop_agent, agent)
        self.assertEqual(agent.stdout.readline(), "ready\n")
        return agent

    def stop_agent(self, agent):
        agent.terminate()
        self.assertEqual(agent.wait(), 0)
        agent.stdout.close()

    def answer(self, name, text):
        for ending in "json", "error":
            path = os.path.join(self.answers, name.split(".")[0] + "." + ending)
            if os.path.exists(path):
                os.unlink(path)
        self.write(os.path.join("answers", name), text)

    def write(self, name, text):
        path = os.path.join(self.dir, name)
        with open(path, "w") as f:
            f.write(text)
        return path

    def requests(self):
        with open(os.path.join(self.answers, "requests")) as f:
            return [line.split(" ", 1) for line in f.read().splitlines()]

    def run_cli(self, *args, status=0, stdin="", env=None):
        p = subprocess.run([BULKHEAD, "--socket", self.socket, *args],
                           input=stdin, capture_output=True, text=True,
                           env={**os.environ, **(env or {})})
        self.assertEqual(p.returncode, status, (args, p.stdout, p.stderr))
        self.assertIsNone(CONTROL.search(p.stdout), p.stdout)
        self.assertIsNone(CONTROL.search(p.stderr), p.stderr)
        return p

    def run_on_terminal(self, *args, **env):
        """What a terminal gets to see."""
        ours, theirs = pty.openpty()
        p = subprocess.Popen([BULKHEAD, "--socket", self.socket, *args],
                             stdout=theirs, stderr=subprocess.PIPE,
                             env={**os.environ, "TERM": "xterm",
                                  "NO_COLOR": "", **env})
        os.close(theirs)
        seen = b""
        while True:
            try:
                piece = os.read(ours, 65536)
            except OSError:  # EIO: the other side is closed
                break
            if not piece:
                break
            seen += piece
        os.close(ours)
        p.wait()
        p.stderr.close()
        return seen.decode()


class Usage(Case):
    def test_no_command(self):
        self.assertIn("--help", self.run_cli(status=2).stderr)

    def test_unknown_command(self):
        p = self.run_cli("stauts", status=2)
        self.assertIn("did you mean 'status'?", p.stderr)
        p = self.run_cli("\x1b[31mx", status=2)
        self.assertIn("\\x1b[31mx", p.stderr)

    def test_help_everywhere(self):
        listing = self.run_cli("--help").stdout
        names = re.findall(r"^  (\w+) +\w", listing, re.M)
        self.assertEqual(len(names), 12)
        for name in names:
            text = self.run_cli(name, "--help").stdout
            self.assertTrue(text.startswith("Usage: bulkhead " + name), text)
            self.assertEqual(text, self.run_cli(name, "-h").stdout)
            self.assertEqual(text, self.run_cli("help", name).stdout)
            self.assertLessEqual(max(map(len, text.splitlines()[1:])), 83)
            # No option that is not there, no argument too many.
            self.run_cli(name, "--no-such-option", status=2)
            if name not in ("check", "help"):
                self.run_cli(name, "a", "b", "c", status=2)
        self.assertEqual(listing, self.run_cli("help").stdout)
        self.run_cli("help", "frobnicate", status=2)

    def test_version(self):
        text = self.run_cli("version").stdout
        self.assertRegex(text, r"^bulkhead \d+\.\d+\.\d+\n$")
        self.assertEqual(text, self.run_cli("--version").stdout)

    def test_formats(self):
        for command in (["status"], ["get", "policies"], ["explain", "a", "b"],
                        ["check", "x"], ["wait"], ["flows"]):
            p = self.run_cli(*command, "-o", "xml", status=2)
            self.assertIn("unknown output format 'xml'", p.stderr)
        self.run_cli("get", "policies", "-o", "nft", status=2)

    def test_full_disk(self):
        with open("/dev/full", "w") as full:
            p = subprocess.run([BULKHEAD, "version"], stdout=full,
                               stderr=subprocess.PIPE, text=True)
        self.assertEqual(p.returncode, 1)
        self.assertIn("cannot write the output", p.stderr)


class Unreachable(Case):
    def test_no_agent(self):
        for command in (["status"], ["wait"], ["get", "rules"],
                        ["explain", "a", "b"]):
            p = self.run_cli(*command, status=3)
            self.assertEqual(p.stdout, "")
            self.assertIn("bulkheadd is not running (no socket at "
                          + self.socket + "): start it with", p.stderr)

    def test_dead_agent(self):
        agent = self.start_agent()
        agent.kill()
        agent.wait()
        agent.returncode = 0  # for the clean-up
        self.assertIn("nobody listens", self.run_cli("status", status=3).stderr)

    def test_agent_says_no(self):
        self.answer("explain.error", "no endpoint is called '\x1b[1mwbe'")
        self.start_agent()
        p = self.run_cli("explain", "wbe", "db:5432", status=1)
        self.assertIn("no endpoint is called '\\x1b[1mwbe'", p.stderr)


class Status(Case):
    def test_in_step(self):
        self.start_agent()
        text = self.run_cli("status").stdout
        for piece in ("in-step", "bulkheadd 0.1.0, pid 4242",
                      "docker 20.10.24 (API 1.41, tried) in-step, 12 events",
                      "3: 2 enforced, 1 isolated for ingress",
                      "2, files: 1", "in step, generation 7",
                      "since 2026-01-31T10:20:30 UTC", "br-1 filtered",
                      "9 packets, 540 bytes: ingress_no_policy_allows"):
            self.assertIn(piece, text)

    def test_degraded(self):
        status = canned("status.json")
        status["state"] = "degraded"
        status["problems"] = [{"subject": "bridge br-1", "message": "not\x1b[2J"}]
        status["policies"]["broken_files"] = [
            {"file": "/p/x.yaml", "errors": ["/p/x.yaml:1:2: error: bad"],
             "in_force": True}]
        self.answer("status.json", json.dumps(status))
        self.start_agent()
        text = self.run_cli("status", status=1).stdout
        self.assertIn("bridge br-1: not\\x1b[2J", text)
        self.assertIn("/p/x.yaml: its last good version is in force", text)
        self.assertIn("/p/x.yaml:1:2: error: bad", text)

    def test_json(self):
        self.start_agent()
        got = json.loads(self.run_cli("status", "-o", "json").stdout)
        self.assertEqual(got, canned("status.json"))

    def test_empty_answer(self):
        self.answer("status.json", "{}")
        self.start_agent()
        self.run_cli("status", status=1)


class Wait(Case):
    def test_done(self):
        self.start_agent()
        self.assertEqual(self.run_cli("wait", "--timeout", "5s").stdout, "")
        text = self.run_cli("wait", "-o", "json").stdout
        self.assertEqual(json.loads(text), {"generation": 7})

    def test_times_out_with_reasons(self):
        os.unlink(os.path.join(self.answers, "wait.json"))
        status = canned("status.json")
        status["problems"] = [{"subject": "docker", "message": "cannot connect"}]
        self.answer("status.json", json.dumps(status))
        self.start_agent()
        begin = time.monotonic()
        p = self.run_cli("wait", "--timeout", "200ms", status=1)
        self.assertGreaterEqual(time.monotonic() - begin, 0.2)
        self.assertIn("not in step within 200ms", p.stderr)
        self.assertIn("docker: cannot connect", p.stderr)

    def test_error(self):
        self.answer("wait.error", "policy file x.yaml is broken")
        self.start_agent()
        p = self.run_cli("wait", status=1)
        self.assertIn("policy file x.yaml is broken", p.stderr)

    def test_durations(self):
        for wrong in ("x", "-1", "", "10y", "100000d"):
            self.run_cli("wait", "--timeout", wrong, status=2)


class Get(Case):
    def test_tables(self):
        self.start_agent()
        rows = self.run_cli("get", "endpoints").stdout.splitlines()
        self.assertEqual(rows[0].split(), ["NAMESPACE", "NAME", "STATE",
                                           "ADDRESSES", "INGRESS", "EGRESS"])
        self.assertIn("172.18.0.3,fd00::3", rows[1])
        self.assertIn("shop/deny, shop/db", rows[1])
        self.assertIn("evil\\x1b[31m\\x0aname", rows[2])
        self.assertEqual(len(rows), 3)
        # Columns are aligned.
        at = rows[0].index("STATE")
        self.assertTrue(all(r[at:].startswith("running") for r in rows[1:]))
        for what in ("policies", "rules", "networks"):
            rows = self.run_cli("get", what).stdout.splitlines()
            self.assertEqual(len(rows), 3, rows)

    def test_wide(self):
        self.start_agent()
        for what in ("endpoints", "policies", "rules", "networks"):
            narrow = self.run_cli("get", what).stdout
            wide = self.run_cli("get", what, "-o", "wide").stdout
            if what != "rules":
                self.assertGreater(len(wide), len(narrow))

    def test_asks_for_labels_only_when_shown(self):
        self.start_agent()
        self.run_cli("get", "endpoints")
        self.run_cli("get", "endpoints", "-o", "wide")
        self.run_cli("get", "policies")
        self.assertEqual(self.requests(), [["endpoints", '{"labels":false}'],
                                           ["endpoints", "{}"],
                                           ["policies", "{}"]])

    def test_json_is_lossless(self):
        self.start_agent()
        for what in ("endpoints", "policies", "rules", "networks"):
            got = json.loads(self.run_cli("get", what, "-o", "json").stdout)
            want = canned(what + ".json")
            self.assertEqual(got, want)

    def test_yaml(self):
        self.start_agent()
        text = self.run_cli("get", "endpoints", "-o", "yaml").stdout
        self.assertTrue(text.startswith('endpoints:\n  - id: "aaaa'), text)
        self.assertIn('name: "evil\\u001b[31m\\nname"', text)

    def test_nft(self):
        self.start_agent()
        text = self.run_cli("get", "rules", "-o", "nft").stdout
        self.assertEqual(text, "table inet bulkhead {\n\tchain in { # shop/"
                               "\\x1b[1mdb\n\t}\n}\n")
        self.assertEqual(self.requests(), [["rules", '{"nft":true}']])

    def test_nothing(self):
        self.answer("policies.json", '{"policies": []}')
        self.start_agent()
        p = self.run_cli("get", "policies")
        self.assertEqual((p.stdout, p.stderr), ("", "No policies.\n"))

    def test_what(self):
        p = self.run_cli("get", "polices", status=2)
        self.assertIn("did you mean 'policies'?", p.stderr)
        self.run_cli("get", status=2)


class Explain(Case):
    def test_denied(self):
        self.start_agent()
        text = self.run_cli("explain", "web", "db:5432", status=1).stdout
        self.assertEqual(text.splitlines(), [
            "shop/web (172.18.0.2) -> shop/db (172.18.0.3) tcp/5432: denied",
            "  egress of shop/web (172.18.0.2)  allowed  no policy isolates it",
            "  ingress of shop/db (172.18.0.3)  denied   no policy allows it;"
            " isolated by shop/deny, shop/db",
            "note: db listens on 5432 only",
        ])
        self.assertEqual(self.requests(), [["explain", json.dumps({
            "source": "web", "destination": "db", "protocol": "tcp",
            "port": 5432}, separators=(",", ":"))]])

    def test_allowed(self):
        answer = canned("explain.json")
        answer["verdict"] = "allowed"
        self.answer("explain.json", json.dumps(answer))
        self.start_agent()
        self.run_cli("explain", "[fd00::2]", "[fd00::1]:53/udp")
        self.run_cli("explain", "10.0.0.1", "db")
        asked = [json.loads(r[1]) for r in self.requests()]
        self.assertEqual(asked, [
            {"source": "fd00::2", "destination": "fd00::1", "protocol": "udp",
             "port": 53},
            {"source": "10.0.0.1", "destination": "db", "protocol": "icmp"}])

    def test_targets(self):
        for wrong in ("db:0", "db:65536", "db:80/icmp", "[fd00::1", ":80"):
            self.run_cli("explain", "web", wrong, status=2)
        self.run_cli("explain", "web", status=2)
        self.run_cli("explain", "", "web", status=2)

    def test_json(self):
        self.start_agent()
        p = self.run_cli("explain", "web", "db:5432", "-o", "json", status=1)
        self.assertEqual(json.loads(p.stdout),
                         canned("explain.json"))


class Check(Case):
    def test_examples(self):
        text = self.run_cli("check", EXAMPLES).stdout
        self.assertIn("0 errors", text)

    def test_every_problem_at_once(self):
        good = self.write("good.yaml", POLICY % "good")
        bad = self.write("bad.yaml", "kind: NetworkPolicy\nfoo: 1\n")
        p = self.run_cli("check", good, bad, "/no/such\x1bfile", status=1)
        self.assertRegex(p.stdout, r"^3 files: 1 policy, 0 namespaces, ")
        self.assertRegex(p.stderr, re.escape(bad) + r":\d+:\d+: error: ")
        self.assertRegex(p.stderr, "(?m)^/no/such.*file: error: cannot read")

    def test_duplicates_across_files(self):
        a = self.write("a.yaml", POLICY % "same")
        b = self.write("b.yaml", POLICY % "same")
        p = self.run_cli("check", a, b, status=1)
        self.assertIn("a.yaml", p.stderr)
        self.assertIn("b.yaml", p.stderr)

    def test_directory(self):
        os.mkdir(os.path.join(self.dir, "policies"))
        for name in ("a.yaml", "b.yml"):
            self.write("policies/" + name, POLICY % name[0])
        for name in (".hidden.yaml", "c.yaml~", "#d.yaml#", "#d.yaml",
                     "e.txt", "yaml"):
            self.write("policies/" + name, "broken: [")
        p = self.run_cli("check", os.path.join(self.dir, "policies"))
        self.assertRegex(p.stdout, r"^2 files: 2 policies, ")

    def test_stdin(self):
        self.run_cli("check", "-", stdin=POLICY % "x")
        p = self.run_cli("check", "-", stdin="a: [", status=1)
        self.assertRegex(p.stderr, r"^<stdin>:\d+:\d+: error: ")

    def test_json(self):
        p = self.run_cli("check", "-", "-o", "json", stdin="a: \x1b", status=1)
        got = json.loads(p.stdout)
        self.assertEqual(p.stderr, "")
        self.assertFalse(got["valid"])
        self.assertEqual(got["files"], 1)
        self.assertEqual(got["errors"], len(got["diagnostics"]))
        d = got["diagnostics"][0]
        self.assertEqual((d["severity"], d["file"]), ("error", "<stdin>"))
        self.assertGreater(d["line"], 0)

    def test_no_file(self):
        self.run_cli("check", status=2)


class Flows(Case):
    def test_table(self):
        path = self.write("flows", record() + record(verdict="audit") +
                          record(src={"ip": "\x1b[2J"}))
        rows = self.run_cli("flows", "--path", path).stdout.splitlines()
        self.assertEqual(len(rows), 4)
        for piece in ("2026-01-31T10:20:30.123Z", "denied", "ingress", "tcp",
                      "shop/web 172.18.0.2:40000", "172.18.0.3:5432",
                      "no-policy-allows (shop/deny)"):
            self.assertIn(piece, rows[1])
        self.assertIn("\\x1b[2J", rows[3])

    def test_denied(self):
        path = self.write("flows", record() + record(verdict="audit"))
        text = self.run_cli("flows", "--denied", "--file", path).stdout
        self.assertNotIn("audit", text)
        self.assertEqual(len(text.splitlines()), 2)

    def test_since_until(self):
        path = self.write("flows", "".join(
            record(time="2026-01-31T10:20:%02dZ" % s) for s in range(10)))

        def count(*args):
            p = self.run_cli("flows", "--path", path, "-o", "json", *args)
            return len(p.stdout.splitlines())
        self.assertEqual(count("--since", "2026-01-31T10:20:05Z"), 5)
        self.assertEqual(count("--until", "2026-01-31T10:20:05Z"), 6)
        self.assertEqual(count("--since", "2026-01-31T11:20:05+01:00",
                               "--until", "2026-01-31T10:20:05Z"), 1)
        self.run_cli("flows", "--since", "yesterday", status=2)

    def test_json_is_lossless(self):
        path = self.write("flows", record(src={"ip": "\x1b\x9b\u202e\U000e0041"}))
        p = self.run_cli("flows", "--path", path, "-o", "json")
        self.assertEqual(json.loads(p.stdout), load(path))

    def test_broken_lines(self):
        path = self.write("flows", record() + "broken\n" + "{}\n" +
                          "x" * (2 << 20) + "\n" + record() + '{"time":')
        p = self.run_cli("flows", "--path", path, "-o", "json", status=1)
        self.assertEqual(len(p.stdout.splitlines()), 2)
        for line, what in ((2, "no flow record"), (3, "no flow record"),
                           (4, "too long"), (6, "no flow record")):
            self.assertRegex(p.stderr, r"flows:%d: .*%s.*: skipped" % (line, what))

    def test_last_line_without_newline(self):
        path = self.write("flows", record().rstrip("\n"))
        p = self.run_cli("flows", "--path", path, "-o", "json")
        self.assertEqual(len(p.stdout.splitlines()), 1)

    def test_missing(self):
        p = self.run_cli("flows", "--path", self.dir + "/none", status=1)
        self.assertIn("No such file", p.stderr)

    def test_where_the_agent_writes(self):
        status = canned("status.json")
        status["flow_log"]["path"] = self.write("elsewhere", record())
        self.answer("status.json", json.dumps(status))
        self.start_agent()
        p = self.run_cli("flows", "-o", "json")
        self.assertEqual(len(p.stdout.splitlines()), 1)

    def test_follow_across_rotation(self):
        path = os.path.join(self.dir, "flows")
        # A shell's background jobs ignore SIGINT, and hand that down.
        p = subprocess.Popen([BULKHEAD, "flows", "-f", "-o", "json", "--path", path],
                             stdout=subprocess.PIPE, text=True,
                             preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
        self.addCleanup(p.stdout.close)

        def append(name, n):
            with open(os.path.join(self.dir, name), "a") as f:
                f.write(record(seq=n))

        def expect(n):
            self.assertEqual(json.loads(p.stdout.readline())["seq"], n)
        append("flows", 1)
        expect(1)
        append("flows", 2)
        expect(2)
        os.rename(path, path + ".1")
        append("flows.1", 3)  # the writer has not reopened yet
        append("flows", 4)
        expect(3)
        expect(4)
        append("flows", 5)
        expect(5)
        shutil.copy(path, path + ".2")
        os.truncate(path, 0)
        append("flows", 6)  # shorter than what was read: it must be new
        expect(6)
        p.send_signal(signal.SIGINT)
        self.assertEqual(p.wait(10), -signal.SIGINT)


class Teardown(Case):
    def test_refuses_while_an_agent_runs(self):
        self.start_agent()
        p = self.run_cli("teardown", status=1)
        self.assertIn("bulkheadd is running", p.stderr)
        self.assertIn("--force", p.stderr)

    def test_refuses_while_an_agent_is_stuck(self):
        os.unlink(os.path.join(self.answers, "status.json"))
        self.start_agent()
        p = self.run_cli("teardown", status=1)
        self.assertIn("bulkheadd is running", p.stderr)

    @unittest.skipUnless(os.geteuid() == 0, "needs root")
    def test_removes_only_our_tables(self):
        """In a network namespace of its own, with somebody else's table."""
        script = """
            set -e
            nft add table inet bulkhead
            nft add table bridge bulkhead
            nft add table inet other
            nft add table ip bulkhead
            "$0" --socket "$1" teardown
            nft list tables
            "$0" --socket "$1" teardown
        """
        p = subprocess.run(["unshare", "--net", "sh", "-c", script, BULKHEAD,
                            self.socket], capture_output=True, text=True)
        self.assertEqual((p.returncode, p.stderr), (0, ""), p.stdout)
        self.assertEqual(p.stdout, "Removed 2 tables. No policy is enforced"
                         " any more.\ntable inet other\ntable ip bulkhead\n"
                         "Nothing to remove: the kernel has no table of"
                         " bulkhead's.\n")

    @unittest.skipUnless(os.geteuid() == 0, "needs root")
    def test_without_privileges(self):
        p = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534",
                            "--clear-groups", BULKHEAD, "--socket",
                            "/nonexistent/x", "teardown"],
                           capture_output=True, text=True)
        self.assertEqual(p.returncode, 1)
        self.assertIn("needs root", p.stderr)


class Terminal(Case):
    COLOUR = re.compile("\x1b\\[(0|1|31|32|33)m")

    def test_only_our_own_escapes(self):
        self.start_agent()
        flows = self.write("flows", record(src={"ip": "\x1b[2J\x9b"}))
        for command in (["status"], ["get", "endpoints", "-o", "wide"],
                        ["get", "endpoints", "-o", "json"],
                        ["get", "endpoints", "-o", "yaml"],
                        ["get", "policies"], ["get", "rules", "-o", "nft"],
                        ["explain", "web", "db:1"],
                        ["flows", "--path", flows]):
            seen = self.run_on_terminal(*command).replace("\r\n", "\n")
            left = self.COLOUR.sub("", seen)
            self.assertIsNone(CONTROL.search(left), repr(left))
            self.assertGreater(len(left), 20)

    def test_colour(self):
        self.start_agent()
        self.assertIn("\x1b[31mdenied\x1b[0m",
                      self.run_on_terminal("explain", "web", "db:1"))
        self.assertNotIn("\x1b", self.run_on_terminal(
            "explain", "web", "db:1", NO_COLOR="1"))
        self.assertNotIn("\x1b", self.run_on_terminal(
            "explain", "web", "db:1", TERM="dumb"))


if __name__ == "__main__":
    unittest.main()
