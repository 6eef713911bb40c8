#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""make.py - write what containerd 2.3 would answer to the life that
containerd-1.6/ has recorded, from the field numbers of its published .proto
files: no such engine runs here. Every field is there, also those that we do not
read, and one that no version has yet.

    usage: make.py, in its own directory
"""
import json
import os
import struct
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "..", "lib"))
from protobuf import message

NOW = {1: 1790000000, 2: 123456789}
OF_TOMORROW = {4000: "what no version has yet", 4001: 7}
SPEC = "types.containerd.io/opencontainers/runtime-spec/1/Spec"


def frame(fields):
    body = message({**fields, **OF_TOMORROW})
    return struct.pack(">BI", 0, len(body)) + body


def write(name, *messages):
    with open(os.path.join(HERE, name), "wb") as f:
        f.write(b"".join(map(frame, messages)))


def event(topic, kind, fields):
    body = message({**fields, **OF_TOMORROW})
    return {1: NOW, 2: "default", 3: topic, 4: {1: f"containerd.events.{kind}", 2: body}}


def spec(host):
    namespaces = [{"type": t} for t in ("pid", "ipc", "uts", "mount", "cgroup")]
    return json.dumps({
        "ociVersion": "1.3.0",
        "process": {"args": ["/probe", "serve"], "capabilities": {
            "bounding": ["CAP_NET_RAW"] + (["CAP_SYS_ADMIN"] if host else [])},
                    "scheduler": {"policy": "SCHED_OTHER"}},
        "linux": {"namespaces": namespaces + ([] if host else [{"type": "network"}]),
                  "netDevices": {}, "timeOffsets": {}}})


def container(name, labels, host=False):
    return {1: name, 2: {"io.containerd.image.config.stop-signal": "SIGTERM", **labels},
            3: "docker.io/library/probe:latest",
            4: {1: "io.containerd.runc.v2", 2: {1: "containerd.runc.v1.Options", 2: b"\x08\x01"}},
            5: {1: SPEC, 2: spec(host)}, 6: "overlayfs", 7: name, 8: NOW, 9: NOW,
            10: {"io.containerd.ext": {1: "example/extension", 2: b"\x01\x02"}},
            11: "a-sandbox"}


def task(name, pid):
    return {1: name, 2: name, 3: pid, 4: 2, 5: "/run/in", 6: "/run/out", 7: "/run/err", 8: 1,
            9: 0, 10: NOW}


def created(name, pid):
    return event("/tasks/create", "TaskCreate", {
        1: name, 2: f"/run/containerd/io.containerd.runtime.v2.task/default/{name}",
        3: [{1: "overlay", 2: "overlay", 3: "/", 4: ["index=off", "lowerdir=/a"]}],
        4: {1: "/run/in", 2: "/run/out", 3: "/run/err", 4: 1}, 5: "/a/checkpoint", 6: pid})


C1 = container("c1", {"app": "api", "nerdctl/name": "shop-web"})
C2 = container("c2", {}, host=True)
RUNTIME = {1: "io.containerd.runc.v2", 2: {1: "containerd.runc.v1.Options", 2: b""}}

write("version.bin", {1: "v2.3.4", 2: "0123456789abcdef0123456789abcdef01234567"})
write("namespaces.bin", {1: [{1: "default", 2: {"containerd.io/defaults/snapshotter": "overlayfs"}}]})
write("get.bin", {1: C1})
write("list.bin", {1: C1}, {1: C2})
write("tasks.bin", {1: [task("c1", 176), task("c2", 287)]})
write("events.bin",
      event("/snapshot/prepare", "SnapshotPrepare", {1: "c1", 2: "sha256:00", 5: "overlayfs"}),
      event("/containers/create", "ContainerCreate", {1: "c1", 2: C1[3], 3: RUNTIME}),
      created("c1", 176),
      event("/tasks/start", "TaskStart", {1: "c1", 2: 176}),
      event("/tasks/exec-added", "TaskExecAdded", {1: "c1", 2: "e1"}),
      event("/tasks/exec-started", "TaskExecStarted", {1: "c1", 2: "e1", 3: 200}),
      event("/tasks/exit", "TaskExit", {1: "c1", 2: "e1", 3: 200, 4: 1, 5: NOW}),
      event("/tasks/paused", "TaskPaused", {1: "c1"}),
      event("/tasks/resumed", "TaskResumed", {1: "c1"}),
      event("/snapshot/prepare", "SnapshotPrepare", {1: "c2", 2: "sha256:00", 5: "overlayfs"}),
      event("/containers/create", "ContainerCreate", {1: "c2", 2: C2[3], 3: RUNTIME}),
      created("c2", 287),
      event("/tasks/start", "TaskStart", {1: "c2", 2: 287}),
      event("/containers/update", "ContainerUpdate", {
          1: "c1", 2: C1[3], 3: {"app": "api"}, 4: "c1"}),
      event("/tasks/exit", "TaskExit", {1: "c1", 2: "c1", 3: 176, 4: 137, 5: NOW}),
      event("/tasks/delete", "TaskDelete", {1: "c1", 2: 176, 3: 137, 4: NOW}),
      event("/snapshot/remove", "SnapshotRemove", {1: "c1", 5: "overlayfs"}),
      event("/containers/delete", "ContainerDelete", {1: "c1"}))
