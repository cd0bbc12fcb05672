#!/usr/bin/env python3
"""Proves that manual.py can fail, and that Markdown becomes what manuals are written in."""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../deploy/manual"))
import help_text  # noqa: E402
import manual  # noqa: E402
import markdown_roff  # noqa: E402

HELP = "Usage: x list [OPTION...] FILE\n  or:  x add\nLists.\n\n Input:\n  -n, --limit=N              At most N,\n" \
       "                             or none\n      --quiet                Nothing\n  -?, --help                 This\n\nEnd.\n"
PAGE = ".TP\n\\fB\\-n\\fR, \\fB\\-\\-limit\\fR=\\fIN\\fR\nAt most\n.TP\n\\fB\\-\\-quiet\\fR\nNothing\n.TP\n\\fB\\-?\\fR, \\fB\\-\\-help\\fR\n"


class ManualTest(unittest.TestCase):
    def test_pages(self):
        self.assertEqual(list(manual.page_faults("p", PAGE, HELP)), [])
        self.assertEqual(list(manual.page_faults("p", PAGE.replace("quiet", "quite"), HELP)), ["p: --quiet is missing"])
        for left in ("see [x](y.md)", "| a |", "**bold**", "```"):
            self.assertEqual(len(list(manual.page_faults("p", PAGE + left + "\n", HELP))), 1, left)

    def test_settings(self):
        said = "  --config=FILE\n  --version\n        Print\n\nAddresses:\n  --listen=a\n        x\n  --tls_key=\"\"\n"
        page = "\\fBlisten\\fR = \\fIa\\fR\nx\n\\fBtls_key\\fR =\n"
        self.assertEqual(list(manual.setting_faults("p", page, said)), [])
        self.assertEqual(list(manual.setting_faults("p", page.replace("tls_key", "tls"), said)), ["p: tls_key is missing"])

    def test_completion(self):
        good = "    x)\n        options='--limit --quiet --help'\n        values='--limit=a|b'\n        ;;\n"
        self.assertEqual(list(manual.completion_faults(good, {"x": HELP})), [])
        self.assertEqual(list(manual.completion_faults(good.replace(" --quiet", ""), {"x": HELP})), ["completion: x --quiet is missing"])
        self.assertEqual(list(manual.completion_faults("", {"x": "no option"})), ["completion: x is missing"])

    def test_help_is_parsed(self):
        said = help_text.parse(HELP)
        self.assertEqual(said.usage, ["x list [OPTION...] FILE", "x add"])
        self.assertEqual((said.about, said.after), ("Lists.", "End."))
        self.assertEqual([(o.letter, o.name, o.value, o.text, o.group) for o in said.options],
                         [("n", "--limit", "=N", "At most N, or none", "Input"), ("", "--quiet", "", "Nothing", "Input"),
                          ("?", "--help", "", "This", "Input")])  # fmt: skip
        self.assertRaises(ValueError, help_text.parse, "nothing")

    def test_markdown(self):
        for text, expected in (
            ("`--a` is **b-c** and *d*\nmore", [".PP", "\\fB\\-\\-a\\fR is \\fBb\\-c\\fR and \\fId\\fR more"]),
            ("see [x](CLI.md#a) and [y](#b)", [".PP", "see x (CLI.md) and y"]),
            (".conf files", [".PP", "\\&.conf files"]),
            ("    a *b*\n\n    .c\n", [".PP", ".RS 4", ".nf", "a *b*", "", "\\&.c", ".fi", ".RE"]),
            ("- a\n  b\n- c", [".IP \\(bu 2", "a b", ".IP \\(bu 2", "c"]),
            ("1. a", ['.IP "1." 4', "a"]),
            ("| x | y | z |\n| --- | --- | --- |\n| `a\\|b` | c | d |", [".TP", "\\fBa|b\\fR", "c. z: d."]),
            ("### T", [".SS T"]),
            ("a\\b", [".PP", "a\\eb"]),
        ):
            self.assertEqual(markdown_roff.roff(text), expected, text)
        self.assertRaises(ValueError, markdown_roff.roff, "> quoted")


if __name__ == "__main__":
    unittest.main()
