#!/usr/bin/env python3
"""No two files define one global name: programs are linked from static libraries, where the linker takes the first that it
meets and says nothing of the other.

usage: symbols.py BUILD_ROOT

Looks at the libraries of core, server, batch and clients as they are built. A file that is built twice, for two libraries, is
one file. Exit status 77, skipped: there are no names in them (link-time optimisation), or no `nm`.
"""
import collections
import glob
import os
import shutil
import subprocess
import sys

PARTS = ("core", "server", "batch", "clients")
SKIPPED = 77


def faults_of(listing):
    """`nm --print-file-name` of libraries: "library:object:address type name"."""
    files = collections.defaultdict(set)
    for line in listing.splitlines():
        where, _, rest = line.rpartition(":")
        words = rest.split()
        library, _, member = (os.path.basename(path) for path in where.rpartition(":"))
        # V and W: weak ones, which may be there twice. A member named after its library is the others, merged.
        if len(words) == 3 and words[1] in "TDBRCG" and member != f"{library}.o":
            files[words[2]].add(member)
    return [f"{name} is defined in {' and '.join(sorted(of))}" for name, of in sorted(files.items()) if len(of) > 1], len(files)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    libraries = [path for part in PARTS for path in glob.glob(f"{sys.argv[1]}/{part}/**/*.a", recursive=True)]
    if not shutil.which("nm") or not libraries:
        print("no nm, or no libraries")
        sys.exit(SKIPPED)
    listing = subprocess.run(["nm", "--print-file-name", "--defined-only", "--extern-only", *libraries],
                             capture_output=True, text=True, check=True).stdout
    faults, count = faults_of(listing)
    if count == 0:
        print("the libraries have no names in them")
        sys.exit(SKIPPED)
    print(*faults, f"{count} names, {len(faults)} of them twice", sep="\n")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
