#!/usr/bin/env python3
"""operations.py finds what it looks for."""
import unittest

from operations import check_options, check_statuses, options_of, statuses_of

TABLE = "## Exit status\n\n| | meaning |\n| --- | --- |\n| 0 | well |\n| 64, 71 | not |\n\n## Next\n\n| 99 | elsewhere |\n"
HEADER = "enum some_exit {\n    WELL = 0, /* 12 */\n    NOT = 64,\n};\n"


class OperationsTest(unittest.TestCase):
    def test_options(self):
        options = options_of("# What it does. a = b\n#data_dir = /x\nlisten = tcp://…\n")
        self.assertEqual(options, {"data_dir", "listen"})
        self.assertEqual(check_options({"a.md": "`data_dir` and `listen = ipc://x`"}, options), [])
        self.assertEqual(check_options({"a.md": "`data_dir`, and listen"}, options),
                         ["no page for operators names `listen`"])
        self.assertEqual(check_options({"a.md": "`data_dir`\n`listen`, `lissten = 1`"}, options),
                         ["a.md:2: harrierd has no option lissten"])

    def test_statuses(self):
        self.assertEqual(statuses_of(HEADER, "some_exit"), {0, 64, 71})
        self.assertEqual(check_statuses("a.md", TABLE, {0, 64, 71}), [])
        self.assertEqual(check_statuses("a.md", TABLE, {0, 64, 70, 71}),
                         ["a.md: 70 is missing in the table of exit statuses"])
        self.assertEqual(check_statuses("a.md", TABLE, {0, 71}), ["a.md: no program ends with 64"])
        self.assertEqual(len(check_statuses("a.md", "nothing", {0})), 1)


if __name__ == "__main__":
    unittest.main()
