#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""feeding.py - what the tests of sinks with real receivers share: the flow writer
without an agent, records for it, and an HTTP server that answers as it is told.

usage of each of them: PROGRAM FEED [TEST...]
"""
import http.server
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

FEED = sys.argv[1]
PATIENCE = 60
failed = 0  # pylint: disable=invalid-name


def ok(good, name, detail=""):
    global failed
    print(("ok " if good else "not ok ") + name, flush=True)
    if not good:
        failed += 1
        print("\n".join(f"# {x}" for x in str(detail).splitlines()), flush=True)


def until(condition, what):
    deadline = time.monotonic() + PATIENCE
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited for {what}")
        time.sleep(0.02)
    return value


def record(i, **more):
    return {"time": f"2026-11-22T13:00:{i % 60:02d}.123456789Z", "host": "node-1",
            "boot_id": "6f3b", "seq": i, "verdict": "denied", "direction": "ingress",
            "reason": "no-policy-allows", "policies": ["shop/db"], "proto": "tcp",
            "src": {"ip": "10.0.0.2", "port": 40000,
                    "container": {"id": "a" * 64, "name": "web", "image": "img",
                                  "namespace": "shop", "labels": {"app": "web"},
                                  "runtime": "docker"}},
            "dst": {"ip": "2001:db8::1", "port": 5432}, "packets": 1, "bytes": 60,
            "flow_id": f"{i:016x}", **more}


LOSS = {"time": "2026-11-22T13:00:00.000000001Z", "host": "node-1", "boot_id": "6f3b",
        "seq": 0, "event": "loss", "level": "warning", "message": "3 records were lost",
        "where": "nflog", "records": 3}


class Feed:
    """The writer with a configuration, fed by us."""

    def __init__(self, top, sinks, env=None):
        self.config = f"{top}/config.yaml"
        with open(self.config, "w", encoding="ascii") as f:
            json.dump({"stateDir": top, "flowLog": {"sinks": sinks}}, f)
        self.said, self.answers = [], []
        # pylint: disable-next=consider-using-with
        self.process = subprocess.Popen([FEED, self.config], stdin=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True,
                                        env={**os.environ, **(env or {})})
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def _read(self):
        for line in self.process.stderr:
            if line.startswith("{"):
                entry = json.loads(line)
                (self.answers if "restarts" in entry else self.said).append(entry)
            else:
                self.said.append({"log": line})

    def send(self, *records):
        self.process.stdin.write("".join(json.dumps(r) + "\n" for r in records))
        self.process.stdin.flush()

    def reopen(self):
        """Files are opened anew, and what waits for its next try is tried now."""
        self.process.stdin.write("!reopen\n")
        self.process.stdin.flush()

    def status(self):
        n = len(self.answers)
        self.process.stdin.write("!status\n")
        self.process.stdin.flush()
        until(lambda: len(self.answers) > n, "a status")
        return self.answers[-1]

    def kill_writer(self):
        """Once its keeper has told who it is."""
        os.kill(until(lambda: self.status()["pid"], "the writer's process id"), signal.SIGKILL)

    def await_sink(self, name, condition):
        return until(lambda: (s := self.status()[name]) and condition(s) and s, f"sink {name}")

    def close(self):
        self.process.stdin.close()
        status = self.process.wait(PATIENCE)
        self.reader.join()
        ok(status == 0, "the feed ends well", self.said)


class Receiver(http.server.ThreadingHTTPServer):
    """Answers as self.answer(body) says: (status, headers, body), or None to hang; the status
    "garbage" is no HTTP."""
    daemon_threads = True

    def __init__(self, port=0):
        self.bodies, self.heads, self.times = [], [], []
        self.answer = lambda body: (200, {}, b"{}")
        self.release = threading.Event()
        super().__init__(("127.0.0.1", port), _Handler)
        self.port = self.server_address[1]
        self.thread = threading.Thread(target=self.serve_forever, args=(0.05,))
        self.thread.start()

    def stop(self):
        self.release.set()
        self.shutdown()
        self.server_close()
        self.thread.join()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):  # pylint: disable=invalid-name
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.heads.append((self.path, dict(self.headers)))
        self.server.times.append(time.monotonic())
        answer = self.server.answer(body)
        if answer is None:
            self.server.release.wait()
            self.close_connection = True
            return
        status, headers, text = answer
        if status == "garbage":
            self.wfile.write(b"220 mail.example ESMTP\r\n")
            self.close_connection = True
            return
        if status < 300:
            self.server.bodies.append(body)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 204 and "Content-Length" not in headers:
            self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        try:
            if status != 204:
                self.wfile.write(text)
        except ConnectionError:  # nobody wants to hear the rest
            self.close_connection = True
        if "Content-Length" in headers:  # which is more than there is
            self.close_connection = True

    def log_message(self, *args):  # pylint: disable=arguments-differ
        pass


def run(*tests):
    """Each of @tests, or those that were chosen, with a directory of its own."""
    chosen = sys.argv[2:]
    for test in tests:
        if chosen and test.__name__ not in chosen:
            continue
        top = tempfile.mkdtemp(prefix=f"bulkhead-{test.__name__}-")
        begin = time.monotonic()
        try:
            test(top)
        except Exception as e:  # pylint: disable=broad-except
            ok(False, f"{test.__name__}: comes to its end", repr(e))
            os._exit(1)
        print(f"# {test.__name__}: {time.monotonic() - begin:.1f} s", flush=True)
        shutil.rmtree(top)
    sys.exit(1 if failed else 0)
