#!/usr/bin/env python3
"""The clients' generated code is of the protocol's file as it is: each keeps the checksum of what it was made from.

usage: generated.py ROOT

Needs no compiler of theirs, so that every build finds it. tests/system/clients/run makes the code anew and compares.
"""

import hashlib
import re
import sys
from pathlib import Path

PROTOCOL = "proto/harrier.proto"
# What has the checksum: what writes it.
CLIENTS = {
    "clients/python/src/harrier_client/_proto/__init__.py": "clients/python/generate",
    "clients/go/internal/wire/source.go": "clients/go/generate",
    "clients/typescript/proto/harrier.cjs": "npm run generate in clients/typescript",
}
CHECKSUM = re.compile(r'^(?:const SourceSHA256|(?:// )?SOURCE_SHA256) = "([0-9a-f]{64})"$', re.MULTILINE)


def faults_of(root):
    now = hashlib.sha256((root / PROTOCOL).read_bytes()).hexdigest()
    faults = []
    for file, maker in CLIENTS.items():
        found = CHECKSUM.search((root / file).read_text())
        if not found:
            faults.append(f"{file} has no checksum of {PROTOCOL}; run {maker}")
        elif found[1] != now:
            faults.append(f"{file} was made from another {PROTOCOL}; run {maker}")
    return faults


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    faults = faults_of(Path(sys.argv[1]))
    for fault in faults:
        print(fault, file=sys.stderr)
    sys.exit(1 if faults else 0)
