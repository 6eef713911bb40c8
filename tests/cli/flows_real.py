#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""flows_real.py - what an agent wrote on a real engine, asked of the file and of
a store: every question is answered alike.

records/docker.jsonl is the log of one run of tests/engine/flow_allowed.py, with
the heads of packets (flowLog.packetHead: 96)."""

import itertools
import json
import os
import unittest

from flows import Case

HERE = os.path.dirname(os.path.realpath(__file__))
RECORDED = os.path.join(HERE, "records", "docker.jsonl")

FIELDS = ("src", "dst", "src-ip", "dst-ip", "src-namespace", "dst-namespace", "src-image",
          "dst-image", "port", "proto", "verdict", "direction", "reason", "policy", "host")


def values(records, *path):
    """What the records have there, without what has spaces."""
    found = set()
    for r in records:
        for key in path:
            r = r.get(key) if isinstance(r, dict) else None
        found.update(r if isinstance(r, list) else [r])
    return sorted(str(v) for v in found if v not in (None, "") and " " not in str(v))


def questions(records):
    """A wide list: each filter with each value that there is, pairs of them, and
    windows of time."""
    flows = [r for r in records if "verdict" in r]
    options = []
    for option, end in ("--from", "src"), ("--to", "dst"):
        container = [f[end]["container"] for f in flows if "container" in f[end]]
        parties = (values(flows, end, "ip") + values(container, "name") +
                   [i[:12] for i in values(container, "id")] +
                   [n + "/" for n in values(container, "namespace")] +
                   ["%s=%s" % kv for c in container for kv in sorted(c["labels"].items())
                    if not set(" ,!") & set("".join(kv))] +
                   ["172.16.0.0/12", "203.0.113.0/24", "fd00::/16", "0.0.0.0/0", "app!=web", "!app"])
        options += [(option, p) for p in sorted(set(parties))]
    options += [("--port", p) for p in values(flows, "dst", "port")]
    options += [("--proto", p) for p in values(flows, "proto")]
    options += [("--policy", p) for p in values(flows, "policies")]
    options += [("--reason", p) for p in values(flows, "reason")]
    options += [("--direction", p) for p in values(flows, "direction")]
    options += [("--denied",), ("--allowed",), ("--audit", "--allowed"), ("--events",)]
    times = sorted(r["time"] for r in records)
    windows = [(), ("--since", times[len(times) // 3]),
               ("--since", times[len(times) // 4], "--until", times[len(times) // 2]),
               ("--until", times[-2])]
    return [()] + options + [
        a + b for a, b in itertools.product(options[::9], windows[1:])] + [
        a + b for a, b in itertools.combinations(options[::11], 2) if a[0] != b[0]]


class Real(Case):
    def setUp(self):
        super().setUp()
        with open(RECORDED, encoding="utf-8") as f:
            text = f.read()
        with open(self.path, "w", encoding="utf-8") as f:
            f.write(text)
        self.into_store(text)
        self.records = [json.loads(line) for line in text.splitlines()]

    def both(self, *args):
        """As for every case, but in JSON the order of members says nothing: what
        the store has no column for comes last."""
        if "json" not in args:
            return super().both(*args)
        file, store = (self.run_cli(option, path, *args).stdout
                       for option, path in (("--path", self.path), ("--store", self.store)))
        read = json.loads if "show" in args else lambda text: [
            json.loads(line) for line in text.splitlines()]
        self.assertEqual(read(file), read(store), args)
        return file

    def test_records_are_rich(self):
        """Else the other tests would say little."""
        flows = [r for r in self.records if "verdict" in r]
        self.assertGreaterEqual(len(flows), 20)
        for path, least in ((("verdict",), 2), (("proto",), 2), (("state",), 3), (("reason",), 2),
                            (("published",), 1), (("packet_head",), 1), (("src", "container"), 2)):
            have = {json.dumps(v) for r in flows for v in [self.at(r, path)] if v is not None}
            self.assertGreaterEqual(len(have), least, path)
        self.assertTrue(any(":" in r["src"].get("ip", "") for r in flows))

    @staticmethod
    def at(r, path):
        for key in path:
            r = r.get(key) if isinstance(r, dict) else None
        return r

    def test_lists_and_counts(self):
        asked = questions(self.records)
        self.assertGreater(len(asked), 80)
        shown = 0
        for n, q in enumerate(asked):
            listed = self.both("-o", "json", *q)
            flows = sum("verdict" in json.loads(line) for line in listed.splitlines())
            shown += flows
            if n % 4 == 0:
                self.assertEqual(int(self.both("--count", *q)), flows, q)
        self.assertGreater(shown, len(asked))

    def test_groups(self):
        for field in FIELDS:
            self.both("--by", field, "-o", "csv")
        for q in questions(self.records)[::9]:
            self.both("--top", "3", "--by", "src,dst,port", *q)

    def test_formats_stories_and_packets(self):
        for output in "wide", "csv", "ecs", "ocsf":
            self.both("-o", output, "--events")
        for flow in sorted({r["flow_id"] for r in self.records if "flow_id" in r})[:12]:
            self.both("show", flow, "-o", "json")
        exported = []
        for source in ("--store", self.store), ("--path", self.path):
            out = os.path.join(self.dir, "out.pcapng")
            self.run_cli("export", *source, "--pcap", out)
            with open(out, "rb") as f:
                exported.append(f.read())
        self.assertEqual(*exported)


if __name__ == "__main__":
    unittest.main()
