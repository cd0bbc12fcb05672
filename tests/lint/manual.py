#!/usr/bin/env python3
"""The manual pages and the shell completion are whole: what the programs' --help names is in them, each command of harrier
has a page, and no mark of Markdown is left. groff finds nothing wrong with the pages, where it is installed.

usage: manual.py FOLDER COMPLETION HARRIER HARRIERD [HARRIER_CONSOLE]     FOLDER has man1, man5 and man8
"""
import os
import re
import shutil
import subprocess
import sys

OPTION = re.compile(r"^\s+(?:-[\w?], +)?(--[a-z][a-z0-9_-]*)", re.MULTILINE)


def help_of(*command):
    return subprocess.run([*command, "--help"], capture_output=True, text=True, check=True).stdout


def plain(page):
    """The page's text without requests' letters for fonts and signs."""
    return re.sub(r"\\f[BIR]", "", page).replace("\\-", "-").replace("\\(ha", "^").replace("\\(ti", "~").replace("\\e", "\\")


def page_faults(name, page, said):
    """said: what --help says."""
    text = plain(page)
    listed = set(re.findall(r"^(?:-[\w?], )?(--[a-z][a-z0-9_-]*)", text, re.MULTILINE))
    for option in sorted(set(OPTION.findall(said)) - listed):
        yield f"{name}: {option} is missing"
    for number, line in enumerate(text.splitlines(), 1):
        if re.search(r"\]\([^)]*\)|```|^\| |\*\*|<!--", line):
            yield f"{name}:{number}: Markdown is left: {line[:80]}"


def setting_faults(name, page, said):
    """harrierd.conf(5): the options that a file may have."""
    groups = said[said.index("\n\n", said.index("--version")) :]
    listed = set(re.findall(r"^([a-z_0-9]+) =", plain(page), re.MULTILINE))
    for option in OPTION.findall(groups):
        if option.lstrip("-") not in listed:
            yield f"{name}: {option.lstrip('-')} is missing"


def completion_faults(completion, commands):
    """commands: what each one's --help says, by name."""
    for command, said in commands.items():
        case = re.search(rf"^    {command}\)\n(.*?);;", completion, re.MULTILINE | re.DOTALL)
        offered = set(re.findall(r"--[a-z0-9-]+", case[1].split("values=")[0])) if case else set()
        if not case:
            yield f"completion: {command} is missing"
        for option in sorted(set(OPTION.findall(said)) - offered):
            yield f"completion: {command} {option} is missing"


def completed(path, *words):
    """What bash offers for the last of the words."""
    script = f'. {path}; COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)); _harrier; printf "%s\\n" "${{COMPREPLY[@]}}"'
    return subprocess.run(["bash", "-c", script, "bash", *words], capture_output=True, text=True, check=True).stdout.split()


def bash_faults(path):
    for words, expected in ((("harrier", "backf"), ["backfill"]), (("harrier", "help", "backf"), ["backfill"]),
                            (("harrier", "score", "--forma"), ["--format"]),
                            (("harrier", "score", "--format", "=", "c"), ["csv"]),
                            (("harrier", "score", "--format", "="), ["csv", "jsonl"])):  # fmt: skip
        found = completed(path, *words)
        if found != expected:
            yield f"completion: {' '.join(words)} gives {found}, not {expected}"


def groff_faults(paths):
    groff = shutil.which("groff")
    # In a small installation groff has no macros for manuals.
    if not groff or subprocess.run([groff, "-man", "-z", "-Tutf8", os.devnull], capture_output=True, check=False).returncode:
        return
    done = subprocess.run([groff, "-man", "-ww", "-z", "-Tutf8", "-Kutf8", *paths], capture_output=True, text=True, check=False)
    yield from done.stderr.splitlines()


def check(folder, completion, harrier, harrierd, *console):
    def read(*path):
        with open(os.path.join(folder, *path), encoding="utf-8") as file:
            return file.read()

    names = re.findall(r"^  ([a-z]+) +\w", help_of(harrier), re.MULTILINE)
    commands = {name: help_of(harrier, name) for name in names if name != "help"}
    pages = {f"man1/harrier-{name}.1": said for name, said in commands.items()}
    pages["man1/harrier.1"] = ""
    pages["man8/harrierd.8"] = help_of(harrierd)
    pages |= {"man8/harrier-console.8": help_of(program) for program in console}
    faults = [] if len(commands) > 20 else ["harrier --help lists no commands"]
    for path, said in pages.items():
        if os.path.exists(os.path.join(folder, path)):
            faults += page_faults(path, read(path), said)
        else:
            faults.append(f"{path} is missing")
    faults += setting_faults("man5/harrierd.conf.5", read("man5", "harrierd.conf.5"), pages["man8/harrierd.8"])
    for name in commands:
        if f"harrier-{name}(1)" not in plain(read("man1", "harrier.1")):
            faults.append(f"man1/harrier.1: harrier-{name}(1) is missing")
    with open(completion, encoding="utf-8") as file:
        faults += completion_faults(file.read(), commands)
    faults += bash_faults(completion)
    faults += groff_faults([os.path.join(folder, path) for path in pages if os.path.exists(os.path.join(folder, path))])
    return faults


if __name__ == "__main__":
    FAULTS = check(*sys.argv[1:])
    print("\n".join(FAULTS) or "the manual and the completion are whole")
    sys.exit(1 if FAULTS else 0)
