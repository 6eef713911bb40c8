# SPDX-License-Identifier: GPL-2.0-or-later
"""podmanhost.py - a testhost.Host whose engine is Podman's system service.

Everything that Podman keeps is on the host's own tmpfs, its locks too: one
machine carries several. What has a command line like Docker's is inherited.
"""
import os
import signal

import testhost

SOCKET = "/run/podman/podman.sock"
# Where each podman looks, also the one that conmon runs when a container ends.
_CONF = "/etc/containers/containers.conf"
_STORAGE = "/etc/containers/storage.conf"


class PodmanHost(testhost.Host):
    """@backend: "netavark" or "cni", as Debian has both."""

    engine = "podman"
    default_network = "podman"
    runtimes = {"podman": {"socket": SOCKET}}

    def __init__(self, name, backend="netavark", **options):
        super().__init__(name, **options)
        self.backend = backend
        self.service = None

    def _write_conf(self):
        # crun of Debian 12 refuses hybrid control groups, runc takes any.
        self.write(_CONF, f"""
[containers]
log_driver="k8s-file"
[engine]
runtime="runc"
cgroup_manager="cgroupfs"
events_logger="file"
tmp_dir="/run/libpod"
infra_image="localhost/probe:latest"
infra_command="/bin/sleep 100000"
[network]
network_backend="{self.backend}"
network_config_dir="/run/bh/podman/networks"
""")
        self.write(_STORAGE, """
[storage]
driver="overlay"
graphroot="/run/bh/podman/storage"
runroot="/run/containers/storage"
""")

    def start_docker(self):
        if not self.service:
            self.sh("bash", "-ec", "mkdir -p /run/podman /run/bh/podman/networks /var/lib/cni; "
                    "mount -t tmpfs tmpfs /dev/shm; mount -t tmpfs tmpfs /var/lib/cni; "
                    "cp -a /etc/containers /run/bh/containers; "
                    "mount --bind /run/bh/containers /etc/containers")
            self._write_conf()
        self.service = self.spawn("podman", "system", "service", "--time=0",
                                  f"unix://{SOCKET}", log="podman")
        testhost.until(lambda: self.sh("podman", "--remote", f"--url=unix://{SOCKET}",
                                       "version", check=False).returncode == 0, "podman")

    def stop_docker(self, sig=signal.SIGTERM):
        os.kill(testhost._child_of(self.service.pid), sig)
        self.service.wait(testhost.PATIENCE)
        # Nothing takes it away, as with Docker's; a new service replaces it.

    def docker(self, *args, check=True):
        if args[0] in ("run", "create"):
            args = (args[0], f"--cgroup-parent=/{self.cgroup}", *args[1:])
        elif args[:2] == ("pod", "create"):
            args = ("pod", "create", f"--cgroup-parent=/{self.cgroup}", *args[2:])
        return self.sh("podman", *args, check=check)

    def _import(self, tar):
        self.sh_bytes(tar, "podman", "import", "-", "probe")

    def remove(self, *names):
        self.docker("rm", "-f", "-t", "0", *names)
