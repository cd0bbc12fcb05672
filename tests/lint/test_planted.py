#!/usr/bin/env python3
"""Proves that planted.py can fail."""
import os
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import planted  # noqa: E402

GOOD = """Takes away: what the file says
Found by: room/test

--- a/file
+++ b/file
@@ -1 +1 @@
-one
+two
"""


class PlantedTest(unittest.TestCase):
    def offences(self, patch, text="one\n"):
        with tempfile.TemporaryDirectory() as root:
            folder = pathlib.Path(root, "tests", "planted", "room")
            folder.mkdir(parents=True)
            pathlib.Path(root, "file").write_text(text, encoding="utf-8")
            if patch:
                (folder / "what.patch").write_text(patch, encoding="utf-8")
            return list(planted.offences(root, {"room/test"}))

    def test_good(self):
        self.assertEqual(self.offences(GOOD), [])

    def test_code_has_moved_on(self):
        self.assertIn("does not apply", self.offences(GOOD, "three\n")[0])

    def test_no_such_test(self):
        self.assertIn("no test room/other", self.offences(GOOD.replace("room/test", "room/test, room/other"))[0])

    def test_says_nothing(self):
        self.assertIn("line 1", self.offences(GOOD.replace("Takes away", "What"))[0])
        self.assertIn("line 2", self.offences(GOOD.replace("Found by: room/test", "Found by: "))[0])

    def test_no_patches(self):
        self.assertIn("no patch", self.offences(None)[0])


if __name__ == "__main__":
    unittest.main()
