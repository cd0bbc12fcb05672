#!/usr/bin/env python3
"""generated.py finds what it is for."""

import hashlib
import tempfile
import unittest
from pathlib import Path

from generated import CLIENTS, PROTOCOL, faults_of


class GeneratedTest(unittest.TestCase):
    def tree(self, checksum):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        root = Path(folder.name)
        texts = {PROTOCOL: "syntax;\n", **{file: f'const SourceSHA256 = "{checksum}"\n' for file in CLIENTS}}
        for file, text in texts.items():
            (root / file).parent.mkdir(parents=True, exist_ok=True)
            (root / file).write_text(text)
        return root

    def test_of_this_protocol(self):
        self.assertEqual(faults_of(self.tree(hashlib.sha256(b"syntax;\n").hexdigest())), [])

    def test_of_another(self):
        faults = faults_of(self.tree(hashlib.sha256(b"syntax;").hexdigest()))
        self.assertEqual(len(faults), len(CLIENTS))
        self.assertIn("clients/go/internal/wire/source.go was made from another", faults[1])

    def test_without_a_checksum(self):
        faults = faults_of(self.tree("none"))
        self.assertIn("_proto/__init__.py has no checksum", faults[0])


if __name__ == "__main__":
    unittest.main()
