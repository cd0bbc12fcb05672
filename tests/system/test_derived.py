#!/usr/bin/env python3
"""Entities with derived keys and amounts per currency, as a client sees them: from the server's memory,
from the tables of a rebuild and from both together, each against plain sums over what was sent."""
import ipaddress
import os
import random
import subprocess
import unittest

from server import START_US, ServerTest

HARRIER = os.environ["HARRIER"]
HOUR_US = 3600 * 1000000

POLICY = {
    "policy.yaml": """\
policy:
  name: derived
  base_currency: EUR
  currency_rates:
    - {currency: USD, from: 2020-01-01, rate: "0.92"}
""",
    "schema.yaml": """\
derived:
  ip_network: {value: "network(ip, 24, 48)"}
  email_domain: {value: emailDomain(email)}
  card_bin: {value: "card.substring(0, 8)"}
""",
    "features.yaml": """\
entities:
  ip_network: {key: ip_network}
  bin_domain: {key: [card_bin, email_domain]}
features:
  ip_network:
    - {name: count_1h, aggregate: count, window: 1h}
    - {name: domains_1h, aggregate: distinct, of: email_domain, window: 1h}
    - {name: usd_1h, aggregate: sum, of: amount, currency: USD, window: 1h}
  bin_domain:
    - {name: frauds_1h, aggregate: count, where: "outcome == 'fraud'", window: 1h}
""",
    "rules/velocity.yaml": """\
rules:
  - {name: same_network, when: ip_network.count_1h >= 3, then: {score: 400}}
""",
}


def network_of(transaction):
    address = ipaddress.ip_address(transaction["ip"])
    mapped = getattr(address, "ipv4_mapped", None)
    address = mapped or address
    return str(ipaddress.ip_network((address, 24 if address.version == 4 else 48), strict=False))


def domain_of(transaction):
    email = transaction["email"]
    return email.rsplit("@", 1)[1].lower() if "@" in email else None


class Traffic:
    """Transactions, and the features expected of them."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.sent = []
        self.frauds = set()

    def ip(self):
        group, host = self.random.randrange(3), self.random.randrange(1, 255)
        return self.random.choice([
            f"192.0.{group}.{host}",
            f"::ffff:192.0.{group}.{host}",
            f"2001:db8:{group}::{host:x}",
            f"2001:0DB8:{group}:{host}:0:0:0:1",
        ])

    def transaction(self):
        number = len(self.sent)
        name = self.random.choice(["a@x.example", "b@X.Example", "c@y.example", "nobody"])
        transaction = {
            "id": f"t{number}",
            "event_time_us": START_US + number * 61 * 1000000,
            "amount_minor": self.random.randrange(1, 100000),
            "currency": self.random.choice(["EUR", "USD"]),
            "card": f"{self.random.choice(['tok4111a', 'tok5500b'])}{self.random.randrange(100)}",
            "ip": self.ip(),
            "email": name,
        }
        self.sent.append(transaction)
        return transaction

    def expected(self, transaction):
        """{feature: value} after the transaction and all before it."""
        number = self.sent.index(transaction)
        since = transaction["event_time_us"] - HOUR_US
        near = [
            other
            for other in self.sent[: number + 1]
            if other["event_time_us"] > since and network_of(other) == network_of(transaction)
        ]
        return {
            "ip_network.count_1h": len(near),
            "ip_network.domains_1h": len({domain_of(other) for other in near} - {None}),
            "ip_network.usd_1h": sum(t["amount_minor"] for t in near if t["currency"] == "USD") / 100,
        }


def values(features):
    """{name: value} of the features in an answer."""
    found = {}
    for feature in features:
        value = {key: one for key, one in feature.items() if key != "name"}
        found[feature["name"]] = next(iter(value.values()), None)
    return found


class DerivedTest(ServerTest):
    def setUp(self):
        super().setUp()
        for name, text in POLICY.items():
            self.write_policy(name, text)
        self.traffic = Traffic(seed=3)

    def score(self, connection, count):
        batch = [self.traffic.transaction() for _ in range(count)]
        results = connection.score(batch, return_features=True)
        for transaction, result in zip(batch, results):
            found = values(result["decision"]["features"])
            for name, value in self.traffic.expected(transaction).items():
                self.assertEqual(found[name] or 0, value, (name, transaction))
        return batch

    def entity(self, connection, name, *key):
        answer = connection.call({"get_entity": {"entity": name, "key": list(key)}})
        return answer.get("get_entity")

    def expect_entities(self, connection):
        """Every network, and every BIN with its domain, is an entity under its text, and there is no other."""
        newest, pairs = {}, {}
        for transaction in self.traffic.sent:
            newest[network_of(transaction)] = transaction
            pairs.setdefault((transaction["card"][:8], domain_of(transaction)), []).append(transaction)
        for network, transaction in newest.items():
            known = values(self.entity(connection, "ip_network", network)["features"])
            expected = self.traffic.expected(transaction)
            self.assertEqual(known["ip_network.count_1h"], expected["ip_network.count_1h"], network)
            self.assertEqual(known["ip_network.usd_1h"] or 0, expected["ip_network.usd_1h"], network)
        for (card_bin, domain), those in pairs.items():
            if domain:
                since = those[-1]["event_time_us"] - HOUR_US
                frauds = [t for t in those if t["event_time_us"] > since and t["id"] in self.traffic.frauds]
                known = values(self.entity(connection, "bin_domain", card_bin, domain)["features"])
                self.assertEqual(known["bin_domain.frauds_1h"], len(frauds), (card_bin, domain))
        self.assertIsNone(self.entity(connection, "ip_network", self.traffic.sent[0]["ip"]))

    def test_server_and_rebuild(self):
        server = self.server().start()
        with server.connect() as connection:
            for _ in range(10):
                for transaction in self.score(connection, 20)[::6]:
                    self.assertNotIn("error", connection.report(transaction["id"], "fraud"))
                    self.traffic.frauds.add(transaction["id"])
            self.expect_entities(connection)
            from_memory = connection.status(state_hash=True)
        self.assertEqual(server.stop(), 0, server.said())
        subprocess.run([HARRIER, "rebuild", "--quiet", f"--data={self.folder}/data"], check=True)
        server.start()
        with server.connect() as connection:
            from_tables = connection.status(state_hash=True)
            self.assertEqual(from_tables["state_hash"], from_memory["state_hash"])
            self.assertGreater(from_tables["generation_position"], 0)
            self.assertFalse(from_tables.get("overlay_entities"))
            self.expect_entities(connection)
            for _ in range(5):
                self.score(connection, 20)
            self.expect_entities(connection)


if __name__ == "__main__":
    unittest.main()
