#!/usr/bin/env python3
"""harrier eval as other programs use it: JSON in, JSON out, exit statuses; and the rows of
tests/cases/expressions that need nothing of a policy, through the program instead of the library.

usage: test_eval.py HARRIER SOURCE_ROOT
"""
import glob
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

HARRIER, ROOT = sys.argv[1:3]

LINES = [
    ({"expr": "1 + 2"}, {"type": "int", "value": 3}),
    ({"expr": "x + 1", "with": {"x": 1}}, {"type": "int", "value": 2}),
    ({"expr": "x", "with": {"x": 5.0}}, {"type": "double", "value": 5.0}),
    ({"expr": "x", "with": {"x": {"double": 5}}}, {"type": "double", "value": 5.0}),
    ({"expr": "x", "with": {"x": {"double": "nan"}}}, {"type": "double", "value": "nan"}),
    ({"expr": "-x", "with": {"x": {"double": "inf"}}}, {"type": "double", "value": "-inf"}),
    ({"expr": "x", "with": {"x": -9223372036854775808}}, {"type": "int", "value": -9223372036854775808}),
    ({"expr": "s", "with": {"s": "a\"\n\u00e9"}}, {"type": "string", "value": "a\"\n\u00e9"}),
    ({"expr": "b", "with": {"b": True}}, {"type": "bool", "value": True}),
    ({"expr": "t.getFullYear()", "with": {"t": {"timestamp": "2026-01-31T00:00:00Z"}}}, {"type": "int", "value": 2026}),
    ({"expr": "t", "with": {"t": {"timestamp": "2026-01-31T00:00:00.5Z"}}},
     {"type": "timestamp", "value": "2026-01-31T00:00:00.500000Z"}),
    ({"expr": "d + d", "with": {"d": {"duration": "1h30m"}}}, {"type": "duration", "value": "10800s"}),
    ({"expr": "l", "with": {"l": [1, 2]}}, {"type": "list(int)", "value": [1, 2]}),
    ({"expr": "l", "with": {"l": [1, 2.5]}}, {"type": "list(double)", "value": [1.0, 2.5]}),
    ({"expr": "l + [1]", "with": {"l": []}}, {"type": "list(int)", "value": [1]}),
    ({"expr": "l[1][0]", "with": {"l": [[1], [2]]}}, {"type": "int", "value": 2}),
    ({"expr": "l.all(x, x > 0)", "with": {"l": list(range(1, 1000))}}, {"type": "bool", "value": True}),
    ({"expr": "m.a", "with": {"m": {"a": 1, "b": 2}}}, {"type": "int", "value": 1}),
    ({"expr": "m", "with": {"m": {"a": [1]}}}, {"type": "map(string, list(int))", "value": {"a": [1]}}),
    ({"expr": "m", "with": {"m": {"map": [[1, "x"]]}}}, {"type": "map(int, string)", "value": {"map": [[1, "x"]]}}),
    ({"expr": "has(m.a) && !has(m.b)", "with": {"m": {"a": 1}}}, {"type": "bool", "value": True}),
    ({"expr": "e.f * 2", "with": {"e.f": 4}}, {"type": "int", "value": 8}),
    ({"expr": "has(x)", "with": {"x": {"absent": "int"}}}, {"type": "bool", "value": False}),
    ({"expr": "x + 1", "with": {"x": {"absent": "int"}}}, {"type": "int", "absent": True}),
    ({"expr": "1 / 0"}, {"type": "int", "error": "division by zero"}),
    ({"expr": "l[2]", "with": {"l": [1]}}, {"type": "int", "error": "index out of range"}),
    ({"expr": "1 + y"}, {"error": 'unknown name "y"', "offset": 4}),
    ({"expr": ""}, {"error": "the expression is empty", "offset": 0}),
    ({"expr": "l.all(x, l.all(y, l.all(z, x + y > z)))", "with": {"l": [1] * 100}},
     {"error": "this can take 702 steps", "offset": 20}),
]
# What is said of lines that are no such object, and of variables that are none.
WRONG = [
    ("nonsense", "not JSON"),
    ('{"exp": "1"}', 'expected {"expr"'),
    ('{"expr": 1}', 'expected {"expr"'),
    ('{"expr": "1", "with": [1]}', "not a JSON object"),
    ('{"expr": "1", "with": {"x": null}}', "x: null has no type"),
    ('{"expr": "1", "with": {"x": [1, "a"]}}', "x: a list or map of int cannot hold string"),
    ('{"expr": "1", "with": {"x": [{"absent": "int"}]}}', "x: a list or map cannot hold absent values"),
    ('{"expr": "1", "with": {"x": {"absent": "list"}}}', 'x: expected {"absent"'),
    ('{"expr": "1", "with": {"x": {"timestamp": "today"}}}', 'x: expected {"timestamp"'),
    ('{"expr": "1", "with": {"x": {"duration": 5}}}', 'x: expected {"duration"'),
    ('{"expr": "1", "with": {"x": {"double": "five"}}}', 'x: expected {"double"'),
    ('{"expr": "1", "with": {"x": {"map": [[1.5, 1]]}}}', "x: a map's key must be string, int or bool, not"),
    ('{"expr": "1", "with": {"x": {"map": [[1, 1], [1, 2]]}}}', "x: a map has the same key twice"),
    ('{"expr": "1", "with": {"x": {"map": [1]}}}', 'x: expected {"map"'),
    ('{"expr": "1", "with": {"x": [[[[[[[1]]]]]]]}}', "x: lists and maps are nested too deeply"),
    ('{"expr": "1", "with": {"x y": 1}}', '"x y" is not a valid name'),
    ('{"expr": "1", "with": {"in": 1}}', '"in" is not a valid name'),
    ('{"expr": "1", "with": {"a.b.c": 1}}', '"a.b.c" is not a valid name'),
    ('{"expr": "1", "with": {"x": 1, "x": 2}}', "not JSON"),
]


def run(*arguments, given=""):
    return subprocess.run([HARRIER, "eval", *arguments], input=given, capture_output=True, text=True, check=False)


def results(lines):
    ran = run("--lines", given="".join(line + "\n" for line in lines))
    return ran.returncode, [json.loads(line) for line in ran.stdout.splitlines()]


def variable(binding):
    """NAME:TYPE=VALUE of a case → name, JSON; None where JSON has no such variable."""
    name, of_type, value = re.fullmatch(r"\s*([\w.]+):(\w+)=(.*)", binding, re.S).groups()
    if value == "absent":
        return name, {"absent": of_type}
    if value == "error" or of_type == "duration":
        return None
    if of_type == "timestamp":
        return name, {"timestamp": value if "T" in value else "1970-01-01T00:00:00Z"}
    if of_type == "double":
        return name, {"double": value if value in ("nan", "inf", "-inf") else float(value)}
    return name, {"int": int, "string": str, "bool": lambda text: text == "true"}[of_type](value)


def cases():
    """Those that need no lists, thresholds, time zones or decisions: source, variables, what is expected."""
    for path in sorted(glob.glob(os.path.join(ROOT, "tests/cases/expressions/*.tsv"))):
        with open(path, encoding="utf-8", newline="\n") as rows:
            for row in rows:
                columns = row.rstrip("\n").split("\t", 2)
                if row.startswith("#") or len(columns) < 3:
                    continue
                source, bindings, expected = columns
                variables = [variable(one) for one in bindings.split(";") if one.strip()]
                policy = re.search(r"\blists\b|thresholds|verdict|outcome|fired|\w/[A-Z\"]", source + bindings + expected)
                if None not in variables and not policy and "is never" not in expected:
                    yield source, dict(variables), expected


def summary(result):
    """A result in the words of the cases, but for the value, which json.loads() has changed."""
    if "offset" in result:
        return f'refused {result["offset"]} {result["error"]}'
    if "error" in result:
        return f'error {result["error"]}'
    return "absent" if "absent" in result else result["type"]


class Eval(unittest.TestCase):
    def test_lines(self):
        status, found = results(json.dumps(line) for line, _ in LINES)
        self.assertEqual(status, 0)
        self.assertEqual(len(found), len(LINES))
        for (line, expected), result in zip(LINES, found):
            if "steps" in expected.get("error", ""):
                self.assertIn("steps; expected at most", result["error"])
                continue
            self.assertEqual(result, expected, line)
            self.assertIs(type(result.get("value")), type(expected.get("value")), line)

    def test_wrong_lines(self):
        status, found = results([line for line, _ in WRONG] + ['{"expr": "1"}'])
        self.assertEqual(status, 1)
        self.assertEqual(found[-1], {"type": "int", "value": 1})
        for (line, expected), result in zip(WRONG, found):
            self.assertIn(expected, result.get("wrong", ""), line)

    def test_cases(self):
        rows = list(cases())
        self.assertGreater(len(rows), 800)
        status, found = results(json.dumps({"expr": source, "with": variables}) for source, variables, _ in rows)
        self.assertEqual(status, 0)
        for (source, _, expected), result in zip(rows, found):
            said = summary(result)
            if said.startswith(("refused", "error")) or said == "absent":
                self.assertEqual(said, expected, source)
            else:
                self.assertTrue(expected == said or expected.startswith(said + " "), (source, expected, said))

    def test_one(self):
        self.assertEqual(run("1 + 2 * 3").stdout, "int 7\n")
        self.assertEqual(run("'a'").stdout, "string a\n")
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump({"amount": 5.5, "gone": {"absent": "double"}}, file)
            file.flush()
            self.assertEqual(run("amount > 5.0", "--with", file.name).stdout, "bool true\n")
            gone = run("gone * 2.0", "--with", file.name)
            self.assertEqual((gone.returncode, gone.stdout), (0, "double, absent\n"))
        self.assertEqual(run("x + 1", "--with", "-", given='{"x": 1}').stdout, "int 2\n")

    def test_faults(self):
        refused = run("amount >\n amout", "--with", "-", given='{"amount": 1}')
        self.assertEqual(refused.returncode, 65)
        self.assertEqual(refused.stdout, "")
        self.assertIn('expression:2:2: unknown name "amout"; did you mean "amount"?', refused.stderr)
        self.assertIn("\n      |  ^~~~~\n", refused.stderr)
        failed = run("1 / 0")
        self.assertEqual((failed.returncode, failed.stderr), (1, "harrier: division by zero\n"))
        self.assertEqual(run("1", "--with", "/no/such/file").returncode, 66)
        self.assertEqual(run("1", "--with", "-", given="[").returncode, 65)
        self.assertEqual(run("1", "--with", "-", given='{"x": null}').returncode, 65)
        for arguments in ([], ["1", "2"], ["--lines", "1"], ["--lines", "--with", "x"]):
            self.assertEqual(run(*arguments).returncode, 64, arguments)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
