#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""run.py - run test programs side by side and count their checks.

    run.py [-j N] [-t SECONDS] [-s SUITE] [-v] PROGRAM...
    run.py [...] --ctest BUILD-DIRECTORY

A program prints "ok NAME" and "not ok NAME" lines (cmocka's does so here), or
ends as Python's unittest does. One that ends badly without having said "not
ok", or takes too long, counts as one failure; so does a check that was skipped.
One that ends well and says nothing of the kind counts as one that passed. The
last line is "SUITE: N passed, M failed".

A Python program with the line "ALONE = True" holds us to a time by the clock:
it runs when the others are through.
"""
import argparse
import concurrent.futures
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import testhost


class Program:
    """A command line to run, with its surroundings."""

    def __init__(self, name, command, cwd=None, env=None, timeout=None, alone=False):
        self.name, self.command, self.cwd = name, command, cwd
        self.env, self.timeout, self.alone = env or {}, timeout, alone


def program_of(path):
    python = path.endswith(".py")
    alone = False
    if python:
        with open(path, encoding="utf-8") as f:
            alone = "ALONE = True\n" in f
    return Program(os.path.splitext(os.path.basename(path))[0],
                   [*(["/usr/bin/python3"] if python else []), os.path.realpath(path)],
                   alone=alone)


def programs_of_ctest(build):
    """What `ctest` would run in this directory."""
    out = subprocess.run(["ctest", "--test-dir", build, "--show-only=json-v1"],
                         check=True, stdout=subprocess.PIPE, text=True).stdout
    for test in json.loads(out)["tests"]:
        properties = {p["name"]: p["value"] for p in test.get("properties", [])}
        env = dict(e.split("=", 1) for e in properties.get("ENVIRONMENT", []))
        # A test whose program was not built has no command: a failure.
        yield Program(test["name"], test.get("command", ["false"]),
                      properties.get("WORKING_DIRECTORY"), env,
                      properties.get("TIMEOUT"))


def count_unittest(lines):
    """Likewise, of a program that ends as Python's unittest does."""
    ran = [int(m[1]) for m in map(re.compile(r"Ran (\d+) tests? in ").match, lines) if m]
    bad = [int(n) for line in lines if re.match(r"(OK|FAILED) \(", line)
           for n in re.findall(r"(?:failures|errors|skipped|successes)=(\d+)", line)]
    return sum(ran) - sum(bad), sum(bad)


def count(lines):
    """(passed, failed) by what a program said; what was skipped has failed."""
    said = [line for line in lines if re.match(r"(not )?ok\b", line)]
    bad = sum(line.startswith("not ok") or "# skip" in line.lower() for line in said)
    passed, failed = count_unittest(lines)
    return passed + len(said) - bad, failed + bad


def run_one(program, timeout, tmp):
    """(passed, failed, lines to show, seconds)."""
    try:
        return supervise(program, timeout, tmp)
    except OSError as e:
        return 0, 1, [f"not ok {program.name}: {e}"], 0.0


def supervise(program, timeout, tmp):
    start = time.monotonic()
    process = subprocess.Popen(program.command, cwd=program.cwd, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               text=True, errors="replace", start_new_session=True,
                               env={**os.environ, "CMOCKA_MESSAGE_OUTPUT": "TAP",
                                    **program.env, "TMPDIR": tmp})
    limit = program.timeout or timeout
    late = False
    try:
        out, _ = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        late = True
        # Its session; a test host dies with the test that made it.
        os.killpg(process.pid, signal.SIGKILL)
        out, _ = process.communicate()
        testhost.remove_cgroups(testhost.cgroup_name(process.pid))
    lines = out.splitlines()
    passed, failed = count(lines)
    if late:
        failed += 1
        lines.append(f"not ok {program.name}: not through after {limit} s")
    elif process.returncode and not failed:
        failed += 1
        lines.append(f"not ok {program.name}: status {process.returncode}")
    elif passed + failed == 0:
        passed = 1
    return passed, failed, lines, time.monotonic() - start


def run_some(programs, together, args, tmp):
    """(passed, failed) of @programs, so many at a time."""
    passed = failed = 0
    with concurrent.futures.ThreadPoolExecutor(together) as pool:
        running = {pool.submit(run_one, p, args.t, tmp): p for p in programs}
        for done in concurrent.futures.as_completed(running):
            ok, bad, lines, seconds = done.result()
            passed, failed = passed + ok, failed + bad
            print(f"{args.s}/{running[done].name}: {ok} passed, {bad} failed "
                  f"({seconds:.1f} s)", flush=True)
            for line in lines:
                if args.v or (bad and not line.startswith("ok ")):
                    print(f"    {line}", flush=True)
    return passed, failed


def main():
    parser = argparse.ArgumentParser(description="Run test programs and count their checks.")
    parser.add_argument("-j", type=int, default=2, help="so many at a time")
    parser.add_argument("-t", type=int, default=300, help="seconds for each")
    parser.add_argument("-s", default="tests", help="name of the suite")
    parser.add_argument("-v", action="store_true", help="show what passes too")
    parser.add_argument("--ctest", metavar="DIRECTORY", help="run the tests of this build")
    parser.add_argument("program", nargs="*")
    args = parser.parse_args()
    programs = [program_of(p) for p in args.program]
    if args.ctest:
        programs += programs_of_ctest(args.ctest)
    tmp = tempfile.mkdtemp(prefix="bulkhead-run.")
    # Some tests become another user, who must reach what they made.
    os.chmod(tmp, 0o711)
    passed = failed = 0
    try:
        for together, some in ((args.j, [p for p in programs if not p.alone]),
                               (1, [p for p in programs if p.alone])):
            ok, bad = run_some(some, together, args, tmp)
            passed, failed = passed + ok, failed + bad
    finally:
        shutil.rmtree(tmp, ignore_errors=True)
    print(f"{args.s}: {passed} passed, {failed} failed", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
