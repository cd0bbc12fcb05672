#!/usr/bin/env python3
"""Rules that fire once an hour, for some of the cards, in groups and in shadow; shadow policies; and that a kill, a
rebuild and a swap reproduce all of it from the archive."""
import json
import os
import re
import shutil
import signal
import subprocess
import time
import unittest

import segments
import wire
from server import POLICY, START_US, WAIT, ServerTest, transaction

HARRIER = os.environ["HARRIER"]
SHADOW = 7  # record type

LIVE = {
    **POLICY,
    "policy.yaml": POLICY["policy.yaml"] + "groups:\n  velocity: {score: sum, at_most: 350}\n",
    "features.yaml": POLICY["features.yaml"].replace(
        "  merchant:\n    -",
        "    - {name: many_1d, aggregate: count, where: 'fired(\"many\")', window: 1d}\n  merchant:\n    -",
    ),
    "rules/velocity.yaml": """\
rules:
  - name: many
    about: many
    when: card.count_1h >= 3
    then: {verdict: review, score: 300}
    group: velocity
    tags: [velocity, test-of-tags]
    suppress: {by: card, for: 2m}
  - name: cheap
    about: cheap
    when: amount < 3.0
    then: {score: 100}
    group: velocity
    rollout: {percent: 50%, by: card}
  - name: often
    about: often many
    when: card.many_1d >= 2
    then: {verdict: challenge}
    from: 2026-01-01T00:05:00Z
  - name: tried
    about: tried
    when: card.sum_1h > 30.0
    then: {verdict: decline, score: 600}
    mode: shadow
""",
}

# Decides differently on the same features, and has one feature that the live policy lacks.
TRIED = {
    **LIVE,
    "policy.yaml": LIVE["policy.yaml"].replace("name: system", "name: tried"),
    "features.yaml": POLICY["features.yaml"].replace(
        "  merchant:\n    -", "    - {name: count_1m, aggregate: count, window: 1m}\n  merchant:\n    -"
    ),
    "rules/velocity.yaml": """\
rules:
  - {name: fast, when: card.count_1m >= 1, then: {verdict: decline}}
  - {name: spread, when: merchant.cards_1d >= 5, then: {verdict: challenge, score: 550}}
  - {name: fails, when: 1 / (amount_minor - amount_minor) > 0, then: {score: 1}}
""",
}

# Would refuse every transaction.
REFUSING = {**LIVE, "schema.yaml": "fields: {device: {required: true}}\n"}


def fill(server, first, last):
    decisions = []
    with server.connect() as connection:
        for start in range(first, last, 50):
            batch = [transaction(number) for number in range(start, min(start + 50, last))]
            for result in connection.score(batch):
                assert "decision" in result, result
                decisions.append(result["decision"])
            connection.report(f"t{start}", "fraud")
    return decisions


class ShadowTest(ServerTest):
    def setUp(self):
        super().setUp()
        for name, text in LIVE.items():
            self.write_policy(name, text)

    def write_shadow(self, name, files):
        folder = os.path.join(self.folder, name)
        shutil.rmtree(folder, ignore_errors=True)
        for path, text in files.items():
            os.makedirs(os.path.dirname(os.path.join(folder, path)), exist_ok=True)
            with open(os.path.join(folder, path), "w", encoding="utf-8") as file:
                file.write(text)
        return folder

    def harrier(self, *arguments):
        return subprocess.run([HARRIER, *arguments], capture_output=True, text=True, timeout=WAIT)

    def reload(self, server, words):
        said = server.said().count(words)
        server.process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + WAIT
        while server.said().count(words) == said:
            self.assertLess(time.monotonic(), deadline, server.said())
            time.sleep(0.01)
        server.status()

    def rebuild(self, server):
        deadline = time.monotonic() + WAIT
        while server.metric("harrierd_archive_synced_position") < server.metric("harrierd_archive_position"):
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)
        done = self.harrier("rebuild", "--data", os.path.dirname(server.archive))
        self.assertEqual(done.returncode, 0, done.stderr)

    def records(self, server, wanted):
        name = "TransactionRecord" if wanted == segments.TRANSACTION else "SnapshotRecord"
        return [wire.decode(name, payload) for _, kind, payload in segments.records(server.archive) if kind == wanted]

    def shadow_metrics(self, server, name):
        found = {}
        for line in server.http("/metrics")[1].splitlines():
            match = re.fullmatch(name + r'{policy="(\w+)",snapshot="\w{16}",\w+="(\w+)"} (\d+)', line)
            if match:
                found[match[1], match[2]] = int(match[3])
        return found

    def assert_comes_out_again(self, server):
        done = self.harrier("replay", os.path.dirname(server.archive), "--recorded")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("Every decision equals the archived one.\n", done.stdout)

    def test_rules_with_memory_come_out_again(self):
        """Suppression, fired(), rollout, groups and from: the same after a kill, a rebuild and a swap."""
        server = self.server().start()
        decisions = fill(server, 0, 400)
        server.kill()
        server.start()
        decisions += fill(server, 400, 500)
        self.rebuild(server)
        server.process.send_signal(signal.SIGHUP)
        server.await_said("the live states of")
        self.assertEqual(server.metric('harrierd_comparisons_total{result="equal"}'), 1)
        decisions += fill(server, 500, 700)
        self.assertEqual(server.stop(), 0)
        self.assert_comes_out_again(server)

        reasons = [{**reason, "at": number} for number, d in enumerate(decisions) for reason in d.get("reasons", [])]
        many = [reason for reason in reasons if reason["rule"] == "many"]
        self.assertEqual(many[0]["tags"], ["velocity", "test-of-tags"])
        self.assertEqual(many[0]["group"], "velocity")
        # Each card has a transaction every seven seconds; the rule takes effect once in two minutes.
        of_card = [reason for reason in many if reason["at"] % 7 == 3]
        effects = [reason["at"] for reason in of_card if not reason.get("suppressed")]
        self.assertGreater(len(effects), 3)
        self.assertLess(len(effects), len(of_card) / 10)
        for before, after in zip(effects, effects[1:]):
            self.assertGreaterEqual(after - before, 120)
            self.assertLess(after - before, 120 + 7)
        # Half of the cards, selected by hash, and always the same ones.
        cheap = {reason["at"] % 7 for reason in reasons if reason["rule"] == "cheap"}
        self.assertEqual(
            cheap,
            {
                card
                for card in range(7)
                if segments.xxh3(f"c{card}".encode(), segments.xxh3(b"cheap")) % 10000 < 5000
            },
        )
        capped = [reason for reason in reasons if reason.get("capped")]
        self.assertTrue(capped)
        self.assertEqual({(reason["rule"], reason["capped"]) for reason in capped}, {("cheap", 50)})
        often = [reason["at"] for reason in reasons if reason["rule"] == "often"]
        self.assertGreaterEqual(min(often), 300)

    def test_a_policy_on_trial(self):
        tried, refusing = self.write_shadow("tried", TRIED), self.write_shadow("refusing", REFUSING)
        alone = self.server(f"--data_dir={self.folder}/alone", name="alone").start()
        server = self.server(f"--shadow={tried},{refusing}").start()
        decisions, others = fill(server, 0, 200), fill(alone, 0, 200)
        # It never changes the answer.
        for decision, other in zip(decisions, others):
            for volatile in ("server_us", "position"):
                decision.pop(volatile, None)
                other.pop(volatile, None)
            self.assertEqual(decision, other)
        self.assertIn("1 features of shadow policy tried are not in the tables", server.said())

        shadows = [record["shadows"] for record in self.records(server, segments.TRANSACTION)]
        self.assertEqual(len(shadows), 200)
        named = {record["name"]: record["snapshot_id"] for record in self.records(server, SHADOW)}
        self.assertEqual(set(named), {"tried", "system"})
        for first, second in shadows:
            self.assertEqual(first["snapshot_id"], named["tried"])
            self.assertTrue(first["degraded"])  # without count_1m
            self.assertEqual(first["rule_errors"], 1)
            self.assertEqual(second, {"snapshot_id": named["system"]})
        self.assertEqual(shadows[-1][0]["rules"], [1])
        self.assertEqual(shadows[-1][0]["verdict"], "VERDICT_CHALLENGE")

        verdicts = self.shadow_metrics(server, "harrierd_shadow_decisions_total")
        self.assertEqual(verdicts["tried", "challenge"], sum(s[0]["verdict"] == "VERDICT_CHALLENGE" for s in shadows))
        self.assertEqual(verdicts["tried", "decline"], 0)
        agreements = self.shadow_metrics(server, "harrierd_shadow_agreements_total")
        self.assertEqual(agreements["system", "refused"], 200)
        same = sum(s[0]["verdict"] == d["verdict"] for s, d in zip(shadows, decisions))
        self.assertEqual(agreements["tried", "same"], same)
        self.assertEqual(sum(agreements["tried", which] for which in ("same", "stricter", "milder", "refused")), 200)

    def test_trials_come_and_go_with_reloads(self):
        tried = self.write_shadow("tried", TRIED)
        server = self.server(f"--shadow={tried}").start()
        fill(server, 0, 100)
        self.write_shadow("tried", {**TRIED, "rules/velocity.yaml": "rules: [{name: broken, when: x > 1}]\n"})
        self.reload(server, "shadow policy in")
        self.assertEqual(server.metric("harrierd_shadow_policies_refused"), 1)
        fill(server, 100, 200)  # the last good one stays in force
        changed = TRIED["rules/velocity.yaml"].replace("550", "950")
        self.write_shadow("tried", {**TRIED, "rules/velocity.yaml": changed})
        self.reload(server, "adopted")
        self.assertEqual(server.metric("harrierd_shadow_policies_refused"), 0)
        fill(server, 200, 300)
        server.kill()
        server.start()
        fill(server, 300, 400)
        self.rebuild(server)
        server.process.send_signal(signal.SIGHUP)
        server.await_said("the live states of")
        fill(server, 400, 500)
        self.assertEqual(server.stop(), 0)
        without = self.server(name="without").start()
        fill(without, 500, 600)
        self.assertEqual(without.stop(), 0)
        counts = {}
        for record in self.records(server, segments.TRANSACTION):
            for shadow in record.get("shadows", [{"snapshot_id": 0}]):
                counts[shadow["snapshot_id"]] = counts.get(shadow["snapshot_id"], 0) + 1
        self.assertEqual(sorted(counts.values()), [100, 200, 300])
        self.assertEqual(counts[0], 100)
        # Each policy is in the archive once, not again after each start or swap.
        self.assertLessEqual(len(self.records(server, SHADOW)), 4)
        self.assert_comes_out_again(server)

    def test_one_bit_in_a_shadow_decision_is_found(self):
        tried = self.write_shadow("tried", TRIED)
        server = self.server(f"--shadow={tried}").start()
        fill(server, 0, 60)
        self.assertEqual(server.stop(), 0)

        def change(at, kind, payload):
            if kind != segments.TRANSACTION or at < 40:
                return payload
            score = b"\x18\xa6\x04\x22\x01\x01"  # score 550, rules [1]
            return payload.replace(score, b"\x18\xa7\x04\x22\x01\x01")

        segments.rewrite(server.archive, change)
        done = self.harrier("replay", os.path.dirname(server.archive), "--recorded", "--list", "1")
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertRegex(done.stdout, r"shadow policy \w{16} challenge 551 by 1 rules, 1 errors, degraded → ")

    def test_the_report(self):
        tried = self.write_shadow("tried", TRIED)
        server = self.server(f"--shadow={tried}").start()
        decisions = fill(server, 0, 300)
        with server.connect() as connection:
            for number in range(0, 300, 3):
                connection.report(f"t{number}", "fraud" if number % 2 else "legit")
        self.assertEqual(server.stop(), 0)
        done = self.harrier("shadow", "report", os.path.dirname(server.archive), "--json", "--examples", "5")
        self.assertEqual(done.returncode, 0, done.stderr)
        report = json.loads(done.stdout)
        self.assertEqual(report["all"]["transactions"], 300)
        records = self.records(server, segments.TRANSACTION)

        rule = report["rules"][0]
        self.assertEqual([rule["rule"] for rule in report["rules"]], ["tried"])
        fired = [d for d in decisions if any(r["rule"] == "tried" for r in d.get("reasons", []))]
        self.assertEqual(rule["fired"]["transactions"], len(fired))
        self.assertEqual(rule["would_become"]["decline"]["transactions"], len(fired))
        outcomes = rule["fired"]["outcomes"]
        self.assertEqual(
            rule["fired"]["precision"], outcomes["fraud"] / (outcomes["fraud"] + outcomes["legit"])
        )
        self.assertEqual(
            rule["fired"]["amounts_minor"]["EUR"],
            sum(transaction(int(d["transaction_id"][1:]))["amount_minor"] for d in fired),
        )
        self.assertEqual(len(rule["examples"]), 5)

        policy = report["policies"][0]
        self.assertEqual(policy["policy"], "tried")
        for live, cells in policy["verdicts"].items():
            for shadow, cell in cells.items():
                expected = sum(
                    record["verdict"] == f"VERDICT_{live.upper()}"
                    and record["shadows"][0]["verdict"] == f"VERDICT_{shadow.upper()}"
                    for record in records
                )
                self.assertEqual(cell["transactions"], expected, (live, shadow))
        self.assertEqual(sum(c["transactions"] for cells in policy["verdicts"].values() for c in cells.values()), 300)
        self.assertEqual([rule["rule"] for rule in policy["rules"]], ["spread"])
        for example in policy["examples"]:
            self.assertNotEqual(example["verdict"], example["shadow_verdict"])

        # The same sample with other records after it, and as text.
        half = self.harrier("shadow", "report", os.path.dirname(server.archive), "--until", "2026-01-01T00:02:30Z")
        self.assertEqual(half.returncode, 0, half.stderr)
        self.assertRegex(half.stdout, r"^transactions   150, \d+ with an outcome \(\d")
        for words in ("Rules in shadow", "Shadow policy tried", "stricter", "Notes"):
            self.assertIn(words, half.stdout)
        none = self.harrier("shadow", "report", os.path.dirname(server.archive), "--until", "2020-01-01")
        self.assertIn("No rule fired in shadow", none.stdout)


if __name__ == "__main__":
    unittest.main()
