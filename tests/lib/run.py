#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""run.py - run test programs side by side and count their checks.

    run.py [-j N] [-t SECONDS] [-s SUITE] PROGRAM...

A program prints "ok NAME" and "not ok NAME" lines. One that ends badly without
having said "not ok", takes too long, or checks nothing counts as one failure.
The last line is "SUITE: N passed, M failed".
"""
import argparse
import concurrent.futures
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import testhost


def run_one(path, timeout, tmp):
    """(passed, failed, lines to show, seconds)."""
    start = time.monotonic()
    process = subprocess.Popen([path], stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               text=True, errors="replace", start_new_session=True,
                               env={**os.environ, "TMPDIR": tmp})
    late = False
    try:
        out, _ = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        late = True
        # Its session; a test host dies with the test that made it.
        os.killpg(process.pid, signal.SIGKILL)
        out, _ = process.communicate()
        testhost.remove_cgroups(testhost.cgroup_name(process.pid))
    lines = out.splitlines()
    passed = sum(line.startswith("ok ") for line in lines)
    failed = sum(line.startswith("not ok ") for line in lines)
    if late:
        failed += 1
        lines.append(f"not ok {os.path.basename(path)}: not through after {timeout} s")
    elif (process.returncode and not failed) or passed + failed == 0:
        failed += 1
        lines.append(f"not ok {os.path.basename(path)}: status {process.returncode}")
    return passed, failed, lines, time.monotonic() - start


def main():
    parser = argparse.ArgumentParser(description="Run test programs and count their checks.")
    parser.add_argument("-j", type=int, default=2, help="so many at a time")
    parser.add_argument("-t", type=int, default=300, help="seconds for each")
    parser.add_argument("-s", default="tests", help="name of the suite")
    parser.add_argument("-v", action="store_true", help="show what passes too")
    parser.add_argument("program", nargs="+")
    args = parser.parse_args()
    tmp = tempfile.mkdtemp(prefix="bulkhead-run.")
    passed = failed = 0
    try:
        with concurrent.futures.ThreadPoolExecutor(args.j) as pool:
            running = {pool.submit(run_one, os.path.realpath(p), args.t, tmp): p
                       for p in args.program}
            for done in concurrent.futures.as_completed(running):
                ok, bad, lines, seconds = done.result()
                passed, failed = passed + ok, failed + bad
                name = f"{args.s}/{os.path.splitext(os.path.basename(running[done]))[0]}"
                print(f"{name}: {ok} passed, {bad} failed ({seconds:.1f} s)", flush=True)
                for line in lines:
                    if args.v or (bad and not line.startswith("ok ")):
                        print(f"    {line}", flush=True)
    finally:
        shutil.rmtree(tmp, ignore_errors=True)
    print(f"{args.s}: {passed} passed, {failed} failed", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
