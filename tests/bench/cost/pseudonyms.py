#!/usr/bin/env python3
"""How many instructions two protected fields add to a decision: cost.c under callgrind with a policy as it is, and with
`protect: hmac` on card and customer and the lists of these.

usage: pseudonyms.py COST POLICY

callgrind's processor has no SHA extensions, so OpenSSL's compression of SHA-256 in software is counted apart, and the
total is also given with what one compression takes with the extensions. Ends with 1 if that is more than 5 %."""

import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile

import gate

MOST = 0.05
COMPRESSIONS = 4  # an inner and an outer one for each value
WITH_EXTENSIONS = 200  # instructions of a compression, counted by single steps on such a processor
COMPRESS = "SHA256_Transform"


def protect(policy, folder):
    shutil.copytree(policy, folder)
    edits = {
        "schema.yaml": [(r"(?m)^  card: \{", "  card: {protect: hmac, "), (r"(?m)^fields:\n", "fields:\n  customer: {protect: hmac}\n")],
        "lists.yaml": [
            (r"(?m)^  blocked_cards: \{", "  blocked_cards: {protect: card, "),
            (r"(?m)^  trusted_customers:\n", "  trusted_customers:\n    protect: customer\n"),
        ],
    }
    for name, changes in edits.items():
        path = os.path.join(folder, name)
        with open(path, encoding="utf-8") as file:
            text = file.read()
        for pattern, replacement in changes:
            text, count = re.subn(pattern, replacement, text)
            if count != 1:
                sys.exit(f"pseudonyms.py: {name} has changed: {pattern}")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)


def count(cost, policy):
    """(instructions of a decision, those of them in compressions)"""
    with tempfile.TemporaryDirectory(prefix="harrier-cost-") as folder:
        keys, out, data = (os.path.join(folder, name) for name in ("keys", "callgrind", "data"))
        os.mkdir(data)
        with open(keys, "w", encoding="ascii", opener=lambda path, how: os.open(path, how, 0o600)) as file:
            file.write(f"k1 {secrets.token_hex(32)}\n")
        run = subprocess.run(
            ["valgrind", "--tool=callgrind", "--quiet", "--collect-atstart=no", "--toggle-collect=counted_decision",
             f"--callgrind-out-file={out}", cost, policy, data],
            env={**gate.environment(), "HARRIER_PSEUDONYM_KEYS": keys}, capture_output=True, text=True, check=False)
        if run.returncode != 0:
            sys.exit(f"pseudonyms.py: {cost}: exit status {run.returncode}\n{run.stderr}")
        text = subprocess.run(["callgrind_annotate", "--inclusive=yes", "--threshold=100", out],
                              capture_output=True, text=True, check=True).stdout

    def of(name):
        found = re.search(rf"(?m)^\s*([\d,]+) \(.*:{name}\b", text)
        return int(found[1].replace(",", "")) / int(run.stdout) if found else 0

    return of("counted_decision"), of(COMPRESS)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    cost, policy = sys.argv[1:]
    with tempfile.TemporaryDirectory(prefix="harrier-cost-") as folder:
        protected = os.path.join(folder, "policy")
        protect(policy, protected)
        before, _ = count(cost, policy)
        after, software = count(cost, protected)
    with_extensions = after - software + COMPRESSIONS * WITH_EXTENSIONS
    for name, value in (("software", after), ("SHA extensions", with_extensions)):
        print(f"{name:15} {before:.0f} → {value:.0f} instructions, {(value / before - 1) * 100:+.1f} %")
    sys.exit(with_extensions / before - 1 > MOST)


if __name__ == "__main__":
    main()
