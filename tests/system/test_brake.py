#!/usr/bin/env python3
"""Brakes: a rule or a policy that exceeds its at_most goes to shadow by a record, which no crash,
rebuild, swap or replay may lose or change, until somebody lifts it."""
import csv
import io
import json
import os
import signal
import subprocess
import time
import unittest

import segments
import wire
from night import SwapTest
from server import WAIT, transaction

HARRIER = os.environ["HARRIER"]
BRAKE = 9  # the type of the record

RULES = """\
rules:
  - name: big
    when: amount_minor >= 1000
    then: {verdict: review, score: 50}
    at_most: 10% per 10m
  - name: huge
    when: amount_minor >= 2000
    then: {verdict: decline}
"""
OF_POLICY = "  at_most: 20% per 1h\n"


class BrakeTest(SwapTest):
    def setUp(self):
        super().setUp()
        self.write_policy("rules/velocity.yaml", RULES)
        self.number = 0
        self.served = []

    def score(self, amounts):
        """One message for all. Returns (verdict, score, rules with effect, rules in shadow) of each decision."""
        batch = []
        for amount in amounts:
            self.number += 1
            one = transaction(self.number)
            batch.append({**one, "amount_minor": amount})
        with self.harrierd.connect() as connection:
            results = connection.score(batch)
        decided = [self.short(result["decision"]) for result in results]
        self.served += [one[:2] for one in decided]
        return decided

    def replayed(self, *options):
        """What the policy in the folder would have decided: (verdict, score), in order."""
        table = self.harrier("replay", self.data, "--policy", f"{self.folder}/policy", "--features", "-", "--quiet", *options)
        return [(row["verdict"], int(row["score"])) for row in csv.DictReader(io.StringIO(table))]

    @staticmethod
    def short(decision):
        reasons = decision.get("reasons", [])
        return (
            decision["verdict"].removeprefix("VERDICT_").lower(),
            decision.get("score", 0),
            [r["rule"] for r in reasons if not r.get("shadow")],
            [r["rule"] for r in reasons if r.get("shadow")],
        )

    LIVE = ("review", 50, ["big"], [])
    BRAKED = ("approve", 0, [], ["big"])
    PLAIN = ("approve", 0, [], [])

    def harrier(self, *arguments, status=0):
        run = subprocess.run([HARRIER, *arguments], capture_output=True, text=True, timeout=WAIT, check=False)
        self.assertEqual(run.returncode, status, run.stdout + run.stderr)
        return run.stdout if status == 0 else run.stdout + run.stderr

    def brake(self, *arguments, status=0):
        return self.harrier("brake", *arguments, "--to", self.harrierd.address, "--deadline", "60s",
                            "--retry-for", "60s", status=status)

    def brakes(self):
        return [json.loads(line) for line in self.brake("list", "--json").splitlines()]

    def assert_replays(self):
        """The server must be down, or idle and synced."""
        self.assertIn("Every decision equals the archived one.", self.harrier("replay", self.data, "--recorded"))

    def records(self):
        return [wire.decode("BrakeRecord", payload)
                for _, kind, payload in segments.records(self.harrierd.archive) if kind == BRAKE]

    def start(self, *flags):
        self.harrierd = self.server("--lazy_sync_interval=10ms", *flags).start()

    def pull(self):
        """Until the brake of `big` is pulled: the 11th of 101 decisions is the first above 10 %."""
        self.assertEqual(self.score([100] * 90), [self.PLAIN] * 90)
        decided = self.score([1500] * 12)
        self.assertEqual(decided, [self.LIVE] * 11 + [self.BRAKED])


class TheRule(BrakeTest):
    def test_pulled_killed_rebuilt_lifted_and_replayed(self):
        self.start()
        self.pull()
        self.assertIn("brake pulled on rule big", self.harrierd.said())
        self.assertIn("11 of 101 decisions, at_most 10% per 10m", self.harrierd.said())
        self.assertEqual(self.harrierd.metric("harrierd_brakes"), 1)
        self.assertEqual(self.harrierd.metric('harrierd_rule_braked{rule="big"}'), 1)
        self.assertEqual(self.harrierd.metric('harrierd_rule_fires_total{rule="big",mode="live"}'), 11)
        self.assertEqual(self.harrierd.metric('harrierd_rule_fires_total{rule="big",mode="shadow"}'), 1)
        (brake,) = self.brakes()
        self.assertEqual((brake["rule"], brake["applies"], brake["source"]), ("big", True, ""))
        self.assertEqual(self.score([3000]), [("decline", 0, ["huge"], ["big"])])
        before = self.score([1500, 100])

        self.harrierd.kill()
        self.harrierd.start()
        self.assertEqual(self.brakes(), [brake])
        self.assertEqual(self.score([1500, 100]), before)
        self.await_synced(self.harrierd)
        old = self.harrierd.status()
        self.rebuild()
        self.await_adopted(self.harrierd, old)
        self.harrierd.await_said("the live states of")
        self.assertNotIn("differ from those of the new generation", self.harrierd.said())
        self.assertEqual(self.score([1500, 100]), before)
        self.await_synced(self.harrierd)
        self.rebuild("--force")
        self.assertEqual(self.verify()[0], 0)

        self.harrierd.kill()
        self.harrierd.start()  # from the tables, which have the brake
        self.assertEqual(self.brakes(), [brake])
        self.assertEqual(self.score([1500, 100]), before)
        lifted = self.brake("lift", "big", "--why", "the sale is over", "--source", "analyst:7")
        self.assertEqual(lifted, "big: brake lifted\n")
        self.assertEqual(self.brake("lift", "big"), "big: no brake for its present declaration is pulled; nothing changed\n")
        self.assertEqual(self.brake("list"), "no brake is pulled\n")
        self.assertEqual(self.harrierd.metric("harrierd_brakes"), 0)
        self.assertEqual(self.score([1500] * 20), [self.LIVE] * 20)  # counting begins again
        self.harrierd.stop()

        pulled, lift = self.records()
        self.assertEqual((pulled["rule"], pulled["fires"], pulled["decisions"]), ("big", 11, 101))
        self.assertEqual((pulled["share_e6"], pulled["window_us"]), (100000, 600 * 10**6))
        self.assertEqual((lift["lifted"], lift["source"], lift["reason"]), (True, "analyst:7", "the sale is over"))
        self.assertEqual(lift["definition"], pulled["definition"])
        self.assert_replays()
        self.assert_replays_otherwise()

    def assert_replays_otherwise(self):
        """From the first record without tables, by tables, by the same policy, and explained one by one."""
        for options in ((), ("--threads=1",), ("--threads=3",)):
            self.assertEqual(self.replayed(*options), self.served, options)
        late = self.replayed("--warm-up=generations", "--from=2026-01-01T00:02:00Z")
        self.assertEqual(late, self.served[119:])
        self.assertEqual(self.replayed("--known=now").count(("review", 50)), 36)  # no brake in event-time order
        for identifier, mode in (("t101", "live"), ("t102", "shadow"), (f"t{self.number}", "live")):
            told = json.loads(self.harrier("explain", self.data, identifier, "--json"))
            self.assertTrue(told["equal"], told)
            (rule,) = [r for r in told["then"]["rules"] if r["name"] == "big"]
            self.assertEqual((rule["mode"], rule.get("braked", False)), (mode, mode == "shadow"), identifier)
        text = self.harrier("inspect", self.data, "--type", "brake")
        self.assertIn("pulled on rule big: 11 of 101 decisions, at_most 10% per 10m", text)
        self.assertIn("lifted from rule big: the sale is over, source analyst:7", text)

    def test_a_changed_rule_is_free_and_a_rollback_brings_the_brake_back(self):
        self.start()
        self.pull()
        for rules, expected in ((RULES.replace("score: 50", "score: 60"), ("review", 60, ["big"], [])),
                                (RULES, self.BRAKED)):
            said = self.harrierd.said().count(" adopted")
            self.write_policy("rules/velocity.yaml", rules)
            self.harrierd.process.send_signal(signal.SIGHUP)
            self.await_said_again(" adopted", said)
            self.assertEqual(self.score([1500]), [expected])
            self.assertEqual(self.brakes()[0]["applies"], rules == RULES)
        self.harrierd.stop()
        self.assert_replays()
        self.assertEqual(self.replayed()[-3:], [("approve", 0)] * 3)
        self.write_policy("rules/velocity.yaml", RULES.replace("score: 50", "score: 60"))
        self.assertEqual(self.replayed()[-3:], [("review", 60)] * 3)  # the brake is for another rule

    def await_said_again(self, words, before):
        deadline = time.monotonic() + WAIT
        while self.harrierd.said().count(words) == before:
            self.assertLess(time.monotonic(), deadline, self.harrierd.said())
            time.sleep(0.01)

    def test_what_is_refused(self):
        self.start()
        self.assertIn('no such rule; did you mean "big"?', self.brake("lift", "bigg", status=66))
        self.assertIn("no such rule", self.brake("pull", "none_at_all", status=66))
        for arguments in (("lift",), ("pull",), ("lift", "big", "--policy"), ("list", "big"), ("stop", "big"), (),
                          ("pull", "big", "--definition", "0123456789abcdef"), ("lift", "big", "--definition", "12"),
                          ("list", "--why", "x"), ("lift", "big", "--json"), ("lift", "big", "huge")):
            self.brake(*arguments, status=64)
        position = self.harrierd.status()["position"]
        with self.harrierd.connect() as connection:
            for request, field, words in (
                ({}, "rule", "no rule"),
                ({"rule": "big", "policy": True}, "rule", "a rule and the policy"),
                ({"rule": "b" * 65}, "rule", "65 bytes"),
                ({"rule": "big", "pull": True, "definition": 7}, "definition", "only lifting takes another"),
                ({"rule": "big", "source": "s" * 129}, "source", "129 bytes"),
                ({"rule": "big", "reason": "a\tb"}, "reason", "control character"),
            ):
                error = connection.call({"change_brake": request})["error"]
                self.assertEqual((error["code"], error["field"]), ("ERROR_INVALID", field))
                self.assertIn(words, error["message"])
        self.assertEqual(self.harrierd.status()["position"], position)


class Tuned(BrakeTest):
    def test_a_search_for_better_numbers_ignores_brakes(self):
        """A brake is for one declaration, so it would count for the present policy and not for the tuned one."""
        self.write_policy("rules/velocity.yaml", RULES.replace("    at_most: 10% per 10m\n", ""))
        self.start()
        # Frauds have amounts of 1500 to 1800, and as many honest payments 1000 to 1300.
        amounts = [(100, 1000 + n % 300, 1500 + n % 300)[n % 3] for n in range(600)]
        self.score(amounts[:450])
        self.brake("pull", "big")
        self.score(amounts[450:])
        self.brake("lift", "big")
        with self.harrierd.connect() as connection:
            frauds = [{"transaction_id": f"t{n}", "label": "LABEL_FRAUD", "known_time_us": transaction(n)["event_time_us"]}
                      for n in range(3, 601, 3)]
            answer = connection.call({"report_outcome": {"outcomes": frauds}})["report_outcome"]
            self.assertEqual(sum("accepted" in result for result in answer["results"]), len(frauds))
        self.await_synced(self.harrierd)
        self.harrierd.stop()
        found = json.loads(self.harrier("tune", self.data, "--policy", f"{self.folder}/policy", "--train",
                                        "2026-01-01..2026-01-01T00:06:41Z", "--test",
                                        "2026-01-01T00:06:41Z..2026-01-02", "--target", "precision>=0.9", "--json",
                                        "--quiet"))
        self.assertEqual([change["rule"] for change in found["changes"]], ["big"])
        self.assertEqual(set(found["differences"].values()), {0})
        present, tuned = found["test"]["present"], found["test"]["tuned"]
        self.assertEqual((present["caught"], present["false_alerts"]), (67, 67))
        self.assertEqual((tuned["caught"], tuned["false_alerts"]), (67, 0))


class ThePolicy(BrakeTest):
    def setUp(self):
        super().setUp()
        with open(f"{self.folder}/policy/policy.yaml", encoding="utf-8") as file:
            self.write_policy("policy.yaml", file.read() + OF_POLICY)

    def test_everything_is_approved_until_it_is_lifted(self):
        self.start()
        self.assertEqual(self.score([100] * 90), [self.PLAIN] * 90)
        # 9 of 99 do not trip the rule, and then declines trip the policy: 23 of 113.
        self.score([1500] * 9)
        decided = self.score([3000] * 20)
        refused = [d[0] for d in decided].index("approve")
        self.assertEqual({d[0] for d in decided[:refused]}, {"decline"})
        self.assertEqual(decided[refused:], [("approve", 0, [], ["big", "huge"])] * (20 - refused))
        self.assertIn("the policy", [b.get("rule", "the policy") for b in self.brakes()])
        self.assertEqual(self.harrierd.metric('harrierd_rule_braked{rule="_policy"}'), 1)
        self.harrierd.kill()
        self.harrierd.start()
        self.assertEqual(self.score([3000]), [("approve", 0, [], ["big", "huge"])])
        self.assertEqual(self.brake("lift", "--policy"), "the policy: brake lifted\n")
        self.brake("lift", "big")
        self.assertEqual(self.score([3000]), [("decline", 50, ["big", "huge"], [])])
        self.assertEqual(self.brake("pull", "huge", "--why", "wrong limit"), "huge: brake pulled\n")
        self.assertEqual(self.score([3000]), [("review", 50, ["big"], ["huge"])])
        self.harrierd.stop()
        self.assert_replays()


if __name__ == "__main__":
    unittest.main()
