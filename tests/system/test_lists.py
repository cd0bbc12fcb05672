#!/usr/bin/env python3
"""Lists that change while the server runs: their effect on decisions, which no crash, rebuild, swap
or replay may lose or change."""
import json
import os
import signal
import subprocess
import time
import unittest

import segments
import wire
from server import POLICY, START_US, WAIT, ServerTest, transaction

HARRIER = os.environ["HARRIER"]
DAY = 86400 * 10**6

LISTS = """\
lists:
  blocked_cards: {about: cards that were reported lost}
  blocked_ips: {type: network, file: lists/ips.txt}
  odd_amounts: {type: int, values: [1313, 6000-6999]}
  shut: {values: [m9], runtime: no}
"""
IPS = "198.51.100.0/24   # a test network\n2001:db8:1::/48\n"
RULES = """\
rules:
  - {name: blocked_card, when: card in lists.blocked_cards, then: {verdict: decline}}
  - {name: blocked_ip, when: ip in lists.blocked_ips, then: {verdict: decline}}
  - {name: odd, when: amount_minor in lists.odd_amounts, then: {verdict: review}}
  - {name: shut, when: merchant in lists.shut, then: {verdict: review}}
"""
THRESHOLDS = """\
thresholds:
  - name: of_blocked
    statistic: median
    of: amount_minor
    where: card in lists.blocked_cards
    over: 3660d
    minimum: 1
    fallback: 1.0
"""
USES_THRESHOLD = """\
rules:
  - {name: above, when: double(amount_minor) > thresholds.of_blocked, then: {score: 1}}
"""


def now_us():
    return time.time_ns() // 1000


class ListsTest(ServerTest):
    def setUp(self):
        super().setUp()
        self.write_policy("lists.yaml", LISTS)
        self.write_policy("lists/ips.txt", IPS)
        self.write_policy("rules/lists.yaml", RULES)
        self.number = 0

    def list(self, *arguments, status=0):
        run = subprocess.run(
            [HARRIER, "list", *arguments, "--to", self.harrierd.address, "--deadline", "60s", "--retry-for", "60s"],
            capture_output=True,
            text=True,
            timeout=WAIT,
            check=False,
        )
        self.assertEqual(run.returncode, status, run.stdout + run.stderr)
        return run.stdout if status == 0 else run.stdout + run.stderr

    def shown(self, name):
        return [json.loads(line) for line in self.list("show", name, "--json").splitlines()]

    def decide(self, **fields):
        """The verdict, without the prefix."""
        self.number += 1
        at_us = START_US + self.number * 2 * 3600 * 10**6  # too rare for the policy's other rules
        one = {**transaction(self.number), "id": f"s{self.number}", "event_time_us": at_us, **fields}
        with self.harrierd.connect() as connection:
            (result,) = connection.score([one])
        self.assertIn("decision", result)
        return result["decision"]["verdict"].removeprefix("VERDICT_").lower()

    def await_synced(self):
        """Waits until the whole archive is on the disk: a rebuild reads no further."""
        deadline = time.monotonic() + WAIT
        while (status := self.harrierd.status())["synced_position"] < status["position"]:
            self.assertLess(time.monotonic(), deadline, "never synced")
            time.sleep(0.01)

    def change(self, *changes):
        with self.harrierd.connect() as connection:
            return connection.call({"change_list": {"changes": list(changes)}})["change_list"]["results"]

    def harrier(self, *arguments):
        run = subprocess.run([HARRIER, *arguments], capture_output=True, text=True, timeout=WAIT, check=False)
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
        return run.stdout

    @property
    def data(self):
        return f"{self.folder}/data"

    def assert_replays(self):
        """The server must be down, or idle and synced."""
        self.assertIn("Every decision equals the archived one.", self.harrier("replay", self.data, "--recorded"))

    def assert_verified(self, entries):
        told = json.loads(self.harrier("verify", self.data, "--json"))
        self.assertTrue(told["equal"] and told["lists_equal"])
        self.assertEqual(told["list_entries"], entries)


class WhatItDoes(ListsTest):
    def test_an_addition_decides_the_next_transaction_and_a_removal_too(self):
        self.harrierd = self.server().start()
        self.assertEqual(self.decide(card="lost"), "approve")
        said = self.list("add", "blocked_cards", "lost", "gone", "--why", "reported", "--source", "analyst:7")
        self.assertEqual(said, "blocked_cards: lost added\nblocked_cards: gone added\n")
        self.assertEqual(self.decide(card="lost"), "decline")
        self.assertEqual(self.decide(card="other"), "approve")
        again = self.list("add", "blocked_cards", "lost")
        self.assertEqual(again, "blocked_cards: lost is already in the list, without end; nothing changed\n")
        self.assertEqual(self.list("remove", "blocked_cards", "lost"), "blocked_cards: lost removed\n")
        self.assertEqual(self.decide(card="lost"), "approve")
        self.assertEqual(
            self.list("remove", "blocked_cards", "lost"), "blocked_cards: lost is not an added entry; nothing changed\n"
        )
        (entry,) = self.shown("blocked_cards")
        self.assertEqual((entry["value"], entry["source"], entry["reason"]), ("gone", "analyst:7", "reported"))
        self.assertEqual(self.harrierd.metric('harrierd_list_changes_total{change="added"}'), 2)
        self.assertEqual(self.harrierd.metric('harrierd_list_changes_total{change="unchanged"}'), 2)
        self.assertEqual(self.harrierd.metric('harrierd_list_entries{list="blocked_cards"}'), 1)
        self.assertEqual(self.harrierd.metric('harrierd_list_entries{list="blocked_ips"}'), 0)

    def test_the_end_is_measured_in_event_time(self):
        self.harrierd = self.server("--max_ahead=30d").start()
        self.assertIn("added until 20", self.list("add", "blocked_cards", "lost", "--for", "7d"))
        self.assertEqual(self.decide(card="lost"), "decline")
        self.assertEqual(self.decide(card="lost", event_time_us=now_us() + 6 * DAY), "decline")
        self.assertEqual(self.decide(card="lost", event_time_us=now_us() + 8 * DAY), "approve")
        end_us = now_us() // 10**6 * 10**6 + 10 * DAY
        end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(end_us // 10**6))
        moved = self.list("add", "blocked_cards", "lost", "--until", end)
        self.assertIn(f"added until {end}; before, it was in the list until 20", moved)
        self.assertEqual(self.decide(card="lost", event_time_us=end_us - 1), "decline")
        self.assertEqual(self.decide(card="lost", event_time_us=end_us), "approve")
        self.assertIn("nothing changed", self.list("add", "blocked_cards", "lost", "--until", end))
        self.harrierd.stop()
        self.assert_replays()

    def test_networks_and_numbers(self):
        self.harrierd = self.server().start()
        self.assertEqual(self.decide(ip="198.51.100.200"), "decline")
        self.assertEqual(self.decide(ip="2001:db8:1:2::3"), "decline")
        self.assertEqual(self.decide(ip="203.0.113.9"), "approve")
        said = self.list("add", "blocked_ips", "203.0.113.0/28", "2001:DB8:0::1", "::ffff:192.0.2.7")
        self.assertEqual(
            said,
            "blocked_ips: 203.0.113.0/28 added\nblocked_ips: 2001:db8::1 added\nblocked_ips: 192.0.2.7 added\n",
        )
        self.assertEqual(self.decide(ip="203.0.113.9"), "decline")
        self.assertEqual(self.decide(ip="203.0.113.16"), "approve")
        self.assertEqual(self.decide(ip="2001:db8::1"), "decline")
        self.assertEqual(self.decide(ip="192.0.2.7"), "decline")
        self.assertEqual(self.decide(ip="::ffff:192.0.2.7"), "decline")
        self.assertIn("it stays in the list, because the policy's files have it", self.list("remove", "blocked_ips", "198.51.100.0/24"))
        self.assertEqual(self.decide(ip="198.51.100.200"), "decline")
        self.assertEqual(self.decide(amount_minor=6500), "review")
        self.assertEqual(self.decide(amount_minor=7500), "approve")
        self.list("add", "odd_amounts", "7000-7999", "42")
        self.assertEqual(self.decide(amount_minor=7500), "review")
        self.assertEqual(self.decide(amount_minor=42), "review")
        self.list("remove", "odd_amounts", "7000-7999")
        self.assertEqual(self.decide(amount_minor=7500), "approve")
        self.assertEqual(self.decide(merchant="m9"), "review")
        self.harrierd.stop()
        self.assert_replays()

    def test_what_is_refused(self):
        self.harrierd = self.server().start()
        before = self.harrierd.status()["position"]
        for arguments, words in (
            (("add", "blocked_card", "x", "y"), 'no such list; did you mean "blocked_cards"?'),
            (("remove", "blocked_card", "x"), 'did you mean "blocked_cards"?'),
            (("add", "shut", "m8"), "takes no changes at run time (runtime: no); its entries are in lists.yaml"),
            (("remove", "shut", "m9"), "takes no changes at run time"),
            (("add", "blocked_ips", "198.51.100.7/24"), "expected the network 198.51.100.0/24"),
            (("add", "blocked_ips", "example.com"), "neither an address nor a network"),
            (("add", "odd_amounts", "many"), "neither a 64-bit whole number"),
            (("add", "odd_amounts", "9-1"), "ends before it begins"),
            (("add", "blocked_cards", "4111 1111 1111 1111"), "looks like a card number"),
            (("add", "blocked_cards", "x" * 1025), "1025 bytes"),
            (("add", "blocked_cards", "a\tb"), "control character"),
            (("add", "blocked_cards", "x", "--until", "2026-01-01"), "expected a later time"),
        ):
            said = self.list(*arguments, status=1)
            self.assertIn(words, said)
            self.assertNotIn("4111 1111", said)
        self.assertEqual(self.list("add", "blocked_card", "x", "y", status=1).count("did you mean"), 1)
        for arguments in (
            ("add", "blocked_cards"),
            ("add",),
            (),
            ("sell", "x"),
            ("add", "blocked_cards", "x", "--for", "1ms"),
            ("add", "blocked_cards", "x", "--for", "3661d"),
            ("add", "blocked_cards", "x", "--for", "1d", "--until", "2030-01-01"),
            ("add", "blocked_cards", "x", "--until", "soon"),
            ("remove", "blocked_cards", "x", "--for", "1d"),
            ("show", "blocked_cards", "x"),
        ):
            self.list(*arguments, status=64)
        self.list("show", "nothing", status=66)
        removal = {"list": "blocked_cards", "value": "x", "remove": True, "expiry_time_us": now_us() + DAY}
        (result,) = self.change(removal)
        self.assertIn("a removal does not expire", result["error"]["message"])
        with self.harrierd.connect() as connection:
            none = connection.call({"change_list": {}})
            many = connection.call({"change_list": {"changes": [{"list": "blocked_cards", "value": "x"}] * 1001}})
        self.assertEqual(none["error"]["code"], "ERROR_INVALID")
        self.assertEqual(many["error"]["code"], "ERROR_TOO_LARGE")
        self.assertEqual(self.harrierd.status()["position"], before)

    def test_in_one_request_each_sees_those_before_it(self):
        self.harrierd = self.server().start()
        add, other = {"list": "blocked_cards", "value": "a"}, {"list": "nothing", "value": "a"}
        results = self.change(add, add, other, {**add, "remove": True}, add)
        self.assertEqual([r.get("changed", {}).get("changed", False) for r in results], [True, False, False, True, True])
        self.assertEqual(results[2]["error"]["code"], "ERROR_NOT_FOUND")
        self.assertEqual(len(self.shown("blocked_cards")), 1)

    def test_pages(self):
        self.harrierd = self.server().start()
        names = [f"card-{i}" for i in range(2500)]
        for first in range(0, len(names), 1000):
            self.change(*({"list": "blocked_cards", "value": name} for name in names[first : first + 1000]))
        self.list("remove", "blocked_cards", *names[::2])
        self.assertEqual([entry["value"] for entry in self.shown("blocked_cards")], names[1::2])
        with self.harrierd.connect() as connection:
            page = connection.call({"get_list": {"list": "blocked_cards", "limit": 10}})["get_list"]
            rest = connection.call(
                {"get_list": {"list": "blocked_cards", "after_position": page["next_position"], "limit": 1}}
            )["get_list"]
        self.assertEqual([entry["value"] for entry in page["entries"]], names[1:20:2])
        self.assertEqual(rest["entries"][0]["value"], names[21])
        self.harrierd.stop()
        self.harrierd.start()
        self.assertEqual(len(self.shown("blocked_cards")), 1250)


class WhatStays(ListsTest):
    def fill(self):
        """Makes each kind of change; returns the decisions to expect."""
        self.list("add", "blocked_cards", "lost", "gone", "--why", "reported")
        self.list("add", "blocked_cards", "soon", "--for", "7d")
        self.list("add", "blocked_ips", "203.0.113.0/28")
        self.list("remove", "blocked_cards", "gone")
        return {"lost": "decline", "gone": "approve", "soon": "decline"}

    def assert_decides(self, expected):
        for card, verdict in expected.items():
            self.assertEqual(self.decide(card=card), verdict, card)
        self.assertEqual(self.decide(ip="203.0.113.3"), "decline")

    def rebuild(self, *flags):
        return json.loads(self.harrier("rebuild", f"--data={self.data}", "--priority=normal", *flags))

    def test_killed(self):
        self.harrierd = self.server().start()
        expected = self.fill()
        shown = self.shown("blocked_cards")
        self.harrierd.kill()
        self.harrierd.start()
        self.assertEqual(self.shown("blocked_cards"), shown)
        self.assert_decides(expected)
        self.harrierd.stop()
        self.assert_replays()

    def test_rebuilt_and_swapped_in(self):
        self.harrierd = self.server("--lazy_sync_interval=10ms").start()
        self.decide()
        expected = self.fill()
        self.assert_decides(expected)
        self.await_synced()
        first = self.rebuild()
        self.harrierd.await_said("the live states of")
        self.assert_decides(expected)
        self.list("add", "blocked_cards", "later")
        self.list("remove", "blocked_cards", "soon")
        expected.update(later="decline", soon="approve")
        self.assert_decides(expected)
        self.await_synced()
        second = self.rebuild()
        self.assertEqual(second["from_position"], first["position"])
        self.assert_verified(3)
        deadline = time.monotonic() + WAIT
        while self.harrierd.said().count("the live states of") < 2:
            self.assertLess(time.monotonic(), deadline, self.harrierd.said())
            time.sleep(0.05)
        self.assertNotIn("differ from those of the new generation", self.harrierd.said())
        self.assert_decides(expected)
        self.harrierd.kill()
        self.harrierd.start()
        self.assert_decides(expected)
        self.assertEqual({e["value"] for e in self.shown("blocked_cards")}, {"lost", "later"})
        self.harrierd.stop()
        self.assert_replays()
        # Without a server, which records what it adopts: both are of the same records.
        third = self.rebuild("--force")
        full = self.rebuild("--force", "--full", "--threads=3")
        self.assertGreater(third["from_position"], 0)
        self.assertEqual(full["generation"], third["generation"])

    def test_a_policy_without_the_list(self):
        self.harrierd = self.server().start()
        self.fill()
        self.write_policy("lists.yaml", LISTS.replace("blocked_cards", "bad_cards"))
        self.write_policy("rules/lists.yaml", RULES.replace("lists.blocked_cards", "lists.bad_cards"))
        self.harrierd.process.send_signal(signal.SIGHUP)
        self.harrierd.await_said("2 of 2 entries added to list blocked_cards at run time have no effect")
        self.assertEqual(self.decide(card="lost"), "approve")
        self.assertIn("the policy does not declare the list", self.list("show"))
        self.assertIn("no such list", self.list("add", "blocked_cards", "x", status=1))
        self.assertEqual(self.list("remove", "blocked_cards", "soon"), "blocked_cards: soon removed\n")
        self.write_policy("lists.yaml", LISTS.replace("blocked_cards: {", "blocked_cards: {runtime: no, values: [a], "))
        self.write_policy("rules/lists.yaml", RULES)
        self.harrierd.process.send_signal(signal.SIGHUP)
        self.harrierd.await_said("blocked_cards at run time have no effect: the list does not allow run-time entries")
        self.assertEqual(self.decide(card="lost"), "approve")
        self.assertEqual(self.decide(card="a"), "decline")
        self.write_policy("lists.yaml", LISTS)
        said = self.harrierd.said().count("adopted")
        self.harrierd.process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + WAIT
        while self.harrierd.said().count("adopted") == said:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)
        self.assertEqual(self.decide(card="lost"), "decline")
        self.harrierd.stop()
        self.assert_replays()

    def test_thresholds_see_the_list_as_it_was(self):
        self.write_policy("thresholds.yaml", THRESHOLDS)
        self.write_policy("rules/above.yaml", USES_THRESHOLD)
        self.harrierd = self.server().start()
        for number, (card, amount) in enumerate([("a", 100), ("b", 200), ("a", 300), ("b", 400), ("a", 500)]):
            if number == 2:
                self.list("add", "blocked_cards", "a")
            if number == 3:
                self.list("add", "blocked_cards", "b")
            if number == 4:
                self.list("remove", "blocked_cards", "a")
            self.decide(card=card, amount_minor=amount)
        self.harrierd.stop()
        self.rebuild()
        self.harrierd.start()
        self.harrierd.stop()
        adopted = [
            wire.decode("GenerationRecord", payload)
            for _, kind, payload in segments.records(self.harrierd.archive)
            if kind == segments.GENERATION
        ]
        (threshold,) = adopted[-1]["thresholds"]["thresholds"]
        # 300 of a and 400 of b: the others came before their cards, or after a was taken back.
        self.assertEqual((threshold["samples"], threshold["overall"]), (2, 300.0))
        self.assert_replays()


if __name__ == "__main__":
    unittest.main()
