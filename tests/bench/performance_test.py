#!/usr/bin/env python3
"""performance.py: reading figures, and the page made from them."""
import os
import tempfile
import unittest

import performance
import rows


def figures_of(text):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "figures")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return performance.read(path)


def cells_of(page, what):
    line = next(line for line in page.splitlines() if line.startswith(f"| {what} |"))
    return [cell.strip() for cell in line.strip("|").split("|")]


class Performance(unittest.TestCase):
    def test_rounds_and_remarks_are_kept_in_order(self):
        figures, remarks = figures_of("# a machine\nrate\t3\nother_rate\t1e6\nrate\t-0.5\n")
        self.assertEqual((figures, remarks), ({"rate": [3, -0.5], "other_rate": [1e6]}, ["a machine"]))

    def test_a_line_that_is_not_a_figure_is_refused(self):
        for line in ("rate 3", "rate\tmany", "rate\t3\t4", "#nothing"):
            with self.assertRaisesRegex(SystemExit, "expected name, tab and number"):
                figures_of(line + "\n")

    def test_a_quotient_is_of_each_round(self):
        values = performance.values_of({"a": [6, 9], "b": [2, 9]}, "a / b")
        self.assertEqual(values, [3, 1])
        self.assertIsNone(performance.values_of({"a": [6]}, "a / b"))

    def test_the_median_decides_and_a_missed_target_links_to_its_reason(self):
        row = rows.at_least("section", "what", "a / b", 2, " ×", reason=rows.Reason("A clock, slow", "2026-01-02, abc", "Because."))
        self.assertEqual(performance.row_of({"a": [3, 1, 9], "b": [1, 1, 3]}, row), "| what | ≥ 2 × | 3 × | 1 – 3 (3) | yes |")
        self.assertEqual(performance.row_of({"a": [3, 1, 1], "b": [1, 1, 1]}, row), "| what | ≥ 2 × | 1 × | 1 – 3 (3) | **no**, see [A clock, slow](#a-clock-slow) |")
        self.assertIn("not measured", performance.row_of({"a": [3]}, row))

    def test_every_batch_target_has_a_reason(self):
        for row in rows.batch():
            self.assertTrue(row.target is None or row.at_most and row.target > 1 or row.reason, row.what)

    def test_batch_rows_from_the_figures_of_its_programs(self):
        text = ""
        for kind in ("many_replay", "replay", "rebuild"):
            for name, seconds, size in (("harrier", 1, 100), ("duckdb", 3, 300), ("polars", 2, 500), ("pandas", 5, 50), ("postgres", 8, 200)):
                text += f"batch_{kind}_{name}_s\t{seconds}\nbatch_{kind}_{name}_cpu_s\t{2 * seconds}\nbatch_{kind}_{name}_bytes\t{size}\n"
        page = performance.page(*figures_of(text))
        many = "ten million transactions: "
        self.assertEqual(cells_of(page, f"{many}DuckDB, time relative to Harrier")[1:], ["≥ 2 ×", "3 ×", "3 – 3 (1)", "yes"])
        self.assertEqual(cells_of(page, f"{many}Polars, peak memory of Harrier relative to it")[1:], ["≤ 0.25 ×", "0.2 ×", "0.2 – 0.2 (1)", "yes"])
        self.assertTrue(cells_of(page, f"{many}DuckDB, peak memory of Harrier relative to it")[4].startswith("**no**, see "))
        self.assertEqual(cells_of(page, "DuckDB: time relative to Harrier")[1:], ["", "3 ×", "3 – 3 (1)", ""])
        self.assertEqual(cells_of(page, "pandas: peak memory of Harrier relative to it")[1:], ["", "2 ×", "2 – 2 (1)", ""])
        self.assertEqual(cells_of(page, "harrier rebuild: time")[2], "1 s")

    def test_every_reason_is_dated_and_on_the_page_once_if_a_target_is_missed(self):
        def page_of(is_met):
            figures = {}
            for row in rows.ROWS:
                if row.reason:
                    good, bad = (0, 1e9) if row.at_most else (1e9, 1e-9)
                    names = row.figure.split(" / ")
                    figures.update({name: [1] for name in names[1:]})
                    figures[names[0]] = [good if is_met else bad]
            return performance.page(figures, [])

        missed, met = page_of(False), page_of(True)
        for reason in {row.reason for row in rows.ROWS if row.reason}:
            self.assertRegex(reason.found, r"^\d{4}-\d\d-\d\d, [0-9a-f]{7}$")
            self.assertEqual((missed.count(reason.text), met.count(reason.text)), (1, 0), reason.title)

    def test_readme_has_rows_of_the_page(self):
        root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
        with open(os.path.join(root, "README.md"), encoding="utf-8") as file:
            readme = file.read()
        with open(os.path.join(root, "docs", "PERFORMANCE.md"), encoding="utf-8") as file:
            page = file.read()
        self.assertEqual(performance.put_into(readme, performance.readme_table(page)), readme)
        self.assertNotEqual(performance.put_into(readme, "| other |\n"), readme)

    def test_rows_of_a_section_differ(self):
        keys = [(row.section, row.what) for row in rows.ROWS]
        self.assertEqual(len(keys), len(set(keys)))
        for row in rows.ROWS:
            for name in row.figure.split(" / "):
                self.assertRegex(f"{name}\t1", performance.LINE)


if __name__ == "__main__":
    unittest.main()
