#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""to_disk.py - files in every format, compressed ones, and SQLite; disks that are full, and
paths that cannot be written."""
import ctypes
import gzip
import json
import os
import re
import sqlite3
import subprocess
import time

from feeding import LOSS, Feed, Receiver, ok, record, run, until
from otlp import sequences


def names_of(top):
    """The files of the log, the oldest first."""
    return sorted((x for x in os.listdir(top) if re.fullmatch(r"flows\.jsonl(\.\d+(\.gz)?)?", x)),
                  key=lambda x: -int((x.split(".") + ["0"])[2]))


def sequence(top, kills=0):
    """Of the records in all files. Each kill of a writer may leave a fragment of a line."""
    seqs = []
    for name in names_of(top):
        opener = gzip.open if name.endswith(".gz") else open
        with opener(f"{top}/{name}", "rt", encoding="utf-8") as f:
            for line in f:
                try:
                    seqs.append(json.loads(line)["seq"])
                except ValueError:
                    kills -= 1
                    if kills < 0:
                        raise
    return seqs


def compressed(top):
    feed = Feed(top, [{"file": {"path": f"{top}/flows.jsonl", "rotateSize": "20KiB", "keep": 1000,
                                "compress": True}}])
    for begin in range(0, 4000, 400):
        feed.send(*(record(i) for i in range(begin, begin + 400)))
        if begin == 2000:
            feed.kill_writer()
    s = feed.await_sink("file", lambda s: not s["waiting"])
    until(lambda: all(x.endswith(".gz") for x in names_of(top)[:-1]), "the last to be compressed")
    names, seqs = names_of(top), sequence(top, kills=1)
    ok(len(names) > 50 and seqs[0] == 0 and seqs[-1] == 3999 and sorted(set(seqs)) == list(range(4000)),
       "rotated files are compressed, and hold every record", (names[:3], len(seqs), s))
    ok(len(seqs) < 4400 and all(b <= a + 1 for a, b in zip(seqs, seqs[1:])),
       "in order; twice only what a killed writer had not told of", len(seqs))
    ok(not [x for x in os.listdir(top) if x.endswith("part")], "nothing half done stays behind")
    feed.close()


def logrotate(top):
    """The real one, both ways: no record is lost, and none is cut."""
    for way, more in ("create 0640", ""), ("copytruncate", ""), ("create 0640", "compress"):
        log = f"{top}/{way.split()[0]}{more}"
        os.mkdir(log)
        with open(f"{log}/conf", "w", encoding="ascii") as f:
            f.write(f"{log}/flows.jsonl {{\n rotate 100\n {way}\n {more}\n}}\n")
        feed = Feed(log, [{"file": {"path": f"{log}/flows.jsonl"}}])
        for begin in range(0, 2000, 500):
            feed.send(*(record(i) for i in range(begin, begin + 500)))
            # What comes between its copy and its cut is lost, as logrotate(8) says itself; and
            # what would be added to a file that is just being compressed.
            if way == "copytruncate" or more:
                feed.await_sink("file", lambda s, n=begin + 500: s["written"] == n)
            until(lambda d=log: os.path.exists(f"{d}/flows.jsonl"), "the file")
            subprocess.run(["logrotate", "--force", "--state", f"{log}/state", f"{log}/conf"],
                           check=True)
        feed.await_sink("file", lambda s: s["written"] == 2000)
        feed.close()
        seqs = sequence(log)
        ok(sorted(seqs) == list(range(2000)) and len(names_of(log)) > 3,
           f"logrotate, {way} {more}: every record, once", (len(seqs), names_of(log)))


def sqlite(top):
    feed = Feed(top, [{"sqlite": {"path": f"{top}/flows.db"}}])
    feed.send(LOSS, *(record(i) for i in range(1, 1000)))
    s = feed.await_sink("sqlite", lambda s: s["waiting"] == 0)
    ok(s["written"] == 1000 and s["lost"] == 0, "SQLite: all records", s)
    feed.close()
    with open(f"{top}/flows.db", "r+b") as f:
        f.write(b"this is no database" * 500)
    feed = Feed(top, [{"sqlite": {"path": f"{top}/flows.db"}}])
    feed.send(record(2000))
    s = feed.await_sink("sqlite", lambda s: s["written"] == 1)
    aside = [x for x in os.listdir(top) if x.startswith("flows.db.corrupt-")]
    ok(aside, "SQLite: a corrupt file is moved aside", os.listdir(top))
    ok(any("corrupt" in x.get("problem", "") for x in feed.said), "SQLite: which is told",
       feed.said)
    feed.close()


def known(db):
    """Numbers of the flows in a store, as sqlite3 reads them."""
    found = subprocess.run(["sqlite3", "-readonly", db, "SELECT flow_id FROM flows ORDER BY 1"],
                           check=True, stdout=subprocess.PIPE, text=True).stdout
    return [int(x, 16) for x in found.split()]


def locked(top):
    """Somebody else has the store open for writing: records wait, and none is lost."""
    feed = Feed(top, [{"sqlite": {"path": f"{top}/flows.db"}}])
    feed.send(*(record(i) for i in range(10)))
    feed.await_sink("sqlite", lambda s: s["written"] == 10)
    other = sqlite3.connect(f"{top}/flows.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    feed.send(*(record(i) for i in range(10, 500)))
    s = feed.await_sink("sqlite", lambda s: s["problem"])
    ok("somebody else writes to it" in s["problem"] and s["waiting"] == 490 and s["lost"] == 0,
       "SQLite: a lock that somebody else holds is told, and records wait", s)
    ok(known(f"{top}/flows.db") == list(range(10)), "SQLite: readers go on")
    until(lambda: any(x.get("trouble") == "sqlite" and x["problem"] for x in feed.said), "the event")
    other.execute("ROLLBACK")
    other.close()
    feed.reopen()
    s = feed.await_sink("sqlite", lambda s: s["written"] == 500)
    ok(s["lost"] == 0 and not s["problem"] and known(f"{top}/flows.db") == list(range(500)),
       "SQLite: without the lock all of them are written", s)
    feed.close()


FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"
DAY = 86400


def clock(top):
    """The clock is set forward by ten days: records of yesterday stay for a day."""
    def step(seconds):
        with open(f"{top}/clock.new", "w", encoding="ascii") as f:
            f.write(f"{seconds:+d}s\n")
        os.rename(f"{top}/clock.new", f"{top}/clock")

    def now(i, ahead=0):
        t = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + ahead))
        return record(i, time=t, first=t, last=t)

    env = {"LD_PRELOAD": FAKETIME, "FAKETIME_TIMESTAMP_FILE": f"{top}/clock",
           "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1",
           "ASAN_OPTIONS": "verify_asan_link_order=0"}
    sinks = [{"sqlite": {"path": f"{top}/flows.db", "retainAge": "2d"}}]
    step(0)
    feed = Feed(top, sinks, env)
    feed.send(now(0), now(1))
    feed.await_sink("sqlite", lambda s: s["written"] == 2)
    step(10 * DAY)
    feed.send(now(2, 10 * DAY))
    until(lambda: any("clock was set forward" in x.get("problem", "") for x in feed.said),
          "the step to be told")
    for i in range(3, 6):  # what is too old goes once a second
        feed.send(now(i, 10 * DAY))
        feed.await_sink("sqlite", lambda s, n=i: s["written"] == n + 1)
        time.sleep(1.1)
    ok(known(f"{top}/flows.db") == list(range(6)), "SQLite: a clock that is set forward removes nothing",
       known(f"{top}/flows.db"))
    feed.close()
    # One who comes later has no other clock to hold it against.
    feed = Feed(top, sinks, env)
    feed.send(now(6, 10 * DAY))
    until(lambda: known(f"{top}/flows.db") == [2, 3, 4, 5, 6] or feed.send(now(6, 10 * DAY)),
          "what is too old to go")
    ok(True, "SQLite: else it does")
    feed.close()


def formats(top):
    kinds = ("native", "ecs", "ocsf", "csv")
    feed = Feed(top, [{"file": {"path": f"{top}/{k}", "format": k, "name": k}} for k in kinds])
    feed.send(record(1), LOSS)
    for k in kinds:
        feed.await_sink(k, lambda s: s["written"] == 2)
    feed.close()
    read = {}
    for k in kinds:
        with open(f"{top}/{k}", encoding="utf-8") as f:
            read[k] = f.read().splitlines()
    ok(json.loads(read["native"][0]) == record(1), "file: native", read["native"])
    ok(json.loads(read["ecs"][0])["source"]["ip"] == "10.0.0.2", "file: ECS", read["ecs"])
    ok(json.loads(read["ocsf"][0])["class_uid"] == 4001, "file: OCSF", read["ocsf"])
    ok(len(read["csv"]) == 3 and "," in read["csv"][0], "file: CSV with its heading", read["csv"])


class SmallDisk:
    """A file system of so many KiB, in a mount namespace of this process alone."""
    private = False

    def __init__(self, path, kib):
        if not SmallDisk.private:
            ctypes.CDLL(None).unshare(0x20000)  # CLONE_NEWNS
            self.mount("--make-rprivate", "/")
            SmallDisk.private = True
        self.path = path
        os.mkdir(path)
        self.mount("-t", "tmpfs", "-o", f"size={kib}k", "tmpfs", path)

    @staticmethod
    def mount(*args):
        subprocess.run(["mount", *args], check=True)

    def grow(self, kib):
        self.mount("-o", f"remount,size={kib}k", self.path)

    def remove(self):
        subprocess.run(["umount", self.path], check=True)


def full_disk(top):
    """SQLite, and what waits for OTLP: records wait in memory, and none is lost."""
    for kind in ("sqlite", "otlp"):
        disk = SmallDisk(f"{top}/{kind}", 700)
        server = Receiver()
        server.answer = lambda body: (500, {}, b"")  # nothing leaves the spool
        sink = ({"path": f"{disk.path}/flows.db"} if kind == "sqlite" else
                {"url": f"http://127.0.0.1:{server.port}/v1/logs"})
        feed = Feed(disk.path, [{kind: sink}, {"file": {"path": f"{top}/{kind}.jsonl"}}])
        feed.send(*(record(i) for i in range(3000)))
        s = feed.await_sink(kind, lambda s: "full" in s["problem"] or "No space" in s["problem"])
        ok(s["lost"] == 0 and s["waiting"] > 0, f"{kind}: a full disk is told, and nothing is lost", s)
        s = feed.await_sink("file", lambda s: s["written"] == 3000)
        ok(not s["problem"], f"{kind}: another sink goes on", s)
        until(lambda k=kind: any(x.get("trouble") == k and x["problem"] for x in feed.said), "the event")
        disk.grow(64 << 10)
        server.answer = lambda body: (200, {}, b"{}")
        feed.reopen()
        s = feed.await_sink(kind, lambda s: s["written"] == 3000)
        ok(s["lost"] == 0 and not s["problem"], f"{kind}: with room again, all of it is written", s)
        feed.close()
        if kind == "otlp":
            ok(sequences(server.bodies) == list(range(3000)), "otlp: each once, in order")
        server.stop()
        disk.remove()


def unwritable(top):
    """A directory that is not there, and a path that is a directory."""
    os.mkdir(f"{top}/taken")
    feed = Feed(top, [{"file": {"path": f"{top}/later/flows.jsonl"}},
                      {"sqlite": {"path": f"{top}/later/flows.db"}},
                      {"file": {"name": "taken", "path": f"{top}/taken"}}])
    feed.send(*(record(i) for i in range(100)))
    for name, why in (("file", "No such file"), ("sqlite", "No such file"), ("taken", "directory")):
        s = feed.await_sink(name, lambda s: s["problem"])
        ok(why in s["problem"] and s["waiting"] == 100 and s["lost"] == 0,
           f"{name}: what cannot be opened is told, and the records wait", s)
        until(lambda n=name: any(x.get("trouble") == n and x["problem"] for x in feed.said), "the event")
    os.mkdir(f"{top}/later")
    os.rmdir(f"{top}/taken")
    feed.reopen()
    for name in ("file", "sqlite", "taken"):
        s = feed.await_sink(name, lambda s: s["written"] == 100)
        ok(s["lost"] == 0 and not s["problem"], f"{name}: then all of them are written", s)
    feed.close()


run(formats, compressed, logrotate, sqlite, locked, clock, full_disk, unwritable)
