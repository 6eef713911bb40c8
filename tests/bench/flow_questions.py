#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""flow_questions.py - bench: how long `bulkhead flows` takes to answer from the
store that bench_flow_store made, as a whole process each time.

usage: flow_questions.py BUILD STORE [TIMES]

    cmake --preset release && cmake --build build/release
    build/release/tests/bench/bench_flow_store /tmp/flows.db 10000000
    tests/bench/flow_questions.py build/release /tmp/flows.db
"""
import os
import statistics
import subprocess
import sys
import time

MINUTE = ("--since", "2026-01-31T12:00:00Z", "--until", "2026-01-31T12:01:00Z")
HOUR = ("--since", "2026-01-31T12:00:00Z", "--until", "2026-01-31T13:00:00Z")

QUESTIONS = (
    # Lists, by an index.
    MINUTE + ("--from", "team-1/app-1"),
    MINUTE + ("--to", "app=app-7", "--port", "22", "--denied"),
    HOUR + ("--from", "172.18.0.8", "--to", "team-9/"),
    ("--from", "team-1/app-1", "--to", "team-2/app-2"),
    ("--port", "40000"),
    ("--audit", *MINUTE),
    ("show", "9e3779b97f4a7c15"),
    # Counts and groups of an hour.
    HOUR + ("--count",),
    HOUR + ("--denied", "--top", "10", "--by", "src"),
    HOUR + ("--denied", "--top", "10", "--by", "src,dst,port"),
    # … and of everything.
    ("--count",),
    ("--count", "--denied", "--to", "team-9/"),
    ("--count", "--from", "10.0.0.0/8", "--port", "443"),
    ("--top", "10", "--by", "verdict,reason"),
    ("--top", "10", "--by", "port"),
    ("--top", "10", "--by", "src"),
    ("--top", "10", "--by", "dst"),
    ("--top", "10", "--by", "src-namespace,dst-namespace"),
    ("--top", "10", "--by", "src-ip", "--audit"),
    ("--top", "10", "--by", "dst,port", "--from", "team-1/"),
    ("--top", "10", "--by", "src,dst,port", "--to", "team-1/"),
    ("--top", "10", "--by", "src,dst,port"),
)


def ask(bulkhead, store, question):
    """Seconds, of those of the processor, KB resident, lines of the answer."""
    began = time.monotonic()
    p = subprocess.Popen([bulkhead, "flows", *question, "--store", store],
                         stdout=subprocess.PIPE)
    lines = sum(1 for _ in p.stdout)
    _, status, usage = os.wait4(p.pid, 0)
    p.stdout.close()
    if status:
        sys.exit("%s: status %d" % (" ".join(question), status))
    return time.monotonic() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss, lines


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    bulkhead = os.path.join(sys.argv[1], "src/cli/bulkhead")
    times = int(sys.argv[3]) if len(sys.argv) > 3 else 5
    print("%-72s %8s %8s %8s %6s %8s" % ("question", "p50 ms", "max ms", "cpu ms", "MB", "lines"))
    for question in QUESTIONS:
        runs = [ask(bulkhead, sys.argv[2], question) for _ in range(times)]
        print("%-72s %8.0f %8.0f %8.0f %6.0f %8d" % (
            " ".join(question), statistics.median(r[0] for r in runs) * 1000,
            max(r[0] for r in runs) * 1000, statistics.median(r[1] for r in runs) * 1000,
            max(r[2] for r in runs) / 1000, runs[0][3]), flush=True)


if __name__ == "__main__":
    main()
