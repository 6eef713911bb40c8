# SPDX-License-Identifier: GPL-2.0-or-later
"""runtime_watch.py - the Docker watcher alone, against a host's real engine.

Watch runs tests/tools/watch.c inside a testhost.Host and reads what it prints:
what the endpoint store holds, and when it came to hold it.
"""
import datetime
import os
import signal

import testhost

GET_ONLY = r"""
import os, re, socket, sys, threading
# A socket proxy that lets GET through and nothing else.
def relay(a, b):
    while data := a.recv(65536):
        b.sendall(data)
    b.shutdown(socket.SHUT_WR)
def serve(client):
    engine = socket.socket(socket.AF_UNIX)
    engine.connect(sys.argv[2])
    threading.Thread(target=relay, args=(engine, client), daemon=True).start()
    head = b""
    while data := client.recv(65536):
        head += data
        while b"\r\n\r\n" in head:
            request, head = head.split(b"\r\n\r\n", 1)
            line = request.split(b"\r\n")[0].decode()
            print(line, flush=True)
            if not line.startswith("GET ") or re.search(rb"content-length", request, re.I):
                client.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
                print("DENIED", line, flush=True)
                continue
            engine.sendall(request + b"\r\n\r\n")
    engine.close()
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen(64)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
"""


def nanoseconds(text):
    """Of 2026-01-02T03:04:05.123456789Z."""
    whole, part = text.rstrip("Z").split(".")
    at = datetime.datetime.strptime(whole, "%Y-%m-%dT%H:%M:%S")
    return int(at.replace(tzinfo=datetime.timezone.utc).timestamp()) * 10**9 + int(part)


class Endpoint:
    """One printed endpoint."""

    def __init__(self, words):
        self.name, self.id, self.state = words[0], words[1], words[2]
        self.networks, self.published, self.unenforceable = {}, set(), ""
        for i, word in enumerate(words[3:], 3):
            if word == "unenforceable:":
                self.unenforceable = " ".join(words[i + 1:])
                break
            if word.startswith("["):
                self.published.add(word)
            else:
                network, rest = word.split("@", 1)
                self.networks[network] = tuple(rest.split("=", 1)[1].split(","))

    def v4(self, network="bridge"):
        return self.networks.get(network, ("",))[0]

    def v6(self, network):
        return self.networks.get(network, ("", ""))[1]


class Watch:
    """with Watch(host) as w: ..."""

    def __init__(self, host, socket="/run/docker.sock", log="watch"):
        self.host, self.socket, self.log = host, socket, log

    def __enter__(self):
        tool = os.path.join(testhost.BUILD, "tests/unit/runtime/tool_watch")
        self.process = self.host.spawn(tool, "docker", self.socket, log=self.log)
        self.until_state("in-step")
        return self

    def __exit__(self, kind, value, trace):
        os.kill(testhost.child_of(self.process.pid) or self.process.pid, signal.SIGTERM)
        status = self.process.wait(testhost.PATIENCE)
        if status and not kind:
            raise RuntimeError(f"watch ended with status {status}\n{self.text()}")

    def text(self):
        with open(f"{self.host.dir}/{self.log}.log", encoding="utf-8") as f:
            return f.read()

    def changes(self):
        """(time in ns, "+", "~", "-" or "=", the rest's words), in order."""
        found = []
        for line in self.text().splitlines():
            words = line.split()
            if len(words) > 2 and words[1] in ("+", "~", "-", "="):
                found.append((nanoseconds(words[0]), words[1], words[2:]))
        return found

    def state(self):
        told = [w for _, op, w in self.changes() if op == "="]
        return " ".join(told[-1]) if told else ""

    def until_state(self, state):
        testhost.until(lambda: self.state().startswith(state), f"the watcher to be {state}")

    def endpoints(self):
        """{name without namespace: Endpoint} as the store has it now."""
        by_id = {}
        for _, op, words in self.changes():
            if op == "=" or words[0] == "network":
                continue
            by_id.pop(words[1], None)
            if op != "-":
                by_id[words[1]] = Endpoint(words)
        return {e.name.split("/", 1)[1]: e for e in by_id.values()}

    def sync(self):
        """Ask for a listing; the endpoints once it is complete."""
        before = self.text().count("synced ")
        os.kill(testhost.child_of(self.process.pid) or self.process.pid, signal.SIGUSR1)
        testhost.until(lambda: self.text().count("synced ") > before, "a listing")
        if not self.text().split("synced ")[-1].startswith("0"):
            raise RuntimeError("the listing failed")
        return self.endpoints()
