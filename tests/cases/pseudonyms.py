#!/usr/bin/env python3
"""Writes tests/cases/pseudonyms.json: pseudonyms by the definition of docs/operations/pseudonyms.md, computed with
Python's hmac and base64 alone. Harrier and each client's own function must give the same.

usage: pseudonyms.py [--check]"""
import base64
import hashlib
import hmac
import json
import os
import sys

PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "pseudonyms.json")

KEYS = {
    "k1": bytes(range(32)),
    "2027a": hashlib.sha256(b"a second key").digest(),
    "z": bytes(range(64)),  # as long as a block of SHA-256
    "longkey0": bytes(i % 251 for i in range(200)),  # longer: hashed first
}
VALUES = [
    ("card", "4111111111111111"),
    ("card", "4111 1111 1111 1111"),
    ("email", "anna@example.com"),
    ("email", "Anna@example.com"),
    ("customer", "c-1"),
    ("ip", "2001:db8::1"),
    ("beneficiary_account", "DE02120300000000202051"),
    ("name", "Žofie Žižková 東京 🙂"),
    # One byte less than, as much as, and more than what fits one block behind the key's.
    ("card", "x" * 49),
    ("card", "x" * 50),
    ("card", "x" * 51),
    ("card", "x" * 114),
    ("a", ""),
    ("note", "y" * 1024),
]
NOT_PSEUDONYMS = [
    "",
    "p1",
    "p1..aaaaaaaaaaaaaaaaaaaaaaaaaa",
    "p1.k1.aaaaaaaaaaaaaaaaaaaaaaaaa",  # 25 digits
    "p1.k1.aaaaaaaaaaaaaaaaaaaaaaaaaaa",  # 27
    "p1.k1.aaaaaaaaaaaaaaaaaaaaaaaaab",  # the last digit has two bits too many
    "p1.k1.AAAAAAAAAAAAAAAAAAAAAAAAAA",
    "p1.K1.aaaaaaaaaaaaaaaaaaaaaaaaaa",
    "p1.ninechars.aaaaaaaaaaaaaaaaaaaaaaaaaa",
    "p1.k-1.aaaaaaaaaaaaaaaaaaaaaaaaaa",
    "p1.k1aaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "p2.k1.aaaaaaaaaaaaaaaaaaaaaaaaaa",
    "p1.k1.aaaaaaaaaaaa1aaaaaaaaaaaaa",
    " p1.k1.aaaaaaaaaaaaaaaaaaaaaaaaaa",
    "4111111111111111",
]


def pseudonym(key_id, key, domain, value):
    mac = hmac.new(key, domain.encode() + b"\0" + value.encode(), hashlib.sha256).digest()
    return f"p1.{key_id}." + base64.b32encode(mac[:16]).decode().rstrip("=").lower()


def document():
    return {
        "pseudonyms": [
            {"key_id": key_id, "key": key.hex(), "domain": domain, "value": value,
             "pseudonym": pseudonym(key_id, key, domain, value)}
            for key_id, key in KEYS.items()
            for domain, value in VALUES
        ],
        "not_pseudonyms": NOT_PSEUDONYMS,
    }


def main():
    text = json.dumps(document(), indent=1, ensure_ascii=False) + "\n"
    if sys.argv[1:] == ["--check"]:
        with open(PATH, encoding="utf-8") as file:
            if file.read() != text:
                sys.exit(f"{PATH} is not what pseudonyms.py writes; run it")
        return
    with open(PATH, "w", encoding="utf-8") as file:
        file.write(text)


if __name__ == "__main__":
    main()
