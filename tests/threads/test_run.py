#!/usr/bin/env python3
"""Proves that `run` counts what meson's log says, that it fails for what has not passed, and that --resume leaves out no test
whose programs have changed. Nothing is built."""
import contextlib
import importlib.machinery
import importlib.util
import io
import json
import pathlib
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent


def load():
    loader = importlib.machinery.SourceFileLoader("threads_run", str(HERE / "run"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("threads_run", loader))
    loader.exec_module(module)
    return module


RUN = load()
TWO_REPORTS = "WARNING: ThreadSanitizer: data race\n\n2 reports of ThreadSanitizer, from 1 processes\n"


class RunTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        (self.folder / "meson-logs").mkdir()

    def log(self, *entries, end=""):
        text = "".join(json.dumps({"name": f"harrier:unit / {name}", "result": result, "stdout": stdout}) + "\n"
                       for name, result, stdout in entries)
        (self.folder / "meson-logs" / "threads-reports.json").write_text(text + end, encoding="utf-8")

    def begun(self, *names, digest="a"):
        results = RUN.Results(self.folder)
        results.begin({name: digest for name in names})
        return results

    def summary(self, results, *names):
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            is_well = RUN.summarize(results, names, 90)
        return is_well, said.getvalue()

    def test_all_passed(self):
        results = self.begun("one", "two", "three")
        self.log(("one", "OK", ""), ("two", "OK", ""), ("three", "SKIP", ""))
        results.take_log()
        self.assertEqual(self.summary(results, "one", "two", "three"),
                         (True, "2 tests passed, 0 failed, 1 skipped; 0 reports of ThreadSanitizer; 2 minutes\n"))

    def test_a_report(self):
        results = self.begun("one", "two")
        self.log(("one", "OK", ""), ("two", "FAIL", TWO_REPORTS))
        results.take_log()
        self.assertEqual(self.summary(results, "one", "two"),
                         (False, "FAIL: two, 2 reports\n"
                                 "1 tests passed, 1 failed, 0 skipped; 2 reports of ThreadSanitizer; 2 minutes\n"))

    def test_what_did_not_end_has_not_passed(self):
        results = self.begun("one", "two", "three")
        self.log(("one", "OK", ""), ("two", "INTERRUPT", ""), end='{"name": "harrier:unit / three", "resu')
        results.take_log()
        is_well, said = self.summary(results, "one", "two", "three")
        self.assertFalse(is_well)
        self.assertIn("did not end: three", said)
        self.assertIn("1 tests passed, 2 failed", said)

    def test_nothing_passed(self):
        results = self.begun("one")
        self.log(("one", "SKIP", ""))
        results.take_log()
        self.assertFalse(self.summary(results, "one")[0])

    def test_the_next_run_reads_the_log_of_a_killed_one(self):
        self.begun("one", "two")
        self.log(("one", "OK", ""))
        results = RUN.Results(self.folder)
        results.take_log()
        self.assertEqual([results.has_passed(name, "a") for name in ("one", "two", "other")], [True, False, False])
        self.assertFalse(results.has_passed("one", "of other programs"))
        results.begin({"one": "b"})  # it runs again: what it was is no longer said
        results.take_log()
        self.assertFalse(results.has_passed("one", "a") or results.has_passed("one", "b"))

    def test_a_digest_follows_what_the_test_runs_and_reads(self):
        names = ("test_one", "server", "tests/cases/a.json", "tests/lint/a.py", "tests/system/a.py", "clients/a.py")
        paths = [self.folder / name for name in names]
        for path in paths:
            path.parent.mkdir(parents=True, exist_ok=True)

        def digest(suite, texts, interpreter="/bin/sh"):
            for path, text in zip(paths, texts, strict=True):
                path.write_text(text, encoding="utf-8")
            test = {"cmd": [interpreter, str(paths[0])], "depends": ["server@exe"], "suite": [f"harrier:{suite}"]}
            return RUN.Digests([{"id": "server@exe", "filename": [str(paths[1])]}], self.folder).of_test(test)

        def changed(suite):
            return [texts for texts in ("xbcdef", "axcdef", "abxdef", "abcxef", "abcdxf", "abcdex")
                    if digest(suite, texts) != digest(suite, "abcdef")]

        self.assertEqual(changed("unit"), ["xbcdef", "axcdef", "abxdef"])
        self.assertEqual(changed("system"), ["xbcdef", "axcdef", "abxdef", "abcdxf", "abcdex"])
        self.assertEqual(digest("unit", "abcdef"), digest("unit", "abcdef", "/bin/cat"))


if __name__ == "__main__":
    unittest.main()
