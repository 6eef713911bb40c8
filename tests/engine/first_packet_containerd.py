#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""first_packet_containerd.py - containerd's containers are enforced before their first
instruction."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import first_instruction
import lifecycle_containerd
import testhost

# run.py: the clock decides here.
ALONE = True

testhost.main(first_instruction.test, "first-packet-containerd", kind=lifecycle_containerd.Host)
