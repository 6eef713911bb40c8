#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""to_disk.py - files in every format, and SQLite."""
import gzip
import json
import os
import re
import signal

from feeding import LOSS, Feed, ok, record, run, until


def names_of(top):
    """The files of the log, the oldest first."""
    return sorted((x for x in os.listdir(top) if re.fullmatch(r"flows\.jsonl(\.\d+(\.gz)?)?", x)),
                  key=lambda x: -int((x.split(".") + ["0"])[2]))


def sequence(top):
    """Of the records in all files."""
    seqs = []
    for name in names_of(top):
        opener = gzip.open if name.endswith(".gz") else open
        with opener(f"{top}/{name}", "rt", encoding="utf-8") as f:
            seqs += [json.loads(x)["seq"] for x in f]
    return seqs


def compressed(top):
    feed = Feed(top, [{"file": {"path": f"{top}/flows.jsonl", "rotateSize": "20KiB", "keep": 1000,
                                "compress": True}}])
    for begin in range(0, 4000, 400):
        feed.send(*(record(i) for i in range(begin, begin + 400)))
        if begin == 2000:
            os.kill(feed.status()["pid"], signal.SIGKILL)
    s = feed.await_sink("file", lambda s: not s["waiting"])
    until(lambda: all(x.endswith(".gz") for x in names_of(top)[:-1]), "the last to be compressed")
    names, seqs = names_of(top), sequence(top)
    ok(len(names) > 50 and seqs[0] == 0 and seqs[-1] == 3999 and sorted(set(seqs)) == list(range(4000)),
       "rotated files are compressed, and hold every record", (names[:3], len(seqs), s))
    ok(len(seqs) < 4400 and all(b <= a + 1 for a, b in zip(seqs, seqs[1:])),
       "in order; twice only what a killed writer had not told of", len(seqs))
    ok(not [x for x in os.listdir(top) if x.endswith("part")], "nothing half done stays behind")
    feed.close()


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


run(formats, compressed, sqlite)
