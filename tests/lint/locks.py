#!/usr/bin/env python3
"""Every lock has a rank, and docs/LOCKS.md lists them all in the order of core/base/lock_order.h. Each offence is printed
as file:line with what was expected:

- a mutex or rwlock gets its rank where it is initialised: by lock_init(), or lock_set_rank() in the next lines;
- a rank belongs to one lock: it is given in one place;
- docs/LOCKS.md has a row for each rank, in their order, with the name that messages use, and names the file and the
  member that hold the lock; every lock that is declared is in it;
- no call of pthread's that lock_order.h does not look at.

usage: locks.py [ROOT]        exit status 1 when there is an offence
"""
import os
import re
import sys

AREAS = ("core", "server", "batch", "clients", "console")
ORDER, NAMES, PAGE = "core/base/lock_order.h", "core/base/lock_order.c", "docs/LOCKS.md"
NEAR = 4  # lines between an initialisation and its rank

LOCK = r"[\w.>\[\]-]+?"  # batch->lock, locks[i], …
INIT = re.compile(rf"\bpthread_(?:mutex|rwlock)_init\(\s*(&?{LOCK}),")
STATIC = re.compile(r"\bpthread_(?:mutex|rwlock)_t (\w+) = PTHREAD_\w+_INITIALIZER")
# Not a parameter, nor a pointer to a lock that is declared elsewhere.
DECLARED = re.compile(r"^\s*(?:\w+ )*pthread_(?:mutex|rwlock)_t ([\w, \[\]]+)[;=]")
GIVEN = re.compile(rf"\block_(?:init|set_rank)\(&?({LOCK}), LOCK_(\w+)\)")
NOT_LOOKED_AT = re.compile(
    r"\b(pthread_spin_\w+|pthread_mutex_(?:timed|clock)lock|pthread_rwlock_(?:try|timed|clock)\w+"
    r"|pthread_cond_clockwait|mtx_\w+|cnd_\w+|sem_\w+|nng_mtx_\w+)\s*\(")
ROW = re.compile(r"^\| (\d+) \| `([\w.]+)` \| `([\w.]+)`[^|]*\| `([\w/.]+)` \|")


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8") as file:
        return file.read()


def sources(root):
    for area in AREAS:
        for folder, folders, files in os.walk(os.path.join(root, area)):
            folders[:] = sorted(name for name in folders if name != "node_modules")
            for name in sorted(files):
                path = os.path.relpath(os.path.join(folder, name), root)
                if name.endswith((".c", ".h")) and path not in (ORDER, NAMES):
                    yield path


def offences_of_source(path, text):
    """Locks without a rank, and calls that are not looked at."""
    lines = text.splitlines()
    for number, line in enumerate(lines, 1):
        for lock in INIT.findall(line):
            if f"lock_set_rank({lock}, " not in "\n".join(lines[number : number + NEAR]):
                yield path, number, f"{lock.lstrip('&')} gets no rank: lock_init(), or lock_set_rank() behind this line"
        for lock in STATIC.findall(line):
            if f"lock_set_rank(&{lock}, " not in text:
                yield path, number, f"{lock} gets no rank: lock_set_rank() before it is used"
        for call in NOT_LOOKED_AT.findall(line):
            yield path, number, f"{call}() is not looked at by {ORDER}"


def ranks_of(text):
    body = re.search(r"^enum lock_rank \{\n(.*?)^\};", text, re.MULTILINE | re.DOTALL)
    names = re.findall(r"^    LOCK_(\w+),?$", body[1], re.MULTILINE) if body else []
    return [name for name in names if name not in ("UNRANKED", "RANK_COUNT")]


def offences_of_ranks(ranks, given):
    """given: rank → places that give it."""
    for rank in ranks:
        places = given.get(rank, [])
        if not places:
            yield ORDER, 1, f"LOCK_{rank} is given to no lock"
        for path, number in places[1:]:
            yield path, number, f"LOCK_{rank} is given to another lock, too, in {places[0][0]}:{places[0][1]}"


def offences_of_page(ranks, names, rows, declared):
    """names: rank → its name; rows: (line, number, name, member, file); declared: (file, member) → line."""
    for at, rank in enumerate(ranks):
        if rank not in names:
            yield NAMES, 1, f"LOCK_{rank} has no name"
        elif at >= len(rows):
            yield PAGE, rows[-1][0] if rows else 1, f"no row of rank {at + 1}, `{names[rank]}`"
        elif rows[at][1:3] != (at + 1, names[rank]):
            yield PAGE, rows[at][0], f"the row of rank {at + 1} is of `{names[rank]}`, as in {ORDER}"
    for line, number, name, *_ in rows[len(ranks) :]:
        yield PAGE, line, f"no such rank: {number}, `{name}`"
    listed = {(file, member) for _, _, _, member, file in rows}
    for line, _, name, member, file in rows:
        if (file, member) not in declared:
            yield PAGE, line, f"`{name}`: {file} declares no lock {member}"
    for (file, member), line in sorted(declared.items()):
        if (file, member) not in listed:
            yield file, line, f"{member} is not in {PAGE}"


def offences_of(root):
    given, declared = {}, {}
    for path in sources(root):
        text = read(root, path)
        yield from offences_of_source(path, text)
        for number, line in enumerate(text.splitlines(), 1):
            for _, rank in GIVEN.findall(line):
                given.setdefault(rank, []).append((path, number))
            match = DECLARED.match(line)
            for member in re.findall(r"\w+", re.sub(r"\[\w*\]", "", match[1])) if match else []:
                declared[path, member] = number
    ranks = ranks_of(read(root, ORDER))
    if not ranks:
        yield ORDER, 1, "no enum lock_rank found"
    names = dict(re.findall(r'\[LOCK_(\w+)\] = "([\w.]+)"', read(root, NAMES)))
    rows = []
    for number, line in enumerate(read(root, PAGE).splitlines(), 1):
        match = ROW.match(line)
        if match:
            rows.append((number, int(match[1]), match[2], match[3].rsplit(".", 1)[-1], match[4]))
    yield from offences_of_ranks(ranks, given)
    yield from offences_of_page(ranks, names, rows, declared)


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else "."
    count = 0
    for path, number, what in offences_of(root):
        print(f"{path}:{number}: {what}")
        count += 1
    print(f"{len(ranks_of(read(root, ORDER)))} ranks, {count} offences", file=sys.stderr)
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
