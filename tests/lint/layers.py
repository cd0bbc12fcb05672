#!/usr/bin/env python3
"""The layers and folders of docs/ARCHITECTURE.md, enforced. Every #include is checked, and each offence is
printed as file:line with the rule it breaks:

- a layer includes only itself and the layers below it; a folder of a layer only folders listed before it;
- no two modules (a source file with its header) include each other, directly or through others;
- no two modules of a folder call each other, directly or through others: calls go down only. Includes do not
  show this where several modules share a header. Names of functions are unique (symbols.py), so a name is enough;
- a header of an outside library is included only in the files listed as its door;
- no folder holds more than FILES_MAX C files, and each folder's meson.build begins with a comment that
  says what is in it.

usage: layers.py [ROOT]        exit status 1 when there is an offence
"""
import collections
import os
import re
import sys

# A layer may include itself and what stands before it.
CORE = ["core/base", "core/wire", "core/feature", "core/model", "core/policy", "core/engine", "core/store", "core/kafka"]
MAY_USE = {layer: CORE[: i + 1] for i, layer in enumerate(CORE)}
MAY_USE["core/model"] = ["core/base", "core/model"]
MAY_USE["core/kafka"] = ["core/base", "core/kafka"]
MAY_USE["batch"] = CORE + ["batch"]
MAY_USE["server"] = CORE + ["server"]
MAY_USE["clients/c"] = ["core/base", "core/wire", "clients/c"]
MAY_USE["clients/spark"] = CORE + ["batch", "clients/cli", "clients/spark"]
MAY_USE["clients/cli"] = CORE + ["batch", "clients/c", "clients/cli"]
MAY_USE["console"] = CORE + ["batch", "clients/c", "clients/cli", "server/ops", "server/sandbox", "server/net", "server/front", "console"]

# The folders of a layer, lowest first: each may include the folders before it. A layer that is not listed
# here has no such folders. The main.c of a program stands above all folders of its layer.
FOLDERS = {
    "core/wire": ["types", "bytes", "message", "record"],
    "core/policy": ["source", "lang", "lists", "prefilter", "eval", "models", "check", "rules", "load", "analysis"],
    "core/store": ["archive", "upkeep", "rewrite", "pseudonyms", "sources", "generation", "overlay", "ingest", "explain", "find", "tokens", "nights", "backups"],
    "batch": ["base", "policies", "thresholds", "chunk", "replay", "rebuild", "tasks", "distributed", "report", "tune", "train", "prune", "verify", "import", "export", "night", "backup", "erase"],
    "clients/c": ["base", "convert", "exchange", "transport", "delivery"],
    "server": ["ops", "sandbox", "net", "events", "front", "base", "adopt", "cluster", "service", "lifecycle"],
    "console": ["page", "database", "archive", "performance", "operations", "related", "web", "server", "policy", "jobs", "api", "start"],
    "clients/cli": ["terminal", "rows", "io", "parquet", "output", "score", "explain", "replay", "export", "find", "simulate", "policy", "tune", "train", "kafka", "stream", "night", "doctor", "commands", "upkeep"],
}

# Layers whose top-level files are above its folders, and the headers in them that every folder may include.
TOP_FOLDERS = {"clients/c": ["clients/c/harrier.h", "clients/c/harrier_analyst.h"]}

# Layers whose folders and modules may still include each other in circles, each with the reason.
CIRCLES_ALLOWED = {
}

# Folders whose modules may still call each other in circles, each with the reason.
CALL_CIRCLES_ALLOWED = {
}

FILES_MAX = 35  # C files in one folder

# One dependency, one door: pattern of the header → the files that may include it.
DOORS = [
    (r"lmdb\.h", r"core/store/generation/"),
    (r".*\.pb-c\.h|protobuf-c/.*", r"core/wire/|core/model/onnx/onnx\.h"),
    (r"nng/.*", r"server/front/front_nng|clients/c/transport/nng\.c"),
    (r"netdb\.h", r"clients/c/transport/lookup\.c|server/|console/web/"),
    (r"event2/.*", r"server/|console/web/|clients/cli/stream/metrics_page\.c"),
    (r"yaml\.h", r"core/policy/source/|clients/cli/io/mapping"),
    (r"pcre2\.h", r"core/policy/eval/pattern\.c"),
    (r"jansson\.h", r"core/model/|core/store/|core/wire/message/message_json_|batch/backup/|clients/cli/|console/(api|jobs|operations)/"),
    (r"sqlite3\.h", r"console/database/sql\.c"),
    (r"sodium\.h", r"console/database/password\.c"),
    (r"git2\.h", r"console/policy/git_commit\.c"),
    (r"xgboost/.*", r"batch/train/xgboost_library\.h"),
    (r"openssl/.*", r"core/base/(hash|hmac)\.c|server/net/tls(_client)?\.c|clients/c/transport/tls\.c"),
    (r"librdkafka/.*", r"core/kafka/|clients/cli/kafka/"),
    (r"xxhash\.h|isa-l/.*|isa-l\.h", r"core/base/hash(_wide)?\.c"),
    (r"zstd\.h", r"core/store/archive/seal\.c|clients/cli/"),
]

# core/ is computation on memory and files: no sockets, threads, clock or command line. core/kafka waits for brokers,
# and so knows a clock. lock_order checks the locks of the layers above.
LOCK_ORDER = "core/base/lock_order.h"
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


def folder_of(path):
    """The layer and the place of the folder in its list; (layer, None) when the file is in none."""
    layer = area_of(path)
    rest = path[len(layer) + 1 :].split("/") if layer else []
    folders = FOLDERS.get(layer, [])
    return layer, folders.index(rest[0]) if len(rest) > 1 and rest[0] in folders else None


def module_of(path):
    """A source file and its header are one module."""
    return path.rsplit(".", 1)[0]


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
    if area.startswith("core/") and re.fullmatch(NOT_IN_CORE, name) and path != LOCK_ORDER:
        yield f"<{name}>: core/ has no sockets, threads, signals or command line"
    target = target_of(root, path, name)
    if target and not any(target.startswith(used + "/") for used in MAY_USE[area] + ["proto"]):
        yield f'"{name}" is in {area_of(target) or os.path.dirname(target)}, which {area} may not use'
    elif target and area in FOLDERS and area_of(target) == area:
        (_, folder), (_, used) = folder_of(path), folder_of(target)
        if used is None and area in TOP_FOLDERS:
            if folder is not None and target not in TOP_FOLDERS[area]:
                yield f'"{name}" is above the folders of {area}'
        elif used is None:
            yield f'"{name}" is in no listed folder of {area}'
        elif folder is not None and used > folder:
            yield f'"{name}" is in {area}/{FOLDERS[area][used]}, which {area}/{FOLDERS[area][folder]} may not use'


def offences_of_file(root, path):
    with open(os.path.join(root, path), encoding="utf-8") as source:
        for number, line in enumerate(source, 1):
            match = INCLUDE.match(line)
            if match:
                for what in offences_of_include(root, path, match.group(2)):
                    yield number, what
            elif path.startswith("core/") and not path.startswith("core/kafka/") and CLOCKS.search(line.split("//")[0]):
                yield number, "core/ has no clock: time is an argument"


def circles_of(edges):
    """Strongly connected modules (Tarjan), each circle as a sorted list."""
    index, low, on_stack, stack, circles = {}, {}, set(), [], []

    def visit(module):
        index[module] = low[module] = len(index)
        stack.append(module)
        on_stack.add(module)
        for used in sorted(edges[module]):
            if used not in index:
                visit(used)
                low[module] = min(low[module], low[used])
            elif used in on_stack:
                low[module] = min(low[module], index[used])
        if low[module] == index[module]:
            at = stack.index(module)
            circle = stack[at:]
            del stack[at:]
            on_stack.difference_update(circle)
            if len(circle) > 1:
                circles.append(sorted(circle))

    for module in sorted(edges):
        if module not in index:
            visit(module)
    return circles


def offences_of_circles(root, paths):
    """Each include that is part of a circle of modules, with its file and line."""
    edges, lines = collections.defaultdict(set), {}
    for path in paths:
        if area_of(path) in CIRCLES_ALLOWED:
            continue
        edges[module_of(path)]  # noqa: B018  # a module without an include is one, too
        with open(os.path.join(root, path), encoding="utf-8") as source:
            for number, line in enumerate(source, 1):
                match = INCLUDE.match(line)
                target = target_of(root, path, match.group(2)) if match and match.group(1) == '"' else None
                if target and area_of(target) and module_of(target) != module_of(path):
                    edges[module_of(path)].add(module_of(target))
                    lines.setdefault((module_of(path), module_of(target)), (path, number))
    for module in list(edges):
        edges[module] = {used for used in edges[module] if used in edges}
    for circle in circles_of(edges):
        names = ", ".join(os.path.basename(module) for module in circle)
        for a in circle:
            for b in sorted(edges[a] & set(circle)):
                yield *lines[a, b], f"{b} is in a circle with this file: {names}"


COMMENT_OR_STRING = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', re.DOTALL)
# A definition that other files see: it begins in the first column, and a brace ends its parameters.
FUNCTION = re.compile(r"^(?!static|typedef|struct \w+ \{|enum )[a-z][\w \*]*?\b(\w+)\([^;{}]*\)\s*\{", re.MULTILINE)
# What a body names: not a member and not a tag. Also a function that is only put into a table.
NAMED = re.compile(r"(?<![.\w])(?<!->)(?<!struct )(?<!enum )([a-z_]\w+)")


def blank(match):
    """The same number of lines with nothing on them."""
    return "\n" * match.group().count("\n")


def offences_of_calls(root, paths):
    """Each call that is part of a circle of modules of one folder, with its file and line: the first of its kind."""
    texts, home = {}, {}
    for path in paths:
        with open(os.path.join(root, path), encoding="utf-8") as source:
            texts[path] = COMMENT_OR_STRING.sub(blank, source.read())
        if path.endswith(".c"):
            for name in FUNCTION.findall(texts[path]):
                home.setdefault(name, module_of(path))
    edges, lines = collections.defaultdict(set), {}
    for path, text in texts.items():
        module = module_of(path)
        folder = os.path.dirname(path)
        if any(folder == allowed or folder.startswith(allowed + "/") for allowed in CALL_CIRCLES_ALLOWED):
            continue
        edges[module]  # noqa: B018  # a module that calls nothing is one, too
        for number, line in enumerate(text.splitlines(), 1):
            for name in NAMED.findall(line) if line[:1].isspace() else []:
                called = home.get(name, module)
                if called != module and os.path.dirname(called) == folder:
                    edges[module].add(called)
                    lines.setdefault((module, called), (path, number, name))
    for circle in circles_of(edges):
        names = ", ".join(os.path.basename(module) for module in circle)
        for a in circle:
            for b in sorted(edges[a] & set(circle)):
                path, number, name = lines[a, b]
                yield path, number, f"{name}() is in {os.path.basename(b)}, in a circle of calls with this file: {names}"


def offences_of_folders(root, paths):
    folders = collections.Counter(os.path.dirname(path) for path in paths)
    for folder, count in sorted(folders.items()):
        if count > FILES_MAX:
            yield folder, 1, f"{count} C files; a folder holds {FILES_MAX} at most"
        build = os.path.join(folder, "meson.build")
        if not os.path.exists(os.path.join(root, build)):
            yield build, 1, "missing: every folder of C code has one, which begins with what is in the folder"
            continue
        with open(os.path.join(root, build), encoding="utf-8") as file:
            if not file.readline().startswith("# "):
                yield build, 1, "does not begin with a comment that says what is in the folder and what it may use"


def sources(root):
    for area in MAY_USE:
        for folder, folders, files in os.walk(os.path.join(root, area)):
            folders.sort()
            for name in sorted(files):
                if name.endswith((".c", ".h")):
                    yield os.path.relpath(os.path.join(folder, name), root)


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else "."
    count = 0
    paths = list(sources(root))
    files = len(paths)
    circles = [*offences_of_circles(root, paths), *offences_of_calls(root, paths)]
    for path, number, what in [*circles, *offences_of_folders(root, paths)]:
        print(f"{path}:{number}: {what}")
        count += 1
    for path in paths:
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
