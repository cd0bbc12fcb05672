#!/usr/bin/env python3
"""The lint of alerts, runbook and dashboard can fail."""
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import watching  # noqa: E402  (found by the line before)

NAMES, WORDS = {"harrierd_ready", "harrierd_swap_state", "harrierd_wait_seconds"}, {"refused", "adopted"}
ALERT = """groups:
  - name: harrier
    rules:
      - alert: HarrierA
        expr: harrierd_ready == 0
        labels: {severity: page}
        annotations:
          summary: "s"
          description: "d"
          runbook_url: "docs/operations/runbook.md#harriera"
"""
SECTION = "### HarrierA\n\nPage. It is.\n\n- **Customers**: a\n- **Look**: b\n- **Do**: c\n- **Wake**: d\n"


class WatchingTest(unittest.TestCase):
    def expressions(self, text):
        return list(watching.check_expressions([("f", text)], NAMES, WORDS))

    def test_expressions(self):
        good = 'harrierd_ready{job=~"x.*"} == 0 and rate(harrierd_wait_seconds_bucket{le="1"}[5m]) and a:harrierd_items:rate5m'
        self.assertEqual(self.expressions(good), [])
        self.assertIn("harrierd_redy", self.expressions(good.replace("ready", "redy"))[0])
        self.assertIn("harrier_stream_lag", self.expressions("harrier_stream_lag > 0")[0])
        self.assertEqual(self.expressions('harrierd_swap_state{state=~"refused|adopted"}'), [])
        for wrong in ('="refusd"', '=~"refused|adoptd"', '!="refusd"'):
            self.assertIn("label", self.expressions(f"harrierd_swap_state{{state{wrong}}}")[0])

    def test_expressions_are_found(self):
        self.assertEqual(watching.expressions_of_alerts(ALERT), [("alerts.yaml:5", "harrierd_ready == 0")])
        self.assertEqual(watching.expressions_of_dashboard('"expr": "a{b=\\"c\\"}",\n"expr": "d"'),
                         [("harrier.json", 'a{b="c"}'), ("harrier.json", "d")])

    def test_all_are_read(self):
        own = {"harrierd_ready", *watching.UNREAD}
        self.assertEqual(list(watching.check_all_are_read(own, ["harrierd_ready"])), [])
        self.assertIn("harrierd_ready", list(watching.check_all_are_read(own, [""]))[0])
        self.assertIn("harrierd_tokens", list(watching.check_all_are_read(own, ["harrierd_ready harrierd_tokens"]))[0])
        self.assertIn("no such metric", list(watching.check_all_are_read(own - {"harrierd_tokens"}, ["harrierd_ready"]))[0])

    def test_alerts(self):
        self.assertEqual(list(watching.check_alerts(ALERT)), [])
        self.assertTrue(list(watching.check_alerts("groups: []\n")))
        for line in ALERT.splitlines()[4:]:
            if line.strip() != "annotations:":
                self.assertTrue(list(watching.check_alerts(ALERT.replace(line, ""))), line)
        self.assertTrue(list(watching.check_alerts(ALERT.replace("#harriera", "#harrierb"))))
        self.assertIn("twice", "".join(watching.check_alerts(ALERT + "".join(ALERT.splitlines(True)[3:]))))

    def test_runbook(self):
        self.assertEqual(list(watching.check_runbook(ALERT, SECTION)), [])
        self.assertIn("no section", list(watching.check_runbook(ALERT, ""))[0])
        self.assertIn("no alert", list(watching.check_runbook(ALERT, SECTION + SECTION.replace("rA", "rB")))[0])
        for old, new in (("Page.", "Ticket."), ("**Customers**", "Customers"), ("**Wake**", "*Wake*")):
            self.assertEqual(len(list(watching.check_runbook(ALERT, SECTION.replace(old, new)))), 1, new)

    def test_commands(self):
        with tempfile.TemporaryDirectory() as folder:
            fake = os.path.join(folder, "harrier")
            with open(fake, "w", encoding="utf-8") as file:
                file.write('#!/bin/sh\n[ "$1" = brake ] || exit 64\necho "Usage: harrier brake [OPTION...] list"\n'
                           'echo "  or:  harrier brake [OPTION...] lift RULE"\necho "  --to=A"\n')
            os.chmod(fake, 0o755)
            for good in ("`harrier brake list`", "`harrier brake lift RULE --to=x`"):
                self.assertEqual(list(watching.check_commands(good, fake)), [], good)
            for wrong in ("`harrier brak list`", "`harrier brake pull RULE`", "`harrier brake list --too=x`"):
                self.assertEqual(len(list(watching.check_commands(wrong, fake))), 1, wrong)


if __name__ == "__main__":
    unittest.main()
