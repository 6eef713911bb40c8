#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""fault_memory.py - container events without end: memory and descriptors stay.

A made-up engine tells of containers that live for a moment, each with an id,
a name and labels that nobody had before, under a policy that governs them, so
that every one passes through model, store, compiler and kernel. "--rounds N"
for N events; six of them make a life."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import json
import re
import socket
import threading
import time
import urllib.parse

import faults
import netpol
import testhost

EVENTS = faults.rounds(36000)
ALIVE = 50
# The agent remembers 4,096 former owners of addresses, for records of what they
# sent; it has its full size when so many have lived.
GROWN = 5000
# Allowed above what it was then, in KiB.
GROWTH = 2048
NETWORK = "f" * 64


class Life:
    def __init__(self, n):
        self.id = f"{n * 2654435761 % 2**32:08x}{n:056x}"
        self.name = f"life{n}"
        self.ip = f"172.17.{n // 200 % 250 + 1}.{n % 200 + 2}"
        self.mac = "02:42:ac:11:%02x:%02x" % (n // 200 % 250 + 1, n % 200 + 2)
        self.labels = {"app": ("web", "client", "other")[n % 3], "generation": str(n),
                       "bulkhead.ports": "http=80/tcp"}
        self.state = "created"


class Engine:
    """Speaks as much of the Docker API as the agent listens to."""

    def __init__(self, path):
        self.lives, self.streams, self.lock = {}, [], threading.Lock()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(64)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            s, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(s,), daemon=True).start()

    def serve(self, s):
        try:
            self.requests(s)
        except OSError:
            pass  # the agent went away

    def requests(self, s):
        for line in s.makefile("rb"):
            if not line.startswith(b"GET "):
                continue
            target = urllib.parse.urlsplit(line.split()[1].decode())
            if target.path.endswith("/events"):
                with self.lock:
                    s.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                    self.streams.append(s)
                continue
            with self.lock:
                body = self.answer(re.sub(r"^/v1\.\d+", "", target.path),
                                   urllib.parse.parse_qs(target.query))
            status = b"404 Not Found" if body is None else b"200 OK"
            text = json.dumps({"message": "no such object"} if body is None else body).encode()
            s.sendall(b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n" % (status, len(text)) + text)

    def answer(self, path, query):
        if path == "/version":
            return {"Version": "20.10.24", "ApiVersion": "1.41", "MinAPIVersion": "1.12"}
        if path == "/networks":
            return [self.network()]
        if path == f"/networks/{NETWORK}":
            return self.network()
        if path == "/containers/json":
            ids = json.loads(query.get("filters", ["{}"])[0]).get("id")
            if isinstance(ids, dict):
                ids = list(ids)
            lives = self.lives.values() if ids is None else \
                [self.lives[i] for i in ids if i in self.lives]
            return [self.summary(x) for x in lives]
        if path.startswith("/containers/"):
            life = self.lives.get(path.split("/")[2])
            return life and self.inspect(life)
        return {}

    def network(self):
        return {"Name": "bridge", "Id": NETWORK, "Driver": "bridge", "Scope": "local",
                "IPAM": {"Config": [{"Subnet": "172.17.0.0/16"}]},
                "Containers": {x.id: {"Name": x.name, "EndpointID": x.id, "MacAddress": x.mac,
                                      "IPv4Address": f"{x.ip}/16", "IPv6Address": ""}
                               for x in self.lives.values() if x.state == "running"},
                "Options": {"com.docker.network.bridge.name": "docker0"}, "Labels": {}}

    @staticmethod
    def networks_of(x):
        up = x.state == "running"
        return {"bridge": {"NetworkID": NETWORK, "EndpointID": x.id if up else "",
                           "IPAddress": x.ip if up else "", "GlobalIPv6Address": "",
                           "MacAddress": x.mac if up else ""}}

    def summary(self, x):
        return {"Id": x.id, "Names": [f"/{x.name}"], "Image": "probe", "ImageID": "sha256:0",
                "Ports": [], "Labels": x.labels, "State": x.state, "Status": "",
                "HostConfig": {"NetworkMode": "default"},
                "NetworkSettings": {"Networks": self.networks_of(x)}}

    def inspect(self, x):
        return {"Id": x.id, "Name": f"/{x.name}", "State": {
                    "Status": x.state, "Running": x.state == "running", "Pid": 0},
                "Image": "sha256:0", "Config": {"Image": "probe", "Labels": x.labels},
                "HostConfig": {"NetworkMode": "default", "Privileged": False},
                "NetworkSettings": {"Ports": {}, "Networks": self.networks_of(x)}}

    def tell(self, kind, action, life):
        now = time.time_ns()
        if kind == "network":
            actor = {"ID": NETWORK, "Attributes": {"container": life.id, "name": "bridge",
                                                   "type": "bridge"}}
        else:
            actor = {"ID": life.id, "Attributes": {**life.labels, "image": "probe",
                                                   "name": life.name}}
        line = json.dumps({"Type": kind, "Action": action, "Actor": actor, "scope": "local",
                           "time": now // 10**9, "timeNano": now}).encode() + b"\n"
        for s in self.streams:
            s.sendall(b"%x\r\n" % len(line) + line + b"\r\n")

    def born(self, n):
        life = Life(n)
        with self.lock:
            self.lives[life.id] = life
            self.tell("container", "create", life)
            life.state = "running"
            self.tell("network", "connect", life)
            self.tell("container", "start", life)

    def dies(self):
        with self.lock:
            life = next(iter(self.lives.values()))
            life.state = "exited"
            self.tell("container", "die", life)
            self.tell("network", "disconnect", life)
            del self.lives[life.id]
            self.tell("container", "destroy", life)


def count(h):
    """Endpoints that the agent knows to live."""
    return h.get("status")["endpoints"]["total"]


def live(h, engine, begin, end):
    """One generation after the other, at the agent's own pace."""
    for n in range(begin, end):
        engine.born(n)
        if len(engine.lives) > ALIVE:
            engine.dies()
        if n % 25 == 24 or n + 1 == end:
            testhost.until(lambda: count(h) == len(engine.lives), "the agent to follow")
        if n % 2000 == 1999:
            print(f"# after {6 * n + 6} events: {faults.resident_kib(h)} KiB", flush=True)


def test(h, r):
    # The sanitizer would keep what was freed, and count as ours.
    testhost._AGENT_ENV["ASAN_OPTIONS"] += (  # pylint: disable=protected-access
        ":quarantine_size_mb=1:thread_local_quarantine_size_kb=64")
    h.policy("web.yaml", netpol.CLIENT_TO_WEB)
    engine = Engine(h.path("/run/fake.sock"))
    h.start_agent(runtimes={"docker": {"socket": "/run/fake.sock"}})
    lives = EVENTS // 6
    begin = time.monotonic()
    start = faults.resident_kib(h)
    live(h, engine, 0, GROWN)
    before, files = faults.resident_kib(h), faults.open_files(h)
    live(h, engine, GROWN, lives)
    after = faults.resident_kib(h)
    seconds = time.monotonic() - begin
    events = next(x["events"] for x in h.get("status")["runtimes"])
    r.ok(events >= EVENTS - 6 * ALIVE, "the agent heard of them all", events)
    transactions = h.get("status")["firewall"]["transactions"]
    r.ok(transactions > lives // 50, "and took them to the kernel", transactions)
    r.ok(after - before <= GROWTH, f"memory stays within {GROWTH} KiB of what it was",
         f"{before} KiB after {6 * GROWN} events, {after} in the end")
    r.ok(faults.open_files(h) <= files + 2, "no descriptor was left open",
         f"{files}, {faults.open_files(h)}")
    names = {x["name"] for x in h.get("get", "endpoints")["endpoints"]}
    r.equal(names, {x.name for x in engine.lives.values()}, "in the end it is in step")
    print(f"# {events} events in {seconds:.0f} s, {transactions} transactions; resident "
          f"{start} KiB at first, {before} after {6 * GROWN}, {after} in the end", flush=True)


testhost.main(test, "fault-memory")
