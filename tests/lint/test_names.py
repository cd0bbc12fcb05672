#!/usr/bin/env python3
"""Proves that names.py can fail."""
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import names  # noqa: E402


def write(root, path, text):
    full = os.path.join(root, path)
    os.makedirs(os.path.dirname(full), exist_ok=True)
    with open(full, "w", encoding="utf-8") as file:
        file.write(text)


class NamesTest(unittest.TestCase):
    def found(self, path, text):
        with tempfile.TemporaryDirectory() as root:
            write(root, path, text)
            return [(number, what) for path in names.sources(root) for number, what in names.offences_of(root, path)]

    def test_files_types_and_functions(self):
        self.assertEqual(self.found("batch/base/crew.c", "")[0][0], 1)
        self.assertEqual(self.found("batch/base/a.h", "\nstruct outlet {\n};\n")[0][0], 2)
        self.assertIn("thread_pool", self.found("batch/base/a.c", "int crew_wait(struct a *a) {\n}\n")[0][1])

    def test_other_words(self):
        self.assertEqual(self.found("batch/base/a.c", "/* a crew */\nint thread_pool_wait(void) {\n    crew(1);\n}\n"), [])


if __name__ == "__main__":
    unittest.main()
