#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""compose_podman.py - the same Compose project, by docker-compose on Podman's
socket."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import compose
import podmanhost
import testhost

testhost.main(compose.test, "compose-podman", kind=podmanhost.PodmanHost)
