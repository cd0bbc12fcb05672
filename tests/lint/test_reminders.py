#!/usr/bin/env python3
"""reminders.py finds what it is for."""

import contextlib
import io
import os
import tempfile
import unittest

import reminders

FRUITS = """# Add a fruit
list: fruit core/fruit.c ^    "(\\w+)"
settled: apple sour_cherry
compiler: core/fruit.c colour()
except: docs/old.md tells what was
watch: core/fruit.c is_ripe()
words: \\bpear\\b

docs/cook.md
core/fruit.c is_ripe()
  if it is
  eaten raw
"""
SOURCE = """static const char *const names[] = {
    "apple",
    "sour_cherry",
};

int colour(enum fruit fruit) {
    switch (fruit) {
    case FRUIT_APPLE:
    case FRUIT_SOUR_CHERRY:
        return 1;
    }
}

#define SOFTEST 9

static int by_softness(int a, int b) {
    return a - b;
}

/* Of ten. */
static int share(int softness, int of) {
    return softness / of;
}

static int scaled(int softness) {
    return share(softness, SOFTEST);
}

static int weight(int softness) {
    return softness * 2;
}

/* Soft enough. */
bool is_ripe(int softness) {
    sort(&softness, by_softness);
    return scaled(softness) > 3;
}
"""


class RemindersTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = folder.name
        self.write(f"{reminders.TOPICS}/fruit.txt", FRUITS)
        self.write("core/fruit.c", SOURCE)
        self.write("docs/fruits.md", "| `apple` | `sour_cherry` |\n")
        self.write("docs/old.md", "`apple` `sour_cherry`\n")
        self.write("docs/buy.md", "All year:\nPears. A pear is best in autumn.\n")
        self.write("tests/eat.py", "pear\n")
        self.write("docs/cook.md", "Take an apple, though pear and quince do, too.\n")
        self.write("page/fruit.ts", "apple: 1, sourCherry: 2\n")
        self.run_with("--seen", "fruit", self.root)

    def write(self, path, text):
        path = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def change(self, path, old, new):
        text = reminders.read(self.root, path)
        self.assertIn(old, text)
        self.write(path, text.replace(old, new))

    def run_with(self, *arguments):
        out = io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
            status = reminders.main(list(arguments))
        return status, out.getvalue()

    def open_points(self):
        status, out = self.run_with(self.root)
        self.assertEqual(status, 1 if out.strip() else 0)
        return out

    def add(self, name):
        self.change("core/fruit.c", '    "sour_cherry",\n', f'    "sour_cherry",\n    "{name}",\n')

    def test_nothing_is_open(self):
        self.assertEqual(self.open_points().strip(), "")

    def test_a_new_member_belongs_where_all_others_are(self):
        self.add("red_plum")
        out = self.open_points()
        self.assertIn("docs/fruits.md: names every other fruit, but not `red_plum\n", out)
        self.assertIn("page/fruit.ts: names every other fruit, but not redPlum\n", out)
        self.assertIn("core/fruit.c: names every other fruit, but not FRUIT_RED_PLUM\n", out)
        self.assertNotIn("docs/old.md", out)
        self.assertNotIn("docs/cook.md: names", out)

    def test_another_way_to_name_it_does_not_count(self):
        self.add("red_plum")
        self.change("docs/fruits.md", "|\n", "| red_plum\n")
        self.assertIn("docs/fruits.md: names every other fruit", self.open_points())
        self.change("docs/fruits.md", "| red_plum\n", "| `red_plum` |\n")
        self.assertNotIn("docs/fruits.md: names every other fruit", self.open_points())

    def test_the_other_places_are_printed_until_it_is_settled(self):
        self.add("plum")
        self.change("docs/fruits.md", "|\n", "| `plum` |\n")
        self.change("page/fruit.ts", "apple: 1", "apple: 1, plum: 3")
        self.change("core/fruit.c", "    case FRUIT_APPLE:\n", "    case FRUIT_APPLE:\n    case FRUIT_PLUM:\n")
        out = self.open_points()
        self.assertIn("fruit plum is new", out)
        self.assertIn("  docs/cook.md\n  core/fruit.c is_ripe()\n      if it is\n      eaten raw\n", out)
        self.change(f"{reminders.TOPICS}/fruit.txt", "sour_cherry\n", "sour_cherry plum\n")
        self.assertEqual(self.open_points().strip(), "")

    def test_a_changed_function(self):
        self.change("core/fruit.c", " > 3;", " > 2;")
        out = self.open_points()
        self.assertIn("core/fruit.c is_ripe() with SOFTEST, by_softness(), scaled(), share(): changed", out)
        self.assertIn("  docs/buy.md:2: Pears. A pear is best in autumn.\n", out)
        self.assertNotIn("tests/eat.py", out)
        self.assertNotIn("docs/cook.md:", out)
        self.run_with("--seen", "fruit", self.root)
        self.assertEqual(self.open_points().strip(), "")

    def test_comments_and_layout_are_no_change(self):
        self.change("core/fruit.c", "    return scaled(", "        /* of weight() */\n    return\n scaled(")
        self.assertEqual(self.open_points().strip(), "")

    def test_a_changed_function_that_it_calls(self):
        for old, new in (("return scaled(softness)", "return 1 + scaled(softness)"), ("share(softness, SOFT", "share(1, SOFT"),
                         ("softness / of", "of / softness"), ("a - b", "b - a"), ("SOFTEST 9", "SOFTEST 8")):  # fmt: skip
            self.assertEqual(self.open_points().strip(), "")
            self.change("core/fruit.c", old, new)
            self.assertIn("core/fruit.c is_ripe()", self.open_points(), new)
            self.run_with("--seen", "fruit", self.root)
        self.change("core/fruit.c", "softness * 2", "softness * 3")
        self.assertEqual(self.open_points().strip(), "")

    def test_where_the_compiler_no_longer_leads(self):
        self.change("core/fruit.c", "        return 1;\n", "        return 1;\n    default:\n        return 0;\n")
        self.assertIn("the compiler does not lead to colour()", self.open_points())

    def test_where_a_list_asserts_its_length(self):
        self.change(f"{reminders.TOPICS}/fruit.txt", "compiler: ", "compiler: core/list.c\ncompiler: core/list.c all()\ncompiler: ")
        self.write("core/list.c", '_Static_assert(FRUITS == 2, "all");\nint all(void) {\n    return 2;\n}\n')
        self.assertEqual(self.open_points().strip(), "")
        self.change("core/list.c", "_Static_assert", "//")
        out = self.open_points()
        self.assertIn("core/list.c: the compiler does not lead there", out)
        self.assertIn("core/list.c: the compiler does not lead to all()", out)

    def test_what_is_gone(self):
        self.change("core/fruit.c", "is_ripe", "is_soft")
        os.remove(os.path.join(self.root, "docs/cook.md"))
        out = self.open_points()
        self.assertIn("core/fruit.c defines no is_ripe()", out)
        self.assertIn("docs/cook.md does not exist", out)

    def test_a_member_that_is_gone(self):
        self.change("core/fruit.c", '    "apple",\n', "")
        self.assertIn("there is no fruit apple any more", self.open_points())

    def test_a_list_that_is_not_found(self):
        self.change(f"{reminders.TOPICS}/fruit.txt", '"(\\w+)"', '<(\\w+)>')
        self.assertIn("core/fruit.c: no fruit found", self.open_points())

    def test_a_line_that_says_nothing(self):
        self.change(f"{reminders.TOPICS}/fruit.txt", "compiler: ", "compilers: ")
        self.assertIn("fruit.txt:4: neither a place nor a known word", self.open_points())

    def test_fields_of_a_message(self):
        self.write("proto/p.proto", "message Fruit {\n  string name = 1;\n  // where\n  repeated Place places = 2;\n}\n")
        self.assertEqual(reminders.List("field", "proto/p.proto", "message Fruit").members(self.root), ["name", "places"])

    def test_show(self):
        out = self.run_with("--show", "fruit", self.root)[1]
        self.assertIn("  docs/fruits.md  `apple\n", out)
        self.assertIn("eaten raw", out)
        with self.assertRaises(SystemExit):
            self.run_with("--show", "vegetable", self.root)


if __name__ == "__main__":
    unittest.main()
