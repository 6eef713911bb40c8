#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""lifecycle_table.py - which parts of the shared lifecycle suite run on which
engine, and why the others do not, as a table.

usage: [BULKHEAD_BUILD=build/debug] tests/bench/lifecycle_table.py [--run]

With --run each engine's suite is run, and the table has the number of checks that
passed; else "yes", which is what tests/engine/lifecycle_*.py run.
"""
import importlib
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
ENGINE = os.path.join(HERE, "..", "engine")
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
sys.path.insert(0, ENGINE)
import lifecycle

ENGINES = ("docker", "podman", "containerd", "static")


def declared(engine):
    """{part: "yes" or "-"}, and {part: why not}"""
    lacks = importlib.import_module(f"lifecycle_{engine}").Host.lacks
    return {p: "-" if p in lacks else "yes" for p in lifecycle.TITLES}, lacks


def ran(engine):
    """{part: what its checks said}"""
    done = subprocess.run([sys.executable, f"{ENGINE}/lifecycle_{engine}.py"], check=False,
                          stdout=subprocess.PIPE, text=True)
    said = {}
    for line in done.stdout.splitlines():
        if line.startswith("not ok "):
            print(f"{engine}: {line}", file=sys.stderr)
        part, colon, result = line.removeprefix("# ").partition(": ")
        if line.startswith("# ") and colon and part in lifecycle.TITLES:
            passed, failed = (int(x.split()[0]) for x in result.split(", "))
            said[part] = f"{failed} failed" if failed else f"{passed} passed"
    return said, done.returncode


def main():
    run = sys.argv[1:] == ["--run"]
    columns, why, status = {}, [], 0
    for engine in ENGINES:
        columns[engine], lacks = declared(engine)
        why += [f"{engine}, {lifecycle.TITLES[p]}: {reason}" for p, reason in lacks.items()]
        if run:
            said, failed = ran(engine)
            columns[engine] = {p: said.get(p, "not reached") if x == "yes" else x
                               for p, x in columns[engine].items()}
            status |= failed
    print("| " + " | ".join(("", *ENGINES)) + " |")
    print("|---" * (len(ENGINES) + 1) + "|")
    for part, title in lifecycle.TITLES.items():
        print("| " + " | ".join((title, *(columns[e][part] for e in ENGINES))) + " |")
    print("".join(f"\n{line}" for line in why))
    return 1 if status else 0


sys.exit(main())
