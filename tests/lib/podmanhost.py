# SPDX-License-Identifier: GPL-2.0-or-later
"""podmanhost.py - a testhost.Host whose engine is Podman's system service.

Everything that Podman keeps is on the host's own tmpfs, its locks too: one
machine carries several. What has a command line like Docker's is inherited.
"""
import os
import signal
import socket
import struct

import testhost

SOCKET = "/run/podman/podman.sock"
# Where each podman looks, also the one that conmon runs when a container ends.
_CONF = "/etc/containers"
# crun of Debian 12 refuses hybrid control groups, runc takes any.
_COMMON = """
[containers]
log_driver="k8s-file"
[engine]
runtime="runc"
cgroup_manager="cgroupfs"
events_logger="file"
"""


class PodmanHost(testhost.Host):
    """@backend: "netavark" or "cni", as Debian has both."""

    engine = "podman"
    default_network = "podman"
    socket = SOCKET
    runtimes = {"podman": {"socket": SOCKET}}

    def __init__(self, name, backend="netavark", **options):
        super().__init__(name, **options)
        self.backend = backend
        self.service = None

    def podman(self, *args):
        """The command line of podman, for sh()."""
        return ("podman", *args)

    def prepare(self):
        self.sh("bash", "-ec", "mkdir -p /run/podman /run/bh/podman/networks /var/lib/cni; "
                "mount -t tmpfs tmpfs /dev/shm; mount -t tmpfs tmpfs /var/lib/cni; "
                f"cp -a {_CONF} /run/bh/containers; mount --bind /run/bh/containers {_CONF}")
        self.write(f"{_CONF}/containers.conf", f"""{_COMMON}
tmp_dir="/run/libpod"
[network]
network_backend="{self.backend}"
network_config_dir="/run/bh/podman/networks"
""")
        self.write(f"{_CONF}/storage.conf", """
[storage]
driver="overlay"
graphroot="/run/bh/podman/storage"
runroot="/run/containers/storage"
""")

    def start_docker(self):
        if not self.service:
            self.prepare()
        self.service = self.spawn(*self.podman("system", "service", "--time=0",
                                               f"unix://{self.socket}"), log="podman")
        testhost.until(self._answers, "podman")

    def _answers(self):
        # Its version would make it measure the host first.
        with socket.socket(socket.AF_UNIX) as s:
            try:
                s.connect(self.path(self.socket))
                s.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
                return b" 200 " in s.recv(64)
            except OSError:
                return False

    def _listener(self):
        """Process id of who listens, as the kernel knows it. A user's podman
        goes on in a child, which is not always its first thread's; and when the
        parent is told to end it may leave the child behind, with all
        connections."""
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(self.path(self.socket))
            pid, _, _ = struct.unpack("3i", s.getsockopt(
                socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")))
        return pid

    def stop_docker(self, sig=signal.SIGTERM):
        os.kill(self._listener(), sig)
        self.service.wait(testhost.PATIENCE)
        # Nothing takes it away, as with Docker's; a new service replaces it.

    def docker(self, *args, check=True):
        if args[0] in ("run", "create"):
            args = (args[0], f"--cgroup-parent=/{self.cgroup}", *args[1:])
        elif args[:2] == ("pod", "create"):
            args = ("pod", "create", f"--cgroup-parent=/{self.cgroup}", *args[2:])
        return self.sh(*self.podman(*args), check=check)

    def pod(self, name, labels=None):
        self.docker("pod", "create", "--name", name, "--infra-image", "probe",
                    "--infra-command", "/bin/sleep 100000",
                    *(f"--label={k}={v}" for k, v in (labels or {}).items()))

    def member(self, pod, name, *command, labels=None):
        """Start a container in @pod."""
        return self.run(name, *command, labels=labels, options=(f"--pod={pod}",))

    def infra(self, pod):
        """The container that holds the network of @pod."""
        return testhost.Container(self, self.docker(
            "pod", "inspect", pod, "--format", "{{.InfraContainerID}}").strip())

    def remove_pod(self, *names):
        self.docker("pod", "rm", "-f", "-t", "0", *names)

    def _import(self, tar):
        self.sh_bytes(tar, *self.podman("import", "-", "probe"))

    def remove(self, *names):
        self.docker("rm", "-f", "-t", "0", *names)


class RootlessHost(PodmanHost):
    """The engine of an unprivileged user, who exists in this host only.

    Nobody else enters /run/user/UID, not even the agent, which has given that
    up: the socket is where its group is root's, as bulkhead.yaml(5) shows."""

    uid = 4711
    home = "/home/tester"
    run_dir = f"/run/user/{uid}"
    socket = "/run/podman-tester/podman.sock"
    runtimes = {"podman": {"socket": socket}}

    def as_user(self, *command):
        """The command line that runs @command as the user."""
        return ("setpriv", f"--reuid={self.uid}", f"--regid={self.uid}", "--clear-groups",
                "env", "-i", f"--chdir={self.home}", f"PATH={os.environ['PATH']}",
                f"HOME={self.home}", f"XDG_RUNTIME_DIR={self.run_dir}", *command)

    def podman(self, *args):
        return self.as_user("podman", *args)

    def prepare(self):
        """The user, with ids to give away; what he needs is a device that
        everybody may open, as it is on a machine with udev. Podman hides /run
        from itself, so his home is elsewhere."""
        user = f"tester:x:{self.uid}"
        self.sh("bash", "-ec", f"""
            mkdir -p /run/bh/etc {self.run_dir}
            for f in passwd group subuid subgid; do
                [ -e /etc/$f ] || touch /etc/$f
                cp /etc/$f /run/bh/etc/
                mount --bind /run/bh/etc/$f /etc/$f
            done
            echo {user}:{self.uid}::{self.home}:/bin/sh >>/etc/passwd
            echo {user}: >>/etc/group
            echo tester:200000:65536 | tee /etc/subuid >/etc/subgid
            mount -t tmpfs tmpfs /home
            mknod -m 666 /run/bh/tun c 10 200
            mount --bind /run/bh/tun /dev/net/tun
            mkdir -p {self.home}/.config/containers
            install -d -o {self.uid} -g root -m 2770 {os.path.dirname(self.socket)}
            """)
        self.write(f"{self.home}/.config/containers/containers.conf",
                   _COMMON + f'[network]\nnetwork_backend="{self.backend}"\n')
        self.write(f"{self.home}/.config/containers/storage.conf",
                   '[storage]\ndriver="vfs"\n')
        self.sh("bash", "-ec", f"chown -R {self.uid}:{self.uid} {self.home} {self.run_dir}; "
                f"chmod 700 {self.run_dir}")

    def start_docker(self):
        super().start_docker()
        self.sh(*self.as_user("chmod", "660", self.socket))

    def docker(self, *args, check=True):
        # A user has no control groups of the first version.
        return self.sh(*self.podman(*args), check=check)
