#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""flows_manual.py - bulkhead-flows(5) holds: its queries, run by sqlite3 over what an
agent wrote on a real engine, its tables and columns, and the members of records."""

import collections
import json
import os
import re
import shutil
import sqlite3
import subprocess
import unittest

from flows import Case
from flows_real import RECORDED

SOURCE = os.environ["SOURCE"]
PAGE = SOURCE + "/src/cli/man/bulkhead-flows.5"
HOUR = 3600 * 10**9


def section(name):
    """As plain text, one line a paragraph."""
    text = subprocess.run(["mandoc", "-Tutf8", "-Owidth=1000", PAGE], capture_output=True,
                          text=True, check=True).stdout
    text = re.sub(".\b", "", text) + "\nEND"
    start = text.index("\n" + name + "\n") + 1
    return text[start:start + 1 + re.search(r"\n[A-Z]", text[start + 1:]).start()]


def words(text):
    return set(re.findall(r"[\w-]+", text))


def queries():
    with open(PAGE, encoding="utf-8") as f:
        text = f.read()
    blocks = re.findall(r"^\.Bd .*\n((?:(?!\.).*\n)+)\.Ed$", text[text.index(".Sh EXAMPLES"):], re.M)
    return [b for b in blocks if b.startswith("SELECT")]


def members(o, inside=""):
    """Names of all members, at any depth; labels are the user's own."""
    for key, value in o.items():
        yield key
        for v in value if isinstance(value, list) else [value]:
            if isinstance(v, dict) and key != "labels":
                yield from members(v, key)


@unittest.skipUnless(shutil.which("mandoc"), "mandoc is not installed")
class Page(Case):
    def setUp(self):
        super().setUp()
        with open(RECORDED, encoding="utf-8") as f:
            text = f.read()
        self.into_store(text)
        self.records = [json.loads(line) for line in text.splitlines()]
        # A flow is what its latest record says.
        # One without an id has no other.
        self.flows = list({r.get("flow_id", r["seq"]): r for r in self.records
                           if "verdict" in r}.values())

    def ask(self, query):
        out = subprocess.run(["sqlite3", "-readonly", "-json", self.store, query],
                             capture_output=True, text=True, check=True)
        self.assertEqual(out.stderr, "")
        return [list(row.values()) for row in json.loads(out.stdout or "[]")]

    @staticmethod
    def of(end, key):
        return end.get("container", {}).get(key, "")

    @staticmethod
    def ns(time):
        """Of the same day: that is enough to compare."""
        h, m, s, rest = re.match(r".*T(\d\d):(\d\d):(\d\d)\.(\d{9})Z", time).groups()
        return (int(h) * 3600 + int(m) * 60 + int(s)) * 10**9 + int(rest)

    def test_most_denied(self):
        last = max(self.ns(f["first"]) for f in self.flows)
        sums = collections.Counter()
        packets = collections.Counter()
        for f in self.flows:
            if f["verdict"] != "denied" or self.ns(f["first"]) <= last - HOUR:
                continue
            key = (self.of(f["src"], "namespace"), self.of(f["src"], "name"), f["dst"]["ip"],
                   f["dst"].get("port"))
            sums[key] += 1
            packets[key] += f.get("packets", 0)
        rows = self.ask(queries()[0])
        self.assertEqual(len(rows), min(10, len(sums)))
        self.assertGreaterEqual(len(rows), 3)
        for *key, flows, sent in rows:
            self.assertEqual((flows, sent or 0), (sums[tuple(key)], packets[tuple(key)]), key)
        self.assertEqual([r[4] for r in rows], sorted(sums.values(), reverse=True)[:10])

    def test_one_address(self):
        asked = collections.Counter(f["src"].get("ip") for f in self.flows).most_common(1)[0][0]
        query, n = re.subn(r"'172\.18\.0\.2'", f"'{asked}'", queries()[1])
        self.assertEqual(n, 1)
        want = [[f["first"], f["verdict"], self.of(f["dst"], "name"), f["dst"].get("port"),
                 f.get("packets")] for f in self.flows if f["src"].get("ip") == asked]
        self.assertGreater(len(want), 1)
        self.assertEqual(self.ask(query), sorted(want))

    def test_label(self):
        def has(f):
            return f["src"].get("container", {}).get("labels", {}).get(key) == value
        key, value = collections.Counter(
            kv for f in self.flows for kv in
            f["src"].get("container", {}).get("labels", {}).items()).most_common(1)[0][0]
        query = queries()[2].replace("'app'", f"'{key}'").replace("'web'", f"'{value}'")
        want = [[f["first"], f["dst"]["ip"], f["dst"].get("port")] for f in self.flows if has(f)]
        self.assertGreater(len(want), 1)
        self.assertEqual(sorted(map(str, self.ask(query))), sorted(map(str, want)))

    def test_every_query_is_tried(self):
        self.assertEqual(len(queries()), 3)

    def test_tables_and_columns(self):
        text = section("STORE")
        parts = text[text.index("   Views"):text.index("   Versions")]
        entries = {name: words(entry + entry.replace("src_", "dst_")) for name, entry in
                   re.findall(r"^     ([a-z_]+)(.*?)(?=^     [a-z_]|^   \S|\Z)", parts, re.M | re.S)}
        entries["flow_rows"] |= entries["flows"]
        db = sqlite3.connect(f"file:{self.store}?mode=ro", uri=True)
        tables = db.execute("SELECT type, name FROM sqlite_schema WHERE type IN ('table', 'view')"
                            " AND name NOT LIKE 'sqlite_%'").fetchall()
        self.assertEqual(len([t for t in tables if t[0] == "view"]), 2)
        for _, table in tables:
            self.assertIn(table, entries)
            columns = {row[0] for row in db.execute(
                f"SELECT name FROM pragma_table_info('{table}')")}
            self.assertEqual(columns - entries[table], set(), table)
        version, = db.execute("PRAGMA user_version").fetchone()
        application, = db.execute("PRAGMA application_id").fetchone()
        db.close()
        self.assertIn(f"{application:#x}", text.lower())
        self.assertIn(f"schema's version, {version},", text)

    def test_members_of_records(self):
        told = words(section("RECORDS"))
        for record in self.records:
            self.assertEqual(set(members(record)) - told, set(), record)
        with open(SOURCE + "/src/format/ecs.c", encoding="utf-8") as f:
            events = set(re.findall(r'^\t\{ "([a-z-]+)", "[a-z_]+", "[a-z]+" \},$', f.read(), re.M))
        self.assertGreaterEqual(len(events), 15)
        self.assertEqual(events - told, set())
        with open(SOURCE + "/src/base/reason.c", encoding="utf-8") as f:
            reasons = set(re.findall(r'^\t\[DENY_\w+\] = "([a-z-]+)",$', f.read(), re.M))
        self.assertGreaterEqual(len(reasons), 9)
        self.assertEqual(reasons - told, set())


if __name__ == "__main__":
    unittest.main()
