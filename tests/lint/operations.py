#!/usr/bin/env python3
"""What docs/operations says of options and exit statuses, against the programs, in both directions:

  - each option of harrierd is named, as `name`, `name = value` or a line of its file, on a page for operators
  - what is written there as `name = value` is an option
  - the table of exit statuses has those of enum harrierd_exit, and no other; so has docs/CLI.md those of enum exit_status

Metrics are compared by tests/system/test_signals.py, alerts and their runbook by watching.py, options of commands by
cli_manual.py.

usage: operations.py SOURCE_ROOT HARRIERD
"""
import glob
import os
import re
import subprocess
import sys

PAGES = ("docs/operations/*.md", "docs/CLUSTER.md", "docs/HTTP.md")
# 71 is CHECK_EXHAUSTED of core/base/check.h, which any program of ours may end with.
EVERYWHERE = {71}


# A line of harrierd.conf in a block, or such a line in quotes in a command.
SETTING = r"(?:^ *|')([a-z][a-z_0-9]*)( += [^']+)(?:'|$)"


def options_of(config):
    """Of `harrierd --print-config`: each is a line, as a rule commented out."""
    return set(re.findall(r"^#?([a-z][a-z_0-9]*) =", config, re.MULTILINE))


def check_options(pages, options):
    """pages: {path: text}."""
    faults, named = [], set()
    for path, text in pages.items():
        for number, line in enumerate(text.splitlines(), 1):
            for name, value in re.findall(r"`([a-z][a-z_0-9]*)( = [^`]*)?`", line) + re.findall(SETTING, line):
                named.add(name)
                if value and name not in options:
                    faults.append(f"{path}:{number}: harrierd has no option {name}")
    return faults + [f"no page for operators names `{option}`" for option in sorted(options - named)]


def statuses_of(header, name):
    body = re.search(rf"enum {name} {{(.*?)}};", header, re.DOTALL).group(1)
    return {int(number) for number in re.findall(r"= (\d+)", body)} | EVERYWHERE


def check_statuses(path, text, statuses):
    """The rows of the table below the heading: | 64 | …, or | 64, 65 | …"""
    section = re.search(r"^#+ Exit status\w*\n(.*?)(?=^#|\Z)", text, re.MULTILINE | re.DOTALL)
    if not section:
        return [f'{path}: there is no section "Exit status"']
    shown = {int(number) for row in re.findall(r"^\| ([\d, ]+) \|", section.group(1), re.MULTILINE)
             for number in row.split(",")}  # fmt: skip
    return [f"{path}: {number} is missing in the table of exit statuses" for number in sorted(statuses - shown)] + \
        [f"{path}: no program ends with {number}" for number in sorted(shown - statuses)]


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def main():
    root, harrierd = sys.argv[1:]
    pages = {os.path.relpath(path, root): read(path) for pattern in PAGES
             for path in sorted(glob.glob(os.path.join(root, pattern)))}  # fmt: skip
    config = subprocess.run([harrierd, "--print-config"], capture_output=True, text=True, check=True).stdout
    faults = check_options(pages, options_of(config))
    page = "docs/operations/troubleshooting.md"
    server = statuses_of(read(os.path.join(root, "server/lifecycle/harrierd.h")), "harrierd_exit")
    faults += check_statuses(page, pages[page], server)
    command = statuses_of(read(os.path.join(root, "clients/cli/terminal/exit_status.h")), "exit_status")
    faults += check_statuses("docs/CLI.md", read(os.path.join(root, "docs/CLI.md")), command)
    for fault in faults:
        print(fault)
    print(f"{len(pages)} pages, {len(options_of(config))} options, {len(faults)} faults", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
