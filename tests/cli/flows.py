#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""flows.py - bulkhead flows over files and over a store that make_store wrote,
with tshark and sqlite3 as witnesses."""

import base64
import csv
import gzip
import io
import json
import os
import random
import re
import shutil
import sqlite3
import struct
import subprocess
import tempfile
import threading
import unittest

BULKHEAD = os.environ["BULKHEAD"]
MAKE_STORE = os.environ["MAKE_STORE"]

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]")


def container(n):
    return {"id": "%064x" % (0xabc000 + n), "name": "c%d" % n, "image": "i",
            "namespace": "ns%d" % (n % 2), "labels": {"app": "a%d" % (n % 3)},
            "runtime": "docker"}


def when(seconds):
    return "2026-01-31T%02d:%02d:%02d.000000000Z" % (
        10 + seconds // 3600, seconds // 60 % 60, seconds % 60)


def flow(n, seq=None, **fields):
    r = {"time": when(n), "host": "h", "boot_id": "b",
         "seq": n + 1 if seq is None else seq,
         "verdict": "denied", "flow_id": "%016x" % (n + 1), "state": "new",
         "direction": "ingress",
         "reason": "no-policy-allows", "policies": ["ns0/deny"], "proto": "tcp",
         "src": {"ip": "172.18.0.%d" % (n % 5 + 2), "port": 40000,
                 "container": container(n % 5)},
         "dst": {"ip": "172.18.0.%d" % (n % 7 + 20), "port": 80 + n % 3,
                 "container": container(n % 7 + 10)},
         "packets": 1, "bytes": 60, "new_packets": 1, "new_bytes": 60,
         "first": when(n), "last": when(n)}
    r.update(fields)
    return r


def event(n, name, **fields):
    return {"time": when(n), "host": "h", "boot_id": "b", "seq": 10000 + n,
            "event": name, "level": "info", "message": "About %s." % name,
            **fields}


def lines(records):
    return "".join(json.dumps(r) + "\n" for r in records)


class Case(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="bh-flows.")
        self.addCleanup(shutil.rmtree, self.dir)
        self.path = os.path.join(self.dir, "flows.jsonl")
        self.store = os.path.join(self.dir, "flows.db")

    def write(self, records):
        text = lines(records)
        with open(self.path, "w") as f:
            f.write(text)
        self.into_store(text)

    def into_store(self, text):
        subprocess.run([MAKE_STORE, self.store], input=text, text=True, check=True)

    def run_cli(self, *args, status=0):
        p = subprocess.run([BULKHEAD, "--socket", self.dir + "/none", "flows", *args],
                           capture_output=True, text=True)
        self.assertEqual(p.returncode, status, (args, p.stdout, p.stderr))
        self.assertIsNone(CONTROL.search(p.stdout + p.stderr), (p.stdout, p.stderr))
        return p

    def both(self, *args):
        """The answer, which is the same from the store and the file."""
        a = self.run_cli("--path", self.path, *args)
        b = self.run_cli("--store", self.store, *args)
        self.assertEqual((a.stdout, a.stderr), (b.stdout, b.stderr))
        return a.stdout

    def ids(self, *args):
        out = [json.loads(line) for line in self.both("-o", "json", *args).splitlines()]
        return [int(r["flow_id"], 16) - 1 for r in out if "flow_id" in r]


class Filters(Case):
    def setUp(self):
        super().setUp()
        self.write([flow(n, verdict=["denied", "audit", "allowed"][n % 3]) for n in range(60)] +
                   [event(5, "loss", records=3), event(6, "policy-changed"),
                    event(7, "container-start", container=container(2))])

    def test_each(self):
        every = set(range(60))
        for args, want in (
                ((), every),
                (("--denied",), {n for n in every if n % 3 == 0}),
                (("--audit", "--allowed"), {n for n in every if n % 3}),
                (("--from", "c2"), {n for n in every if n % 5 == 2}),
                (("--from", "ns0/c2"), {n for n in every if n % 5 == 2}),
                (("--from", "ns1/c2"), set()),
                (("--from", "ns1/"), {n for n in every if n % 5 % 2}),
                (("--from", "app=a1"), {n for n in every if n % 5 % 3 == 1}),
                (("--from", "app!=a1"), {n for n in every if n % 5 % 3 != 1}),
                (("--from", "172.18.0.2/31"), {n for n in every if n % 5 < 2}),
                (("--to", "172.18.0.21"), {n for n in every if n % 7 == 1}),
                (("--from", "c1", "--to", "c13"), {n for n in every if n % 5 == 1 and n % 7 == 3}),
                (("--port", "81"), {n for n in every if n % 3 == 1}),
                (("--proto", "udp"), set()),
                (("--proto", "TCP"), every),
                (("--proto", "6"), every),
                (("--proto", "0x88cc"), set()),
                (("--policy", "ns0/deny"), every),
                (("--policy", "ns0/den"), set()),
                (("--reason", "no-policy-allows"), every),
                (("--direction", "egress"), set()),
                (("--since", when(50)), set(range(50, 60))),
                (("--until", when(9)), set(range(10))),
                (("--since", when(20), "--until", when(22), "--port", "80"), {21})):
            self.assertEqual(set(self.ids(*args)), want, args)
            count = self.both("--count", *args)
            self.assertEqual(int(count), len(want), args)

    def test_gaps_are_always_told(self):
        self.assertIn("loss", self.both("--port", "9999"))

    def test_events(self):
        text = self.both("--events")
        for piece in ("loss", "About policy-changed.", "container-start"):
            self.assertIn(piece, text)
        self.assertNotIn("container-start", self.both("--events", "--from", "c1"))

    def test_top(self):
        rows = self.both("--top", "2", "--by", "src,port").splitlines()
        self.assertEqual(rows[0].split(), ["SRC", "PORT", "FLOWS", "PACKETS", "BYTES"])
        self.assertEqual(rows[1].split(), ["ns0/c0", "80", "4", "4", "240"])
        self.assertEqual(len(rows), 3)
        groups = [json.loads(r) for r in
                  self.both("--top", "10", "--by", "verdict", "-o", "json").splitlines()]
        self.assertEqual([g["flows"] for g in groups], [20, 20, 20])
        self.assertEqual(self.both("--by", "dst-namespace", "-o", "csv").splitlines()[1],
                         "ns0,34,34,2040")

    def test_formats(self):
        rows = list(csv.DictReader(io.StringIO(self.both("-o", "csv", "--from", "c2"))))
        self.assertEqual(rows[0]["src_container"], "c2")
        ecs = [json.loads(x) for x in self.both("-o", "ecs", "--from", "c2").splitlines()]
        self.assertEqual(ecs[0]["source"]["ip"], "172.18.0.4")
        ocsf = [json.loads(x) for x in self.both("-o", "ocsf", "--from", "c2").splitlines()]
        self.assertEqual(ocsf[0]["class_uid"], 4001)
        self.assertIn("FLOW ", self.both("-o", "wide"))

    def test_misuse(self):
        for args in (("--port", "65536"), ("--port", "x"), ("--top", "0", "--by", "src"),
                     ("--top", "3"), ("--by", "colour"), ("--from", ""), ("--to", "10.0.0.1/8"),
                     ("-f", "--count"), ("-f", "--top", "3", "--by", "src"), ("--store", "a", "--path", "b"), ("-o", "yaml"),
                     ("--count", "-o", "ecs"), ("show",), ("show", "12"), ("export",),
                     ("--pcap", "x"), ("everything",), ("--proto", "tpc"), ("--proto", "256"),
                     ("--policy", "deny"), ("--policy", "/deny"), ("--policy", "ns0/")):
            self.run_cli(*args, status=2)

    def test_misuse_says_what_would_do(self):
        for args, piece in (
                (("--reason", "no-policy"), "no-policy-allows, unknown-endpoint, spoofed"),
                (("--direction", "in"), "use ingress or egress"),
                (("--proto", "vrrp"), "or a number"),
                (("--policy", "deny"), "NAMESPACE/NAME"),
                (("--since", "5 minutes"), "neither a duration such as 10m nor a time such as"),
                (("--since", "2026-13-31"), "2026-01-31T10:20:30Z"),
                (("--since", "10m", "--until", "1h"), "--since is later than --until"),
                (("--by", "colour"), "src, dst, src-ip"),
                (("--port", "https"), "is no number up to 65535"),
                (("-o", "yaml"), "table, wide, json, csv, ecs, ocsf"),
                (("show", "12"), "16 hexadecimal digits")):
            self.assertIn(piece, self.run_cli(*args, status=2).stderr, args)


class Same(Case):
    def test_random_questions(self):
        r = random.Random(os.urandom(8))
        self.write([flow(n, seq=2 * n + k + 1, packets=k + 1, bytes=60 * (k + 1),
                         state="update" if k else "new", time=when(n + 90 * k), last=when(n + 90 * k))
                    for n in range(300) for k in range(1 + n % 2)])
        for _ in range(30):
            args = []
            for option, values in (("--from", ("c1", "ns1/", "app=a2", "172.18.0.0/28")),
                                   ("--to", ("c12", "app!=a0", "172.18.0.22")),
                                   ("--port", ("80", "82")),
                                   ("--since", (when(100), when(200))),
                                   ("--until", (when(250), when(320)))):
                if r.random() < 0.4:
                    args += [option, r.choice(values)]
            self.both(*args, "-o", "wide")
            self.both(*args, "--top", "5", "--by", r.choice(("src", "dst,port", "policy")))

    def test_rotated_and_compressed(self):
        every = [flow(n) for n in range(30)]
        with gzip.open(self.path + ".2.gz", "wt") as f:
            f.write(lines(every[:10]))
        with open(self.path + ".1", "w") as f:
            f.write(lines(every[10:20]))
        with open(self.path, "w") as f:
            f.write(lines(every[20:]))
        with open(self.path + ".bak", "w") as f:
            f.write("no log\n")
        self.into_store(lines(every))
        self.assertEqual(self.ids(), list(range(30)))


class Show(Case):
    def test_story(self):
        self.write([
            flow(100), flow(101, seq=900, src={"ip": "10.9.9.9"}),
            event(103, "policy-changed"),
            event(104, "container-start", container=container(4)),
            flow(105, flow_id="%016x" % 77),
            flow(100, seq=901, time=when(110), last=when(110), state="end", packets=5, bytes=300,
                 new_packets=4, new_bytes=240)])
        # 100 and 105 are of c0; only the same pair is a neighbour.
        p = self.both("show", "%016x" % 101)
        for piece in ("ns0/c0 172.18.0.2:40000", "ns0/deny", "5 packets, 300 bytes",
                      "About policy-changed."):
            self.assertIn(piece, p)
        self.assertNotIn("10.9.9.9", p)
        self.assertNotIn("container-start", p)
        story = json.loads(self.both("show", "%016x" % 101, "-o", "json"))
        self.assertEqual([r["packets"] for r in story["records"]], [1, 4])
        self.assertEqual(story["flow"]["state"], "end")

    def test_none(self):
        self.write([flow(1)])
        p = self.run_cli("show", "00000000000000aa", "--store", self.store, status=1)
        self.assertIn("no flow", p.stderr)


class Pcap(Case):
    @unittest.skipUnless(shutil.which("tshark"), "tshark is not installed")
    def test_tshark_reads_it(self):
        ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 1500, 1, 0, 64, 6, 0,
                         bytes([172, 18, 0, 2]), bytes([172, 18, 0, 20]))
        tcp = struct.pack("!HHIIBBHHH", 40000, 80, 1, 0, 0x50, 2, 1024, 0, 0)
        ether = bytes(range(12)) + b"\x08\x00" + ip + tcp
        self.write([
            flow(0, packet_head=base64.b64encode(ip + tcp).decode(), packet_link="ip"),
            flow(7, packet_head=base64.b64encode(ether).decode(), packet_link="ethernet",
                 src={"ip": "172.18.0.2", "port": 40000,
                      "container": {**container(0), "name": "evil\x1b[2J"}}),
            flow(8)])
        seen = []
        for source in ("--store", self.store), ("--path", self.path):
            out = os.path.join(self.dir, "out.pcapng")
            p = self.run_cli("export", *source, "--pcap", out)
            self.assertEqual(p.stderr, "2 packets\n")
            seen.append(subprocess.run(
                ["tshark", "-r", out, "-T", "fields", "-E", "separator=|", "-e", "frame.len",
                 "-e", "frame.cap_len", "-e", "frame.time_epoch", "-e", "ip.dst",
                 "-e", "tcp.dstport", "-e", "frame.comment"],
                capture_output=True, text=True, check=True).stdout.splitlines())
        self.assertEqual(seen[0], seen[1])
        first, second = (line.split("|") for line in seen[0])
        self.assertEqual(first[:5], ["1500", "40", "1769853600.000000000", "172.18.0.20", "80"])
        self.assertEqual(first[5], "ns0/c0 172.18.0.2:40000 -> ns0/c10 172.18.0.20:80: denied by"
                         " ingress, no-policy-allows (ns0/deny); flow 0000000000000001")
        self.assertEqual(second[:2], ["1514", "54"])
        self.assertIn("\\x1b[2J", second[5])


class Store(Case):
    def test_not_a_store(self):
        p = self.run_cli("--store", self.dir + "/none", status=1)
        self.assertIn("No such file", p.stderr)
        with open(self.store, "w") as f:
            f.write("x" * 5000)
        self.assertIn("no database", self.run_cli("--store", self.store, status=1).stderr)
        other = self.dir + "/other.db"
        sqlite3.connect(other).execute("CREATE TABLE t(x)")
        self.assertIn("another program's", self.run_cli("--store", other, status=1).stderr)

    @unittest.skipUnless(os.geteuid() == 0, "needs root")
    def test_read_only(self):
        """As somebody who may write neither the file nor its directory."""
        self.write([flow(n) for n in range(5)])
        for name in os.listdir(self.dir):
            os.chmod(os.path.join(self.dir, name), 0o444)
        os.chmod(self.dir, 0o555)
        for keep_log in True, False:
            if not keep_log:
                for ending in "-wal", "-shm":
                    if os.path.exists(self.store + ending):
                        os.unlink(self.store + ending)
            p = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                                BULKHEAD, "flows", "--count", "--store", self.store],
                               capture_output=True, text=True)
            self.assertEqual((p.returncode, p.stdout), (0, "5\n"), p.stderr)

    def test_while_somebody_writes(self):
        self.write([flow(0)])
        stop = threading.Event()
        writer = subprocess.Popen([MAKE_STORE, self.store], stdin=subprocess.PIPE, text=True)

        def feed():
            n = 1000
            while not stop.is_set():
                writer.stdin.write(lines(flow(k % 3600, seq=k, flow_id="%016x" % k)
                                         for k in range(n, n + 100)))
                n += 100
            writer.stdin.close()
        thread = threading.Thread(target=feed)
        thread.start()
        try:
            last = 0
            while last < 1000:
                now = int(self.run_cli("--store", self.store, "--count").stdout)
                self.assertGreaterEqual(now, last)
                last = now
                found = self.run_cli("--store", self.store, "--until", when(0), "-o", "json")
                self.assertIn("%016x" % 1, found.stdout)
        finally:
            stop.set()
            thread.join()
            self.assertEqual(writer.wait(), 0)

    def test_with_sqlite3(self):
        """The questions of bulkhead-flows(5)."""
        self.write([flow(n) for n in range(20)] + [event(3, "policy-changed")])
        db = sqlite3.connect("file:%s?mode=ro" % self.store, uri=True)
        rows = db.execute("SELECT src_container, count(*) FROM flows WHERE verdict = 'denied'"
                          " GROUP BY 1 ORDER BY 1").fetchall()
        self.assertEqual(rows, [("c%d" % n, 4) for n in range(5)])
        self.assertEqual(db.execute("SELECT event FROM event_list").fetchall(), [("policy-changed",)])
        plan = str(db.execute("EXPLAIN QUERY PLAN SELECT * FROM flows WHERE dst_ip = '172.18.0.21'"
                              " AND start > 5").fetchall())
        self.assertNotIn("SCAN f", plan)
        db.close()


if __name__ == "__main__":
    unittest.main()
