"""What the tests of harrier erase share: a policy with personal fields, a person in the traffic of several days, and a
search for their values in all files of a folder."""
import csv
import ctypes
import datetime
import json
import os
import re
import shutil
import subprocess
import time

from server import START_US, WAIT, ServerTest

HARRIER = os.environ["HARRIER"]

SCHEMA = """\
fields:
  card: {personal: true}
  email: {personal: true}
  phone: {personal: true}
attributes:
  holder: {type: string, personal: true}
  note: {type: string}
derived:
  email_domain: {value: emailDomain(email)}
  is_company: {value: "emailDomain(email) == 'firm.example'"}
"""
FEATURES = """\
entities:
  customer: {key: customer}
  card: {key: card}
  merchant: {key: merchant}
  device: {key: device}
  customer_merchant: {key: [customer, merchant]}
  email_domain: {key: email_domain}
features:
  customer:
    - {name: count_1d, aggregate: count, window: 1d}
    - {name: cards_1d, aggregate: distinct, of: card, window: 1d}
  card:
    - {name: count_1h, aggregate: count, window: 1h}
    - {name: fraud_30d, aggregate: count, where: "outcome == 'fraud'", window: 30d}
  merchant:
    - {name: customers_1d, aggregate: distinct, of: customer, window: 1d}
    - {name: emails_1d, aggregate: distinct, of: email, window: 1d}
    - {name: new_customer_30d, aggregate: is_new, of: customer, window: 30d}
    - {name: sum_1d, aggregate: sum, of: amount, window: 1d}
    - {name: company_1d, aggregate: count, where: "email.endsWith('@firm.example') && amount > 2.0", window: 1d}
    - {name: company_fraud_30d, aggregate: count, where: "outcome == 'fraud' && email.endsWith('@firm.example')", window: 30d}
    - {name: phoned_fired_1d, aggregate: sum, of: amount, where: "fired('many') && has(phone)", window: 1d}
    - {name: declined_named_1d, aggregate: count, where: "verdict == 'decline' && has(holder)", window: 1d}
  device:
    - {name: domains_1d, aggregate: distinct, of: email_domain, window: 1d}
    - {name: cards_1d, aggregate: distinct, of: card, window: 1d}
  customer_merchant:
    - {name: count_30d, aggregate: count, window: 30d}
  email_domain:
    - {name: count_1d, aggregate: count, window: 1d}
    - {name: customers_1d, aggregate: distinct, of: customer, window: 1d}
"""
# States of others that show texts of the person, and keys that have theirs second, or derived.
TILLS = {
    "schema.yaml": SCHEMA + "  family: {value: holder.lowerAscii()}\n",
    "features.yaml": FEATURES.replace("features:\n", """\
  till: {key: [merchant, device]}
  merchant_card: {key: [merchant, card]}
  merchant_family: {key: [merchant, family]}
features:
""") + """\
  till:
    - {name: last_customer_30d, aggregate: last, of: customer, window: 30d}
    - {name: first_holder_30d, aggregate: first, of: holder, window: 30d}
    - {name: last_domain_30d, aggregate: last, of: email_domain, window: 30d}
    - {name: last_family_30d, aggregate: last, of: family, window: 30d}
  merchant_card:
    - {name: count_30d, aggregate: count, window: 30d}
  merchant_family:
    - {name: count_30d, aggregate: count, window: 30d}
""",
    "rules/tills.yaml": "rules: [{name: again, when: till.last_customer_30d == customer, then: {score: 3}}]\n",
}
RULES = """\
rules:
  - {name: many, when: card.count_1h >= 3, then: {score: 400}, reason: "{card.count_1h} with card {card} of {customer}"}
  - {name: blocked, when: customer in lists.blocked, then: {verdict: decline}}
  - {name: phoned, when: phone in lists.phones, then: {score: 1}}
  - {name: shop, when: merchant in lists.shops, then: {score: 1}}
"""
LISTS = """\
lists:
  blocked: {about: customers that are blocked}
  shops: {about: merchants that are watched}
  phones: {about: numbers that are watched}
"""
PERSON = "person-4711"
# Everything of theirs: nobody else has the first card, someone else has the second one.
CARD, SHARED = "card-of-4711-a", "card-shared-b"
EMAIL, PHONE, HOLDER = "erika.m@firm.example", "+4915112345678", "Erika Mustermann-Beispiel"
FAMILY = HOLDER.lower()  # as a policy derives it
GONE = [PERSON, CARD, EMAIL, PHONE, HOLDER, FAMILY]

DAYS, A_DAY, LIVE = 3, 120, 5000
NOW_US = time.time_ns() // 1000 - 3600 * 10**6
COLUMNS = ["id", "event_time", "amount_minor", "currency", "card", "customer", "merchant", "device", "email", "phone",
           "attributes.holder", "attributes.note", "outcome", "outcome_time"]

SKIPPABLE = b"\x5e\x2a\x4d\x18"  # a sealed segment begins with its table
_zstd = ctypes.CDLL("libzstd.so.1")
_zstd.ZSTD_isError.argtypes = [ctypes.c_size_t]
_zstd.ZSTD_decompress.restype = ctypes.c_size_t
_zstd.ZSTD_findFrameCompressedSize.restype = ctypes.c_size_t
_zstd.ZSTD_getFrameContentSize.restype = ctypes.c_ulonglong


def unpacked(data):
    """All frames of a sealed segment, header and table left out: what zstd -dc gives."""
    out, at = b"", 0
    while at < len(data):
        rest = ctypes.create_string_buffer(data[at:], len(data) - at)
        size = _zstd.ZSTD_findFrameCompressedSize(rest, ctypes.c_size_t(len(data) - at))
        assert not _zstd.ZSTD_isError(size)
        if data[at : at + 4] != SKIPPABLE:
            length = _zstd.ZSTD_getFrameContentSize(rest, ctypes.c_size_t(size))
            room = ctypes.create_string_buffer(length)
            got = _zstd.ZSTD_decompress(room, ctypes.c_size_t(length), rest, ctypes.c_size_t(size))
            assert got == length
            out += room.raw[:length]
        at += size
    return out


def holding(folder, values):
    """(path, value) of every file under the folder that has one of the values in its bytes."""
    found = []
    for path, _, names in os.walk(folder):
        for name in names:
            file = os.path.join(path, name)
            if not os.path.isfile(file):
                continue
            with open(file, "rb") as opened:
                data = opened.read()
            if data.startswith(SKIPPABLE):
                data = unpacked(data)
            found += [(os.path.relpath(file, folder), value) for value in values if value.encode() in data]
    return found


def payment(number):
    """Those below LIVE are history, A_DAY a day."""
    at_us = START_US + number * 86400 * 10**6 // A_DAY if number < LIVE else \
        NOW_US + min((number - LIVE) * 50000, 3500 * 10**6)  # never ahead of the clock, however many are sent
    sent = {
        "id": f"t{number}", "event_time_us": at_us, "amount_minor": 100 + number % 700,
        "currency": "EUR", "card": f"c{number % 9}", "customer": f"k{number % 9}", "merchant": f"m{number % 3}",
        "device": f"d{number % 4}", "email": f"k{number % 9}@mail{number % 2}.example",
    }
    if number % 5 == 0:
        sent.update(customer=PERSON, card=CARD if number % 10 else SHARED, email=EMAIL, phone=PHONE,
                    attributes=[{"name": "holder", "text": HOLDER}, {"name": "note", "text": f"n{number}"}])
    elif number % 31 == 0:
        sent["card"] = SHARED
    if number % 77 == 3:  # theirs, without their name
        sent.pop("customer")
        sent["card"] = CARD
    return sent


def is_theirs(number):
    sent = payment(number)
    return sent.get("customer") == PERSON or sent["card"] == CARD


def stamp(time_us):
    return (datetime.datetime(1970, 1, 1) + datetime.timedelta(microseconds=time_us)).isoformat() + "Z"


def row(number):
    sent = payment(number)
    time_us = sent.pop("event_time_us")
    known = {}
    if number % 7 == 0:  # a day later
        known = {"outcome": "fraud" if number % 2 else "legit", "outcome_time": stamp(time_us + 86400 * 10**6)}
    return {**sent, **{f"attributes.{one['name']}": one["text"] for one in sent.pop("attributes", [])}, "event_time": stamp(time_us), **known}


class ErasingTest(ServerTest):
    def setUp(self):
        super().setUp()
        self.write_policy("schema.yaml", SCHEMA)
        self.write_policy("features.yaml", FEATURES)
        self.write_policy("rules/velocity.yaml", RULES)
        self.write_policy("lists.yaml", LISTS)
        self.data = os.path.join(self.folder, "data")

    def harrier(self, *arguments, status=0, **more):
        done = subprocess.run([HARRIER, *arguments], capture_output=True, text=True, timeout=WAIT, check=False, **more)
        if status is not None:
            self.assertEqual(done.returncode, status, (arguments, done.stdout, done.stderr))
        return done

    def erase(self, *arguments, data=None, status=0, **more):
        return self.harrier("erase", data or self.data, "--priority", "normal", *arguments, status=status, **more)

    def report(self, *arguments, **more):
        return json.loads(self.erase("--json", *arguments, **more).stdout)

    def traffic(self, server, first, count, extras=True):
        with server.connect() as connection:
            for start in range(first, first + count, 50):
                numbers = range(start, min(start + 50, first + count))
                connection.score([payment(number) for number in numbers])
                if not extras:
                    continue
                for number in numbers:
                    if number % 7 == 0:
                        connection.report(f"t{number}", "fraud" if number % 2 else "legit")
                    if number % 15 == 0:
                        connection.call({"amend": {"amendments": [
                            {"transaction_id": f"t{number}", "kind": "AMENDMENT_CAPTURE", "amount_minor": 50}]}})

    def change_list(self, server, name, entry, **more):
        with server.connect() as connection:
            return connection.call({"change_list": {"changes": [{"list": name, "value": entry, **more}]}})["change_list"]

    def import_history(self, rows):
        path = os.path.join(self.folder, "history.csv")
        with open(path, "w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows({name: one[name] for name in COLUMNS if name in one} for one in rows)
        self.harrier("import", self.data, path, "--policy", os.path.join(self.folder, "policy"))

    def make(self, count=100):
        """An archive of several days with the person in each: imported history, and what a server decided."""
        self.import_history(map(row, range(DAYS * A_DAY)))
        self.harrier("rebuild", "--data", self.data, "--priority", "normal")
        server = self.server().start()
        self.scored = [*range(DAYS * A_DAY), *range(LIVE, LIVE + count)]
        self.traffic(server, LIVE, count // 2)
        self.change_list(server, "blocked", PERSON, reason=f"as {PERSON} asked")
        self.change_list(server, "shops", "m1")
        self.change_list(server, "phones", PHONE)
        self.change_list(server, "phones", "+1")
        self.traffic(server, LIVE + count // 2, count // 2)
        with server.connect() as connection:  # about history
            self.assertTrue(connection.report("t5", "fraud")["accepted"]["changed"])
        self.harrier("find", self.data, "--entity", f"customer={PERSON}", "--limit", "5")
        self.assertEqual(server.stop(), 0)

    def differences(self, archive, generations):
        """Of a fold of the archive against tables: entities whose states differ, as "entity key"."""
        folder = os.path.join(self.folder, "mixed")
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        os.symlink(archive, os.path.join(folder, "archive"))
        os.symlink(generations, os.path.join(folder, "generations"))
        done = self.harrier("verify", folder, "--json", status=None)
        self.assertIn(done.returncode, (0, 1), done.stderr)
        report = json.loads(done.stdout)
        return report, sorted(f"{one['entity']} {one['key']}" for one in report["differences"])

    def assert_sound(self, data):
        self.harrier("archive", "verify", os.path.join(data, "archive"))
        self.harrier("verify", os.path.join(data, "archive"))
        audit = self.harrier("replay", data, "--recorded").stdout
        self.assertRegex(audit, "Every (other )?decision equals the archived one")
        erased = re.search("(?m)^([0-9,]+) decisions cannot be derived again", audit)
        return int(erased[1].replace(",", "")) if erased else 0
