# SPDX-License-Identifier: GPL-2.0-or-later
"""crihost.py - pods as a kubelet makes them: the CRI (runtime.v1) of a
real containerd, over its socket.

Requests are written field by field, by the numbers of the CRI's published
api.proto: only some twenty are needed. tests/tools/grpc.c carries them.
"""
import os
import subprocess

import containerdhost
import testhost
from protobuf import first_text, message

SOCKET = "/run/containerd/containerd.sock"
PAUSE = "docker.io/library/pause:latest"
NAMESPACE = "k8s.io"

CONFIG = f"""
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE}"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{containerdhost.CNI_PLUGINS}"
    conf_dir = "/etc/cni/net.d"
"""


class Pod(containerdhost.Container):
    """A pod of one container, which shares the sandbox's network."""

    def __init__(self, host, name, sandbox, container):
        super().__init__(host, container, NAMESPACE, ())
        self.pod, self.sandbox = name, sandbox
        self.refresh()

    def logs(self):
        with open(self.host.path(f"/run/bh/logs/{self.pod}/main.log"), encoding="utf-8") as f:
            return f.read()

    def remove(self):
        self.host.call("StopPodSandbox", {1: self.sandbox})
        self.host.call("RemovePodSandbox", {1: self.sandbox})


class Host(containerdhost.Host):
    """A containerd with its CRI plugin, and images for it."""

    plugins = CONFIG
    disabled = containerdhost.UNUSED

    def start_engine(self):
        super().start_engine()
        self.import_image(NAMESPACE)
        self.import_image(NAMESPACE, PAUSE, ["/bin/sleep", "100000"])
        for image in (containerdhost.IMAGE, PAUSE):
            testhost.until(lambda image=image: self.call("ImageStatus", {1: {1: image}},
                                                         "ImageService"), f"{image} in the CRI")

    def call(self, method, fields, service="RuntimeService"):
        tool = os.path.join(testhost.BUILD, "tests/unit/grpc/tool_grpc")
        done = subprocess.run(self.inside(tool, SOCKET, f"/runtime.v1.{service}/{method}"),
                              input=message(fields), capture_output=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{method}: {done.stderr.decode()}")
        return done.stdout

    def run_pod(self, name, command=("/probe", "serve", "tcp:80", "udp:80"), namespace="default",
                labels=None):
        """A pod of one container, started."""
        self.sh("mkdir", "-p", f"/run/bh/logs/{name}")
        told = {"io.kubernetes.pod.name": name, "io.kubernetes.pod.namespace": namespace,
                "io.kubernetes.pod.uid": f"uid-{name}"}
        config = {1: {1: name, 2: f"uid-{name}", 3: namespace}, 2: name,
                  3: f"/run/bh/logs/{name}", 6: {**told, **(labels or {})},
                  8: {1: f"/{self.cgroup}/{name}"}}
        sandbox = first_text(self.call("RunPodSandbox", {1: config}))
        container = first_text(self.call("CreateContainer", {1: sandbox, 2: {
            1: {1: "main"}, 2: {1: containerdhost.IMAGE}, 3: list(command),
            9: {**told, "io.kubernetes.container.name": "main"}, 11: "main.log"}, 3: config}))
        self.call("StartContainer", {1: container})
        return Pod(self, name, sandbox, container)
