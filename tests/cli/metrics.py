#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""metrics.py - bulkhead metrics and bulkhead serve, run as users run them,
against an agent that answers from files through the real control server."""

import http.client
import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import threading
import time
import unittest

from commands import BULKHEAD, Case

NOBODY = 65534
PAGE = r"""# HELP bulkhead_up Whether bulkheadd answered in time.
# TYPE bulkhead_up gauge
bulkhead_up 1
# HELP bulkhead_build_info The agent's version.
# TYPE bulkhead_build_info gauge
bulkhead_build_info{version="0.1.0"} 1
# HELP bulkhead_transactions_total Changes of the kernel's rules.
# TYPE bulkhead_transactions_total counter
bulkhead_transactions_total 18446744073709551615
# HELP bulkhead_transaction_duration_seconds A back\\slash and a\\x0anewline.
# TYPE bulkhead_transaction_duration_seconds histogram
bulkhead_transaction_duration_seconds_bucket{le="0.0001"} 1
bulkhead_transaction_duration_seconds_bucket{le="0.0025"} 3
bulkhead_transaction_duration_seconds_bucket{le="1"} 3
bulkhead_transaction_duration_seconds_bucket{le="+Inf"} 4
bulkhead_transaction_duration_seconds_sum 12.000345
bulkhead_transaction_duration_seconds_count 4
# HELP bulkhead_flow_packets_total Packets.
# TYPE bulkhead_flow_packets_total counter
bulkhead_flow_packets_total{namespace="evil\\x1b[31m\\x0a\"quoted\" \\ \\u{202e}",policies="a/b,c/d"} 9
bulkhead_flow_packets_total{namespace="",policies=""} 0.1
# HELP bulkhead_scrape_duration_seconds How long it took to ask bulkheadd.
# TYPE bulkhead_scrape_duration_seconds gauge
bulkhead_scrape_duration_seconds T
"""
DOWN = "".join(PAGE.splitlines(True)[:2]) + "bulkhead_up 0\n"
DURATION = re.compile(r"(?<=^bulkhead_scrape_duration_seconds )\d\S*$", re.M)


def timeless(page):
    return DURATION.sub("T", page)


class Metrics(Case):
    def test_page(self):
        self.start_agent()
        page = self.run_cli("metrics").stdout
        self.assertEqual(timeless(page), PAGE)
        self.assertEqual(self.requests(), [["metrics", "{}"]])

    def test_promtool(self):
        self.start_agent()
        page = self.run_cli("metrics").stdout
        done = subprocess.run(["promtool", "check", "metrics"], input=page,
                              capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_json(self):
        self.start_agent()
        got = json.loads(self.run_cli("metrics", "-o", "json").stdout)
        with open(self.answers + "/metrics.json") as f:
            self.assertEqual(got, json.load(f))
        self.run_cli("metrics", "-o", "table", status=2)
        self.run_cli("metrics", "-o", "json", "-w", "x", status=2)

    def test_no_agent(self):
        p = self.run_cli("metrics", status=3)
        self.assertEqual(p.stdout, DOWN)
        self.assertIn("bulkheadd is not running", p.stderr)

    def test_agent_of_another_version(self):
        for answer in ('{"families": 1}', '{"families": [{"name": "a b"}]}', "{}"):
            self.answer("metrics.json", answer)
            agent = self.start_agent()
            p = self.run_cli("metrics", status=3)
            self.assertEqual(p.stdout, DOWN)
            self.assertIn("is no metrics", p.stderr)
            agent.terminate()
            agent.wait()
        self.answer("metrics.error", "no command is called \"metrics\"")
        self.start_agent()
        self.assertEqual(self.run_cli("metrics", status=1).stdout, DOWN)


class Write(Case):
    def setUp(self):
        super().setUp()
        self.out = os.path.join(self.dir, "out")
        os.mkdir(self.out)
        self.file = os.path.join(self.out, "bulkhead.prom")

    def read(self):
        with open(self.file) as f:
            return f.read()

    def test_replaces_in_one_step(self):
        with open(self.file, "w") as f:
            f.write("old\n")
        self.start_agent()
        with open(self.file) as old:
            umask = os.umask(0o077)
            self.addCleanup(os.umask, umask)
            p = self.run_cli("metrics", "-w", self.file)
            # Who has it open still reads all of the old one.
            self.assertEqual(old.read(), "old\n")
        self.assertEqual((p.stdout, p.stderr), ("", ""))
        self.assertEqual(timeless(self.read()), PAGE)
        self.assertEqual(stat.S_IMODE(os.stat(self.file).st_mode), 0o644)
        self.assertEqual(os.listdir(self.out), ["bulkhead.prom"])

    def test_tells_of_a_dead_agent(self):
        self.run_cli("metrics", "--write", self.file, status=3)
        self.assertEqual(self.read(), DOWN)

    def test_cannot_write(self):
        self.start_agent()
        p = self.run_cli("metrics", "-w", self.dir + "/missing/x.prom", status=1)
        self.assertIn("cannot write " + self.dir + "/missing/x.prom: No such file",
                      p.stderr)
        os.mkdir(self.file)
        p = self.run_cli("metrics", "-w", self.file, status=1)
        self.assertIn("Is a directory", p.stderr)
        self.assertEqual(os.listdir(self.out), ["bulkhead.prom"])


class Serve(Case):
    def setUp(self):
        super().setUp()
        # For a user who need not be able to read the tree that was built.
        os.chmod(self.dir, 0o755)
        self.program = os.path.join(self.dir, "bulkhead")
        shutil.copy(BULKHEAD, self.program)

    def identity(self):
        """Not root, but in the group that may use the socket."""
        if os.geteuid() != 0:
            return {}
        return {"user": NOBODY, "group": os.getegid(), "extra_groups": []}

    def start(self, *args, listen="127.0.0.1:0"):
        """A server; the address that it tells."""
        p = subprocess.Popen([self.program, "--socket", self.socket, "serve",
                              "--listen", listen, *args],
                             stderr=subprocess.PIPE, text=True, **self.identity())
        self.addCleanup(self.stop, p)
        line = p.stderr.readline()
        self.assertTrue(line.startswith("bulkhead: serving /metrics on "), line)
        return p, line.split()[-1]

    def stop(self, p, status=0):
        if p.returncode is None:
            p.send_signal(signal.SIGTERM)
            out = p.stderr.read()
            self.assertEqual((p.wait(10), out), (status, ""))
        p.stderr.close()

    def ask(self, address, path="/metrics", method="GET", timeout=30, **more):
        host, port = address.rsplit(":", 1)
        c = http.client.HTTPConnection(host.strip("[]"), int(port), timeout=timeout)
        c.request(method, path, **more)
        answer = c.getresponse()
        text = answer.read().decode()
        c.close()
        return answer, text

    def test_metrics(self):
        self.start_agent()
        _, address = self.start()
        for _ in range(3):
            answer, text = self.ask(address)
            self.assertEqual(answer.status, 200)
            self.assertEqual(timeless(text), PAGE)
            self.assertEqual(answer.headers["Content-Type"],
                             "text/plain; version=0.0.4; charset=utf-8")
        self.assertEqual(self.requests(), 3 * [["metrics", "{}"]])
        answer, text = self.ask(address, method="HEAD")
        self.assertEqual((answer.status, text), (200, ""))

    def test_health(self):
        agent = self.start_agent()
        _, address = self.start()
        answer, text = self.ask(address, "/healthz")
        self.assertEqual((answer.status, text), (200, "in-step\n"))
        agent.terminate()
        agent.wait()
        answer, text = self.ask(address, "/healthz")
        self.assertEqual(answer.status, 503)
        self.assertIn("bulkheadd is not running", text)
        answer, text = self.ask(address)
        self.assertEqual(answer.status, 200)
        self.assertTrue(text.startswith(DOWN + "# bulkheadd is not running"), text)
        # An agent that comes back is asked again.
        self.start_agent()
        self.assertEqual(self.ask(address, "/healthz")[0].status, 200)

    def test_other_requests(self):
        self.start_agent()
        _, address = self.start()
        self.assertEqual(self.ask(address, "/")[0].status, 200)
        self.assertEqual(self.ask(address, "/metrics/x")[0].status, 404)
        self.assertEqual(self.ask(address, "/..%2fmetrics")[0].status, 404)
        answer, _ = self.ask(address, method="POST", body="x" * 1000)
        self.assertEqual((answer.status, answer.headers["Allow"]), (405, "GET, HEAD"))
        self.assertEqual(self.ask(address, method="FOO")[0].status, 405)
        self.assertFalse(os.path.exists(self.answers + "/requests"))
        self.assertEqual(self.ask(address, "/metrics?a=b")[0].status, 200)

    def raw(self, address):
        host, port = address.rsplit(":", 1)
        s = socket.create_connection((host, int(port)), timeout=30)
        self.addCleanup(s.close)
        return s

    def test_no_http(self):
        self.start_agent()
        _, address = self.start()
        for bytes_ in (b"\0\1\2\n\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n",
                       b"GET /metrics HTTP/1.1\r\nA: " + 100000 * b"x"):
            s = self.raw(address)
            try:
                s.sendall(bytes_)
                s.shutdown(socket.SHUT_WR)
                while s.recv(65536):
                    pass
            except ConnectionError:
                pass
        self.assertEqual(self.ask(address)[0].status, 200)

    def test_hung_agent(self):
        os.unlink(self.answers + "/metrics.json")
        self.start_agent()
        _, address = self.start("--timeout", "500ms")
        answers = []
        begin = time.monotonic()
        threads = [threading.Thread(target=lambda: answers.append(self.ask(address)))
                   for _ in range(5)]
        for t in threads:
            t.start()
        # What does not ask the agent does not wait.
        self.assertEqual(self.ask(address, "/")[0].status, 200)
        for t in threads:
            t.join()
        took = time.monotonic() - begin
        self.assertEqual([a.status for a, _ in answers], 5 * [200])
        for _, text in answers:
            self.assertTrue(text.startswith(DOWN + "# "), text)
        # Those that wait for their turn wait no longer than the limit either.
        self.assertGreaterEqual(took, 0.5)
        self.assertLess(took, 5)

    def test_too_many_clients(self):
        self.start_agent()
        _, address = self.start()
        idle = [self.raw(address) for _ in range(16)]
        def turned_away():
            try:
                self.ask(address, timeout=5)
                return False
            except (ConnectionError, http.client.HTTPException, TimeoutError):
                return True
        self.assertTrue(turned_away())
        for s in idle:
            s.close()
        deadline = time.monotonic() + 30
        while turned_away():
            self.assertLess(time.monotonic(), deadline)

    def test_unix_socket(self):
        self.start_agent()
        place = os.path.join(self.dir, "served")
        os.mkdir(place)
        os.chmod(place, 0o777)
        path = place + "/s"
        p, address = self.start(listen="unix:" + path)
        self.assertEqual(address, "unix:" + path)
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o660)
        s = socket.socket(socket.AF_UNIX)
        s.connect(path)
        s.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
        text = b""
        while piece := s.recv(4096):
            text += piece
        s.close()
        self.assertTrue(text.endswith(b"\r\n\r\nin-step\n"), text)
        self.stop(p)
        self.assertFalse(os.path.exists(path))

    def test_address_in_use(self):
        self.start_agent()
        _, address = self.start()
        p = subprocess.run([self.program, "serve", "--listen", address],
                           capture_output=True, text=True, **self.identity())
        self.assertEqual(p.returncode, 1)
        self.assertIn("cannot listen on %s: Address already in use" % address, p.stderr)

    def test_bad_arguments(self):
        for wrong in ("localhost:1", "127.0.0.1", "::1:80", "unix:x", ":80"):
            p = self.run_cli("serve", "--listen", wrong, status=2)
            self.assertIn("--listen " + wrong + ": ", p.stderr)
        for wrong in ("0s", "61s", "x"):
            self.run_cli("serve", "--timeout", wrong, status=2)

    @unittest.skipIf(os.geteuid(), "only root can become somebody")
    def test_not_as_root(self):
        p = self.run_cli("serve", "--listen", "127.0.0.1:0", status=2)
        self.assertIn("not as root: give --user NAME", p.stderr)
        for wrong in ("root", "no-such-user"):
            self.run_cli("serve", "--user", wrong, status=2)
        p = subprocess.Popen([self.program, "--socket", self.socket, "serve",
                              "--user", "nobody", "--listen", "127.0.0.1:0"],
                             stderr=subprocess.PIPE, text=True)
        self.addCleanup(self.stop, p)
        self.assertIn("serving", p.stderr.readline())
        with open("/proc/%d/status" % p.pid) as f:
            status = dict(line.rstrip("\n").split(":\t", 1) for line in f)
        nobody = "\t".join(4 * [str(NOBODY)])
        self.assertEqual((status["Uid"], status["Gid"]), (nobody, nobody))
        self.assertEqual({status[k] for k in ("CapPrm", "CapEff", "CapInh", "CapAmb")},
                         {16 * "0"})
        self.assertEqual((status["NoNewPrivs"], status["Groups"].split()),
                         ("1", [str(NOBODY)]))


if __name__ == "__main__":
    unittest.main()
