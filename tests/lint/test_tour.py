#!/usr/bin/env python3
"""tour.py finds what it is for."""

import os
import tempfile
import unittest

from tour import faults_of, faults_of_full_disk, rows_of, writers_of


class TourTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = folder.name
        self.write("core/a.c", "int first(void) {\n    return 1;\n}\n")

    def write(self, path, text):
        path = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def faults(self, text):
        return [what for _, what in faults_of(self.root, text)]

    def test_rows_and_items(self):
        self.assertEqual(rows_of("# a\n| # | b |\n| --- |\n| 1 |\n\n- x\n  y\n\ntext\n  z\n- w\n"), [(4, "| 1 |"), (6, "- x\n  y"), (11, "- w")])

    def test_names(self):
        self.assertEqual(self.faults("- `core/a.c`\n  `first()`\n"), [])
        self.assertEqual(self.faults("| `core/b.c` |\n"), ["core/b.c does not exist"])
        self.assertEqual(self.faults("- `core/a.c`\n- `first()`\n"), ["no file of this row defines first()"])

    def test_files_that_write(self):
        self.write("server/w.c", "int w(void) { return file_write_at(1, a, 2, 3); }\n")
        self.write("server/o.c", "int o = open(name, O_RDWR | O_CREAT);\n")
        self.write("server/r.c", '/* file_write_at() */ FILE *f = fopen(path, "re");\n')
        self.write("server/f.c", 'FILE *f = fopen(path, "we");\n')
        self.write("server/m.c", "int m = mkdirat(folder, name, 0700);\n")
        self.write("server/n.c", "int n = renameat2(folder, draft, folder, name, RENAME_NOREPLACE);\n")
        self.write("server/s.c", "int s = symlink(target, name);\n")
        self.write("server/u.c", "int u = unlink(name) + readlink(name, words, size) + job.link;\n")
        writers = list(writers_of(self.root))
        self.assertEqual(writers, [f"server/{name}.c" for name in "fmnosw"])
        faults = list(faults_of_full_disk(writers, "".join(f"| `server/{name}.c` |" for name in "mnosw")))
        self.assertEqual(len(faults), 1)
        self.assertIn("server/f.c writes to a disk", faults[0])


if __name__ == "__main__":
    unittest.main()
