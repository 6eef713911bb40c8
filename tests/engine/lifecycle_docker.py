#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""lifecycle_docker.py - the shared lifecycle suite on Docker."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import lifecycle
import testhost

# run.py: the clock decides here.
ALONE = True

Host = testhost.Host

if __name__ == "__main__":
    testhost.main(lifecycle.test, "lifecycle-docker", daemon={"live-restore": True})
