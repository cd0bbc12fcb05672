#!/usr/bin/env python3
"""A challenger decides for a share of the cards: who meets it is computed here a second time, and every decision is
derived again, whatever happened to the experiment in between."""
import csv
import datetime
import glob
import io
import json
import os
import shutil
import signal
import subprocess
import time
import unittest

import segments
import wire
import xxh3
from night import SwapTest
from server import POLICY, WAIT, transaction

HARRIER = os.environ["HARRIER"]
EXPERIMENT = 10  # record type
CARDS = 400

STRICTER = {
    **POLICY,
    "policy.yaml": POLICY["policy.yaml"].replace("name: system", "name: stricter"),
    "rules/velocity.yaml": """\
rules:
  - name: twice
    about: twice
    when: card.count_1h >= 2
    then: {verdict: decline, score: 100}
""",
}


def arm_of(card, name, parts):
    """As core/policy/lists/experiment.h has it."""
    seed = xxh3.xxh3(b"experiment/" + name.encode())
    return "ARM_CHALLENGER" if xxh3.xxh3(card.encode(), seed) % 10000 < parts else "ARM_CHAMPION"


class ChallengerTest(SwapTest):
    def setUp(self):
        super().setUp()
        self.challenger = os.path.join(self.folder, "challenger")
        self.config = os.path.join(self.folder, "harrierd.conf")
        self.number = 0
        self.served = {}  # id → decision
        self.write_challenger(STRICTER)

    def write_challenger(self, files):
        shutil.rmtree(self.challenger, ignore_errors=True)
        for name, text in files.items():
            path = os.path.join(self.challenger, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)

    def configure(self, share=None, name="spring", key="card", more=""):
        with open(self.config, "w", encoding="utf-8") as file:
            if share:
                file.write(f"challenger = {self.challenger}\nchallenger_share = {share}\n"
                           f"challenger_key = {key}\nchallenger_name = {name}\n")
            file.write(more)

    def start(self, *flags):
        self.harrierd = self.server(f"--config={self.config}", "--lazy_sync_interval=10ms", *flags).start()

    def reload(self, until):
        """SIGHUP, then waits for a status that is as it should be."""
        self.harrierd.process.send_signal(signal.SIGHUP)
        return self.await_status(self.harrierd, "reloaded", until)

    def share(self, percent):
        return lambda status: status.get("experiment", {}).get("share_e4") == percent * 100

    def score(self, count):
        """Returns the decisions, by card in order."""
        batch = [transaction(self.number + i, cards=CARDS) for i in range(count)]
        self.number += count
        with self.harrierd.connect() as connection:
            results = connection.score(batch)
        for one, result in zip(batch, results):
            self.served[one["id"]] = {**result["decision"], "card": one["card"]}
        return [self.served[one["id"]] for one in batch]

    def harrier(self, *arguments, status=0):
        run = subprocess.run([HARRIER, *arguments], capture_output=True, text=True, timeout=WAIT, check=False)
        self.assertEqual(run.returncode, status, run.stdout + run.stderr)
        return run.stdout if status == 0 else run.stdout + run.stderr

    def records(self):
        return [wire.decode("ExperimentRecord", payload)
                for _, kind, payload in segments.records(self.harrierd.archive) if kind == EXPERIMENT]

    def assert_replays(self, *options):
        self.assertIn("Every decision equals the archived one.",
                      self.harrier("replay", self.data, "--recorded", *options))

    def assert_arms(self, decisions, name, parts):
        """Each is of the arm that its card has, and was made by that arm's policy."""
        ids = {"ARM_CHAMPION": set(), "ARM_CHALLENGER": set()}
        for one in decisions:
            self.assertEqual(one["arm"], arm_of(one["card"], name, parts), one)
            ids[one["arm"]].add(one["snapshot_id"])
        self.assertTrue(all(len(of) <= 1 for of in ids.values()), ids)
        return ids


class Experiment(ChallengerTest):
    def test_served_raised_killed_reloaded_and_stopped(self):
        self.configure("10%")
        self.start()
        first = self.score(CARDS)
        ids = self.assert_arms(first, "spring", 1000)
        (challenger,) = ids["ARM_CHALLENGER"]
        self.assertNotEqual(ids["ARM_CHAMPION"], {challenger})
        (record,) = self.records()
        self.assertEqual((record["name"], record["key"], record["share_e4"], record["policy"]),
                         ("spring", "card", 1000, "stricter"))
        self.assertEqual({one["path"] for one in record["files"]}, set(STRICTER))

        self.configure("40%")
        self.reload(self.share(40))
        second = self.score(CARDS)
        self.assert_arms(second, "spring", 4000)
        moved = {(a["arm"], b["arm"]) for a, b in zip(first, second)}
        self.assertEqual(moved, {("ARM_CHAMPION", "ARM_CHAMPION"), ("ARM_CHAMPION", "ARM_CHALLENGER"),
                                 ("ARM_CHALLENGER", "ARM_CHALLENGER")})

        self.harrierd.kill()
        self.harrierd.start()
        self.assertEqual(len(self.records()), 2)  # nothing has changed
        self.assert_arms(self.score(CARDS), "spring", 4000)

        # Decisions on the same histories: the stricter policy declines a second transaction.
        late = self.score(CARDS)
        for one in late:
            self.assertEqual(one["verdict"], "VERDICT_DECLINE" if one["arm"] == "ARM_CHALLENGER" else "VERDICT_REVIEW")

        self.write_challenger({**STRICTER, "rules/velocity.yaml": STRICTER["rules/velocity.yaml"].replace("100", "200")})
        self.reload(lambda status: status["experiment"]["snapshot_id"] != challenger)
        again = self.score(CARDS)
        self.assertNotIn(challenger, self.assert_arms(again, "spring", 4000)["ARM_CHALLENGER"])

        old = self.harrierd.status()
        self.rebuild()
        self.await_adopted(self.harrierd, old)
        self.assert_arms(self.score(CARDS), "spring", 4000)

        self.harrierd.kill()
        self.configure("40%", name="summer")  # another sample
        self.harrierd.start()
        self.assert_arms(self.score(CARDS), "summer", 4000)

        self.configure()
        self.reload(lambda status: "experiment" not in status)
        alone = self.score(50)
        self.assertEqual({one.get("arm") for one in alone}, {None})
        self.assertEqual({one["snapshot_id"] for one in alone}, ids["ARM_CHAMPION"])
        self.assertEqual([one.get("ended", False) for one in self.records()], [False, False, False, False, True])
        self.await_synced(self.harrierd)
        self.assert_replays()
        self.assertEqual(self.verify()[0], 0)
        self.harrierd.stop()
        self.assert_replays("--threads", "3")

        self.start()  # the tables know that it has ended
        self.assertEqual(len(self.records()), 5)
        self.assertNotIn("experiment", self.harrierd.status())

    def test_the_end_is_found_behind_tables(self):
        """Tables were built meanwhile, and the configuration changed while the server was down."""
        self.configure("50%")
        self.start()
        self.score(CARDS)
        self.await_synced(self.harrierd)
        self.harrierd.stop()
        self.rebuild()
        self.configure()
        self.harrierd.start()
        self.assertEqual({one.get("arm") for one in self.score(CARDS)}, {None})
        self.assertEqual([one.get("ended", False) for one in self.records()], [False, True])
        self.await_synced(self.harrierd)
        self.assert_replays()

    def test_shadows_brakes_and_explanations_go_on(self):
        shadow = os.path.join(self.folder, "shadow")
        shutil.copytree(os.path.join(self.folder, "policy"), shadow)
        with open(os.path.join(shadow, "policy.yaml"), "a", encoding="utf-8") as file:
            file.write("# another\n")
        limited = STRICTER["rules/velocity.yaml"] + "    at_most: 10% per 10m\n"
        self.write_challenger({**STRICTER, "rules/velocity.yaml": limited})
        self.configure("50%", more=f"shadow = {shadow}\n")
        self.start()
        self.score(CARDS)
        self.configure("51%", more=f"shadow = {shadow}\n")
        self.reload(self.share(51))
        self.score(CARDS // 5)  # too few decisions to pull a brake, but for those before the reload
        self.assertIn("brake pulled on rule twice", self.harrierd.said())
        for _ in range(3):
            self.score(CARDS)
        declined = [one for one in self.served.values() if one["verdict"] == "VERDICT_DECLINE"]
        self.assertTrue(declined)
        last = self.score(CARDS)
        braked = [one for one in last if one["arm"] == "ARM_CHALLENGER"]
        self.assertEqual({one["verdict"] for one in braked}, {"VERDICT_APPROVE"})
        self.harrier("brake", "lift", "twice", "--to", self.harrierd.address)
        self.score(CARDS)
        self.await_synced(self.harrierd)
        self.assert_replays()
        for arm, one in (("challenger", declined[0]), ("champion", next(x for x in last if x["arm"] == "ARM_CHAMPION"))):
            told = json.loads(self.harrier("explain", self.data, one["transaction_id"], "--json"))
            self.assertTrue(told["equal"], told.get("difference"))
            self.assertEqual((told["archived"]["arm"], told["experiment"]), (arm, "spring"))
            self.assertEqual(told["then"]["name"], "stricter" if arm == "challenger" else "system")
            other = told["then"]["other_arm"]
            self.assertEqual((other["arm"], other["name"]),
                             ("champion", "system") if arm == "challenger" else ("challenger", "stricter"))
            self.assertEqual(len(told["then"]["shadows"]), 1)
            with self.harrierd.connect() as connection:
                asked = connection.call({"explain": {"transaction_id": one["transaction_id"]}})["explain"]
            self.assertTrue(asked["equal"])
            self.assertIn(f"decided by the {arm}", self.harrier("explain", self.data, one["transaction_id"]))

    def test_the_brake_of_a_rule_that_both_declare_is_lifted_by_name(self):
        rule = STRICTER["rules/velocity.yaml"].replace("name: twice", "name: many") + "    at_most: 10% per 10m\n"
        self.write_challenger({**STRICTER, "rules/velocity.yaml": rule})
        self.configure("50%")
        self.start()
        for _ in range(3):
            self.score(CARDS)
        self.assertIn("brake pulled on rule many", self.harrierd.said())
        self.assertIn("lifted", self.harrier("brake", "lift", "many", "--to", self.harrierd.address))
        self.assertEqual(self.harrier("brake", "list", "--json", "--to", self.harrierd.address), "")
        self.harrier("brake", "pull", "many", "--to", self.harrierd.address)  # the champion's
        last = self.score(CARDS // 8)
        self.assertEqual({one["verdict"] for one in last if one["arm"] == "ARM_CHAMPION"}, {"VERDICT_APPROVE"})
        self.assertEqual({one["verdict"] for one in last if one["arm"] == "ARM_CHALLENGER"}, {"VERDICT_DECLINE"})

        limited = STRICTER["policy.yaml"] + "  at_most: 10% per 10m\n"  # the whole challenger
        self.write_challenger({**STRICTER, "policy.yaml": limited})
        self.reload(lambda status: "challenger_decisions" not in status["experiment"])
        for _ in range(2):
            self.score(CARDS)
        self.assertIn("brake pulled on the policy", self.harrierd.said())
        self.assertIn("lifted", self.harrier("brake", "lift", "--policy", "--to", self.harrierd.address))
        self.await_synced(self.harrierd)
        self.assert_replays()

    def score_of(self, arm, amounts, name="spring"):
        """One message with cards of this arm alone, each with a card of its own. None: there is no experiment."""
        cards = [card for card in (f"own{n}" for n in range(10 * len(amounts))) if not arm or arm_of(card, name, 5000) == arm]
        batch = [{**transaction(self.number + i), "card": cards[i], "amount_minor": amount}
                 for i, amount in enumerate(amounts)]
        self.number += len(amounts)
        with self.harrierd.connect() as connection:
            results = connection.score(batch)
        self.assertEqual({result["decision"].get("arm") for result in results}, {arm})
        return [result["decision"]["verdict"].removeprefix("VERDICT_").lower() for result in results]

    def brake(self, *arguments):
        return self.harrier("brake", *arguments, "--to", self.harrierd.address)

    BIG = """\
rules:
  - name: big
    when: amount_minor >= 1000 && !(merchant in lists.known)
    then: {verdict: review}
    at_most: 10% per 10m
"""
    KNOWN = "lists:\n  known: {values: [shop, %s]}\n"

    def serve_big(self, of_champion, of_challenger):
        """Both arms have a rule of the same text; what it reads is given for each."""
        self.write_policy("rules/velocity.yaml", self.BIG)
        self.write_policy("lists.yaml", self.KNOWN % of_champion)
        self.write_challenger({"policy.yaml": STRICTER["policy.yaml"], "features.yaml": POLICY["features.yaml"],
                               "lists.yaml": self.KNOWN % of_challenger, "rules/velocity.yaml": self.BIG})
        self.configure("50%")
        self.start()

    def test_a_brake_is_for_the_arm_that_pulled_it(self):
        """The very same rule in both arms: 11 of 101 decisions of one exceed the limit, of that one alone."""
        self.serve_big("inn", "inn")
        self.score_of("ARM_CHAMPION", [100] * 90)
        self.assertEqual(self.score_of("ARM_CHAMPION", [1500] * 5), ["review"] * 5)
        self.score_of("ARM_CHALLENGER", [100] * 90)
        self.assertEqual(self.score_of("ARM_CHALLENGER", [1500] * 12), ["review"] * 11 + ["approve"])
        one_braked = f"t{self.number - 1}"
        self.assertEqual(self.score_of("ARM_CHAMPION", [1500] * 5), ["review"] * 5)
        other_braked = f"t{self.number - 1}"
        (of_challenger,) = [json.loads(line) for line in self.brake("list", "--json").splitlines()]
        self.assertEqual(of_challenger["reason"], "11 of 101 decisions of the challenger, at_most 10% per 10m")
        self.assertTrue(of_challenger["applies"])

        self.harrierd.kill()
        self.harrierd.start()
        self.assertEqual(self.score_of("ARM_CHALLENGER", [1500]), ["approve"])
        self.assertEqual(self.score_of("ARM_CHAMPION", [1500]), ["review"])
        self.await_synced(self.harrierd)
        old = self.harrierd.status()
        self.rebuild()
        self.await_adopted(self.harrierd, old)
        self.harrierd.kill()
        self.harrierd.start()  # from tables, which have the brake
        self.assertEqual(self.score_of("ARM_CHALLENGER", [1500]), ["approve"])

        # The champion's own 11 of 101, beginning anew at the start.
        self.score_of("ARM_CHAMPION", [100] * 90)
        self.assertEqual(self.score_of("ARM_CHAMPION", [1500] * 12), ["review"] * 11 + ["approve"])
        self.assertEqual(self.harrierd.http("/metrics")[1].count('harrierd_rule_braked{rule="big"} 1'), 1)
        self.assertEqual(self.harrierd.metric("harrierd_brakes"), 2)
        braked = f"t{self.number - 1}"
        self.brake("lift", "big")  # the champion's first
        self.assertEqual(self.score_of("ARM_CHAMPION", [1500]), ["review"])
        self.assertEqual(self.score_of("ARM_CHALLENGER", [1500]), ["approve"])
        self.brake("lift", "big")
        self.assertEqual(self.score_of("ARM_CHALLENGER", [1500]), ["review"])
        self.assertEqual(self.brake("list"), "no brake is pulled\n")
        self.brake("pull", "big")  # by hand: in both arms
        self.assertEqual(self.score_of("ARM_CHALLENGER", [1500]) + self.score_of("ARM_CHAMPION", [1500]), ["approve"] * 2)
        self.brake("lift", "big")
        self.await_synced(self.harrierd)
        self.assert_replays()
        self.assert_replays("--threads=1")
        for identity, own, other in ((braked, "approve", "approve"), (one_braked, "approve", "review"),
                                     (other_braked, "review", "approve")):
            told = json.loads(self.harrier("explain", self.data, identity, "--json"))
            self.assertTrue(told["equal"], told)
            self.assertEqual((told["then"]["decision"]["verdict"], told["then"]["other_arm"]["verdict"]), (own, other))
            self.assertEqual(told["then"]["rules"][0].get("braked", False), own == "approve")
        told = [json.loads(line) for line in self.harrier("inspect", self.data, "--type", "brake", "--json").splitlines()]
        self.assertEqual([one.get("arm") for one in told[:2]], ["challenger", "champion"])
        # The policy in force alone: the champion's brake counts, the challenger's does not.
        table = self.harrier("replay", self.data, "--policy", f"{self.folder}/policy", "--features", "-", "--quiet")
        rows = list(csv.DictReader(io.StringIO(table)))
        at = [row["verdict"] for row in rows]
        self.assertEqual(at[90:95] + at[185:197], ["review"] * 17)  # both arms, before any brake of the champion
        self.assertEqual(at[int(braked[1:])], "approve")

    def test_a_challengers_brake_waits_for_the_next_one(self):
        """Without effect when the experiment ends, by its definition to be lifted, and back with the rule."""
        self.serve_big("inn", "inn")
        self.score_of("ARM_CHALLENGER", [100] * 90)
        self.score_of("ARM_CHALLENGER", [1500] * 12)
        for is_lifted in (False, True):
            self.configure()
            self.reload(lambda status: "experiment" not in status)
            (one,) = [json.loads(line) for line in self.brake("list", "--json").splitlines()]
            self.assertFalse(one["applies"])
            self.assertEqual(self.score_of(None, [1500]), ["review"])
            if is_lifted:
                self.brake("lift", "big", "--definition", one["definition"])
            self.configure("50%", name="summer")
            self.reload(self.share(50))
            self.assertEqual(self.score_of("ARM_CHALLENGER", [1500], "summer"), ["review" if is_lifted else "approve"])
        self.await_synced(self.harrierd)
        self.assert_replays()

    def test_a_rule_that_reads_another_list_is_another_rule(self):
        self.serve_big("inn", "bar")
        self.assertEqual(self.score_of("ARM_CHALLENGER", [1500]), ["review"])
        self.brake("pull", "big")  # the champion's
        self.assertEqual(self.score_of("ARM_CHAMPION", [1500]), ["approve"])
        self.assertEqual(self.score_of("ARM_CHALLENGER", [1500]), ["review"])
        # Corrected: the list is what was wrong. And back again.
        for entry, verdict in (("pub", "review"), ("inn", "approve")):
            self.write_policy("lists.yaml", self.KNOWN % entry)
            self.harrier("reload", "--wait", "--to", self.harrierd.address)
            self.assertEqual(self.score_of("ARM_CHAMPION", [1500]), [verdict])
        self.await_synced(self.harrierd)
        self.assert_replays()

    def test_metrics_and_status(self):
        self.configure("25%")
        self.start()
        decisions = self.score(CARDS)
        status = self.harrierd.status()["experiment"]
        for arm in ("champion", "challenger"):
            count = sum(one["arm"] == f"ARM_{arm.upper()}" for one in decisions)
            self.assertEqual(status[f"{arm}_decisions"], count)
            self.assertEqual(self.harrierd.metric(
                f'harrierd_arm_decisions_total{{experiment="spring",arm="{arm}",verdict="approve"}}'), count)
        self.assertEqual(self.harrierd.metric("harrierd_challenger_refused"), 0)
        self.assertIn('harrierd_challenger_share{experiment="spring",policy="stricter"', self.harrierd.http("/metrics")[1])
        text = self.harrier("status", "--to", self.harrierd.address)
        self.assertIn("for 25% of card, experiment spring", text)


class Arms(ChallengerTest):
    """The report against a count of its own, from the table that harrier export writes."""

    def outcomes(self, ids):
        with self.harrierd.connect() as connection:
            for id, label in ids:
                connection.report(id, label)

    def exported(self):
        """Without history that came late: nobody acted on its decisions, in whichever arm they were made."""
        rows = list(csv.DictReader(io.StringIO(self.harrier("export", self.data, "--quiet", "--out", "-"))))
        late = [row for row in rows if row["backfilled"] == "true"]
        self.assertEqual({row["arm"] for row in late}, {"champion", "challenger"})
        return [row for row in rows if row not in late]

    def backfill(self, at_us):
        items = [{"transaction": {**transaction(i, cards=CARDS), "id": f"late{i}", "event_time_us": at_us + i},
                  "outcome": {"label": "LABEL_FRAUD"}} for i in range(50)]
        with self.harrierd.connect() as connection:
            for result in connection.call({"backfill": {"items": items}})["backfill"]["results"]:
                self.assertNotIn("error", result)

    def reported(self, *options):
        return [json.loads(line) for line in
                self.harrier("policy", "arms", self.data, "--json", "--quiet", *options).splitlines()]

    def check_phase(self, phase, rows):
        """rows: of the phase, mature."""
        for arm, name in (("champion", "champion"), ("challenger", "challenger"), ("without_key", "")):
            mine, told = [row for row in rows if row["arm"] == name], phase[arm]
            alert = [row for row in mine if row["verdict"] != "approve"]
            fraud = [row for row in mine if row["outcome"] in ("fraud", "chargeback")]
            known = [row for row in mine if row["outcome"] != "suspected"]
            self.assertEqual(told["decisions"], len(mine))
            for verdict in ("approve", "review", "challenge", "decline"):
                self.assertEqual(told["verdicts"][verdict], sum(row["verdict"] == verdict for row in mine))
            self.assertEqual((told["mature"], told["frauds"]), (len(known), len(fraud)))
            caught = [row for row in fraud if row in alert]
            self.assertEqual((told["frauds_caught"], told["frauds_missed"]), (len(caught), len(fraud) - len(caught)))
            self.assertEqual(told["alerts"], sum(row in alert for row in known))
            money = sum(round(100 * float(row["amount"])) for row in fraud)
            self.assertEqual(told["fraud_minor"], {"EUR": money} if fraud else {})
            missed = sum(round(100 * float(row["amount"])) for row in fraud if row not in alert)
            self.assertEqual(told["fraud_missed_minor"].get("EUR", 0), missed)
            if fraud and name:
                self.assertAlmostEqual(told["shares"]["caught"]["value"], len(caught) / len(fraud))
                self.assertLessEqual(told["shares"]["caught"]["low"], len(caught) / len(fraud))
        a, b = (phase[arm]["shares"]["alerts"]["value"] for arm in ("champion", "challenger"))
        self.assertAlmostEqual(phase["differences"]["alerts"]["value"], b - a)
        self.assertLess(phase["differences"]["alerts"]["low"], b - a)

    def test_figures_equal_a_count_of_the_export(self):
        self.configure("30%")
        self.start()
        self.score(50 + CARDS)
        self.score(2 * CARDS)
        with self.harrierd.connect() as connection:
            nobody = {**transaction(10**6), "event_time_us": transaction(0)["event_time_us"]}
            del nobody["card"]
            connection.score([nobody])
        self.configure("60%")
        self.reload(self.share(60))
        self.score(2 * CARDS)
        labels = ("FRAUD", "LEGIT", "CHARGEBACK", "SUSPECTED")
        self.outcomes((f"t{n}", labels[n % 4]) for n in range(0, self.number, 3))
        self.backfill(transaction(0)["event_time_us"])
        self.await_synced(self.harrierd)
        rows = self.exported()
        self.assertEqual(len(rows), self.number + 1)
        self.assert_replays()  # history too, in its arms
        for row in rows:
            expected = arm_of(row["card"], "spring", 3000 if int(row["id"][1:]) < 50 + 3 * CARDS else 6000)
            self.assertEqual(row["arm"], expected[4:].lower() if row["card"] else "")
        phases = self.reported("--outcomes-after", "0s")
        self.assertEqual([(one["share_e4"], one["experiment"]) for one in phases], [(3000, "spring"), (6000, "spring")])
        border = phases[1]["from_position"]
        self.assertEqual(phases[0]["until_position"], border)
        self.check_phase(phases[0], [row for row in rows if int(row["position"]) < border])
        self.check_phase(phases[1], [row for row in rows if int(row["position"]) > border])
        self.assertEqual(phases[0]["without_key"]["decisions"], 1)

        # Only what is old enough counts for outcomes, and only what is in the range at all.
        young = self.reported("--outcomes-after", "1000s")
        self.assertLess(young[0]["champion"]["mature"], phases[0]["champion"]["mature"])
        self.assertEqual(young[0]["champion"]["verdicts"], phases[0]["champion"]["verdicts"])
        self.assertEqual([one["champion"]["mature"] for one in self.reported()], [0, 0])
        some = self.reported("--from", "2026-01-01T00:10:00Z", "--outcomes-after", "0s")
        self.assertLess(some[0]["champion"]["decisions"], phases[0]["champion"]["decisions"])
        text = self.harrier("policy", "arms", self.data, "--outcomes-after", "0s")
        self.assertIn("experiment spring: 30% of card to stricter", text)
        self.assertIn("1 transactions without card", text)

    def test_history_that_came_late_is_in_no_arm(self):
        self.configure("50%")
        self.start()
        self.score(CARDS)
        self.await_synced(self.harrierd)
        before = self.reported("--outcomes-after", "0s")
        history = [{**transaction(10**6 + i, cards=CARDS), "event_time_us": transaction(i)["event_time_us"] - 10**6,
                    "outcome": "fraud"} for i in range(CARDS)]
        path = os.path.join(self.folder, "history.jsonl")
        with open(path, "w", encoding="utf-8") as file:
            for row in history:
                file.write(json.dumps(row) + "\n")
        mapping = os.path.join(self.folder, "map.yaml")
        with open(mapping, "w", encoding="utf-8") as file:
            file.write("id: id\nevent_time: {column: event_time_us, format: unix_us}\namount_minor: amount_minor\n"
                       "currency: currency\ncard: card\nmerchant: merchant\noutcome: outcome\n")
        self.harrier("backfill", path, "--map", mapping, "--to", self.harrierd.address)
        self.await_synced(self.harrierd)
        self.assertEqual(len(self.exported()), CARDS)
        self.assertEqual(self.reported("--outcomes-after", "0s"), before)
        self.assertEqual(sum(self.harrierd.status()["experiment"].get(f"{arm}_decisions", 0)
                             for arm in ("champion", "challenger")), CARDS)
        self.assert_replays()

    def test_the_night_reports_the_arms(self):
        """Days that are old enough for outcomes, and one that is not; against the export again."""
        self.configure("40%")
        self.start("--stale_after=0")
        today = datetime.datetime.now(datetime.timezone.utc).replace(hour=12, minute=0, second=0, microsecond=0)
        for days in (12, 9, 2):
            at_us = int((today - datetime.timedelta(days=days)).timestamp()) * 1000000
            batch = [{**transaction(self.number + i, cards=CARDS), "event_time_us": at_us + i * 1000000}
                     for i in range(600)]
            self.number += 600
            with self.harrierd.connect() as connection:
                connection.score(batch)
        self.outcomes((f"t{n}", ("FRAUD", "LEGIT", "CHARGEBACK", "SUSPECTED")[n % 4]) for n in range(0, self.number, 3))
        self.outcomes((f"t{n}", "LEGIT") for n in range(0, self.number, 24))  # it was fraud before
        self.backfill(at_us)
        self.await_synced(self.harrierd)
        self.harrierd.stop()
        subprocess.run([HARRIER, "night", "--data", self.data, "--priority", "normal", "--verify", "none"],
                       capture_output=True, check=False, timeout=WAIT)
        (folder,) = glob.glob(os.path.join(self.data, "nights", "*", "report.json"))
        with open(folder, encoding="utf-8") as file:
            told = json.load(file)["experiment"]
        with open(os.path.join(os.path.dirname(folder), "report.html"), encoding="utf-8") as file:
            self.assertIn("Champion and challenger", file.read())
        rows = self.exported()
        old = [row for row in rows if int(row["id"][1:]) < 1200]
        for arm in ("champion", "challenger"):
            self.assertEqual(told[arm]["decisions"], sum(row["arm"] == arm for row in rows))
            mine = [row for row in old if row["arm"] == arm and row["outcome"] != "suspected"]
            fraud = [row for row in mine if row["outcome"] in ("fraud", "chargeback")]
            caught = [row for row in fraud if row["verdict"] != "approve"]
            self.assertEqual((told[arm]["mature"], told[arm]["frauds"], told[arm]["frauds_caught"]),
                             (len(mine), len(fraud), len(caught)))
            self.assertEqual(told[arm]["alerts"], sum(row["verdict"] != "approve" for row in mine))
            missed = sum(round(100 * float(row["amount"])) for row in fraud if row not in caught)
            self.assertEqual(told[arm]["fraud_missed_minor"].get("EUR", 0), missed)
        self.assertEqual((told["experiment"], told["share_e4"]), ("spring", 4000))

    def test_promoted(self):
        policy = os.path.join(self.folder, "policy")
        self.configure("30%")
        self.start()
        self.score(CARDS)
        self.await_synced(self.harrierd)
        self.assertIn("count_1h >= 2", self.harrier("policy", "promote", self.data, policy, "--dry-run"))
        def promoted(folder):
            run = subprocess.run([HARRIER, "policy", "promote", self.data, folder], capture_output=True, text=True,
                                 timeout=WAIT, check=True)
            return run.stderr

        own = promoted(self.challenger)  # the wrong folder
        self.assertIn("nothing was changed", own)
        self.assertNotIn("end the experiment", own)
        self.assertIn("now end the experiment", promoted(policy))
        self.configure()
        self.reload(lambda status: "experiment" not in status and status["policy_name"] == "stricter")
        self.score(CARDS)
        self.assertEqual(self.score(5)[0]["verdict"], "VERDICT_DECLINE")
        self.await_synced(self.harrierd)
        self.assert_replays()
        self.assertIn("no challenger decides", self.harrier("policy", "promote", self.data, policy, status=66))
        listed = [json.loads(line) for line in self.harrier("policy", "list", self.data, "--json").splitlines()]
        self.assertEqual([one["use"] for one in listed], ["live", "arm", "live"])
        self.assertEqual(listed[1]["experiment"], "spring")
        self.assertEqual(listed[1]["until_position"] - listed[2]["position"], 1)
        (phase,) = [json.loads(line) for line in
                    self.harrier("policy", "arms", self.data, "--json", "--quiet").splitlines()]
        self.assertEqual(phase["until_position"], listed[2]["position"])

    def test_a_list_of_the_challenger_alone(self):
        files = {**STRICTER, "lists.yaml": "lists: {mules: {about: mules}}\n",
                 "rules/velocity.yaml": STRICTER["rules/velocity.yaml"].replace("card.count_1h >= 2", "card in lists.mules")}
        self.write_challenger(files)
        self.configure("100%")
        self.start()
        self.harrier("list", "add", "mules", "c3", "--to", self.harrierd.address)
        self.assertEqual([one["verdict"] for one in self.score(7)].count("VERDICT_DECLINE"), 1)
        self.await_synced(self.harrierd)
        self.assert_replays()


class Refused(ChallengerTest):
    """Nothing that cannot work is tried, and the champion decides for all."""

    def assert_refused(self, files, *words, **more):
        self.write_challenger(files)
        self.configure("50%", **more)
        self.start()
        said = self.harrierd.status()["challenger_error"]
        for word in words:
            self.assertIn(word, said)
        self.assertEqual(self.harrierd.metric("harrierd_challenger_refused"), 1)
        self.assertEqual({one.get("arm") for one in self.score(20)}, {None})
        self.assertEqual(self.records(), [])
        self.harrierd.kill()

    def test_what_does_not_fit_the_champion(self):
        features = POLICY["features.yaml"].replace(
            "  merchant:\n    -", "    - {name: count_1m, aggregate: count, window: 1m}\n  merchant:\n    -")
        self.assert_refused({**STRICTER, "features.yaml": features}, "card.count_1m", "add it to the champion")
        self.assert_refused({**STRICTER, "schema.yaml": "fields: {device: {required: true}}\n"}, "device")
        self.assert_refused({**STRICTER, "schema.yaml": "attributes: {items: {type: int}}\n"}, "items")
        self.assert_refused(POLICY, "the same policy")
        self.assert_refused({**STRICTER, "rules/velocity.yaml": "rules: [{name: x}]\n"}, "when")
        self.assert_refused(STRICTER, "carrd", "did you mean", key="carrd")
        self.assert_refused(STRICTER, "no name", name="a/b")

    def test_a_good_one_stays_when_its_folder_breaks(self):
        self.configure("50%")
        self.start()
        self.write_challenger({**STRICTER, "rules/velocity.yaml": "rules: [{name: x}]\n"})
        self.reload(lambda status: status.get("challenger_error"))
        self.assert_arms(self.score(CARDS), "spring", 5000)
        # The champion drops a feature that the challenger reads: the champion wins.
        self.write_policy("features.yaml", POLICY["features.yaml"].replace("count_1h, aggregate: count, window: 1h",
                                                                           "count_1h, aggregate: count, window: 2h"))
        self.reload(lambda status: "experiment" not in status)
        self.score(20)
        self.await_synced(self.harrierd)
        self.assert_replays()

    def test_options(self):
        for share, key, word in (("0%", "card", "challenger_share"), ("10", "card", "challenger_share"),
                                 ("10%", "", "challenger_key")):
            self.configure(share, key=key)
            server = self.server(f"--config={self.config}").spawn()
            self.assert_ends(server, 78, word)
            os.remove(server.messages)
            self.servers.clear()

    def test_what_check_finds_beforehand(self):
        policy = os.path.join(self.folder, "policy")
        for name, key, word in (("spring", "carrd", "did you mean"), ("spring sale", "card", "is no name"),
                                ("spring", "card", "")):
            self.configure("10%", name=name, key=key, more=f"policy = {policy}\n")
            run = subprocess.run([os.environ["HARRIERD"], "--check", f"--config={self.config}"], capture_output=True,
                                 text=True, timeout=WAIT, check=False)
            self.assertEqual(run.returncode, 78 if word else 0, run.stderr)
            self.assertIn(word, run.stderr)
        with open(os.path.join(self.challenger, "rules", "broken.yaml"), "w", encoding="utf-8") as file:
            file.write("rules: 7\n")
        run = subprocess.run([os.environ["HARRIERD"], "--check", f"--config={self.config}"], capture_output=True,
                             text=True, timeout=WAIT, check=False)
        self.assertEqual(run.returncode, 78, run.stderr)
        self.assertIn("rules/broken.yaml:1:", run.stderr)
        self.assertIn(f"policy in {self.challenger} refused", run.stderr)


if __name__ == "__main__":
    unittest.main()
