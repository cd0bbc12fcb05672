#!/usr/bin/env python3
"""Time zones of a policy, from the folder to the archive: local times in a feature, a derived field and a rule, a change of
the rules at a reload, and decisions that are derived again after the zones are gone from the folder."""
import datetime
import os
import shutil
import struct
import subprocess
import unittest

from server import START_US, ServerTest

HARRIER = os.environ["HARRIER"]

POLICY = {
    "schema.yaml": """\
derived:
  local_day: {value: 'localDate(event_time, "Some/Where")'}
""",
    "features.yaml": """\
entities:
  card: {key: card}
  card_day: {key: [card, local_day]}
features:
  card:
    - {name: night_30d, aggregate: count, where: 'event_time.getHours("Some/Where") < 6', window: 30d}
    - {name: count_30d, aggregate: count, window: 30d}
  card_day:
    - {name: count, aggregate: count, window: 30d}
""",
    "rules/velocity.yaml": """\
rules:
  - {name: weekend, when: 'event_time.getDayOfWeek("Some/Where") in [0, 6]', then: {score: 100}}
  - {name: nights, when: card.night_30d >= 5, then: {score: 50}}
  - {name: days, when: card_day.count >= 5, then: {score: 10}}
""",
}


def tzif(offset_s, rule):
    """A file of version 2 without transitions."""
    block = b"TZif2" + bytes(15) + struct.pack(">6Ii", 0, 0, 0, 0, 1, 4, offset_s) + b"\0\0ABC\0"
    return block + block + b"\n" + rule.encode() + b"\n"


def local(transaction, hours):
    return datetime.datetime(1970, 1, 1) + datetime.timedelta(microseconds=transaction["event_time_us"], hours=hours)


class ZonesTest(ServerTest):
    def setUp(self):
        super().setUp()
        for name, text in POLICY.items():
            self.write_policy(name, text)
        self.sent = []

    def write_zone(self, content):
        path = os.path.join(self.folder, "policy/zones/Some/Where.tzif")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(content)

    def harrier(self, *arguments):
        return subprocess.run([HARRIER, *arguments], capture_output=True, text=True, check=False)

    def score(self, connection, count, hours, is_new=False):
        """Every three hours and a quarter, over weekends. hours: how far ahead clocks are; is_new: the zone's rules have
        changed and no tables were built since, so what depends on them is absent."""
        for _ in range(count):
            number = len(self.sent)
            transaction = {"id": f"t{number}", "event_time_us": START_US + number * 195 * 60 * 1000000, "amount_minor": 100,
                           "currency": "EUR", "card": f"c{number % 2}"}
            self.sent.append(transaction)
            decision = connection.score([transaction], return_features=True)[0]["decision"]
            found = {one["name"]: int(one.get("integer", 0)) for one in decision["features"] if len(one) > 1}
            now, own = local(transaction, hours), [t for t in self.sent if t["card"] == transaction["card"]]
            nights = sum(local(t, hours).hour < 6 for t in own)
            today = sum(local(t, hours).date() == now.date() for t in own)
            self.assertEqual(found["card.count_30d"], len(own))
            if is_new:
                self.assertNotIn("card.night_30d", found)
                self.assertNotIn("card_day.count", found)
                nights = today = 0
            else:
                self.assertEqual(found["card.night_30d"], nights)
                self.assertEqual(found["card_day.count"], today)
            score = 100 * (now.isoweekday() > 5) + 50 * (nights >= 5) + 10 * (today >= 5)
            self.assertEqual(decision.get("score", 0), score, transaction)

    def test_change_of_the_rules(self):
        self.write_zone(tzif(3600, "AAA-1"))
        checked = self.harrier("check", f"{self.folder}/policy", "--strict")
        self.assertIn("zone       Some/Where", checked.stdout)
        server = self.server().start()
        with server.connect() as connection:
            self.score(connection, 40, hours=1)
            self.write_zone(tzif(3600, "<+01>-1:00"))  # the same rules in other bytes
            self.assertEqual(self.harrier("reload", "--to", server.address, "--wait").returncode, 0)
            self.score(connection, 10, hours=1)
            self.write_zone(tzif(36000, "BBB-10"))
            self.assertEqual(self.harrier("reload", "--to", server.address, "--wait").returncode, 0)
            self.score(connection, 10, hours=10, is_new=True)
        self.assertEqual(server.stop(), 0, server.said())
        self.assertEqual(self.harrier("rebuild", "--quiet", f"--data={self.folder}/data").returncode, 0)
        server.start()
        with server.connect() as connection:
            self.score(connection, 20, hours=10)
        self.assertEqual(server.stop(), 0, server.said())
        shutil.rmtree(f"{self.folder}/policy")
        audit = self.harrier("replay", f"{self.folder}/data", "--recorded")
        self.assertEqual(audit.returncode, 0, audit.stderr)
        self.assertIn("Every decision equals the archived one.", audit.stdout)

    def test_unknown_zone_is_refused(self):
        refused = self.harrier("check", f"{self.folder}/policy")
        self.assertEqual(refused.returncode, 78)
        self.assertIn('"harrier zones POLICY --add Some/Where" adds it', refused.stderr)
        self.assertIn("schema.yaml:2:", refused.stderr)


if __name__ == "__main__":
    unittest.main()
