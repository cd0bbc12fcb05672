#!/usr/bin/env python3
"""Checks the tables of docs/TOUR.md against the code: each file and folder named in a row exists, and each function is
defined in one of the files named there, or below one of the folders (names that end in /).

usage: tour.py [ROOT]        exit status 1 when a name is wrong
"""
import os
import re
import sys

NAME = re.compile(r"`([^`]+)`")


def files_at(place):
    """The C files below a folder, or a file itself."""
    if os.path.isfile(place):
        return [place]
    return [
        os.path.join(folder, name)
        for folder, _, names in sorted(os.walk(place))
        for name in sorted(names)
        if name.endswith(".c")
    ]


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def faults_of(root, text):
    for number, line in enumerate(text.splitlines(), 1):
        if not line.startswith("| ") or line.startswith(("| # ", "| --- ")):
            continue
        names = NAME.findall(line)
        sources = ""
        for path in (name for name in names if re.fullmatch(r"[\w/]+/|[\w./]*/\w+\.\w+", name)):
            place = os.path.join(root, path)
            if not os.path.exists(place):
                yield number, f"{path} does not exist"
            sources += "".join(read(file) for file in files_at(place))
        for function in (name[:-2] for name in names if name.endswith("()")):
            if not re.search(rf"^[a-z][^;\n]*\b{function}\([^;]*?\)\s*\{{", sources, re.MULTILINE):
                yield number, f"no file of this row defines {function}()"


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else "."
    with open(os.path.join(root, "docs", "TOUR.md"), encoding="utf-8") as file:
        text = file.read()
    faults = list(faults_of(root, text))
    for number, what in faults:
        print(f"docs/TOUR.md:{number}: {what}")
    stations = len(re.findall(r"^\| \d", text, re.MULTILINE))
    print(f"{stations} stations, {len(faults)} faults", file=sys.stderr)
    return 1 if faults or stations == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
