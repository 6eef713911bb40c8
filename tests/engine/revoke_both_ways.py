#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""revoke_both_ways.py - I5: with 50,000 connections in the kernel, those that a
changed policy denies end within a second, in both directions and for good,
though both ends keep sending; the others lose nothing.

RUNS=20 in the environment repeats the change and reports the slowest.
As `revoke_both_ways.py end ...` this file is one end of such a connection.
"""
import json
import os
import select
import socket
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import netpol
import testhost

# run.py: the clock decides here.
ALONE = True

ENTRIES = 50000
PAUSE = 0.005
RUNS = int(os.environ.get("RUNS", "2"))
NOBODY = netpol.policy("web", {"app": "web"}, ingress_rules=[])
NO_EGRESS = netpol.policy("web", {"app": "client"}, egress_rules=[])
# So that every connection of the crowd has to be judged by rules.
CROWD = netpol.policy("crowd", {"app": "crowd"},
                      egress_rules=[netpol.egress(netpol.block("203.0.113.0/24"))])


# ---- one end -----------------------------------------------------------------

class End:
    """Sends a number every PAUSE, and notes which numbers come and when."""

    def __init__(self, proto, role, address, port):
        self.sent = self.count = 0
        self.last = self.first = None
        self.missing = 0
        self.rest = b""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        kind = socket.SOCK_STREAM if proto == "tcp" else socket.SOCK_DGRAM
        self.tcp = proto == "tcp"
        self.sock = socket.socket(family, kind)
        if role == "server":
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.sock.bind((address, port))
            print("ready", flush=True)
            if self.tcp:
                self.sock.listen(1)
                self.sock = self.sock.accept()[0]
            else:
                self.sock.connect(self.sock.recvfrom(64)[1])
        else:
            self.sock.connect((address, port))
            if not self.tcp:
                self.sock.send(struct.pack("!Q", 0))
        self.sock.setblocking(False)

    def take(self, data):
        self.last = time.monotonic()
        self.rest += data
        while len(self.rest) >= 8:
            number = struct.unpack("!Q", self.rest[:8])[0]
            self.rest = self.rest[8:]
            if number == 0:
                continue
            self.first = self.first or number
            self.missing += number - self.first - self.count
            self.count = number - self.first + 1
            if self.count == 1:
                print("up", flush=True)

    def turn(self):
        try:
            if self.sock.send(struct.pack("!Q", self.sent + 1)):
                self.sent += 1
        except OSError:
            pass  # full, or an ICMP error: the numbers go on later
        deadline = time.monotonic() + PAUSE
        while (left := deadline - time.monotonic()) > 0:
            if not select.select([self.sock], [], [], left)[0]:
                return
            try:
                data = self.sock.recv(65536)
            except OSError:
                data = b""
            if not data:
                time.sleep(left)
                return
            self.take(data)


def end(proto, role, address, port):
    this = End(proto, role, address, int(port))
    # Until the test closes our standard input.
    while not select.select([0], [], [], 0)[0]:
        this.turn()
    print(json.dumps({"last": this.last, "sent": this.sent, "got": this.count,
                      "missing": this.missing}), flush=True)


def python_in(h, container, *args):
    """Python in the container's network namespace, with the machine's files;
    None: in the host's own."""
    enter = ["nsenter", "-t", str(container.pid), "-n"] if container else []
    return h.inside(*enter, sys.executable, *args)


# ---- pairs of ends -------------------------------------------------------------

class Pair:
    """A connection from @client to @server at @port of @at, both ends sending;
    @to is where the client goes when that is not the server's own place."""

    def __init__(self, h, proto, client, server, port, at=None, to=None):
        at = at or server.ip()
        self.proto = proto
        self.server = self._spawn(h, server, proto, "server", at, port)
        self._expect(self.server, "ready")
        self.client = self._spawn(h, client, proto, "client", *(to or (at, port)))
        self._expect(self.client, "up")
        self._expect(self.server, "up")

    @staticmethod
    def _spawn(h, container, *args):
        return subprocess.Popen(
            python_in(h, container, os.path.realpath(__file__), "end", *map(str, args)),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    @staticmethod
    def _expect(process, word):
        line = process.stdout.readline()
        if line != f"{word}\n":
            raise RuntimeError(f"expected {word}: {line!r}")

    def stop(self):
        """What the (client, server) saw. The server's end goes first: its last
        segment, with all that was not acknowledged, must not arrive either."""
        for process in (self.server, self.client):
            process.stdin.close()
            process.stdin = None
            time.sleep(0.2)
        return [json.loads(p.communicate(timeout=10)[0].splitlines()[-1])
                for p in (self.client, self.server)]


def crowd(h, container):
    """ENTRIES connections of one container, which never end by themselves."""
    h.outside()
    for key in ("nf_conntrack_udp_timeout", "nf_conntrack_udp_timeout_stream"):
        h.sh("sysctl", "-qw", f"net.netfilter.{key}=3600")
    script = ("import socket\n"
              "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
              "s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)\n"
              f"for port in range(1000, {1000 + ENTRIES}):\n"
              "    try: s.sendto(b'x', ('203.0.113.2', port))\n"
              "    except OSError: pass\n")
    subprocess.run(python_in(h, container, "-c", script), check=True)
    return int(h.sh("cat", "/proc/sys/net/netfilter/nf_conntrack_count"))


# ---- the test ------------------------------------------------------------------

def one_change(h, r, name, policy, doomed, bystanders, slowest):
    time.sleep(0.3)
    start = time.monotonic()
    h.write("/run/bh/policies/change.yaml", policy)
    # As long as TCP takes to send again twice, and UDP 600 numbers.
    time.sleep(3)
    for pair in doomed:
        seen = pair.stop()
        took = max(x["last"] for x in seen) - start
        slowest[pair.proto] = max(slowest.get(pair.proto, 0), took)
        r.ok(0 < took < 1, f"{name}: {pair.proto} ends within a second, both ways and for good",
             f"{took:.3f} s {seen}")
    alive = time.monotonic()
    for pair in bystanders:
        seen = pair.stop()
        r.ok(all(x["last"] > alive - 0.5 for x in seen) and not any(x["missing"] for x in seen),
             f"{name}: {pair.proto} of others loses nothing", seen)
    h.no_policy("change.yaml")


def test(h, r):
    h.start_agent()
    web = h.run("web", labels={"app": "web"})
    client = h.run("client", labels={"app": "client"})
    other = h.run("other", labels={"app": "other"})
    third = h.run("third", labels={"app": "third"})
    many = h.run("crowd", labels={"app": "crowd"})
    h.policy("crowd.yaml", CROWD)
    entries = crowd(h, many)
    r.ok(entries >= ENTRIES, f"{ENTRIES} connections are there", entries)
    slowest = {}
    port = 5000
    for run in range(RUNS):
        for name, policy in (("ingress", NOBODY), ("egress", NO_EGRESS)):
            port += 1
            doomed = [Pair(h, proto, client, web, port) for proto in ("tcp", "udp")]
            bystanders = [Pair(h, proto, other, third, port) for proto in ("tcp", "udp")]
            one_change(h, r, f"{name} denied {run}", policy, doomed, bystanders, slowest)
    left = int(h.sh("cat", "/proc/sys/net/netfilter/nf_conntrack_count"))
    r.ok(left >= ENTRIES, "the other connections are still there", left)
    revoked = h.denied(src_name="client", dst_name="web", reason="policy-revoked")
    r.ok(len(revoked) >= 4 * RUNS, "each ended connection is recorded with both names", revoked)
    print("# slowest of", 2 * RUNS, {k: f"{v * 1000:.0f} ms" for k, v in slowest.items()})
    for line in h.agent_log().splitlines():
        if "ended" in line:
            print("#", line)


if __name__ == "__main__":
    if sys.argv[1:2] == ["end"]:
        end(*sys.argv[2:])
    else:
        testhost.main(test, "revoke")
