#!/usr/bin/env python3
"""Proves that links.py can fail."""
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import links  # noqa: E402


class LinksTest(unittest.TestCase):
    def faults_of(self, text):
        with tempfile.TemporaryDirectory() as root:
            os.mkdir(os.path.join(root, "docs"))
            with open(os.path.join(root, "docs", "OTHER.md"), "w", encoding="utf-8") as file:
                file.write("# What `it` is: all of it\n")
            with open(os.path.join(root, "README.md"), "w", encoding="utf-8") as file:
                file.write(text)
            return list(links.faults_of(root))

    def test_good_ones(self):
        text = "# Top\n[a](docs/OTHER.md) [b](docs/OTHER.md#what-it-is-all-of-it) [c](#top) [d](docs) [e](https://example.com/x)\n"
        self.assertEqual(self.faults_of(text), [])

    def test_broken_ones(self):
        text = "[a](docs/NONE.md)\n\n[b](docs/OTHER.md#what-it-was) [c](#top)\n"
        self.assertEqual([fault.split(":")[1] for fault in self.faults_of(text)], ["1", "3", "3"])

    def test_code_has_no_links(self):
        self.assertEqual(self.faults_of("`[a](none)`\n```\n[a](none)\n```\n"), [])


if __name__ == "__main__":
    unittest.main()
