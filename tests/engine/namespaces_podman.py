#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""namespaces_podman.py - the same of Podman's containers."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import namespaces
import podmanhost
import testhost

testhost.main(namespaces.test, "namespaces-podman", kind=podmanhost.PodmanHost)
