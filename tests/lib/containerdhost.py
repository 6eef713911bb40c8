# SPDX-License-Identifier: GPL-2.0-or-later
"""containerdhost.py - a testhost.Host whose engine is a real containerd, with
CNI's bridge and host-local plugins: the way of `ctr run --cni`.

    /run/containerd/containerd.sock   the engine
    /etc/cni/net.d                    the host's own, one network at a time

ctr knows neither restart nor CNI's DEL: Container.stop() and start() do what a
client like nerdctl does, a new task with a new interface.
"""
import hashlib
import io
import json
import os
import signal
import subprocess
import tarfile

import testhost
from testhost import check  # noqa: F401 (for those who import us)

CNI_PLUGINS = "/usr/lib/cni"
IMAGE = "docker.io/library/probe:latest"
DEFAULT = {"bridge": "cni0", "v4": "10.88.0.0/24", "v6": "fd00:88::/64"}

# Plugins that no test has a use for.
UNUSED = ("io.containerd.internal.v1.opt", "io.containerd.snapshotter.v1.aufs",
          "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper",
          "io.containerd.snapshotter.v1.zfs")
_CONFIG = """
version = 2
root = "/run/bh/containerd"
state = "/run/containerd"
disabled_plugins = %s
[grpc]
  address = "/run/containerd/containerd.sock"
%s"""


def config(disabled, plugins=""):
    """The text of containerd's configuration, without those plugins."""
    return _CONFIG % (json.dumps(disabled), plugins)


def _digest(data):
    return hashlib.sha256(data).hexdigest()


def oci_archive(layer, name=IMAGE, entrypoint=()):
    """An OCI image archive of one layer."""
    oci = "application/vnd.oci.image."
    config = json.dumps({
        "architecture": "amd64", "os": "linux", "config": {"Entrypoint": list(entrypoint)},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{_digest(layer)}"]}}).encode()

    def descriptor(kind, data, **more):
        return {"mediaType": f"{oci}{kind}", "digest": f"sha256:{_digest(data)}",
                "size": len(data), **more}
    manifest = json.dumps({
        "schemaVersion": 2, "mediaType": f"{oci}manifest.v1+json",
        "config": descriptor("config.v1+json", config),
        "layers": [descriptor("layer.v1.tar", layer)]}).encode()
    index = json.dumps({"schemaVersion": 2, "manifests": [descriptor(
        "manifest.v1+json", manifest,
        annotations={"io.containerd.image.name": name})]}).encode()
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        def add(name, data):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        add("oci-layout", b'{"imageLayoutVersion":"1.0.0"}')
        add("index.json", index)
        for blob in (layer, config, manifest):
            add(f"blobs/sha256/{_digest(blob)}", blob)
    return out.getvalue()


class Container:
    """A container of a Host; the same shape as testhost's."""

    def __init__(self, host, name, namespace, arguments):
        self.host, self.name, self.namespace = host, name, namespace
        self.id = f"{namespace}/{name}"
        self._arguments = arguments
        self.pid = 0

    def ctr(self, *args, check=True):
        return self.host.ctr(*args, namespace=self.namespace, check=check)

    def refresh(self):
        self.pid = 0
        for line in self.ctr("task", "ls").splitlines()[1:]:
            words = line.split()
            if words[0] == self.name and words[2] != "STOPPED":
                self.pid = int(words[1])
        self.running = self.pid != 0
        return self

    def _addresses(self, family, interface="eth0"):
        shown = self.host.sh("nsenter", "-t", str(self.pid), "-n", "ip", "-j", f"-{family}",
                             "address", "show", "dev", interface, "scope", "global")
        # ip leaves an empty object where its filter took one out.
        return [a["local"] for link in json.loads(shown)
                for a in link.get("addr_info", []) if "local" in a]

    def ip(self, _network=None):
        return self._addresses(4)[0]

    def ip6(self, _network=None):
        return self._addresses(6)[0]

    def logs(self):
        with open(self.host.path(f"/run/bh/logs/{self.namespace}-{self.name}"),
                  encoding="utf-8", errors="replace") as f:
            return f.read()

    def heard(self, peer):
        return [line for line in self.logs().splitlines() if f" from {peer} " in line]

    # Life

    def launch(self):
        self.ctr(*self._arguments)
        return self.refresh()

    def start(self):
        self.ctr("container", "rm", self.name)
        return self.launch()

    def kill(self, sig="SIGKILL"):
        """End its process; the task stays, stopped."""
        self.ctr("task", "kill", "-s", sig, self.name)
        testhost.until(lambda: not self.refresh().running, f"{self.name} to stop")

    def stop(self):
        self.kill()
        self.ctr("task", "rm", self.name, check=False)
        self.host.release(self)

    def restart(self):
        self.stop()
        return self.start()

    def remove(self):
        if self.refresh().running:
            self.stop()
        self.ctr("container", "rm", self.name)


class Host(testhost.Host):
    """with Host("name") as h: ..."""

    engine = "containerd"
    runtimes = {"containerd": {"socket": "/run/containerd/containerd.sock"}}
    disabled = ("io.containerd.grpc.v1.cri", *UNUSED)
    plugins = ""

    def start_engine(self):
        self.network(**DEFAULT)
        self.sh("mkdir", "-p", "/run/bh/logs", "/etc/cni/net.d")
        self.write("/run/bh/containerd.toml", config(self.disabled, self.plugins))
        self.start_containerd()

    def _import_image(self):
        self.import_image()

    def start_containerd(self):
        self.containerd = self.spawn("containerd", "-c", "/run/bh/containerd.toml",
                                     log="containerd")
        testhost.until(lambda: self.ctr("version", check=False).returncode == 0, "containerd")

    def stop_containerd(self, sig=signal.SIGTERM):
        os.kill(testhost.child_of(self.containerd.pid), sig)
        self.containerd.wait(testhost.PATIENCE)

    _layer = None

    def import_image(self, namespace="default", name=IMAGE, entrypoint=()):
        archive = f"{self.dir}/{name.replace('/', '-')}.oci"
        if not os.path.exists(archive):
            with open(archive, "wb") as f:
                self._layer = self._layer or self.image_tar()
                f.write(oci_archive(self._layer, name, entrypoint))
        self.ctr("image", "import", archive, namespace=namespace)

    def ctr(self, *args, namespace="default", check=True):
        return self.sh("ctr", "-n", namespace, *args, check=check)

    def network(self, bridge, v4=None, v6=None, **more):
        """Which network containers are put on from now on; @more for the plugin."""
        ranges = [[{"subnet": subnet}] for subnet in (v4, v6) if subnet]
        self.plugin = {"type": "bridge", "bridge": bridge, "isGateway": True,
                       "cniVersion": "0.4.0", "name": bridge, **more,
                       "ipam": {"type": "host-local", "dataDir": "/run/bh/ipam",
                                "ranges": ranges,
                                "routes": [{"dst": dst} for dst, subnet in (
                                    ("0.0.0.0/0", v4), ("::/0", v6)) if subnet]}}
        if not self._cni:
            self.sh("sh", "-c", "mkdir -p /etc/cni/net.d && mount -t tmpfs tmpfs /etc/cni/net.d")
            self._cni = True
        self.write_network()
        return bridge

    def write_network(self):
        conf = {"cniVersion": "0.4.0", "name": self.plugin["name"], "plugins": [self.plugin]}
        self.write("/etc/cni/net.d/10-test.conflist", json.dumps(conf))

    _cni = False

    def cni(self, command, container, interface="eth0", plugin=None):
        """What a client asks of a CNI plugin, by default of the network's own."""
        plugin = plugin or self.plugin
        env = {"CNI_COMMAND": command, "CNI_IFNAME": interface, "CNI_PATH": CNI_PLUGINS,
               "CNI_CONTAINERID": f"{container.namespace}-{container.name}",
               "CNI_NETNS": f"/proc/{container.pid}/ns/net" if container.pid else ""}
        self.sh("env", *(f"{k}={v}" for k, v in env.items()), f"{CNI_PLUGINS}/{plugin['type']}",
                stdin=json.dumps(plugin))

    def release(self, container):
        """The address is free."""
        self.cni("DEL", container)

    def arguments(self, name, command, labels, options, serve, namespace):
        command = command or ("/probe", "serve", *(serve or (
            "tcp:80", "udp:80", "tcp:81", "udp:81")))
        flags = [flag for k, v in (labels or {}).items() for flag in ("--label", f"{k}={v}")]
        return ("run", "-d", "--cni", "--cgroup", f"/{self.cgroup}/{namespace}-{name}",
                "--log-uri", f"file:///run/bh/logs/{namespace}-{name}", *flags, *options,
                IMAGE, name, *command)

    def run(self, name, *command, labels=None, options=(), serve=None, namespace="default"):
        """Start a container; see testhost.Host.run()."""
        arguments = self.arguments(name, command, labels, options, serve, namespace)
        return Container(self, name, namespace, arguments).launch()

    def run_many(self, names, *command, labels=None):
        """Start several at once."""
        made = [Container(self, name, "default", self.arguments(
            name, command, labels, (), None, "default")) for name in names]
        started = [subprocess.Popen(self.inside("ctr", *c._arguments),
                                    stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
                   for c in made]
        for process in started:
            _, said = process.communicate(timeout=120)
            if process.returncode:
                raise RuntimeError(f"ctr run: {said}")
        return [c.refresh() for c in made]


def main(test, name, **options):
    """Run test(host, report) on a host of its own."""
    report = testhost.Report()
    with Host(name, **options) as host:
        test(host, report)
    report.leave()
