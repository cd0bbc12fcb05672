#!/usr/bin/env python3
"""protect: hmac, through every door: after a day's traffic none of the values is in any file of the data folder, with
sealed segments decompressed, nor in a log or a file of refused transactions, and questions by clear value still find
what they ask for. The pseudonyms themselves are held against Python's hmac."""
import base64
import hashlib
import hmac
import json
import os
import signal
import subprocess
import time
import unittest

from http_door import HttpTest
from server import START_US, WAIT, transaction

HARRIER = os.environ["HARRIER"]
KEYS = {"k1": bytes(range(32)), "k2": bytes(range(32, 64))}
LATER_US = START_US + 5 * 86400 * 10**6  # from when k2 is taken

SCHEMA = """\
accept_pseudonyms: {accept}
fields:
  card: {{protect: hmac}}
  email: {{protect: hmac}}
  ip: {{protect: hmac}}
attributes:
  bin: {{type: string, from_clear: "card.substring(0, 6)"}}
  domain: {{type: string, from_clear: emailDomain(email)}}
  net: {{type: string, from_clear: "network(ip, 24, 48)"}}
  payee: {{type: string, protect: hmac, protect_as: card}}
  note: {{type: string}}
"""
LISTS = """\
lists:
  stolen: {protect: card, about: cards that were reported stolen}
  filed: {protect: email, file: lists/filed.txt}
"""
FEATURES = """\
entities:
  card: {key: card}
  email: {key: email}
features:
  card:
    - {name: count_1h, aggregate: count, window: 1h}
    - {name: emails_1d, aggregate: distinct, of: email, window: 1d}
  email:
    - {name: count_1d, aggregate: count, window: 1d}
"""
RULES = """\
rules:
  - {name: stolen, when: card in lists.stolen, then: {verdict: decline}, reason: "{card} is stolen"}
  - {name: filed, when: email in lists.filed, then: {verdict: review}}
  - {name: own, when: card == payee, then: {score: 10}}
  - {name: domain, when: "domain == 'filed.example' || bin == '555555' || net == '198.51.100.0/24'", then: {score: 1}}
"""


def pseudonym(domain, value, key="k1"):
    mac = hmac.new(KEYS[key], domain.encode() + b"\0" + value.encode(), hashlib.sha256).digest()
    return f"p1.{key}." + base64.b32encode(mac[:16]).decode().rstrip("=").lower()


def card(number):
    return f"41177665544{number:05d}"


def email(number):
    return f"anna.{number:06d}@shop{number % 3}.example"


def ip(number):
    return f"203.0.{113 + number % 40}.{number % 250 + 1}"


def payment(number, **fields):
    one = transaction(number)
    one.update(card=card(number % 50), email=email(number % 50), ip=ip(number % 50), **fields)
    return one


# Parts of each value that nothing else has, so that a value is found also where it was cut.
SECRETS = [card(n)[1:] for n in range(100)] + [email(n)[:11] for n in range(100)]


def contents(path):
    with open(path, "rb") as file:
        data = file.read()
    if path.endswith(".zst"):
        data += subprocess.run(["zstd", "-dc", path], capture_output=True, check=False, timeout=WAIT).stdout
    return data


class PseudonymsTest(HttpTest):
    def setUp(self):
        super().setUp()
        self.write_policy("schema.yaml", SCHEMA.format(accept="false"))
        self.write_policy("lists.yaml", LISTS)
        self.write_policy("features.yaml", FEATURES)
        self.write_policy("rules/velocity.yaml", RULES)
        self.write_policy("lists/filed.txt", pseudonym("email", email(7)) + " until 2099-01-01\n")
        self.keys = os.path.join(self.folder, "keys")
        self.rejects = os.path.join(self.folder, "rejects.jsonl")
        self.write_keys(f"k1 {KEYS['k1'].hex()}\n")

    def write_keys(self, text):
        with open(self.keys, "w", encoding="ascii") as file:
            file.write(text)
        os.chmod(self.keys, 0o600)

    def begin(self, *more):
        return self.start(f"--pseudonym_keys={self.keys}", f"--rejects={self.rejects}", *more)

    def harrier(self, *arguments, status=0, stdin=None, **more):
        run = subprocess.run(
            [HARRIER, *arguments], capture_output=True, text=True, timeout=WAIT, check=False, input=stdin, **more
        )
        self.assertEqual(run.returncode, status, run.stdout + run.stderr)
        return run.stdout + (run.stderr if status else "")

    def assert_nowhere(self, *more):
        found = []
        count = 0
        for root in [os.path.join(self.folder, "data"), *more]:
            paths = [root] if os.path.isfile(root) else [
                os.path.join(folder, name) for folder, _, names in os.walk(root) for name in names
            ]
            for path in paths:
                data = contents(path)
                count += 1
                found += [f"{secret} in {path}" for secret in SECRETS if secret.encode() in data]
        self.assertEqual(found, [])
        self.assertGreater(count, len(more) + 1)

    def test_a_day(self):
        self.bring_in()
        server = self.begin("--log_level=debug", "--slow_after=1us", "--durability=synced")
        with server.connect() as connection:
            first = connection.score([payment(number) for number in range(200)])
            connection.score([payment(300, attributes=[{"name": "payee", "text": card(0)}])])
            refused = connection.score(
                [
                    payment(400, mcc="12"),
                    payment(401, country="no"),
                    payment(402, attributes=[{"name": "colour", "text": "red"}]),
                    {**payment(403), "ip": "203.0.113.999"},
                    {**payment(404), "card": card(4) * 10},
                    {**payment(405), "event_time_us": 32472144000 * 10**6},
                    {**payment(1), "amount_minor": 1},
                    payment(406, attributes=[{"name": "payee", "integer": int(card(6))}]),
                    payment(407, attributes=[{"name": "bin", "text": "411111"}]),
                    {**payment(408), "card": pseudonym("card", card(1))},
                    payment(409, attributes=[{"name": "email", "text": email(9)}]),
                    payment(410, attributes=[{"name": "payee", "text": card(8)}, {"name": "payee", "text": card(9)}]),
                ]
            )
        self.assertEqual([one["decision"]["transaction_id"] for one in first], [f"t{n}" for n in range(200)])
        self.assertTrue(all("error" in one for one in refused), refused)
        for one in refused:
            self.assertFalse([s for s in SECRETS if s in one["error"]["message"]], one)
        again = None
        with server.connect() as connection:
            again = connection.score([payment(5)])[0]["decision"]
        self.assertTrue(again["duplicate"])

        door = self.door()
        answers = door.score(*[payment(n) for n in range(500, 600)], {**payment(600), "ip": "nowhere"})
        self.assertEqual([one for one in answers[:-1] if "error" in one], [])
        self.assertIn("error", answers[-1])
        bad = json.dumps({"transactions": [payment(601)]})[:-3] + ', "card": }]}'
        self.assertEqual(door.call("POST", "/v1/score", bad)[0], 400)
        status, answer, _ = door.call("POST", "/v1/backfill", {"items": [{"transaction": payment(n)} for n in (700, 701)]})
        self.assertEqual(status, 200, answer)
        self.assertNotIn("error", json.dumps(answer))

        self.ask(server, door)
        self.lists(server)
        explained = self.harrier("explain", "t7", "--server", server.address, "--json")
        self.assertEqual(json.loads(explained)["transaction"]["card"], pseudonym("card", card(7)))
        self.assertEqual(server.stop(), 0)

        rows = [json.loads(line) for line in contents(self.rejects).splitlines()]
        self.assertEqual(len(rows), len(refused) + 1)
        self.assertEqual(rows[0]["card"], pseudonym("card", card(0)))
        self.assertEqual(rows[0]["email"], pseudonym("email", email(0)))
        self.assertNotIn("ip", rows[3])

        self.harrier("rebuild", "--data", os.path.join(self.folder, "data"))
        self.harrier("archive", "seal", server.archive)
        self.assertTrue([path for path in self.segments(server, sealed=True) if path.endswith(".zst")])
        self.assertIn("p1.k1.", self.harrier("find", "--entity", "card=" + pseudonym("card", card(53)), server.archive))
        self.assert_nowhere(self.rejects, server.messages)
        # Neither an audit nor a replay needs the keys; nor does what decides again without the clear values.
        os.remove(self.keys)
        self.harrier("replay", "--recorded", "--quiet", server.archive)
        self.harrier("replay", "--policy", os.path.join(self.folder, "policy"), "--quiet", server.archive)
        self.harrier("verify", os.path.join(self.folder, "data"))

    def ask(self, server, door):
        """By clear value, and by pseudonym."""
        for key in (card(7), pseudonym("card", card(7))):
            shown = json.loads(self.harrier("entity", "card", key, "--to", server.address, "--json"))
            self.assertEqual(shown["entries"], 6, shown)  # t7, 57, 107, 157 and two over HTTP
            found = self.harrier(
                "find", "--server", server.address, "--entity", f"card={key}", "--format", "jsonl"
            ).splitlines()
            self.assertEqual(len(found), 6)
            self.assertEqual({json.loads(row)["card"] for row in found}, {pseudonym("card", card(7))})
            status, answer, _ = door.call("POST", "/v1/find", {"keys": [{"field": "card", "value": key}]})
            self.assertEqual((status, len(answer["transactions"])), (200, 6), answer)
        found = self.harrier("find", "--server", server.address, "--entity", f"ip={ip(9)}", "--format", "jsonl")
        self.assertEqual({json.loads(row)["ip"] for row in found.splitlines()}, {pseudonym("ip", ip(9))})

    def lists(self, server):
        def decide(number):
            with server.connect() as connection:
                decision = connection.score([payment(number)])[0]["decision"]
            return decision

        self.assertNotIn("decline", decide(810)["verdict"].lower())
        self.harrier("list", "add", "stolen", card(10), "--to", server.address)
        declined = decide(860)
        self.assertIn("DECLINE", declined["verdict"])
        self.assertIn(pseudonym("card", card(10)), json.dumps(declined))
        self.assertIn(pseudonym("card", card(10)), self.harrier("list", "show", "stolen", "--to", server.address))
        self.harrier("list", "remove", "stolen", card(10), "--to", server.address)
        self.assertNotIn("DECLINE", decide(910)["verdict"])
        self.assertIn("REVIEW", decide(907)["verdict"])  # lists/filed.txt

    def bring_in(self):
        path = os.path.join(self.folder, "history.csv")
        lines = ["id,event_time,amount_minor,currency,card,email,ip"]
        for number in range(1000, 1100):
            seconds = START_US // 10**6 + (number - 1100) * 3600  # four days, before those of the server
            at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
            lines.append(f"t{number},{at},100,EUR,{card(50 + number % 50)},{email(50 + number % 50)},{ip(number)}")
        with open(path, "w", encoding="ascii") as file:
            file.write("\n".join(lines) + "\n")
        policy = os.path.join(self.folder, "policy")
        refused = self.harrier("import", "--policy", policy, os.path.join(self.folder, "data"), path, status=65)
        self.assertIn("--pseudonym-keys", refused)
        self.harrier(
            "import", "--policy", policy, "--pseudonym-keys", self.keys, os.path.join(self.folder, "data"), path
        )

    def test_keys_are_required_and_kept(self):
        server = self.server()
        server.spawn()
        self.assert_ends(server, 78, "protects card", "pseudonym_keys")
        server = self.begin()
        with server.connect() as connection:
            connection.score([payment(1)])
        self.assertEqual(server.stop(), 0)
        for text, words in (
            (f"k1 {KEYS['k2'].hex()}\n", "the key k1 is another one"),
            (f"k2 {KEYS['k2'].hex()}\n", "none of the keys"),
            ("k1 0011\n", "too short"),
        ):
            self.write_keys(text)
            server = self.server(f"--pseudonym_keys={self.keys}", name="refused")
            server.spawn()
            self.assert_ends(server, 78, words)
        self.write_keys(f"k1 {KEYS['k1'].hex()}\n")
        os.chmod(self.keys, 0o644)
        server = self.server(f"--pseudonym_keys={self.keys}", name="open")
        server.spawn()
        self.assert_ends(server, 78, "mode 0644")

    def test_rotation(self):
        """A key that begins later, added by a reload: what is asked for by clear value, and lists, hold under both."""
        self.write_policy("schema.yaml", SCHEMA.format(accept="true"))
        server = self.begin()
        with server.connect() as connection:
            connection.score([payment(1)])
        begin = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(LATER_US // 10**6))
        end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(LATER_US // 10**6 + 3600))
        self.write_keys(f"k1 {KEYS['k2'].hex()}\n")
        self.assertIn("another one", self.harrier("reload", "--wait", "--to", server.address, status=78))
        self.write_keys(f"k1 {KEYS['k1'].hex()}\nk2 {KEYS['k2'].hex()} from {begin}\n")
        self.harrier("reload", "--wait", "--to", server.address)
        self.write_keys(f"k1 {KEYS['k1'].hex()}\n")  # cut off: the key in force is lost
        self.assertIn("lacks the key k2", self.harrier("reload", "--wait", "--to", server.address, status=78))
        self.harrier("list", "add", "stolen", card(2), "--to", server.address)

        def decide(number, at_us, **fields):
            with server.connect() as connection:
                return connection.score([{**payment(number), "event_time_us": at_us, **fields}])[0]

        shown = self.harrier("list", "show", "stolen", "--to", server.address)
        for key in ("k1", "k2"):
            self.assertIn(pseudonym("card", card(2), key), shown)
        self.assertIn("DECLINE", decide(2, LATER_US - 1)["decision"]["verdict"])
        self.assertIn("DECLINE", decide(52, LATER_US)["decision"]["verdict"])
        # A client that makes pseudonyms itself, and has not got the new key yet, until the old one ends.
        self.write_keys(f"k1 {KEYS['k1'].hex()} until {end}\nk2 {KEYS['k2'].hex()} from {begin}\n")
        self.harrier("reload", "--wait", "--to", server.address)
        own = {"card": pseudonym("card", card(3))}
        self.assertIn("decision", decide(3, LATER_US + 10**6, **own))
        self.assertIn("not in force", decide(53, LATER_US + 3600 * 10**6, **own)["error"]["message"])
        self.assertIn("not among", decide(54, LATER_US, card=own["card"].replace("k1", "k9"))["error"]["message"])
        self.assertEqual(server.stop(), 0)
        self.assert_nowhere(server.messages)

    def test_protection_begins_by_a_reload(self):
        """States of clear values stay under them; the log says so, and a policy without its keys is refused."""
        with open(os.path.join(self.folder, "policy", "schema.yaml"), "w", encoding="ascii") as file:
            file.write("attributes:\n  payee: {type: string}\n")
        for name in ("lists.yaml", "lists/filed.txt", "rules/velocity.yaml"):
            os.remove(os.path.join(self.folder, "policy", name))
        server = self.server().start()
        one = {**transaction(1), "email": "a@b.example"}
        with server.connect() as connection:
            connection.score([one])
            self.write_policy("schema.yaml", "fields: {card: {protect: hmac}}\nattributes:\n  payee: {type: string}\n")
            self.assertIn("protects card", self.harrier("reload", "--wait", "--to", server.address, status=78))
            self.assertIn("decision", connection.score([{**one, "id": "t2"}])[0])
        self.assertEqual(server.stop(), 0)
        server = self.begin()
        self.assertIn("card is protected from now on", server.said())
        with server.connect() as connection:
            connection.score([{**one, "id": "t3"}])
        self.harrier("entity", "card", one["card"], "--to", server.address)
        self.assertEqual(server.stop(), 0)

    def test_the_command(self):
        environment = {**os.environ, "HARRIER_PSEUDONYM_KEYS": self.keys}
        self.write_keys(f"k1 {KEYS['k1'].hex()}\nk2 {KEYS['k2'].hex()} from 2027-01-01T00:00:00Z\n")
        at = ("--at", "2026-06-01T00:00:00Z")
        made = self.harrier("pseudonym", "--field", "card", *at, stdin=f"{card(1)}\n\n{card(2)}\n", env=environment)
        self.assertEqual(made, f"{pseudonym('card', card(1))}\n{pseudonym('card', card(2))}\n")
        made = self.harrier(
            "pseudonym", "--field", "card", "--list", *at,
            stdin=f"{card(1)} until 2026-12-31 # a comment\n# {card(3)}\n", env=environment,
        )
        self.assertEqual(
            made, "".join(f"{pseudonym('card', card(1), key)} until 2026-12-31\n" for key in ("k2", "k1"))
        )
        self.assertIn("standard input", self.harrier("pseudonym", "--field", "card", card(1), status=64, env=environment))
        self.assertIn("which keys", self.harrier("pseudonym", "--field", "card", status=64))
        self.assertIn("no key k9", self.harrier("pseudonym", "--field", "card", "--key", "k9", status=65, stdin="a\n", env=environment))


if __name__ == "__main__":
    unittest.main()
