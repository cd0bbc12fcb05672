"""Amendments with any client: what becomes known about a transaction's money after it was decided."""

import json
import os
import subprocess

from scenario import HARRIER, LONG_MS  # isort: skip  (sets the path for the others)
from analyst_scenarios import AnalystTest, now_us
from server import transaction

HOUR_US = 3600 * 10**6


def money(amount, refunded=0, voided=False):
    return {"voided": voided, "amount_minor": amount, "refunded_minor": refunded}


class AmendTest(AnalystTest):
    def amend(self, *amendments, **members):
        answer = self.driver.do("amend", amendments=amendments, **members)
        self.assertIn("results", answer)
        self.assertEqual(len(answer["results"]), len(amendments))
        return answer["results"]

    def accepted(self, kind, transaction_id="t1", **more):
        return self.amend({"transaction_id": transaction_id, "kind": kind, **more})[0]["accepted"]

    def assert_changes(self, previous, now, kind, **more):
        """The first time it changes something, and the second nothing."""
        accepted = self.accepted(kind, **more)
        self.assertEqual(accepted, {"transaction_id": "t1", "position": self.started.status()["position"],
                                    "changed": True, "previous": previous, "now": now})
        again = {"transaction_id": "t1", "position": 0, "changed": False, "previous": now, "now": now}
        self.assertEqual(self.accepted(kind, **more), again)
        return accepted["position"]

    def start(self, *flags):
        self.started = super().start(*flags)
        return self.started

    def archived_amendments(self):
        done = subprocess.run(
            [HARRIER, "inspect", self.started.archive, "--json", "--quiet", "--type", "amendment"],
            check=True, capture_output=True, text=True,
        )
        return [json.loads(line) for line in done.stdout.splitlines()]

    def test_each_kind(self):
        self.start()
        self.score(1, amount_minor=500)
        positions = [
            self.assert_changes(money(500), money(450), "capture", amount_minor=450),
            self.assert_changes(money(450), money(450, 100), "refund", amount_minor=100),
            self.assert_changes(money(450, 100), money(450, 450), "refund", amount_minor=450),
            self.assert_changes(money(450, 450), money(450), "refund"),
            self.assert_changes(money(450), money(450, voided=True), "void"),
            self.assert_changes(money(450, voided=True), money(450), "restore"),
        ]
        self.assertEqual(positions, sorted(set(positions)))
        # What the client says is what is in the archive, and nothing was recorded twice.
        records = self.archived_amendments()
        self.assertEqual([record["position"] for record in records], positions)
        self.assertEqual([record["now"] for record in records],
                         [money(450), money(450, 100), money(450, 450), money(450), money(450, voided=True), money(450)])

    def test_every_field_arrives(self):
        """A known time and a source as the archive and another client have them; without them it is known now."""
        self.start()
        self.score(1, amount_minor=500)
        self.score(2, amount_minor=500)
        known = now_us() - HOUR_US
        before = now_us()
        self.accepted("refund", amount_minor=300, known_time_us=known, source="settlement-feed")
        self.accepted("void", "t2")
        first, second = (self.over_http("/v1/explain", {"transaction_id": key})["amendments"][0] for key in ("t1", "t2"))
        self.assertEqual((int(first["known_time_us"]), first["source"]), (known, "settlement-feed"))
        self.assertEqual(int(first["now"]["refunded_minor"]), 300)
        self.assertTrue(before <= int(second["known_time_us"]) <= now_us(), second)
        self.assertEqual((second.get("source", ""), second["now"]["voided"]), ("", True))
        answer = self.over_http("/v1/amendments", {"amendments": [
            {"transaction_id": "t1", "kind": "AMENDMENT_REFUND", "amount_minor": 300},
        ]})
        self.assertFalse(answer["results"][0]["accepted"].get("changed", False))

    def test_refused_ones_among_good_ones(self):
        """Each has its own result, in order; a refused one leaves the others as they are."""
        self.start()
        self.score(1, amount_minor=500)
        later = now_us() + HOUR_US * 24 * 365
        capture = {"transaction_id": "t1", "kind": "capture", "amount_minor": 400}
        refund = {"transaction_id": "t1", "kind": "refund"}
        results = self.amend(
            capture,
            {"transaction_id": "nobody", "kind": "void"},
            {**refund, "amount_minor": 401},
            {**refund, "amount_minor": 100},
            {**capture, "amount_minor": 99},
            {"transaction_id": "t1", "kind": "void", "amount_minor": 1},
            {**refund, "amount_minor": -1},
            {"transaction_id": "t1", "kind": "void", "known_time_us": later},
            {"transaction_id": "", "kind": "void"},
            {"transaction_id": "t1", "kind": "void", "source": "x" * 129},
            {"transaction_id": "t1", "kind": "void"},
            {**refund, "amount_minor": 200},
            {"transaction_id": "t1", "kind": "restore"},
            {**refund, "amount_minor": 300, "currency": "USD"},
            {**refund, "amount_minor": 300, "currency": "euro"},
            {**refund, "amount_minor": 100, "currency": "EUR"},
        )
        good = [result["accepted"] for result in results if "accepted" in result]
        self.assertEqual([(one["previous"], one["now"]) for one in good], [
            (money(500), money(400)), (money(400), money(400, 100)),
            (money(400, 100), money(400, 100, voided=True)), (money(400, 100, voided=True), money(400, 100)),
            (money(400, 100), money(400, 100)),
        ])
        refused = {1: ("not_found", "transaction_id"), 2: ("invalid", "amount_minor"), 4: ("invalid", "amount_minor"),
                   5: ("invalid", "amount_minor"), 6: ("invalid", "amount_minor"), 7: ("invalid", "known_time_us"),
                   8: ("invalid", "transaction_id"), 9: ("invalid", "source"), 11: ("invalid", "kind"),
                   13: ("invalid", "currency"), 14: ("invalid", "currency")}
        self.assertEqual({index for index, result in enumerate(results) if "error" in result}, set(refused))
        for index, (code, field) in refused.items():
            self.assert_refused(results[index], code, field)
        self.assertIn("401 refunded of 400", results[2]["error"]["message"])
        self.assertIn("currency is USD, but the transaction's is EUR", results[13]["error"]["message"])
        self.assertEqual(len(self.archived_amendments()), 4)

    def test_features_follow(self):
        self.start()
        for number in range(3):
            self.score(number, card="c0", amount_minor=500)

        def card():
            features = self.driver.do("entity", entity="card", key=["c0"])["entity"]["features"]
            return features["card.count_1h"], features["card.sum_1h"]

        self.assertEqual(card(), (3, 15))
        self.accepted("capture", amount_minor=300)
        self.assertEqual(card(), (3, 13))
        self.accepted("void")
        self.assertEqual(card(), (2, 10))
        # The next decision does without it, too: the rule `many` needs three before it.
        self.assertEqual(self.score(3, card="c0", amount_minor=500)["reasons"], ["many", "on_trial"])
        self.assertEqual(card(), (3, 15))
        self.accepted("void", "t2")
        self.accepted("void", "t3")
        self.assertEqual(self.score(4, card="c0", amount_minor=500)["reasons"], ["on_trial"])
        self.accepted("restore")
        self.assertEqual(card(), (3, 13))

    def test_in_an_explanation(self):
        self.start()
        self.score(1, amount_minor=500)
        self.score(2, amount_minor=500)
        known = now_us() - HOUR_US
        before = now_us()
        positions = [
            self.accepted("capture", amount_minor=400, known_time_us=known, source="settlement-feed")["position"],
            self.accepted("void")["position"],
        ]
        found = self.driver.do("explain", transaction_id="t1", deadline_ms=LONG_MS)["explanation"]
        self.assertEqual((found["equal"], found["outcomes"]), (True, []), "it was decided with what was known then")
        first, second = found["amendments"]
        self.assertEqual([first["position"], second["position"]], positions)
        self.assertEqual((first["previous"], first["now"]), (money(500), money(400)))
        self.assertEqual((second["previous"], second["now"]), (money(400), money(400, voided=True)))
        self.assertEqual((first["known_time_us"], first["source"]), (known, "settlement-feed"))
        self.assertEqual((second["known_time_us"], second["source"]), (second["receive_time_us"], ""))
        for amendment in (first, second):
            self.assertTrue(before <= amendment["receive_time_us"] <= now_us(), amendment)
        other = self.driver.do("explain", transaction_id="t2", deadline_ms=LONG_MS)["explanation"]
        self.assertEqual(other["amendments"], [])

    def test_a_thousand(self):
        self.start()
        self.driver.score(*(transaction(number) for number in range(1000)))
        amendments = [{"transaction_id": f"t{number}", "kind": "void"} for number in range(1000)]
        results = self.amend(*amendments)
        self.assertEqual([result["accepted"]["transaction_id"] for result in results],
                         [f"t{number}" for number in range(1000)])
        self.assertTrue(all(result["accepted"]["changed"] for result in results))
        self.assertFalse(any(result["accepted"]["changed"] for result in self.amend(*amendments)))

    def test_what_is_not_sent(self):
        fake = self.fake("fake")
        self.open(fake, deadline_ms=LONG_MS)
        self.await_connection()
        void = {"transaction_id": "t1", "kind": "void"}
        self.assert_fails(self.driver.do("amend", amendments=[]), "invalid")
        self.assert_fails(self.driver.do("amend", amendments=[void] * 1001), "too_large")
        if "request_limits" in self.driver.can:  # more than 2 MiB
            long = [{**void, "source": "x" * 3000}] * 1000
            self.assert_fails(self.driver.do("amend", amendments=long), "too_large")
        self.assertEqual(fake.asked("amend"), [])
        self.assertEqual(fake.greeted, 1, "the connection is the same")

    def test_great_numbers(self):
        """Those that a float or 32 bits do not hold, up to what a number of JavaScript holds, in both directions."""
        great = 2**53 - 1
        amended = {"amount_minor": great, "refunded_minor": great - 2}
        accepted = {"transaction_id": "t1", "position": 2**40 + 7, "changed": True, "previous": {}, "now": amended}
        fake = self.fake("fake", lambda request: {"amend": {"results": [{"accepted": accepted}]}})
        self.open(fake, deadline_ms=LONG_MS)
        found = self.accepted("capture", amount_minor=2**40 + 9, known_time_us=2**50 + 1)
        sent = fake.asked("amend")[0]["amend"]["amendments"][0]
        self.assertEqual((sent["amount_minor"], sent["known_time_us"]), (2**40 + 9, 2**50 + 1))
        self.assertEqual(found["position"], 2**40 + 7)
        self.assertEqual((found["previous"], found["now"]), (money(0), money(great, great - 2)))

    def test_an_empty_result(self):
        fake = self.fake("fake", lambda request: {"amend": {"results": [{}]}})
        self.open(fake, deadline_ms=LONG_MS)
        answer = self.driver.do("amend", amendments=[{"transaction_id": "t1", "kind": "void"}])
        self.assert_fails(answer, "protocol", decided=None)

    def test_token(self):
        """It needs the scope of outcomes."""
        tokens = os.path.join(self.folder, "tokens")

        def token(scopes):
            done = subprocess.run([HARRIER, "token", "new", "shop", "--scopes", scopes, "--tokens", tokens],
                                  check=True, capture_output=True, text=True)
            return done.stdout.strip()

        score, outcome = token("score"), token("outcome")
        server = self.server(f"--tokens={tokens}").start()
        self.open(server, token=score, deadline_ms=LONG_MS)
        self.score(1)
        answer = self.driver.do("amend", amendments=[{"transaction_id": "t1", "kind": "void"}])
        self.assert_fails(answer, "denied")
        self.assertEqual(answer["error"]["field"], "token")
        self.driver.do("close")
        self.open(server, token=outcome, deadline_ms=LONG_MS)
        self.assertTrue(self.accepted("void")["changed"])
