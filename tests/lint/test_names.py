#!/usr/bin/env python3
"""Proves that names.py and tour.py can fail."""
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import names  # noqa: E402
import tour  # noqa: E402


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


class TourTest(unittest.TestCase):
    def test_what_is_not_there_is_found(self):
        with tempfile.TemporaryDirectory() as root:
            write(root, "a/b.c", "int there(int x) {\n    return x;\n}\n")
            text = "| # | what | where |\n| 1 | x | `a/b.c` `there()` |\n| 2 | x | `a/b.c` `gone()` |\n| 3 | x | `a/c.c` |\n"
            self.assertEqual([number for number, _ in tour.faults_of(root, text)], [3, 4])

    def test_what_the_compiler_does_not_notice_is_found(self):
        with tempfile.TemporaryDirectory() as root:
            write(root, "a/led.c", "int led(int x) {\n    switch (x) {\n    case 1:\n        return 2;\n    }\n}\n")
            write(root, "a/not.c", "int not_led(int x) {\n    switch (x) {\n    default:\n        return 2;\n    }\n}\n")
            write(root, "a/list.c", '_Static_assert(COUNT == 12, "all");\nint list(void) {\n    return 1;\n}\n')
            rows = ("`a/led.c` `led()`", "`a/not.c` `not_led()`", "`a/list.c` `list()`", "`a/list.c`", "`a/not.c`")
            text = "".join(f"| *compiler* | {row} | x |\n" for row in rows)
            self.assertEqual([number for number, _ in tour.faults_of(root, text)], [2, 5])


if __name__ == "__main__":
    unittest.main()
