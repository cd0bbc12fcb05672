#!/usr/bin/env python3
"""docs/CLI.md against the program: every option of every command is in the command's section or in one that is about no
single command, and the document names no option that no command has.

usage: cli_manual.py HARRIER MANUAL        exit status 1 when the two differ
"""
import re
import subprocess
import sys

OPTION = re.compile(r"--[a-z][a-z0-9-]*")
OF_ALL = {"--help", "--usage", "--version"}


def commands_of(harrier):
    out = subprocess.run([harrier, "--help"], capture_output=True, text=True, check=True).stdout
    return [name for name in re.findall(r"^  ([a-z][a-z-]*) +\w", out, re.MULTILINE) if name != "help"]


def options_of(harrier, command):
    out = subprocess.run([harrier, command, "--help"], capture_output=True, text=True, check=True).stdout
    return {match[1] for match in re.finditer(r"^\s+(?:-\w, +)?(--[a-z][a-z0-9-]*)", out, re.MULTILINE)} - OF_ALL


def sections_of(manual):
    parts = re.split(r"^## (.+)$", manual, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2]))


def faults_of(commands, manual):
    """commands: {name: options}."""
    sections = sections_of(manual)
    general = {option for title, text in sections.items() if title not in commands for option in OPTION.findall(text)}
    known = OF_ALL.union(*commands.values())
    for command, options in commands.items():
        if command not in sections:
            yield f"there is no section \"{command}\""
            continue
        for option in sorted(options - general - set(OPTION.findall(sections[command]))):
            yield f"{command}: {option} is not described"
    for option in sorted(set(OPTION.findall(manual)) - known):
        yield f"{option} is not an option of any command"


def main():
    harrier, path = sys.argv[1:]
    with open(path, encoding="utf-8") as file:
        manual = file.read()
    commands = {command: options_of(harrier, command) for command in commands_of(harrier)}
    faults = list(faults_of(commands, manual))
    print(*faults, f"{len(commands)} commands, {sum(map(len, commands.values()))} options, {len(faults)} faults", sep="\n")
    return 1 if faults or not commands else 0


if __name__ == "__main__":
    sys.exit(main())
