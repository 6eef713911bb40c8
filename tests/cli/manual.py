#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""manual.py - the manual pages, the completion and README say what the programs do."""

import glob
import os
import re
import shutil
import subprocess
import tempfile
import unittest

BULKHEAD = os.environ["BULKHEAD"]
BULKHEADD = os.environ["BULKHEADD"]
SOURCE = os.environ["SOURCE"]
PAGES = sorted(glob.glob(SOURCE + "/src/*/man/*.[1-8]"))
COMPLETION = SOURCE + "/src/cli/completion/bulkhead.bash"

OPTION = re.compile(r"(?<![\w-])--?[a-zA-Z][\w-]*")


def run(*command):
    return subprocess.run(command, capture_output=True, text=True,
                          check=True).stdout


def source(pattern):
    """The text of the files of that name."""
    text = ""
    for path in sorted(glob.glob(SOURCE + "/" + pattern)):
        with open(path, encoding="utf-8") as f:
            text += f.read()
    return text


def page(name):
    """A page as plain text, one line a paragraph."""
    path = next(p for p in PAGES if p.endswith("/" + name))
    text = run("mandoc", "-Tutf8", "-Owidth=1000", path)
    return re.sub(".\b", "", text)


def commands():
    return re.findall(r"^  (\w+) +\w", run(BULKHEAD, "--help"), re.M)


def section(text, command):
    """What bulkhead(1) says of one command, from its entry to the next."""
    body = text[text.index("   Commands"):text.index("\nJSON")]
    start = re.search(r"^     %s\b" % command, body, re.M).start()
    end = re.search(r"^     \w", body[start + 1:], re.M)
    return body[start:start + 1 + end.start()] if end else body[start:]


@unittest.skipUnless(shutil.which("mandoc"), "mandoc is not installed")
class Manual(unittest.TestCase):
    def test_pages_are_there(self):
        names = {os.path.basename(p) for p in PAGES}
        self.assertLessEqual({"bulkhead.1", "bulkhead-flows.5",
                              "bulkhead-policy.5", "bulkhead.yaml.5", "bulkheadd.8"}, names)

    def test_lint(self):
        for path in PAGES:
            p = subprocess.run(["mandoc", "-Tlint", "-Wwarning", path],
                               capture_output=True, text=True)
            self.assertEqual((p.returncode, p.stdout), (0, ""))

    def test_every_command_and_option(self):
        text = page("bulkhead.1")
        for option in OPTION.findall(run(BULKHEAD, "--help")):
            self.assertIn(option, text)
        for command in commands():
            entry = section(text, command)
            for option in OPTION.findall(run(BULKHEAD, command, "--help")):
                # -h and -o are told once, for all commands.
                if option not in ("-h", "--help", "-o", "--output"):
                    self.assertIn(option, entry, command)
        self.assertIn("--output", text)

    def test_the_agents_options(self):
        """Each is in bulkheadd(8), and the reverse."""
        there = set(OPTION.findall(run(BULKHEADD, "--help")))
        text = page("bulkheadd.8")
        text = text[text.index("\nSYNOPSIS"):text.index("What it changes")]
        self.assertEqual(there - {"-check-config"}, set(OPTION.findall(text)))

    def test_usage_names_every_option(self):
        """In one of its two forms; of flows there are too many."""
        for command in set(commands()) - {"flows"}:
            help_ = run(BULKHEAD, command, "--help")
            usage, text = help_.split("\n\n", 1)
            for short, long in re.findall(r"^  (?:(-\w), |    )(--[\w-]+)", text, re.M):
                if short != "-h":
                    self.assertTrue({short, long} & set(OPTION.findall(usage)), (command, long))

    def test_no_option_that_is_not_there(self):
        known = set(OPTION.findall(run(BULKHEAD, "--help")))
        for command in commands():
            known |= set(OPTION.findall(run(BULKHEAD, command, "--help")))
        text = page("bulkhead.1")
        text = text[:text.index("\nEXAMPLES")]
        self.assertEqual({o for o in OPTION.findall(text)} - known, set())

    def test_json_keys(self):
        """Every key of the agreed answers is in the page, and the reverse."""
        header = source("include/bulkhead/control.h")
        text = page("bulkhead.1")
        text = text[text.index("\nJSON"):text.index("\nENVIRONMENT")]
        key = re.compile(r'"(\w+)":')
        envelope = {"command", "arguments", "ok", "result", "nft", "add", "lift"}
        of_check = {"valid", "namespaces", "diagnostics", "severity",
                    "column"}
        self.assertEqual(set(key.findall(text)) - of_check,
                         set(key.findall(header)) - envelope)

    def test_answer_keys(self):
        """Every key that the agent answers with is agreed, and the reverse."""
        code = source("src/agent/report/*.c") + source("src/agent/answer.c")
        written = set(re.findall(r'(?:report_\w+|json_object_object_add)\(\s*[\w>-]+,\s*"(\w+)"', code))
        agreed = set(re.findall(r'"(\w+)":', source("include/bulkhead/control.h")))
        envelope = {"command", "arguments", "ok", "result"}
        # Of a sample: report/metric.c has it from a variable.
        self.assertEqual(written, agreed - envelope - {"value"})

    def test_config_keys(self):
        """Every key that is read is in the page, and the reverse."""
        read = set(re.findall(r'\{ "(\w+)", (?:config_)?read_\w+', source("src/config/*.c")))
        engines = set(re.findall(r'\.name = "(\w+)"', source("src/runtime/*/*.c")))
        kinds = set(re.findall(r'\[SINK_\w+\] = "(\w+)"', source("src/sink/config.c")))
        text = source("src/config/man/bulkhead.yaml.5")
        text = text[:text.index(".Sh ENDPOINTS FILE")]
        told = set(re.findall(r"Cm (\w+) : (?!Ns)", "\n".join(re.findall(r"^\.It .*", text, re.M))))
        self.assertGreater(len(read), 40)
        self.assertEqual(told - read, engines | kinds - {"file", "stdout"})
        for key in read | engines | kinds:
            self.assertRegex(text, r"\bCm %s\b" % key)
        text = page("bulkhead.yaml.5")
        lists = re.findall(r"const keys\[\] = \{(.*?)\}",
                           source("src/runtime/static/file.c"), re.S)
        text = text[text.index("\nENDPOINTS FILE"):text.index("\nFILES")]
        for key in re.findall(r'"(\w+)"', "".join(lists)):
            self.assertTrue(re.search(r"\b%s\b" % key, text), key)


class Readme(unittest.TestCase):
    def setUp(self):
        self.text = source("README.md")

    def test_links(self):
        for path in re.findall(r"\]\(([^)#:]+)\)", self.text):
            self.assertTrue(os.path.exists(SOURCE + "/" + path), path)
        headings = {re.sub(r"[^\w -]", "", h.lower()).replace(" ", "-")
                    for h in re.findall(r"^## (.*)", self.text, re.M)}
        self.assertLessEqual(set(re.findall(r"\]\(#([^)]+)\)", self.text)), headings)

    def test_files_that_it_names(self):
        for path in re.findall(r"`((?:tests|policy-examples|systemd|src)/[\w./-]+)`", self.text):
            self.assertTrue(os.path.exists(SOURCE + "/" + path), path)

    def test_every_stage_is_in_the_table(self):
        table = self.text[self.text.index("| directory of `src/`"):]
        rows = re.findall(r"^\| ([a-z, ]+) \|", table[:table.index("\n\n")], re.M)
        stages = {name for row in rows for name in row.split(", ")}
        self.assertEqual(stages, {os.path.basename(os.path.dirname(p))
                                  for p in glob.glob(SOURCE + "/src/*/CMakeLists.txt")})

    def test_commands(self):
        blocks = "\n".join(re.findall(r"^```(?:sh|console)\n(.*?)^```", self.text, re.M | re.S))
        lines = re.findall(r"^(?:\$ )?bulkhead (\w+)(.*)", blocks, re.M)
        self.assertGreater(len(lines), 8)
        for command, rest in lines:
            help_ = set(OPTION.findall(run(BULKHEAD, command, "--help")))
            self.assertLessEqual(set(OPTION.findall(rest)), help_, (command, rest))


@unittest.skipUnless(shutil.which("bash"), "bash is not installed")
class Completion(unittest.TestCase):
    def complete(self, *words):
        script = """
            PATH=$1:$PATH; . "$2"; shift 2
            COMP_WORDS=(bulkhead "$@"); COMP_CWORD=$#
            _bulkhead
            printf '%s\\n' "${COMPREPLY[@]}"
        """
        return run("bash", "-ec", script, "bash", os.path.dirname(BULKHEAD),
                   COMPLETION, *words).split()

    def test_commands(self):
        self.assertEqual(set(self.complete("")) - {"--socket", "--version",
                                                   "--help"}, set(commands()))
        self.assertEqual(self.complete("exp"), ["explain"])
        self.assertEqual(self.complete("--socket", "/x", "tea"), ["teardown"])

    def test_arguments(self):
        self.assertEqual(self.complete("get", "pol"), ["policies"])
        self.assertEqual(self.complete("get", "rules", "-o", "n"), ["nft"])
        self.assertIn("--follow", self.complete("flows", "--"))
        self.assertEqual(self.complete("help", "vers"), ["version"])
        with tempfile.TemporaryDirectory() as d:
            open(d + "/web.yaml", "w").close()
            self.assertEqual(self.complete("check", d + "/w"), [d + "/web.yaml"])

    def test_options(self):
        for command in commands():
            help_ = run(BULKHEAD, command, "--help")
            self.assertLessEqual(set(OPTION.findall(help_.split("\n\n", 1)[1])),
                                 set(self.complete(command, "-")) | {"-"})

    def test_values(self):
        self.assertEqual(self.complete("status", "-o", ""), ["table", "json", "yaml"])
        self.assertEqual(self.complete("metrics", "--output", ""), ["json", "yaml"])
        self.assertEqual(self.complete("flows", "-o", "c"), ["csv"])
        refusal = subprocess.run([BULKHEAD, "flows", "--by", "x"], capture_output=True, text=True)
        fields = re.search(r"use some of (.*)", refusal.stderr)[1].split(", ")
        self.assertEqual(self.complete("flows", "--by", ""), fields)
        reasons = re.findall(r'\[DENY_\w+\] = "([\w-]+)"', source("src/base/reason.c"))
        self.assertEqual(self.complete("flows", "--reason", ""),
                         [x for x in reasons if x not in ("egress", "ingress")])

    def test_no_agent(self):
        self.assertEqual(self.complete("--socket", "/nonexistent/x", "explain",
                                       "w"), [])


if __name__ == "__main__":
    unittest.main()
