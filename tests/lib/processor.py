# SPDX-License-Identifier: GPL-2.0-or-later
"""processor.py - what a program takes of the processor, for benches."""
import os


def tree(pid):
    """@pid and all that it started."""
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
        return [pid, *(p for child in f.read().split() for p in tree(int(child)))]


def seconds(pid):
    """Seconds of the processor that it and its children had."""
    total = 0
    for p in tree(pid):
        with open(f"/proc/{p}/stat", encoding="ascii") as f:
            words = f.read().rsplit(")", 1)[1].split()
        total += int(words[11]) + int(words[12])
    return total / os.sysconf("SC_CLK_TCK")
