#!/usr/bin/env python3
"""The stations of docs/TOUR.md, held against the code: each file it names exists, and each function is defined in one
of the files named in its row.

usage: tour.py [ROOT]        exit status 1 when a name is wrong
"""
import os
import re
import sys

NAME = re.compile(r"`([^`]+)`")


def faults_of(root, text):
    for number, line in enumerate(text.splitlines(), 1):
        if not line.startswith("| ") or line.startswith(("| # ", "| --- ")):
            continue
        names = NAME.findall(line)
        sources = ""
        for path in (name for name in names if re.fullmatch(r"[\w/]+\.[ch]", name)):
            if os.path.isfile(os.path.join(root, path)):
                with open(os.path.join(root, path), encoding="utf-8") as source:
                    sources += source.read()
            else:
                yield number, f"there is no {path}"
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
