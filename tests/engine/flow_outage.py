#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""flow_outage.py - sinks that are down, dead or hanging, and come back: bounded memory,
and each record once or counted. tests/bench/outage.py does it for ten minutes."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import outage
import testhost

# A sanitizer's memory is not the writer's.
testhost.main(lambda h, r: outage.run(h, r, 15, 300, "1MiB", 600 << 10), "flow-outage")
