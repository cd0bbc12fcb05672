#!/usr/bin/env python3
"""Rules that fail for some transactions: the decision, the archive, explanations, the metrics and the log name them; the
metrics of rules over reloads, and with more names than there are series for."""
import json
import os
import re
import subprocess
import time
import unittest

from server import WAIT, ServerTest, transaction
from test_explain import check_schema

HARRIER = os.environ["HARRIER"]

# `ratio` divides by zero for 13, `trial` for 14; `wide` overflows from 1024 on.
RULES = """\
rules:
  - {name: ratio, about: r, when: 100 / (amount_minor - 13) > 5, then: {score: 400}}
  - {name: trial, about: t, when: 100 / (amount_minor - 14) > 5, then: {score: 400}, mode: shadow}
  - {name: wide, about: w, when: amount_minor * 9007199254740992 > 0, then: {score: 10}}
"""
OTHER_RULES = """\
rules:
  - {name: wide, about: w, when: amount_minor * 9007199254740992 > 0, then: {score: 20}}
  - {name: trial, about: t, when: 100 / (amount_minor - 14) > 5, then: {score: 400}}
  - {name: fresh, about: f, when: amount_minor > 0, then: {score: 30}}
"""
LINE = re.compile(r"Z warning (rules failed in .*)")


def given(number, amount):
    return {**transaction(number), "amount_minor": amount}


class RulesTest(ServerTest):
    def setUp(self):
        super().setUp()
        os.remove(os.path.join(self.folder, "policy", "rules", "velocity.yaml"))
        self.write_policy("rules/all.yaml", RULES)

    def harrier(self, *arguments):
        ran = subprocess.run([HARRIER, *arguments], capture_output=True, text=True, timeout=WAIT)
        self.assertEqual(ran.returncode, 0, ran.stderr)
        return ran.stdout

    def fires(self, server):
        """{(rule, mode): count}"""
        found = re.findall(r'^harrierd_rule_fires_total{rule="(\w+)",mode="(\w+)"} (\d+)$', self.metrics(server), re.M)
        self.assertEqual(len({one[:2] for one in found}), len(found))
        return {(rule, mode): int(count) for rule, mode, count in found}

    def errors(self, server):
        found = re.findall(r'^harrierd_rule_errors_total{rule="(\w+)"} (\d+)$', self.metrics(server), re.M)
        self.assertEqual(len({rule for rule, _ in found}), len(found))
        return {rule: int(count) for rule, count in found}

    def metrics(self, server):
        return server.http("/metrics")[1]

    def reload(self, server, rules):
        self.write_policy("rules/all.yaml", rules)
        with server.connect() as connection:
            answer = connection.call({"reload": {"wait": True}})["reload"]
        self.assertEqual(answer["result"], "RELOAD_ADOPTED", answer)

    def score(self, server, *transactions, **options):
        with server.connect() as connection:
            return [result["decision"] for result in connection.score(list(transactions), **options)]

    def test_a_failed_rule_is_named_everywhere(self):
        server = self.server().start()
        decisions = self.score(server, given(1, 5), given(2, 13), given(3, 14), given(4, 1024), given(5, 15))
        failed = [[], ["ratio"], ["trial"], ["wide"], []]
        self.assertEqual([d.get("failed_rules", []) for d in decisions], failed)
        self.assertEqual([d.get("rule_errors", 0) for d in decisions], [len(names) for names in failed])
        # A dry run says it, too, but counts nothing; a repeated id gets what the archive has.
        self.assertEqual(self.score(server, given(6, 13), dry_run=True)[0]["failed_rules"], ["ratio"])
        (again,) = self.score(server, given(2, 13))
        self.assertEqual((again["duplicate"], again["failed_rules"]), (True, ["ratio"]))

        self.assertEqual(self.errors(server), {"ratio": 1, "trial": 1, "wide": 1})
        self.assertEqual(self.fires(server), {("ratio", "live"): 2, ("trial", "shadow"): 1, ("wide", "live"): 4})

        server.await_said("rules failed in ")
        failures = "ratio (division by zero) in 1, trial (division by zero) in 1, wide (overflow) in 1"
        self.assertEqual(LINE.findall(server.said()), [f"rules failed in 3 decisions: {failures}"])

        archive = server.archive
        lines = self.harrier("inspect", archive, "--type=transaction", "--json").splitlines()
        self.assertEqual([json.loads(line)["decision"].get("failed_rules", []) for line in lines], failed)
        lines = self.harrier("inspect", archive, "--type=transaction").splitlines()
        self.assertEqual([re.findall("rules failed: ([a-z, ]+)", line) for line in lines], failed)

        for where in (["--server", server.address], []):
            place = [] if where else [os.path.join(self.folder, "data")]
            document = json.loads(self.harrier("explain", *place, "t2", *where, "--json"))
            check_schema(document)
            self.assertTrue(document["equal"], document)
            self.assertEqual(document["archived"]["failed_rules"], ["ratio"])
            self.assertEqual(document["then"]["decision"]["failed_rules"], ["ratio"])
            text = self.harrier("explain", *place, "t2", *where)
            self.assertRegex(text, r"\n  failed +ratio\n")
            self.assertIn("its condition failed: division by zero", text)
            self.assertNotRegex(self.harrier("explain", *place, "t1", *where), r"\n  failed ")

        rows = self.rows(given(2, 13), given(7, 5))
        scored = self.harrier("score", "--to", server.address, "--decisions=jsonl", "--quiet", rows)
        found = [json.loads(line) for line in scored.splitlines()]
        self.assertEqual([one.get("failed_rules") for one in found], [["ratio"], None])
        self.harrier("replay", archive, "--recorded")  # no difference

    def rows(self, *transactions):
        path = os.path.join(self.folder, "rows.jsonl")
        with open(path, "w", encoding="utf-8") as file:
            for one in transactions:
                seconds = time.gmtime(one["event_time_us"] // 10**6)
                row = {**one, "event_time": time.strftime("%Y-%m-%dT%H:%M:%SZ", seconds)}
                del row["event_time_us"]
                file.write(json.dumps(row) + "\n")
        return path

    def test_series_outlive_reloads(self):
        server = self.server().start()
        self.assertEqual(self.fires(server), {("ratio", "live"): 0, ("trial", "shadow"): 0, ("wide", "live"): 0})
        self.score(server, given(1, 13), given(2, 15))
        self.reload(server, OTHER_RULES)
        self.score(server, given(3, 14), given(4, 15))
        self.assertEqual(self.fires(server), {
            ("ratio", "live"): 1, ("trial", "shadow"): 1, ("wide", "live"): 4, ("trial", "live"): 1,
            ("fresh", "live"): 2,
        })
        self.assertEqual(self.errors(server), {"ratio": 1, "trial": 1, "wide": 0, "fresh": 0})
        self.reload(server, RULES)
        self.score(server, given(5, 13))
        self.assertEqual(self.errors(server), {"ratio": 2, "trial": 1, "wide": 0, "fresh": 0})

    def test_names_beyond_the_limit_share_a_series(self):
        def rules(prefix):
            when = "when: 100 / (amount_minor - 13) > 5, then: {score: 0}"
            return "".join(["rules:\n", *(f"  - {{name: {prefix}{n}, {when}}}\n" for n in range(1000))])

        self.write_policy("rules/all.yaml", rules("a"))
        server = self.server().start()
        self.score(server, given(1, 13))
        self.reload(server, rules("b"))
        self.score(server, given(2, 13))
        self.assertNotIn("_other", self.metrics(server))
        self.reload(server, rules("c"))
        (decision,) = self.score(server, given(3, 13))
        self.assertEqual((decision["rule_errors"], len(decision["failed_rules"])), (1000, 16))
        self.assertEqual(decision["failed_rules"], [f"c{n}" for n in range(16)])
        errors = self.errors(server)
        self.assertEqual(len(errors), 2001)
        self.assertEqual(errors.pop("_other"), 1000)
        self.assertEqual(set(errors.values()), {1})
        self.reload(server, rules("a"))
        self.score(server, given(4, 13))
        errors = self.errors(server)
        self.assertEqual((errors["a0"], errors["a999"], errors["b0"], errors["_other"]), (2, 2, 1, 1000))


if __name__ == "__main__":
    unittest.main()
