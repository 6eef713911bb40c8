# SPDX-License-Identifier: GPL-2.0-or-later
"""guesthost.py - a host that runs guests without a container engine: a container
of systemd-nspawn, one of LXC, and a virtual machine of QEMU's with a kernel of
its own, each on bridge br0 as its own program puts it there.
"""
import glob
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time

import statichost
import testhost

_APPLETS = ("sh", "ip", "sleep", "cat", "mount", "insmod", "stty")
_MODULES = ("net/core/failover", "drivers/net/net_failover", "drivers/virtio/virtio",
            "drivers/virtio/virtio_ring", "drivers/virtio/virtio_pci_modern_dev",
            "drivers/virtio/virtio_pci_legacy_dev", "drivers/virtio/virtio_pci",
            "drivers/net/virtio_net")
_SERVE = ("/probe", "serve", "tcp:80", "udp:80", "tcp:81", "udp:81")


def _kernel_package():
    depends = subprocess.run(["apt-cache", "depends", "linux-image-cloud-amd64"], check=True,
                             stdout=subprocess.PIPE, text=True).stdout
    return next(line.split()[1] for line in depends.splitlines() if "Depends:" in line)


def guest_kernel():
    """A directory with boot/vmlinuz-* and lib/modules: Debian's kernel for
    virtual machines, fetched once for a build, not installed."""
    top = f"{testhost.BUILD}/guest-kernel"
    if os.path.exists(top):
        return top
    os.makedirs(testhost.BUILD, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=testhost.BUILD) as made:
        if subprocess.run(["apt-get", "-q", "download", _kernel_package()], cwd=made,
                          check=False, capture_output=True).returncode:
            subprocess.run(["apt-get", "-q", "update"], check=True, capture_output=True)
            subprocess.run(["apt-get", "-q", "download", _kernel_package()], cwd=made,
                           check=True, capture_output=True)
        wanted = ["./boot/vmlinuz-*", *(f"./lib/modules/*/kernel/{m}.ko" for m in _MODULES)]
        os.mkdir(f"{made}/root")
        subprocess.run(["bash", "-ec", 'dpkg-deb --fsys-tarfile *.deb | '
                        'tar -x -C root --wildcards "$@"', "tar", *wanted], cwd=made, check=True)
        os.rename(f"{made}/root", top)
    return top


class _Guest:
    """boot() and halt() it; @port is the host's end of its link, @device its own."""

    device = "eth0"
    at_once = ()  # no search for others that have an IPv6 address

    def __init__(self, h, name, number, port):
        self.host, self.name, self.port = h, name, port
        self.v4, self.v6 = f"10.50.0.{number}", f"fd50::{number}"
        self.mac = f"52:54:00:00:00:{number:02x}"
        self.boots = 0

    def ip(self, _=None):
        return self.v4

    def ip6(self, _=None):
        return self.v6

    def heard(self, peer):
        return [line for line in self.logs().splitlines() if f" from {peer} " in line]

    def wear(self, *addresses):
        """Have these addresses and no others."""
        self.run("ip", "addr", "flush", "dev", self.device, "scope", "global")
        for a in addresses:
            self.run("ip", "addr", "add", f"{a}/{64 if ':' in a else 24}", "dev", self.device,
                     *(self.at_once if ":" in a else ()))


class _Contained(_Guest):
    """A guest that is processes of this host: @pid is one in its namespaces."""

    at_once = ("nodad",)

    def boot(self):
        self.boots += 1
        self.process = self.host.spawn(*self.command(), log=self._log())
        testhost.until(lambda: "serving" in self.logs(), f"{self.name} to serve")
        # The program, and the first process inside.
        self.first = testhost.child_of(testhost.child_of(self.process.pid))
        with open(f"/proc/{self.first}/status", encoding="ascii") as f:
            line = next(line for line in f if line.startswith("NSpid:"))
        self.pid = int(line.split()[2])  # as the host has it
        return self

    def _log(self):
        return f"{self.name}{self.boots}"

    def logs(self):
        with open(f"{self.host.dir}/{self._log()}.log", encoding="utf-8", errors="replace") as f:
            return f.read()

    def halt(self):
        os.kill(self.first, signal.SIGKILL)
        self.process.wait(testhost.PATIENCE)

    def run(self, *command):
        """A command in its network, as its root may give it."""
        return self.host.sh("nsenter", "-t", str(self.pid), "-n", *command)


class Nspawn(_Contained):
    """By `systemd-nspawn --network-bridge`."""

    device = "host0"

    def command(self):
        group = f"{self.host.cgroup}/{self.name}"
        inside = (f"echo 0 >/proc/sys/net/ipv6/conf/host0/accept_dad; ip link set host0 up; "
                  f"ip addr add {self.v4}/24 dev host0; ip addr add {self.v6}/64 dev host0; "
                  f"exec {' '.join(_SERVE)}")
        # It makes control groups beside its own.
        return ("bash", "-ec", f"""
            for h in systemd unified; do
                mkdir -p /sys/fs/cgroup/$h/{group}
                echo $$ >/sys/fs/cgroup/$h/{group}/cgroup.procs
            done
            exec "$@" """, "nspawn",
                "systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--as-pid2",
                f"--directory={self.host.root(self.name)}", "--network-bridge=br0",
                f"--machine={self.name}", "/bin/sh", "-c", inside)


class Lxc(_Contained):
    """By lxc-start, with the pair's name in its configuration."""

    def command(self):
        where = f"/run/bh/lxc/{self.name}"
        self.host.sh("mkdir", "-p", where)
        self.host.write(f"{where}/config", f"""
lxc.uts.name = {self.name}
lxc.rootfs.path = dir:{self.host.root(self.name)}
lxc.cgroup.dir = {self.host.cgroup}/{self.name}
lxc.net.0.type = veth
lxc.net.0.link = br0
lxc.net.0.veth.pair = {self.port}
lxc.net.0.flags = up
lxc.net.0.ipv4.address = {self.v4}/24
lxc.net.0.ipv6.address = {self.v6}/64
lxc.console.path = none
lxc.init.cmd = {' '.join(_SERVE)}
""")
        return ("lxc-start", "--foreground", "--name", self.name, "--lxcpath", "/run/bh/lxc")


class Vm(_Guest):
    """A machine of QEMU's, with a shell at its serial line. Its processor is
    software: KVM within a machine that is one itself is often broken."""

    def boot(self):
        kernel, initrd = self.host.machine()
        self.process = subprocess.Popen(
            self.host.inside(
                "qemu-system-x86_64", "-accel", "tcg", "-machine", "q35", "-m", "128",
                "-nodefaults", "-no-user-config", "-display", "none", "-serial", "stdio",
                "-no-reboot", "-kernel", kernel, "-initrd", initrd,
                "-append", "console=ttyS0 quiet loglevel=0 panic=-1",
                "-netdev", f"tap,id=n,ifname={self.port},script=/run/bh/ifup,downscript=no",
                "-device", f"virtio-net-pci,romfile=,netdev=n,mac={self.mac}"),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            preexec_fn=testhost._die_with_parent)
        self.said = b""
        self._until(b"READY\r\n", 60)
        self.run("echo 0 >/proc/sys/net/ipv6/conf/eth0/accept_dad")
        self.run("ip link set eth0 up")
        self.wear(self.v4, self.v6)
        self.run(f"{' '.join(_SERVE)} >/heard 2>&1 &")
        testhost.until(lambda: "serving" in self.logs(), f"{self.name} to serve")
        return self

    def _until(self, mark, patience=testhost.PATIENCE):
        """What its serial line says before @mark."""
        deadline = time.monotonic() + patience
        out = self.process.stdout
        while mark not in self.said:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([out], [], [], left)[0]:
                raise TimeoutError(f"{self.name}: no {mark!r} in {self.said[-500:]!r}")
            piece = os.read(out.fileno(), 65536)
            if not piece:
                raise RuntimeError(f"{self.name} ended: {self.said[-500:]!r}")
            self.said += piece
        before, self.said = self.said.split(mark, 1)
        return before.decode(errors="replace").replace("\r\n", "\n")

    def run(self, *command):
        """A command at its shell; what it said."""
        os.write(self.process.stdin.fileno(), f"{' '.join(command)}\n".encode())
        return self._until(b"=== done\r\n")

    def ask(self, targets, ms):
        said = self.run("/probe", "ask", "-t", str(ms), *targets)
        return {t: (result, int(took)) for t, result, took in map(str.split, said.splitlines())}

    def logs(self):
        return self.run("cat /heard")

    def halt(self):
        os.kill(testhost.child_of(self.process.pid), signal.SIGKILL)
        self.process.wait(testhost.PATIENCE)


class GuestHost(statichost.StaticHost):
    """Host(), with what guests are made of."""

    def start_engine(self):
        super().start_engine()
        # LXC looks for its bridge there.
        self.sh("bash", "-ec", """
            mkdir /run/bh/sys
            mount -t sysfs sysfs /run/bh/sys
            mount --rbind /sys/fs/cgroup /run/bh/sys/fs/cgroup
            mount --rbind /run/bh/sys /sys
            """)
        self.write("/run/bh/ifup", "#!/bin/sh\nip link set \"$1\" master br0 up\n")
        self.sh("chmod", "755", "/run/bh/ifup")

    def root(self, name):
        """A root directory with busybox and the probe."""
        top = f"/run/bh/root-{name}"
        if not os.path.exists(self.path(top)):
            self.sh("bash", "-ec", f"""
                mkdir -p {top}/bin {top}/proc {top}/sys {top}/dev {top}/etc {top}/run {top}/tmp \\
                    {top}/var {top}/usr {top}/root {top}/modules
                touch {top}/etc/os-release
                cp /bin/busybox {top}/bin/
                for a in {' '.join(_APPLETS)}; do ln -s busybox {top}/bin/$a; done
                """)
            shutil.copy(testhost.probe_binary(), self.path(f"{top}/probe"))
        return top

    def machine(self):
        """(kernel, initial RAM disk) of a virtual machine."""
        kernel = guest_kernel()
        initrd = "/run/bh/initrd"
        if not os.path.exists(self.path(initrd)):
            top = self.root("machine")
            names = [m.rsplit("/", 1)[1] for m in _MODULES]
            for m in _MODULES:
                shutil.copy(glob.glob(f"{kernel}/lib/modules/*/kernel/{m}.ko")[0],
                            self.path(f"{top}/modules"))
            self.write(f"{top}/init", f"""#!/bin/sh
mount -t proc proc /proc
mount -t devtmpfs dev /dev
exec </dev/ttyS0 >/dev/ttyS0 2>&1
stty -echo
# Which needs which differs between kernels.
for m in {3 * (' '.join(names) + ' ')}; do insmod /modules/$m.ko 2>/dev/null; done
ip link set lo up
echo READY
while read -r line; do eval "$line"; echo "=== done"; done
""")
            self.sh("bash", "-ec", f"chmod 755 {top}/init; cd {top}; "
                    f"find . | busybox cpio -o -H newc >{initrd} 2>/dev/null")
        return glob.glob(f"{kernel}/boot/vmlinuz-*")[0], initrd

    def ask(self, source, *targets, ms=testhost.ASK_MS):
        if isinstance(source, Vm):
            return source.ask(targets, ms)
        return super().ask(source, *targets, ms=ms)
