#!/usr/bin/env python3
"""The layers of docs/ARCHITECTURE.md, enforced: every #include is looked at, and each offence is
printed as file:line with the rule it breaks.

usage: layers.py [ROOT]        exit status 1 when there is an offence
"""
import os
import re
import sys

# A layer may include itself and what stands before it.
CORE = ["core/base", "core/wire", "core/feature", "core/policy", "core/engine", "core/store"]
MAY_USE = {layer: CORE[: i + 1] for i, layer in enumerate(CORE)}
MAY_USE["batch"] = CORE + ["batch"]
MAY_USE["server"] = CORE + ["server"]
MAY_USE["clients/c"] = ["core/base", "core/wire", "clients/c"]
MAY_USE["clients/cli"] = CORE + ["batch", "clients/c", "clients/cli"]

# One dependency, one door: pattern of the header → the files that may include it.
DOORS = [
    (r"lmdb\.h", r"core/store/generation/"),
    (r".*\.pb-c\.h|protobuf-c/.*", r"core/wire/"),
    (r"nng/.*", r"server/front/front_nng|clients/c/nng\.c"),
    (r"netdb\.h", r"clients/c/lookup\.c|server/"),
    (r"event2/.*", r"server/"),
    (r"yaml\.h", r"core/policy/source/|clients/cli/io/mapping"),
    (r"pcre2\.h", r"core/policy/eval/pattern\.c"),
    (r"jansson\.h", r"core/store/|core/wire/message/message_json_|clients/cli/"),
    (r"openssl/.*", r"core/base/hash\.c|server/front/tls\.c"),
    (r"xxhash\.h|isa-l/.*|isa-l\.h", r"core/base/hash(_wide)?\.c"),
    (r"zstd\.h", r"core/store/archive/seal\.c|clients/cli/"),
]

# core/ is computation on memory and files: no sockets, threads, clock or command line.
NOT_IN_CORE = r"pthread\.h|threads\.h|sys/socket\.h|netinet/.*|poll\.h|sys/epoll\.h|argp\.h|getopt\.h|signal\.h"
CLOCKS = re.compile(r"\b(time|clock_gettime|gettimeofday|clock)\s*\(\s*(NULL|CLOCK_|&|\))")

# Words that say nothing about what is in a file.
EMPTY_WORDS = {"manager", "context", "data", "info", "util", "utils", "helper", "helpers", "common", "misc"}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def area_of(path):
    """The layer a file of the project belongs to, or None (tests, generated code)."""
    for area in MAY_USE:
        if path.startswith(area + "/"):
            return area
    return None


def target_of(root, path, name):
    """The project file that #include "name" in path means, relative to root; None when it is none of ours."""
    beside = os.path.normpath(os.path.join(os.path.dirname(path), name))
    for candidate in (beside, os.path.normpath(name)):
        if os.path.exists(os.path.join(root, candidate)):
            return candidate
    return None


def offences_of_include(root, path, name):
    area = area_of(path)
    for header, allowed in DOORS:
        if re.fullmatch(header, name) and not re.match(allowed, path):
            yield f"<{name}> has one door, {allowed.replace('|', ' or ')}, and this is not it"
    if area.startswith("core/") and re.fullmatch(NOT_IN_CORE, name):
        yield f"<{name}>: core/ has no sockets, threads, signals or command line"
    target = target_of(root, path, name)
    if target and area_of(target) not in MAY_USE[area] and not target.startswith("proto/"):
        yield f'"{name}" is in {area_of(target) or os.path.dirname(target)}, which {area} may not use'


def offences_of_file(root, path):
    with open(os.path.join(root, path), encoding="utf-8") as source:
        for number, line in enumerate(source, 1):
            match = INCLUDE.match(line)
            if match:
                for what in offences_of_include(root, path, match.group(2)):
                    yield number, what
            elif path.startswith("core/") and CLOCKS.search(line.split("//")[0]):
                yield number, "core/ has no clock: time is an argument"


def sources(root):
    for area in MAY_USE:
        for folder, folders, files in os.walk(os.path.join(root, area)):
            folders.sort()
            for name in sorted(files):
                if name.endswith((".c", ".h")):
                    yield os.path.relpath(os.path.join(folder, name), root)


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else "."
    count = files = 0
    for path in sources(root):
        files += 1
        words = set(re.split(r"[_.]", os.path.basename(path)))
        found = list(offences_of_file(root, path))
        if words & EMPTY_WORDS:
            found.append((1, f"the file's name says nothing: {', '.join(sorted(words & EMPTY_WORDS))}"))
        for number, what in found:
            print(f"{path}:{number}: {what}")
            count += 1
    if files == 0:
        print(f"{root}: no sources found", file=sys.stderr)
        return 2
    print(f"{files} files, {count} offences", file=sys.stderr)
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
