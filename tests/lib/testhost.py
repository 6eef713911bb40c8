# SPDX-License-Identifier: GPL-2.0-or-later
"""testhost.py - a whole Docker host of one's own, for one test.

A Host is a process tree in private mount, network and PID namespaces: a real
dockerd with its containers, bulkheadd, and whatever else a test runs. Its
state lies on a tmpfs inside, so nothing of the machine is touched, and when
its first process dies, even because the test was killed, the kernel takes
everything else with it. What a host has:

    /run/docker.sock                the engine
    /run/bulkhead/control.sock      the agent
    /run/bh/policies                the policy directory
    /run/bh/flows.jsonl             the flow log

Tests print "ok NAME" or "not ok NAME" per check through Report; run.py counts.
Plain standard library: this runs on a fresh Debian 12.
"""
import ctypes
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

REPO = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
BUILD = os.path.realpath(os.environ.get("BULKHEAD_BUILD") or
                         os.path.join(REPO, "build", "debug"))
DOCKER = "/usr/bin/docker"
# Only a failing test waits that long.
PATIENCE = 30
# Long enough for an answer on a busy machine, short enough for a timeout.
ASK_MS = 1000

_INIT = """
mount -t tmpfs -o mode=755 tmpfs /run && mkdir -p /run/bh/policies /run/bh/state /run/netns &&
ip link set lo up &&
# A gateway whose address is still being probed for duplicates answers nobody.
echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad && echo ready
while :; do sleep 3600 & wait $!; done
"""

# ASan's own exit status would look like any other failure.
_AGENT_ENV = {"ASAN_OPTIONS": "exitcode=99", "UBSAN_OPTIONS": "print_stacktrace=1"}


def _die_with_parent():
    """Between fork and exec: SIGKILL when this test is gone (PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def child_of(pid):
    """What runs behind nsenter or unshare; None when that is itself."""
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
        children = f.read().split()
    return int(children[0]) if children else None


def until(condition, what, patience=PATIENCE, pause=0.02):
    """Wait for condition() to be true and return its value."""
    deadline = time.monotonic() + patience
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {patience} s for {what}")
        time.sleep(pause)


def program(name):
    """Path of one of our binaries, as built or (BULKHEAD_BIN) as installed."""
    installed = os.environ.get("BULKHEAD_BIN")
    places = [installed] if installed else [f"{BUILD}/src/agent", f"{BUILD}/src/cli", BUILD]
    for place in places:
        if os.access(f"{place}/{name}", os.X_OK):
            return f"{place}/{name}"
    raise FileNotFoundError(f"{name} is not built in {BUILD}: "
                            "run 'cmake --build --preset debug', or set BULKHEAD_BUILD")


def probe_binary(name="probe"):
    """tests/tools/NAME.c, static: built apart from the sanitizers' flags."""
    source = f"{REPO}/tests/tools/{name}.c"
    binary = f"{BUILD}/{name}"
    if os.path.exists(binary) and os.path.getmtime(binary) >= os.path.getmtime(source):
        return binary
    os.makedirs(BUILD, exist_ok=True)
    part = f"{binary}.{os.getpid()}"
    subprocess.run(["cc", "-D_GNU_SOURCE", "-std=gnu17", "-O2", "-Wall", "-Wextra",
                    "-Werror", "-static", "-o", part, source], check=True)
    os.rename(part, binary)
    return binary


def cgroup_name(pid):
    """The parent group of all containers of the test with process id @pid."""
    return f"bulkhead-test-{pid}"


def _remove_tree(top):
    """True when it is gone; a process that is still being reaped holds it."""
    for path, _, _ in os.walk(top, topdown=False):
        try:
            os.rmdir(path)
        except OSError:
            pass
    return not os.path.exists(top)


def remove_cgroups(name):
    """The engine leaves its parent group behind, in every hierarchy."""
    tops = ["/sys/fs/cgroup", *(e.path for e in os.scandir("/sys/fs/cgroup") if e.is_dir())]
    until(lambda: all([_remove_tree(os.path.join(top, name)) for top in tops]),
          f"the control groups of {name} to be empty")


class Report:
    """One line per check; leave() gives the exit status."""

    def __init__(self):
        self.passed = self.failed = 0

    def ok(self, condition, name, detail=""):
        if condition:
            self.passed += 1
            print(f"ok {name}", flush=True)
        else:
            self.failed += 1
            print(f"not ok {name}", flush=True)
            for line in str(detail).splitlines():
                print(f"# {line}", flush=True)
        return bool(condition)

    def equal(self, got, expected, name):
        return self.ok(got == expected, name, f"expected {expected!r}\ngot      {got!r}")

    def leave(self):
        print(f"1..{self.passed + self.failed}", flush=True)
        sys.exit(1 if self.failed else 0)


class Container:
    """A container of a Host; inspect anew with refresh() after a restart."""

    def __init__(self, host, name):
        self.host, self.name = host, name
        self.refresh()

    def refresh(self):
        info = json.loads(self.host.docker("inspect", self.name))[0]
        self.id = info["Id"]
        self.pid = info["State"]["Pid"]
        self.running = info["State"]["Running"]
        self.networks = info["NetworkSettings"].get("Networks") or {}
        return self

    def ip(self, network=None):
        nets = self.networks
        return (nets[network] if network else next(iter(nets.values())))["IPAddress"]

    def ip6(self, network=None):
        nets = self.networks
        return (nets[network] if network else
                next(iter(nets.values())))["GlobalIPv6Address"]

    def logs(self):
        return self.host.docker("logs", self.name)

    def heard(self, peer):
        """What its `probe serve` received from the address peer."""
        return [line for line in self.logs().splitlines() if f" from {peer} " in line]


class Host:
    """with Host("name") as h: ...; see the module's text."""

    engine = "docker"
    default_network = "bridge"
    socket = "/run/docker.sock"

    def __init__(self, name, daemon=None, config=None):
        self.name = name
        self.dir = tempfile.mkdtemp(prefix=f"bulkhead-{name}.")
        self.cgroup = cgroup_name(os.getpid())
        self.daemon = daemon or {}
        self.config = config or {}
        self.agent = None
        self.dockerd = None
        self.agents = 0
        self.agent_prefix = ()  # a command that executes the agent
        self._outside = None

    # Life

    def __enter__(self):
        try:
            self._start_init()
            self.start_engine()
            self._import_image()
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def __exit__(self, kind, value, trace):
        failed = kind is not None
        try:
            if self.agent and not failed:
                self.stop_agent()
        finally:
            try:
                if failed or os.environ.get("BULKHEAD_TEST_LOGS"):
                    self._show_logs()
            finally:  # also when nobody reads them any more
                self._destroy()

    def _start_init(self):
        self.unshare = subprocess.Popen(
            ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child",
             "--mount-proc", "bash", "-c", _INIT],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
            preexec_fn=_die_with_parent)
        if self.unshare.stdout.readline() != "ready\n":
            raise RuntimeError("no namespaces of one's own: this needs root")
        self.init = child_of(self.unshare.pid)
        self.init_fd = os.pidfd_open(self.init)

    def _destroy(self):
        self.unshare.kill()
        self.unshare.wait()
        # The kernel is through with the PID namespace when its init has ended;
        # whoever inherited it may collect it when they like.
        if not select.select([self.init_fd], [], [], PATIENCE)[0]:
            raise TimeoutError(f"waited {PATIENCE} s for the host to be gone")
        os.close(self.init_fd)
        shutil.rmtree(self.dir, ignore_errors=True)
        remove_cgroups(self.cgroup)

    def _show_logs(self):
        for name in sorted(os.listdir(self.dir)):
            if not name.endswith(".log"):
                continue
            with open(f"{self.dir}/{name}", errors="replace", encoding="utf-8") as f:
                lines = [x for x in f if "level=info" not in x and "level=warn" not in x]
                for line in lines[-40:]:
                    print(f"# {name}: {line.rstrip()}", flush=True)

    # Commands and files inside

    def inside(self, *command):
        """The command line that runs @command in this host."""
        return ["nsenter", "-t", str(self.init), "-m", "-n", "-p", "--", *command]

    def sh(self, *command, check=True, timeout=120, merge=False, stdin=None):
        """Run a command inside; its standard output."""
        done = subprocess.run(
            self.inside(*command), text=True, timeout=timeout, input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if merge else subprocess.PIPE, check=False)
        if check and done.returncode:
            raise RuntimeError(f"{' '.join(command)}: status {done.returncode}\n"
                               f"{done.stdout}{done.stderr or ''}")
        return done.stdout if check else done

    def sh_bytes(self, stdin, *command):
        """Run a command inside that reads @stdin."""
        subprocess.run(self.inside(*command), input=stdin, check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def spawn(self, *command, log):
        """Start a command inside that goes on; stderr and stdout to LOG.log."""
        with open(f"{self.dir}/{log}.log", "ab") as out:
            return subprocess.Popen(self.inside(*command), stdin=subprocess.DEVNULL,
                                    stdout=out, stderr=out,
                                    env={**os.environ, **_AGENT_ENV},
                                    preexec_fn=_die_with_parent)

    def path(self, inside):
        """A path of this host, as seen from here."""
        return f"/proc/{self.init}/root{inside}"

    def write(self, inside, text):
        """Replace a file in one step."""
        path = self.path(inside)
        with open(f"{path}.part~", "w", encoding="utf-8") as f:
            f.write(text)
        os.rename(f"{path}.part~", path)

    # Docker

    runtimes = {"docker": {"socket": "/run/docker.sock"}}

    def start_docker(self):
        config = {"cgroup-parent": f"/{self.cgroup}", "experimental": True,
                  "ip6tables": True, **self.daemon}
        self.write("/run/bh/daemon.json", json.dumps(config))
        self.dockerd = self.spawn(
            "dockerd", "--config-file", "/run/bh/daemon.json", "--data-root",
            "/run/bh/docker", "--exec-root", "/run/docker", "--pidfile",
            "/run/docker.pid", "-H", "unix:///run/docker.sock", log="dockerd")
        until(lambda: self.sh(DOCKER, "version", check=False).returncode == 0, "dockerd")

    def stop_docker(self, sig=signal.SIGTERM):
        os.kill(child_of(self.dockerd.pid), sig)
        self.dockerd.wait(PATIENCE)

    def docker(self, *args, check=True):
        return self.sh(DOCKER, *args, check=check)

    def image_tar(self):
        """The files of the image "probe": a static busybox and our probe."""
        root = f"{self.dir}/image"
        os.makedirs(f"{root}/bin")
        shutil.copy("/bin/busybox", f"{root}/bin/busybox")
        shutil.copy(probe_binary(), f"{root}/probe")
        for applet in ("sh", "sleep", "ip", "ping", "nc", "cat", "wget", "httpd"):
            os.symlink("busybox", f"{root}/bin/{applet}")
        return subprocess.run(["tar", "-C", root, "-c", "."], check=True,
                              stdout=subprocess.PIPE).stdout

    def _import_image(self):
        self._import(self.image_tar())

    def _import(self, tar):
        """Make image "probe" of a root directory."""
        self.sh_bytes(tar, DOCKER, "import", "-", "probe")

    def network(self, name, *options):
        self.docker("network", "create", *options, name)
        return name

    def run(self, name, *command, labels=None, net=None, options=(), serve=None):
        """Start a container. Without a command it runs `probe serve` with
        @serve, by default TCP and UDP on ports 80 and 81."""
        command = command or ("/probe", "serve", *(serve or (
            "tcp:80", "udp:80", "tcp:81", "udp:81")))
        label_options = [f"--label={k}={v}" for k, v in (labels or {}).items()]
        self.docker("run", "-d", "--name", name, *label_options,
                    *([f"--network={net}"] if net else []), *options, "probe", *command)
        return Container(self, name)

    # Lives of containers, for tests that run on every engine (lifecycle.py).

    lacks = {}  # what the engine has not: {part of lifecycle.py: why}
    first_datagram_late = False  # a container may start before its port is bound

    def stop(self, *names):
        self.docker("stop", "-t", "0", *names)

    def start(self, *names):
        self.docker("start", *names)

    def kill(self, *names):
        self.docker("kill", *names)

    def restart(self, *names):
        self.docker("restart", "-t", "0", *names)

    def remove(self, *names):
        self.docker("rm", "-f", *names)

    def rename(self, old, new):
        self.docker("rename", old, new)

    def pause(self, name):
        self.docker("pause", name)

    def unpause(self, name):
        self.docker("unpause", name)

    def connect(self, network, name):
        self.docker("network", "connect", network, name)

    def disconnect(self, network, name):
        self.docker("network", "disconnect", network, name)

    def start_engine(self):
        self.start_docker()

    def stop_engine(self, sig=signal.SIGTERM):
        self.stop_docker(sig)

    # bulkhead

    def write_config(self, **more):
        config = {"policyDir": "/run/bh/policies", "stateDir": "/run/bh/state",
                  "runtimes": self.runtimes,
                  "flowLog": {"path": "/run/bh/flows.jsonl", "interval": "1s"},
                  **self.config, **more}
        # JSON is YAML.
        self.write("/run/bh/bulkhead.yaml", json.dumps(config, indent=1))

    def launch_agent(self, **config):
        """Start the agent without waiting for anything."""
        self.write_config(**config)
        self.agents += 1
        # With the precedence that its service gives it.
        self.agent = self.spawn("nice", "-n", "-10", *self.agent_prefix, program("bulkheadd"),
                                "--config", "/run/bh/bulkhead.yaml",
                                log=f"bulkheadd{self.agents}")
        return self.agent

    def start_agent(self, **config):
        self.launch_agent(**config)
        self.settle()

    def stop_agent(self, sig=signal.SIGTERM):
        """Stop it, by default in good order; a sanitizer's finding fails here."""
        os.kill(self.agent_pid(), sig)
        status = self.agent.wait(PATIENCE)
        self.agent = None
        if sig == signal.SIGTERM and status != 0:
            raise RuntimeError(f"bulkheadd ended with status {status}\n{self.agent_log()}")

    def agent_log(self):
        with open(f"{self.dir}/bulkheadd{self.agents}.log", encoding="utf-8",
                  errors="replace") as f:
            return f.read()

    def bulkhead(self, *args, check=True):
        return self.sh(program("bulkhead"), "--socket", "/run/bulkhead/control.sock",
                       *args, check=check)

    def get(self, *args):
        """An answer as JSON; status 1 ("the answer is no") is one too."""
        done = self.bulkhead(*args, "-o", "json", check=False)
        if done.returncode > 1:
            raise RuntimeError(f"bulkhead {' '.join(args)}: status {done.returncode}\n"
                               f"{done.stdout}{done.stderr}")
        return json.loads(done.stdout)

    def agent_pid(self):
        """bulkheadd's own process (nsenter stands before it)."""
        return child_of(self.agent.pid) or self.agent.pid

    def settle(self):
        """Until the kernel reflects the policies and the containers."""
        def waited():
            if self.agent.poll() is not None:
                raise RuntimeError(f"bulkheadd ended with status {self.agent.returncode}\n"
                                   f"{self.agent_log()}")
            done = self.bulkhead("wait", "--timeout", f"{PATIENCE}s", check=False)
            if done.returncode not in (0, 3):
                raise RuntimeError(f"bulkhead wait: {done.stdout}{done.stderr}\n"
                                   f"{self.agent_log()}")
            return done.returncode == 0  # 3: not listening yet
        until(waited, "bulkheadd to listen")

    def policy(self, name, text):
        """Put a policy file in place, and wait for it to be in force."""
        self.write(f"/run/bh/policies/{name}", text)
        if self.agent:
            self.settle()

    def no_policy(self, name):
        os.unlink(self.path(f"/run/bh/policies/{name}"))
        if self.agent:
            self.settle()

    def flows(self):
        try:
            with open(self.path("/run/bh/flows.jsonl"), encoding="utf-8") as f:
                # A line that is being written has no end yet.
                return [json.loads(line) for line in f if line.endswith("\n")]
        except FileNotFoundError:
            return []

    def events(self, name):
        """Event records of that kind."""
        return [f for f in self.flows() if f.get("event") == name]

    def denied(self, **want):
        """Records of denied flows whose src_name, dst_name, dst_port, proto or
        other top-level members are as wanted."""
        def fits(flow):
            have = {
                "src_name": flow["src"].get("container", {}).get("name"),
                "dst_name": flow["dst"].get("container", {}).get("name"),
                "src_ip": flow["src"].get("ip"), "dst_ip": flow["dst"].get("ip"),
                "dst_port": flow["dst"].get("port"), **flow}
            return all(have.get(k) == v for k, v in want.items())
        return [f for f in self.flows() if f.get("verdict") == "denied" and fits(f)]

    # Packets

    def program_at(self, source, name):
        """Prefix that runs a program of tests/tools where @source is: a container,
        None for the host itself, or "outside"."""
        if source is None:
            return self.inside(probe_binary(name))
        if source == "outside":
            return self.inside("ip", "netns", "exec", "outside", probe_binary(name))
        return self.inside("nsenter", "-t", str(source.pid), "-n", probe_binary(name))

    def _probe_from(self, source):
        return self.program_at(source, "probe")

    def ask_start(self, source, targets, ms=ASK_MS):
        return subprocess.Popen(
            [*self._probe_from(source), "ask", "-t", str(ms), *targets],
            stdout=subprocess.PIPE, text=True, preexec_fn=_die_with_parent)

    @staticmethod
    def ask_finish(process):
        out, _ = process.communicate(timeout=PATIENCE)
        if process.returncode:
            raise RuntimeError(f"probe ended with status {process.returncode}")
        return {t: (result, int(ms)) for t, result, ms in map(str.split, out.splitlines())}

    def ask(self, source, *targets, ms=ASK_MS):
        """{target: (result, milliseconds)}, all asked at the same moment."""
        return self.ask_finish(self.ask_start(source, targets, ms))

    def result(self, source, target, ms=ASK_MS):
        return self.ask(source, target, ms=ms)[target][0]

    def stream(self, source, target, ms=500):
        """A flow kept busy in the background; returns once it is up."""
        process = subprocess.Popen(
            [*self._probe_from(source), "stream", "-t", str(ms), target],
            stdout=subprocess.PIPE, text=True, preexec_fn=_die_with_parent)
        line = process.stdout.readline()
        if line != "up\n":
            raise RuntimeError(f"stream to {target}: {line}")
        return process

    @staticmethod
    def stream_died(process, since, patience=5):
        """Seconds from @since (time.monotonic()) to its last answer, or None
        while it lives."""
        try:
            out, _ = process.communicate(timeout=patience)
        except subprocess.TimeoutExpired:
            return None
        last = int(out.split("last answer at ")[1]) / 1000
        return max(0.0, last - since)

    def outside(self):
        """A machine that is no container: network namespace "outside" behind
        203.0.113.0/24 and 2001:db8:ffff::/64; returns (host's, its) IPv4."""
        if not self._outside:
            self.sh("bash", "-ec", """
                ip netns add outside
                ip link add ext0 type veth peer name eth0 netns outside
                ip addr add 203.0.113.1/24 dev ext0
                ip addr add 2001:db8:ffff::1/64 dev ext0 nodad
                ip link set ext0 up
                ip -n outside addr add 203.0.113.2/24 dev eth0
                ip -n outside addr add 2001:db8:ffff::2/64 dev eth0 nodad
                ip -n outside link set lo up
                ip -n outside link set eth0 up
                ip -n outside route add default via 203.0.113.1
                ip -n outside -6 route add default via 2001:db8:ffff::1
                echo 1 >/proc/sys/net/ipv4/ip_forward
                echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
                """)
            self._outside = ("203.0.113.1", "203.0.113.2")
        return self._outside


def check(report, host, source, container, expected, name, ports=("tcp:80", "udp:80"),
          network=None, family=4):
    """Every port of @container answers @source, or none does."""
    address = container.ip(network) if family == 4 else container.ip6(network)
    targets = [f"{p.split(':')[0]}:{address}:{p.split(':')[1]}" for p in ports]
    got = host.ask(source, *targets)
    good = all((r == "open") == expected for r, _ in got.values())
    return report.ok(good, name, f"expected {'open' if expected else 'no way'}: {got}")


def flood_start(host, source, ip, port, ports, count, rate):
    """Datagrams from @source to @ports ports of @ip from @port on; see
    tests/tools/flood.c."""
    return subprocess.Popen(
        [*host.program_at(source, "flood"), ip, str(port), str(ports), str(count), str(rate)],
        stdout=subprocess.PIPE, text=True, preexec_fn=_die_with_parent)


def flood_finish(process):
    """(packets sent, milliseconds)"""
    out, _ = process.communicate(timeout=120)
    if process.returncode:
        raise RuntimeError(f"flood ended with status {process.returncode}")
    return tuple(map(int, out.split()))


def flood(*args):
    return flood_finish(flood_start(*args))


def main(test, name, kind=Host, **options):
    """Run test(host, report) on a host of its own."""
    report = Report()
    with kind(name, **options) as host:
        test(host, report)
    report.leave()
