#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""outage.py - ten minutes with three sinks down.

usage: BULKHEAD_BUILD=build/release tests/bench/outage.py

SECONDS (600) long RATE (1,000) records a second go to a file, and to OTLP, Loki and
syslog, none of which takes any. Told are the resident memory of agent and writer, the
spools' sizes (Loki's is bounded to the default 256 MiB), and after their return which
records arrived, and how often; see tests/lib/outage.py.
"""
import os
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
import outage
import testhost

SECONDS = int(os.environ.get("SECONDS", "600"))
RATE = int(os.environ.get("RATE", "1000"))

testhost.main(lambda h, r: outage.run(h, r, SECONDS, RATE, os.environ.get("SPOOL", "256MiB"), 65536),
              "bench-outage")
