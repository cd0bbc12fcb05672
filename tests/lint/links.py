#!/usr/bin/env python3
"""Checks the links between the project's Markdown files: each relative link leads to a file or folder that exists, and
each #anchor to a heading of that file, by the rules of GitHub (lower case, punctuation removed, spaces as hyphens).

usage: links.py [ROOT]        exit status 1 when a link is broken
"""
import os
import re
import sys

LINK = re.compile(r"\]\(([^)\s]+)\)")
CODE = re.compile(r"`[^`]*`")
NOT_OURS = {".git", "build", "node_modules", "quickstart-run"}


def pages_of(root):
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in NOT_OURS)
        yield from (os.path.join(folder, name) for name in sorted(names) if name.endswith(".md"))


def lines_of(path):
    """The lines outside of code blocks, with their numbers."""
    is_code = False
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if line.lstrip().startswith("```"):
                is_code = not is_code
            elif not is_code:
                yield number, line


def anchors_of(path):
    headings = [line.lstrip("#").strip() for _, line in lines_of(path) if re.match(r"#{1,6} ", line)]
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def faults_of(root):
    for path in pages_of(root):
        for number, line in lines_of(path):
            for link in LINK.findall(CODE.sub("", line)):
                if re.match(r"[a-z]+:", link):
                    continue
                target, _, anchor = link.partition("#")
                place = os.path.normpath(os.path.join(os.path.dirname(path), target)) if target else path
                if not os.path.exists(place):
                    yield f"{os.path.relpath(path, root)}:{number}: {link}: there is no such file"
                elif anchor and place.endswith(".md") and anchor not in anchors_of(place):
                    yield f"{os.path.relpath(path, root)}:{number}: {link}: there is no such heading"


def main():
    faults = list(faults_of(sys.argv[1] if len(sys.argv) > 1 else "."))
    print("\n".join(faults), end="\n" if faults else "")
    print(f"{len(faults)} faults", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
