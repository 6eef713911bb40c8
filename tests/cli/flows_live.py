#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""flows_live.py - bulkhead flows while the log is written: what -f shows of a
store is what it shows of a file; writers that are killed, files that are
replaced, and readers who may only read."""

import json
import os
import random
import select
import shutil
import signal
import subprocess
import threading
import time
import unittest

from flows import BULKHEAD, MAKE_STORE, Case, event, flow, lines, when

NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
PATIENCE = 30


class Follower:
    """bulkhead flows -f, whose lines are read as they come."""

    def __init__(self, case, *args):
        # A shell's background jobs ignore SIGINT, and hand that down.
        self.p = subprocess.Popen(
            [BULKHEAD, "--socket", case.dir + "/none", "flows", "-f", "-o", "json", *args],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
        case.addCleanup(self.stop)
        self.records = []
        self.changed = threading.Condition()
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        for line in self.p.stdout:
            with self.changed:
                self.records.append(json.loads(line))
                self.changed.notify_all()

    def wait_for(self, condition):
        with self.changed:
            if not self.changed.wait_for(lambda: condition(self.records), PATIENCE):
                raise AssertionError("not shown in time (%s): %s" %
                                     (self.p.poll(), self.records[-1:]))

    def latest(self):
        """What was said last of each flow, and every event."""
        with self.changed:
            return {r.get("flow_id", (r.get("event"), r["seq"])): r for r in self.records}

    def stop(self):
        if self.p.poll() is None:
            self.p.send_signal(signal.SIGINT)
        status = self.p.wait(PATIENCE)
        self.thread.join()
        self.p.stdout.close()
        self.p.stderr.close()
        return status


class Writer:
    """One that feeds a store as the agent's sink does."""

    def __init__(self, case, path):
        self.p = subprocess.Popen([MAKE_STORE, path], stdin=subprocess.PIPE, text=True)
        case.addCleanup(self.end)

    def write(self, *records):
        self.p.stdin.write(lines(records))
        self.p.stdin.flush()

    def end(self):
        if self.p.stdin.closed:
            return
        self.p.stdin.close()
        self.p.wait(PATIENCE)

    def kill(self):
        self.p.kill()
        self.p.wait()
        try:
            self.p.stdin.close()
        except BrokenPipeError:
            pass


def has(n, **fields):
    """A condition: flow @n is shown, with these fields."""
    id = "%016x" % (n + 1)
    return lambda records: any(r.get("flow_id") == id and fields.items() <= r.items()
                               for r in records)


class Live(Case):
    def count(self, *prefix):
        return subprocess.run([*prefix, BULKHEAD, "flows", "--count", "--store", self.store],
                              capture_output=True, text=True, timeout=PATIENCE)

    def test_store_and_file_are_followed_alike(self):
        filters = ((), ("--denied",), ("--from", "c2"), ("--to", "ns1/"), ("--port", "81"),
                   ("--from", "app=a1", "--events"), ("--since", when(12)),
                   ("--from", "172.18.0.2/31"), ("--policy", "ns0/deny"), ("--reason", "invalid"))
        first = [flow(n) for n in range(8)] + [event(3, "policy-changed")]
        self.write(first)
        pairs = [(Follower(self, "--path", self.path, *f), Follower(self, "--store", self.store, *f))
                 for f in filters]
        writer = Writer(self, self.store)
        later = [flow(n, verdict=["denied", "audit", "allowed"][n % 3]) for n in range(8, 24)]
        later += [flow(n, seq=500 + n, state="end", time=when(60), last=when(60), packets=5,
                       bytes=300, new_packets=4, new_bytes=240) for n in range(4, 12)]
        later += [event(70, "container-start", container=dict(id="c" * 64, name="c2",
                                                              namespace="ns0")),
                  flow(30, flow_id="%016x" % 4242, time=when(71), src={"ip": "fd00::1"})]
        last = event(80, "loss", records=1)  # gaps are told to whoever asks
        with open(self.path, "a") as f:
            for record in [*later, last]:
                f.write(lines([record]))
                f.flush()
                writer.write(record)
        for file, store in pairs:
            for f in file, store:
                f.wait_for(lambda records: any(r.get("event") == "loss" for r in records))
            self.assertEqual(file.latest(), store.latest())
        self.assertEqual(pairs[0][1].latest()["%016x" % 5]["packets"], 5)
        self.assertEqual([f.stop() for pair in pairs for f in pair],
                         [-signal.SIGINT] * 2 * len(pairs))

    def test_waits_without_work(self):
        self.write([flow(0)])
        f = Follower(self, "--store", self.store)
        f.wait_for(has(0))
        with open("/proc/%d/stat" % f.p.pid) as stat:
            before = sum(map(int, stat.read().rsplit(")")[1].split()[11:13]))
        time.sleep(2)
        with open("/proc/%d/stat" % f.p.pid) as stat:
            after = sum(map(int, stat.read().rsplit(")")[1].split()[11:13]))
        self.assertLess(after - before, 0.2 * os.sysconf("SC_CLK_TCK"))

    def test_comes_before_its_store(self):
        f = Follower(self, "--store", self.store)
        writer = Writer(self, self.store)
        writer.write(flow(1))
        f.wait_for(has(1))

    def test_another_file_takes_the_name(self):
        self.write([flow(0)])
        f = Follower(self, "--store", self.store)
        f.wait_for(has(0))
        for n in range(1, 4):
            for ending in "", "-wal", "-shm":
                if os.path.exists(self.store + ending):
                    os.rename(self.store + ending, "%s.old%d%s" % (self.store, n, ending))
            self.into_store(lines([flow(n)]))
            f.wait_for(has(n))
        self.assertEqual(len(f.records), 4)

    def test_corrupt_while_followed(self):
        """Whatever is written over it: its next writer begins a new one."""
        for damage in "overwritten", "cut", "emptied":
            with self.subTest(damage):
                self.damage(damage)
            for name in os.listdir(self.dir):
                os.unlink(os.path.join(self.dir, name))

    def damage(self, how):
        self.write([flow(n) for n in range(200)])
        f = Follower(self, "--store", self.store)
        f.wait_for(has(199))
        with open(self.store, "r+b") as file:
            if how == "overwritten":
                file.write(b"\xa5" * os.path.getsize(self.store))
            else:
                file.truncate(8192 if how == "cut" else 0)
        self.into_store(lines([flow(n) for n in range(1000, 1300)]))
        f.wait_for(has(1299))
        self.assertEqual(f.stop(), -signal.SIGINT)

    def test_writer_is_killed_at_any_moment(self):
        r = random.Random(os.urandom(8))
        self.write([flow(0)])
        f = Follower(self, "--store", self.store)
        last, n = 1, 1000
        for _ in range(12):
            writer = Writer(self, self.store)
            until = time.monotonic() + r.uniform(0, 0.15)
            while time.monotonic() < until:
                writer.write(*(flow(k % 3600, flow_id="%016x" % (k + 1))
                               for k in range(n, n + 20)))
                n += 20
                if r.random() < 0.3:
                    p = self.count()
                    self.assertEqual(p.returncode, 0, p.stderr)
            writer.kill()
            p = self.count()
            self.assertEqual(p.returncode, 0, p.stderr)
            self.assertGreaterEqual(int(p.stdout), last)
            last = int(p.stdout)
        self.into_store(lines([flow(7)]))
        f.wait_for(has(7))
        # Each of them once, as they were all of one record.
        self.assertEqual(len(f.records), last + 1)
        self.assertEqual(int(self.count().stdout), last + 1)

    @unittest.skipUnless(os.geteuid() == 0, "needs root")
    def test_group_that_may_only_read(self):
        """What a killed writer left, read by a member of the store's group."""
        writer = Writer(self, self.store)
        writer.write(*(flow(n) for n in range(50)))
        while int(self.count().stdout or 0) < 50:
            pass
        writer.kill()
        self.assertGreater(os.path.getsize(self.store + "-wal"), 0)
        os.chown(self.dir, 0, 65534)
        os.chmod(self.dir, 0o750)
        for name in os.listdir(self.dir):
            os.chown(os.path.join(self.dir, name), 0, 65534)
            os.chmod(os.path.join(self.dir, name), 0o640)
        p = self.count(*NOBODY)
        self.assertEqual((p.returncode, p.stdout), (0, "50\n"), p.stderr)
        # Without its index the log cannot be read by whoever cannot make one:
        # rather no answer than one that lacks what is in the log.
        os.unlink(self.store + "-shm")
        p = self.count(*NOBODY)
        self.assertEqual((p.returncode, p.stdout), (1, ""))
        self.assertIn("run it as root", p.stderr)
        self.assertEqual(self.count().stdout, "50\n")

    @unittest.skipUnless(os.geteuid() == 0, "needs root")
    def test_follower_that_may_only_read(self):
        """It begins when nobody writes and there is no log."""
        self.write([flow(0)])
        for ending in "-wal", "-shm":
            if os.path.exists(self.store + ending):
                os.unlink(self.store + ending)
        os.chmod(self.dir, 0o755)
        os.chmod(self.store, 0o644)
        p = subprocess.Popen([*NOBODY, BULKHEAD, "flows", "-f", "-o", "json", "--store", self.store],
                             stdout=subprocess.PIPE, text=True)
        self.addCleanup(p.stdout.close)
        self.addCleanup(p.wait)
        self.addCleanup(p.kill)
        self.assertEqual(json.loads(p.stdout.readline())["seq"], 1)
        writer = Writer(self, self.store)
        writer.write(flow(1))
        self.assertTrue(select.select([p.stdout], [], [], PATIENCE)[0])
        self.assertEqual(json.loads(p.stdout.readline())["seq"], 2)


if __name__ == "__main__":
    unittest.main()
