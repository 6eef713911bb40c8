#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""install.py - what `cmake --install` puts in place, and the service's unit."""
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))

import testhost

WANTED = """
/etc/bulkhead/bulkhead.yaml
/etc/logrotate.d/bulkhead
/usr/bin/bulkhead
/usr/lib/systemd/system/bulkhead-metrics.service
/usr/lib/systemd/system/bulkheadd.service
/usr/lib/sysusers.d/bulkhead.conf
/usr/lib/tmpfiles.d/bulkhead.conf
/usr/sbin/bulkheadd
/usr/share/bash-completion/completions/bulkhead
/usr/share/doc/bulkhead/monitoring/alerts.yaml
/usr/share/doc/bulkhead/monitoring/dashboard.json
/usr/share/doc/bulkhead/monitoring/prometheus.yaml
/usr/share/man/man1/bulkhead.1
/usr/share/man/man5/bulkhead-flows.5
/usr/share/man/man5/bulkhead-metrics.5
/usr/share/man/man5/bulkhead-policy.5
/usr/share/man/man5/bulkhead.yaml.5
/usr/share/man/man8/bulkheadd.8
""".split()
# systemd's own scale: 0 is best, 10 worst.
EXPOSURE_MAX = 3.0
EXPOSURE_MAX_METRICS = 1.5


def run(*command, **options):
    return subprocess.run(command, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False, **options)


def install(root):
    """A configuration of its own, since the prefix is part of the unit; the
    programs are those that are built already."""
    build = f"{root}.build"
    done = run("cmake", "-S", testhost.REPO, "-B", build, "-G", "Ninja",
               "-DBULKHEAD_TESTS=OFF", "-DCMAKE_INSTALL_PREFIX=/usr",
               "-DCMAKE_BUILD_TYPE=Debug")
    for stage, name in (("agent", "bulkheadd"), ("cli", "bulkhead")):
        shutil.copy(testhost.program(name), f"{build}/src/{stage}/{name}")
    if done.returncode == 0:
        done = run("cmake", "--install", build, env={**os.environ, "DESTDIR": root})
    return done


def files_below(top):
    return {os.path.relpath(os.path.join(path, name), top)
            for path, _, names in os.walk(top) for name in names}


def check_files(r, root):
    for path in WANTED:
        r.ok(os.path.exists(root + path), f"{path} is installed")
    r.ok(os.path.isdir(f"{root}/etc/bulkhead/policies"), "the policy directory is there")
    r.equal(files_below(f"{root}/usr/share/doc/bulkhead/policy-examples"),
            files_below(f"{testhost.REPO}/policy-examples") - {"CMakeLists.txt", "quickstart.sh"},
            "every example is installed")


def check_config(r, root):
    config = f"{root}/etc/bulkhead/bulkhead.yaml"
    done = run(testhost.program("bulkheadd"), "--check-config", "--config", config)
    r.ok(done.returncode == 0, "the default configuration is valid", done.stdout)
    # With every comment taken away it must be valid too, and say the defaults.
    with open(config, encoding="utf-8") as f:
        text = re.sub(r"^#(?=[a-z ])(?! )", "", f.read(), flags=re.M)
    text = re.sub(r"^#(?=  )", "", text, flags=re.M)
    with open(config, "w", encoding="utf-8") as f:
        f.write(text)
    done = run(testhost.program("bulkheadd"), "--check-config", "--config", config)
    r.ok(done.returncode == 0 and "policyDir:" in text,
         "what it shows as defaults is valid", done.stdout + text)
    with open(config, "w", encoding="utf-8") as f:
        f.write("logLevel: debug\n")


def check_exposure(r, unit, most):
    name = os.path.basename(unit)
    score = run("systemd-analyze", "security", "--offline=true", unit).stdout
    found = re.search(r"exposure level for \S+: ([0-9.]+)", score)
    r.ok(found and float(found[1]) < most,
         f"systemd-analyze security scores {name} under {most}", score[-200:])


def check_metrics_unit(r, root):
    unit = f"{root}/usr/lib/systemd/system/bulkhead-metrics.service"
    with open(unit, encoding="utf-8") as f:
        text = f.read()
    r.ok("ExecStart=/usr/bin/bulkhead serve " in text and "DynamicUser=yes" in text,
         "the metrics' unit starts what is installed, as a user of its own")
    check_exposure(r, unit, EXPOSURE_MAX_METRICS)
    mine = f"{root}/bulkhead-metrics.service"
    with open(mine, "w", encoding="utf-8") as f:
        f.write(text.replace("/usr/bin/bulkhead", f"{root}/usr/bin/bulkhead"))
    done = run("systemd-analyze", "verify", "--man=no", mine)
    r.ok(done.returncode == 0 and "bulkhead-metrics.service" not in done.stdout,
         "systemd-analyze verify finds nothing in it", done.stdout)


def check_unit(r, root):
    unit = f"{root}/usr/lib/systemd/system/bulkheadd.service"
    with open(unit, encoding="utf-8") as f:
        text = f.read()
    r.ok("ExecStart=/usr/sbin/bulkheadd " in text, "the unit starts what is installed")
    check_exposure(r, unit, EXPOSURE_MAX)
    # The programs it names are looked for in the root of this machine.
    mine = f"{root}/bulkheadd.service"
    with open(mine, "w", encoding="utf-8") as f:
        f.write(text.replace("/usr/sbin/bulkheadd", f"{root}/usr/sbin/bulkheadd")
                .replace("/sbin/modprobe", "/bin/true"))
    done = run("systemd-analyze", "verify", "--man=no", mine)
    r.ok(done.returncode == 0 and "bulkheadd.service" not in done.stdout,
         "systemd-analyze verify finds nothing", done.stdout)


# What isolate.c and log_owner.c need to give up what they have, and rotation.c, besides what
# @system-service has anyway. (The groups of systemd.exec(5) that take it away have others'.)
NEEDED_CALLS = ("capset", "setpriority", "ioprio_set", "setgroups", "setresgid", "setresuid",
                "fchownat", "chown", "prlimit64", "prctl")


def system_calls(name):
    """Of a group, and of those in it."""
    if not name.startswith("@"):
        return {name}
    listed = run("systemd-analyze", "syscall-filter", name).stdout.splitlines()[1:]
    calls = {x.strip() for x in listed if x.strip() and not x.strip().startswith("#")}
    return set().union(*(system_calls(x) for x in calls))


def check_system_calls(r, root):
    """In the order of the unit: the first line allows only what it names, "~" takes away."""
    with open(f"{root}/usr/lib/systemd/system/bulkheadd.service", encoding="utf-8") as f:
        filters = re.findall(r"^SystemCallFilter=(.*)$", f.read(), re.M)
    allowed = set()
    for line in filters:
        calls = set().union(*(system_calls(x) for x in line.lstrip("~").split()))
        allowed = allowed - calls if line.startswith("~") else allowed | calls
    r.equal(sorted(set(NEEDED_CALLS) - allowed), [],
            "the unit lets the agent give up what it has, and the flow writer become its user")
    r.equal(sorted(allowed & {"bpf", "mount", "init_module", "reboot", "ptrace", "chroot",
                              "sched_setscheduler"}), [], "and takes the rest away")


def check_users(r, root):
    """What systemd makes of our files, in that tree."""
    for part in ("lib", "etc"):
        os.makedirs(f"{root}/{part}", exist_ok=True)
    done = [run(f"systemd-{name}", f"--root={root}", *more, f"{root}/usr/lib/{name}.d/bulkhead.conf")
            for name, more in (("sysusers", ()), ("tmpfiles", ("--create",)))]
    with open(f"{root}/etc/passwd", encoding="utf-8") as f:
        users = {x.split(":")[0]: x.split(":")[2:4] for x in f}
    with open(f"{root}/etc/group", encoding="utf-8") as f:
        groups = {x.split(":")[0]: x.split(":")[2] for x in f}
    st = os.stat(f"{root}/var/log/bulkhead")
    r.ok([str(st.st_uid), str(st.st_gid)] == users["bulkhead-log"] and
         users["bulkhead-log"][1] == groups["bulkhead"] and st.st_mode & 0o777 == 0o750,
         "the log's directory is the flow writer's, and for the group bulkhead to read",
         (done, users, groups, st))


def main():
    r = testhost.Report()
    top = tempfile.mkdtemp(prefix="bulkhead-install.")
    root = f"{top}/root"
    try:
        done = install(root)
        if r.ok(done.returncode == 0, "cmake --install", done.stdout):
            check_files(r, root)
            check_unit(r, root)
            check_system_calls(r, root)
            check_metrics_unit(r, root)
            check_users(r, root)
            check_config(r, root)
            done = install(root)
            with open(f"{root}/etc/bulkhead/bulkhead.yaml", encoding="utf-8") as f:
                r.equal(f.read(), "logLevel: debug\n",
                        "a second install leaves the configuration alone")
    finally:
        shutil.rmtree(top, ignore_errors=True)
    r.leave()


main()
