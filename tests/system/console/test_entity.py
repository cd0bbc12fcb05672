"""The console's screen of an entity, over HTTP: its transactions and counts against a plain scan of `harrier export`,
its features, and the lists it is on."""
import collections
import csv
import datetime
import io
import json
import subprocess
import time
import unittest

from console_process import wait_for
from console_test import HARRIER, ConsoleTest
from server import POLICY, transaction

LISTS = """\
lists:
  mules: {about: cards of mules}
  known: {type: string, file: known.txt}
  places: {type: network, about: where they sit}
  codes: {type: int, about: numbers}
"""
RATES = "  currency_rates:\n" + "".join(
    f"    - {{currency: {code}, from: 2020-01-01, rate: '{rate}'}}\n"
    for code, rate in (("USD", "0.9"), ("JPY", "0.006"), ("KWD", "3"))
)
HOSTILE = "<img src=x onerror=alert(1)>\u202e&a=b#c"

class EntityTest(ConsoleTest):
    FILES = {"lists.yaml": LISTS, "known.txt": "c1\n", "policy.yaml": POLICY["policy.yaml"] + RATES}

    def exported(self):
        """All that is on disk, the newest first: what the screens are compared with."""
        done = subprocess.run([HARRIER, "export", f"{self.folder}/data", "--out", "-"], capture_output=True, text=True,
                              check=False)
        if done.returncode:  # it has no records yet
            return []
        return list(csv.DictReader(io.StringIO(done.stdout)))[::-1]

    def wait_synced(self, count):
        wait_for(lambda: len(self.exported()) >= count)

    def pages(self, session, **query):
        """All rows of a search, page by page."""
        rows, cursor = [], ""
        while True:
            status, page = session.get("/api/search", **query, **({"cursor": cursor} if cursor else {}))
            self.assertEqual(status, 200, page)
            rows += page["found"]
            cursor = page["cursor"]
            if not cursor:
                return rows

    def assert_entity(self, session, name, value, **zone):
        rows = [row for row in self.exported() if row[name] == value]
        found = self.pages(session, **{name: value}, limit=37)
        self.assertEqual([hit["row"]["id"] for hit in found], [row["id"] for row in rows])
        self.assertEqual([hit["label"] for hit in found], [row["outcome"] for row in rows])
        status, entity = session.get("/api/entity", name=name, value=value, **zone)
        self.assertEqual(status, 200, entity)
        self.assertEqual((entity["transactions"], entity["all"], entity["early"]), (len(rows), True, False))
        self.assertEqual({verdict: count for verdict, count in entity["verdicts"].items() if count},
                         dict(collections.Counter(row["verdict"] for row in rows)))
        self.assertEqual({label: count for label, count in entity["labels"].items() if count},
                         dict(collections.Counter(row["outcome"] or "none" for row in rows)))
        sums = collections.Counter()
        for row in rows:
            sums[row["currency"]] += round(float(row["amount"]) * 100)
        told = {each["currency"]: round(float(each["amount"]) * 100) for each in entity["currencies"]}
        self.assertEqual(told, sums)
        self.assertEqual(sum(each["transactions"] for each in entity["currencies"]), len(rows))
        self.assert_buckets(entity, rows)
        return entity

    def assert_buckets(self, entity, rows):
        """Each bucket has what happened in its time, and begins a whole number of widths from the others."""
        width = datetime.timedelta(seconds=entity["width_s"])
        begins = [datetime.datetime.fromisoformat(bucket["from"].replace("Z", "+00:00")) for bucket in entity["buckets"]]
        times = [datetime.datetime.fromisoformat(row["event_time"].replace("Z", "+00:00")) for row in rows]
        self.assertEqual(begins, sorted(set(begins)))
        self.assertTrue(all((begin - begins[0]) % width == datetime.timedelta() for begin in begins))
        for begin, bucket in zip(begins, entity["buckets"]):
            inside = [row for row, at in zip(rows, times) if begin <= at < begin + width]
            self.assertEqual({name: count for name, count in bucket["verdicts"].items() if count},
                             dict(collections.Counter(row["verdict"] for row in inside)))
            for currency, amount in zip(entity["currencies"], bucket["amounts"]):
                self.assertAlmostEqual(float(amount), sum(float(row["amount"]) for row in inside
                                                          if row["currency"] == currency["currency"]), 6)

    # ---- the archive ----

    def test_transactions_and_counts(self):
        self.score(range(1, 400))
        for start, more in ((1000, {"currency": "USD"}), (2000, {"card": HOSTILE, "merchant": HOSTILE})):
            self.score(range(start, start + 9), **more)
        with self.harrierd.connect() as connection:
            for number, label in ((7, "fraud"), (14, "legit"), (21, "fraud"), (3, "chargeback"), (21, "none")):
                connection.report(f"t{number}", label)
        self.wait_synced(417)
        session = self.console.start().session("anna")

        for name, value in (("card", "c0"), ("merchant", "m1"), ("card", HOSTILE), ("merchant", HOSTILE),
                            ("card", "no")):
            for zone_s in (0, 19800, -36000):
                with self.subTest(name=name, value=value, zone_s=zone_s):
                    self.assert_entity(session, name, value, zone_s=zone_s)

    def test_buckets_of_a_long_time(self):
        """They become wider until they are few: hours, days, weeks. An entity of more rows than are verified."""
        span = {"hours": (0.4, 3600), "month": (30, 6 * 3600), "quarter": (100, 86400), "years": (1400, 7 * 86400)}
        now = time.time_ns() // 1000
        with self.harrierd.connect() as connection:
            for at, (name, (days, _)) in enumerate(span.items()):
                connection.score([{**transaction(1000 * at + i), "card": name, "amount_minor": 100 + 7 * i,
                                   "event_time_us": now - int(days * 86400e6 * (1 - i / 300))} for i in range(300)])
        self.wait_synced(1200)
        session = self.console.start().session("anna")
        for name, (_, width_s) in span.items():
            with self.subTest(name=name):
                entity = self.assert_entity(session, "card", name)
                self.assertEqual((entity["transactions"], entity["width_s"]), (300, width_s))

    def test_refused(self):
        session = self.console.start().session("anna")
        for query in ({"name": "", "value": "x"}, {"name": "amount", "value": "x"}, {"name": "card", "value": ""},
                      {"name": "card", "value": "x" * 129}, {"name": "card", "value": "x", "zone_s": "east"},
                      {"name": "card", "value": "x", "zone_s": 1 << 40}):
            with self.subTest(query=query):
                status, answer = session.get("/api/entity", **query)
                self.assertEqual((status, list(answer)), (422, ["error"]))
        for path, query in (("/api/entity/features", {"name": "card", "value": ""}),
                            ("/api/entity/features", {"name": "card", "value": "c1", "at": "yesterday"}),
                            ("/api/entity/features", {"name": "nothing", "value": "c1"}),
                            ("/api/lists", {"value": ""}), ("/api/lists", {"value": "x" * 1025})):
            with self.subTest(path=path, query=query):
                self.assertEqual(session.get(path, **query)[0], 422)
        self.assertEqual(session.get("/api/entity/features", name="card", value="c1")[0], 404)

    def test_a_server_that_is_down_delays_one_search(self):
        """What is not there may have another name in the archive, which only the server knows: it is asked no second time."""
        self.score(range(1, 10))
        self.wait_synced(9)
        self.console.start()
        session = self.console.session("anna")
        self.assertEqual(self.pages(session, card="absent"), [])
        self.harrierd.stop()
        begun = time.monotonic()
        for number in range(60):
            self.assertEqual(self.pages(session, card=f"absent-{number}"), [])
        self.assertLess(time.monotonic() - begun, 45)  # 60 waits for an answer would take a second each

    def test_rows_name_their_entities(self):
        self.score([1], card=HOSTILE, merchant="m1")
        session = self.console.start().session("anna")
        wait_for(lambda: self.reviews(session))
        entities = {"card": HOSTILE, "merchant": "m1"}
        self.assertEqual(self.reviews(session)[0]["entities"], entities)
        self.assertEqual(session.get("/api/live")[1]["rows"][0]["entities"], entities)
        self.assertEqual(session.get("/api/search")[1]["found"][0]["row"]["entities"], entities)

    # ---- features ----

    def test_features_are_those_of_harrier_entity(self):
        self.score(range(1, 50))
        session = self.console.start().session("anna")
        at = "2026-01-01T00:00:20Z"
        for flags in ([], [f"--at={at}"]):
            done = subprocess.run([HARRIER, "entity", "card", "c1", "--json", "--to", self.harrierd.address, *flags],
                                  capture_output=True, text=True, check=True)
            told = json.loads(done.stdout)
            more = {"at": at} if flags else {}
            status, shown = session.get("/api/entity/features", name="card", value="c1", **more)
            self.assertEqual(status, 200, shown)
            self.assertEqual((shown["features"], shown["entries"]), (told["features"], told["entries"]))
            self.assertEqual(shown["at"], told["at_time"])

    # ---- lists ----

    def on(self, session, value):
        status, answer = session.get("/api/lists", value=value)
        self.assertEqual(status, 200, answer)
        return {each["name"]: each["entries"] for each in answer["lists"] if each["entries"]}

    def change(self, session, list_name, value, **more):
        return session.post("/api/lists/change", **{"list": list_name, "value": value, "remove": False, "for_s": 0,
                                                     "reason": "seen by Ada", **more})

    def test_a_list_is_changed(self):
        self.score([1])
        self.console.start()
        anna, ada = self.console.session("anna"), self.console.session("ada")
        self.assertEqual(self.on(anna, "c1"), {})
        before = time.time()
        self.assertEqual(self.change(anna, "mules", "c1", for_s=3600),
                         (200, {"changed": True, "in_policy": False, "value": "c1"}))
        (entry,) = self.on(anna, "c1")["mules"]
        self.assertEqual((entry["value"], entry["source"], entry["reason"]), ("c1", "console:anna", "seen by Ada"))
        until = datetime.datetime.fromisoformat(entry["until"].replace("Z", "+00:00")).timestamp()
        self.assertAlmostEqual(until, before + 3600, delta=60)
        shown = subprocess.run([HARRIER, "list", "show", "mules", "--json", "--to", self.harrierd.address],
                               capture_output=True, text=True, check=True)
        self.assertIn('"source":"console:anna"', shown.stdout.replace('": "', '":"'))
        self.assertEqual(self.change(anna, "mules", "c1", remove=True)[1]["changed"], True)
        self.assertEqual(self.on(anna, "c1"), {})
        self.assertEqual(self.change(anna, "mules", "c1", remove=True)[1]["changed"], False)
        self.assertEqual(self.change(anna, "known", "c1")[1]["in_policy"], True)
        log = [(entry["person"], entry["action"], entry["subject"], entry["before"].partition(" until")[0],
                entry["after"].partition(" until")[0]) for entry in ada.get("/api/audit", action="list")[1]["entries"]]
        self.assertEqual(log[::-1], [
            ("anna", "list", "mules c1", "not on it", "on it"),
            ("anna", "list", "mules c1", "on it", "not on it: seen by Ada"),
            ("anna", "list", "mules c1", "not on it", "not on it"),
            ("anna", "list", "known c1", "not on it", "on it: seen by Ada"),
        ])
        self.assertEqual(len(ada.get("/api/audit", action="list-asked")[1]["entries"]), 4)

    def test_changes_that_are_refused(self):
        self.score([1])
        self.console.start()
        anna, ada = self.console.session("anna"), self.console.session("ada")
        for list_name, value, more, status in (
                ("nothing", "c1", {}, 404), ("places", "nowhere", {}, 422), ("mules", "c1", {"reason": ""}, 422),
                ("mules", "c1", {"reason": "x" * 513}, 413), ("mules", "c1", {"remove": "no"}, 422),
                ("mules", "c1", {"for_s": -1}, 422), ("mules", "c1", {"for_s": 1 << 40}, 422), ("mules", "", {}, 422),
                ("mules", 7, {}, 422), ("mules", "x" * 1025, {}, 413)):
            with self.subTest(list=list_name, value=value, **more):
                self.assertEqual(self.change(anna, list_name, value, **more)[0], status)
        self.assertEqual(self.on(anna, "c1"), {})
        self.assertEqual(ada.get("/api/audit", action="list")[1]["entries"], [])
        self.harrierd.kill()
        self.assertIn(self.change(anna, "mules", "c1")[0], (503, 504))
        self.assertEqual(len(ada.get("/api/audit", action="list-failed")[1]["entries"]), 1)

    def test_lists_of_every_type_and_many_entries(self):
        self.score([1])
        session = self.console.start().session("anna")
        for list_name, values in (("places", ["192.0.2.0/24", "2001:db8::/32", "0.0.0.0/0"]),
                                  ("codes", ["1000-1999", "7"]),
                                  ("mules", [f"c{number}" for number in range(2500)])):
            subprocess.run([HARRIER, "list", "add", list_name, *values, "--to", self.harrierd.address, "--quiet"],
                           check=True, capture_output=True)
        for value, expected in (
                ("192.0.2.9", {"places": ["192.0.2.0/24", "0.0.0.0/0"]}), ("192.0.3.1", {"places": ["0.0.0.0/0"]}),
                ("2001:db8::7", {"places": ["2001:db8::/32"]}), ("2001:db9::7", {}), ("1500", {"codes": ["1000-1999"]}),
                ("7", {"codes": ["7"]}), ("2000", {}), ("c2499", {"mules": ["c2499"]}), ("c2500", {})):
            with self.subTest(value=value):
                self.assertEqual({name: [entry["value"] for entry in entries]
                                  for name, entries in self.on(session, value).items()}, expected)
        # What came since is seen, whether entries were added, changed or removed.
        self.change(session, "mules", "c2500")
        self.change(session, "mules", "c10", remove=True)
        self.change(session, "mules", "c11", for_s=60)
        self.assertEqual([sorted(self.on(session, value)) for value in ("c2500", "c10", "c11")],
                         [["mules"], [], ["mules"]])
        self.assertIn("until", self.on(session, "c11")["mules"][0])
        lists = {each["name"]: each for each in session.get("/api/lists", value="x")[1]["lists"]}
        self.assertEqual((lists["mules"]["added"], lists["mules"]["complete"], lists["known"]["own"]), (2500, True, 1))

    # ---- the queue ----

    def test_amounts_of_two_currencies_are_not_compared(self):
        self.score(range(1, 8))
        self.score(range(11, 14), currency="JPY", amount_minor=5000000)
        self.score([21], currency="KWD", amount_minor=90000000)
        session = self.console.start().session("anna")
        wait_for(lambda: len(self.reviews(session)) == 11)
        whole = self.reviews(session, order="amount")
        self.assertEqual([review["currency"] for review in whole], ["EUR"] * 7 + ["JPY"] * 3 + ["KWD"])
        self.assertEqual([review["id"] for review in whole[:7]], [f"t{number}" for number in range(7, 0, -1)])
        paged = [review for offset in range(0, 12, 2)
                 for review in self.reviews(session, order="amount", limit=2, offset=offset)]
        self.assertEqual(paged, whole)

if __name__ == "__main__":
    unittest.main()
