#!/usr/bin/env python3
"""gate.py itself: that it can fail, and reads what callgrind_annotate prints."""

import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import gate  # noqa: E402

ANNOTATED = """
Ir
219,773,068 (100.0%)  PROGRAM TOTALS

219,773,068 (100.0%)  ./csu/libc-start.c:__libc_start_main@@GLIBC_2.34 [/usr/lib/libc.so.6]
200,000,000 (91.00%)  /b/../tests/bench/cost/cost.c:counted_decision [/b/cost]
119,967,862 (54.59%)  /b/../core/engine/decide.c:engine_decide [/b/cost]
 39,844,923 (18.13%)  /b/../core/engine/apply.c:engine_apply.constprop.0 [/b/cost]
 20,000,000 ( 9.10%)  /b/../core/wire/response_encode.c:message_encode_response [/b/cost]
 10,000,000 ( 4.55%)  ???:message_decode_request [/b/cost]
  9,000,000 ( 4.10%)  /b/../core/store/archive.c:archive_append
  8,000,000 ( 3.64%)  /b/../tests/bench/cost/cost.c:take_answer [/b/cost]
  7,000,000 ( 3.19%)  ???:engine_decide'2 [/b/cost]
"""


class Parsing(unittest.TestCase):
    def test_figures_are_for_one_transaction_and_without_the_measurement(self):
        self.assertEqual(gate.figures_of(ANNOTATED, 2000), {
            "decode": 5000, "evaluate": 59984, "append": 4500, "apply": 19922, "encode": 10000, "decision": 96000})

    def test_a_function_that_is_not_there_is_said(self):
        with self.assertRaises(SystemExit) as caught:
            gate.figures_of(ANNOTATED.replace("archive_append", "other"), 2000)
        self.assertIn("archive_append", str(caught.exception))


class Comparing(unittest.TestCase):
    def test_within(self):
        for now in (500, 1000, 1099):
            self.assertTrue(gate.compare({"decode": 1000}, {"decode": now})[1], now)

    def test_dearer(self):
        for now in (1101, 2000):
            self.assertFalse(gate.compare({"decode": 1000}, {"decode": now})[1], now)

    def test_the_compiler_is_read_from_the_program(self):
        for comment, name in ((b"\0GCC: (Debian 12.2.0-14+deb12u1) 12.2.0\0", "gcc 12.2.0"),
                              (b"Debian clang version 14.0.6\0", "clang 14.0.6"), (b"", "unknown compiler")):
            with tempfile.NamedTemporaryFile() as program:
                program.write(b"\x7fELF" + comment)
                program.flush()
                self.assertEqual(gate.compiler_of(program.name), name)

    def test_a_phase_without_a_figure(self):
        self.assertFalse(gate.compare({}, {"decode": 1000})[1])


if __name__ == "__main__":
    unittest.main()
