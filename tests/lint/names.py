#!/usr/bin/env python3
"""Names that the field knows: no file, type or function goes back to a word that only this project used. Each offence is
printed as file:line with the word to use instead.

usage: names.py [ROOT]        exit status 1 when there is an offence
"""
import os
import re
import sys

# A word of our own, as a part of a name between underscores: what to say instead.
WORDS = {
    "gather": "window_scan", "gathering": "window_scan", "giving": "feature_value", "standing": "window_cache",
    "throng": "distinct_cache", "tallies": "value_counts", "sightings": "last_seen", "survey": "state_index",
    "collapsed": "tile_edit", "screen": "prefilter", "glance": "prefilter, precheck", "quiet": "row_skip",
    "outline": "entity_entries", "ahead": "prefetch, prefault", "residents": "state_table", "resident": "held_state",
    "leaves": "hash_leaves", "stretch": "bulk_apply, span", "portions": "chunks", "portion": "chunk", "intake": "ingest", "crew": "thread_pool",
    "outlet": "ordered_queue", "numbered": "radix_sort", "turn": "barrier", "tell": "print, report, emit",
    "telling": "output", "waste": "deferred_free", "placement": "cpu_affinity", "course": "exchange, call", "pump": "poller",
    "fault": "diagnostic", "faults": "diagnostics", "arrival": "candidate", "decree": "use_policy",
    "maker": "producer, builder",
}
FOLDERS = ("core", "server", "batch", "clients/c", "clients/cli")

DEFINED = re.compile(r"^(?:struct|enum|union) (\w+) \{|^(?!return|else|typedef)[a-z][\w \*]*?\b(\w+)\([^;]*$")


def offence(name):
    for word in re.split(r"_+", name.lower().replace("hash_leaves", "")):
        if word in WORDS:
            return f'"{name}": the field says {WORDS[word]} for "{word}"'
    return None


def offences_of(root, path):
    stem = os.path.splitext(os.path.basename(path))[0]
    if offence(stem):
        yield 1, offence(stem)
    with open(os.path.join(root, path), encoding="utf-8") as source:
        for number, line in enumerate(source, 1):
            match = DEFINED.match(line)
            if match and offence(match[1] or match[2]):
                yield number, offence(match[1] or match[2])


def sources(root):
    for area in FOLDERS:
        for folder, folders, files in os.walk(os.path.join(root, area)):
            folders.sort()
            for name in sorted(files):
                path = os.path.relpath(os.path.join(folder, name), root)
                if name.endswith((".c", ".h")):
                    yield path


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else "."
    files = count = 0
    for path in sources(root):
        files += 1
        for number, what in offences_of(root, path):
            print(f"{path}:{number}: {what}")
            count += 1
    print(f"{files} files, {count} offences", file=sys.stderr)
    return 2 if files == 0 else int(count > 0)


if __name__ == "__main__":
    sys.exit(main())
