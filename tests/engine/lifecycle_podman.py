#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""lifecycle_podman.py - the shared lifecycle suite on Podman, with netavark;
with CNI: lifecycle_podman.py cni."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import lifecycle
import podmanhost
import testhost

# run.py: the clock decides here.
ALONE = True

Host = podmanhost.PodmanHost

if __name__ == "__main__":
    testhost.main(lifecycle.test, "lifecycle-podman", kind=Host,
                  backend=(sys.argv[1:] or ["netavark"])[0])
