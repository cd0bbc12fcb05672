#!/usr/bin/env python3
"""What is around a transaction: those that share an entity of the policy, held against a plain reading of the archive;
and what another policy would have decided, held against `harrier explain --policy`."""
import json
import os
import random
import subprocess
import time
import unittest

from console_process import wait_for
from console_test import HARRIER, ConsoleTest
from server import POLICY, WAIT, transaction

EACH, BUSY = 12, 20  # console/related/related_set.h, related.h
SCHEMA = """
attributes:
  ship_to: {type: string}
derived:
  mailbox: {value: email.lowerAscii()}
"""
ENTITIES = """  device: {key: device}
  mailbox: {key: mailbox}
  address: {key: ship_to}
  card_merchant: {key: [card, merchant]}
"""


class RelatedTest(ConsoleTest):
    def setUp(self):
        super().setUp()
        with open(os.path.join(self.folder, "policy", "features.yaml"), encoding="utf-8") as file:
            features = file.read()
        for name in ("device", "mailbox", "address", "card_merchant"):  # what has no feature gathers no history
            features += f"  {name}:\n    - {{name: count_1h, aggregate: count, window: 1h}}\n"
        self.write_policy("features.yaml", features.replace("entities:\n", "entities:\n" + ENTITIES, 1))
        self.write_policy("schema.yaml", SCHEMA)
        self.harrierd.stop()
        self.harrierd.start()

    # ---- the model: a list of transactions, in the archive's order ----

    def score_all(self, rows):
        """In calls of random sizes: those of one call have the same time of receipt."""
        chance, done = random.Random(7), 0
        with self.harrierd.connect() as connection:
            while done < len(rows):
                some = rows[done : done + chance.randint(1, 40)]
                connection.score(some)
                done += len(some)
        wait_for(lambda: subprocess.run([HARRIER, "explain", f"{self.folder}/data", rows[-1]["id"]], check=False,
                                        capture_output=True).returncode == 0)

    @staticmethod
    def keys(row):
        """Entity -> the texts of its key."""
        ship_to = [each["text"] for each in row.get("attributes", ()) if each["name"] == "ship_to"]
        found = {"card": [row["card"]], "merchant": [row["merchant"]], "card_merchant": [row["card"], row["merchant"]]}
        if "device" in row:
            found["device"] = [row["device"]]
        if "email" in row:
            found["mailbox"] = [row["email"].lower()]
        if ship_to:
            found["address"] = ship_to
        return found

    def neighbours(self, rows, index, entity):
        """(before, after), the nearest first: ids. A mailbox is looked up as it is spelled."""
        key = self.keys(rows[index]).get(entity)
        same = [row["id"] for row in rows if self.keys(row).get(entity) == key and
                (entity != "mailbox" or row["email"] == rows[index]["email"])]
        at = same.index(rows[index]["id"])
        return same[:at][::-1], same[at + 1 :]

    def whole(self, person, name):
        """The answer, once it is whole: a slow machine may need more time than a search for a key without an index gets, and
        the answer says so."""
        deadline = time.monotonic() + WAIT
        while True:
            status, answer = person.get("/api/transaction/related", id=name)
            self.assertEqual(status, 200, answer)
            if not answer["partial"] and not any(each["partial"] for each in answer["entities"]):
                return answer
            self.assertLess(time.monotonic(), deadline, answer)

    # ---- tests ----

    def test_neighbours_of_every_entity(self):
        chance = random.Random(3)
        rows = []
        for number in range(1, 301):
            row = {**transaction(number), "card": f"c{chance.randint(1, 60)}", "merchant": f"m{chance.randint(1, 9)}"}
            if chance.random() < 0.7:
                row["device"] = f"d{chance.randint(1, 50)}"
            if chance.random() < 0.6:
                row["email"] = chance.choice(["ann", "Ann", "ANN", "bob", "cy"]) + f"{chance.randint(1, 12)}@x.example"
            if chance.random() < 0.5:
                row["attributes"] = [{"name": "ship_to", "text": f"a{chance.randint(1, 40)}"}]
            rows.append(row)
        self.score_all(rows)
        self.console.start()
        anna = self.console.session("anna")
        exactly = next(i for i in range(len(rows)) if len(self.neighbours(rows, i, "merchant")[1]) == EACH)
        for index in [0, 1, 42, 150, 223, 298, 299, exactly]:
            answer = self.whole(anna, rows[index]["id"])
            shown = [each["row"]["id"] for each in answer["transactions"]]
            self.assertEqual((shown[0], len(shown)), (rows[index]["id"], len(set(shown))))
            expected = self.keys(rows[index])
            self.assertEqual({each["entity"]: each["key"] for each in answer["entities"]}, expected)
            for each in answer["entities"]:
                before, after = self.neighbours(rows, index, each["entity"])
                with self.subTest(id=rows[index]["id"], entity=each["entity"]):
                    self.assertEqual([shown[i] for i in each["before"]], before[:EACH])
                    self.assertEqual([shown[i] for i in each["after"]], after[:EACH])
                    self.assertEqual(each["more_before"], len(before) > EACH)
                    self.assertEqual(each["more_after"], len(after) > EACH)
                    self.assertEqual(each["busy"], min(len(before), EACH) + min(len(after), EACH) >= BUSY)
                    self.assertEqual(each["indexed"], each["entity"] != "address")
            self.check_links(answer, {row["id"]: self.keys(row) for row in rows}, shown)

    def check_links(self, answer, keys, shown):
        """Every link is an entity that those transactions and no others of the answer have."""
        busy = {each["entity"] for each in answer["entities"] if each["busy"]}
        expected = {}
        for index, name in enumerate(shown):
            for entity, key in keys[name].items():
                if entity not in busy:
                    expected.setdefault((entity, *key), []).append(index)
        expected = {link: members for link, members in expected.items() if len(members) > 1}
        self.assertEqual({(each["entity"], *each["key"]): each["transactions"] for each in answer["links"]}, expected)

    def test_two_steps(self):
        """t1 and t2 share a card; t2 and t3 a device; t3 and t4 an address, which is a step too far."""
        def row(number, **more):
            return {**transaction(number), "card": f"only{number}", "merchant": f"shop{number}", **more}

        self.score_all([row(1, card="shared"), row(2, card="shared", device="d"), row(3, device="d", email="A@x.example"),
                        row(4, email="A@x.example"), row(5)])
        self.console.start()
        answer = self.console.session("anna").get("/api/transaction/related", id="t1")[1]
        self.assertEqual([(each["row"]["id"], each["step"]) for each in answer["transactions"]],
                         [("t1", 0), ("t2", 1), ("t3", 2)])
        self.assertEqual([(each["entity"], each["transactions"]) for each in answer["links"]],
                         [("card", [0, 1]), ("device", [1, 2])])

    def test_which_transaction(self):
        self.score_all([transaction(1), transaction(2)])
        self.console.start()
        anna = self.console.session("anna")
        position = anna.get("/api/transaction/related", id="t1")[1]["position"]
        self.assertEqual(anna.get("/api/transaction/related", id="t1", position=position)[0], 200)
        self.assertEqual(anna.get("/api/transaction/related", id="t1", position=position + 1)[0], 404)
        self.assertEqual(anna.get("/api/transaction/related", id="t9")[0], 404)
        for query in ({}, {"id": "x" * 129}, {"id": "t1", "position": "x"}, {"id": "t1", "position": -1}):
            with self.subTest(query=query):
                self.assertEqual(anna.get("/api/transaction/related", **query)[0], 422)

    def test_another_policy(self):
        """The policy of before, which asks for more than one payment within the hour, and the one of now."""
        self.write_policy("rules/velocity.yaml", POLICY["rules/velocity.yaml"])
        before = os.path.join(self.folder, "before")
        subprocess.run(["cp", "-r", os.path.join(self.folder, "policy"), before], check=True)
        self.harrierd.stop()
        self.harrierd.start()
        self.score_all([{**transaction(number), "card": "c"} for number in range(1, 6)])
        self.write_policy("rules/velocity.yaml", POLICY["rules/velocity.yaml"].replace("400", "650"))
        self.harrierd.stop()
        self.harrierd.start()
        self.score_all([{**transaction(number), "card": "c"} for number in range(6, 8)])
        self.console.flags = (f"--policy={self.folder}/policy",)
        self.console.start()
        anna = self.console.session("anna")
        policies = anna.get("/api/transaction/policies")[1]["policies"]
        self.assertEqual([each["use"] for each in policies], ["live"] * len(policies))
        scores = {}
        for policy in policies[:2]:
            status, answer = anna.get("/api/transaction/other", id="t7", policy=policy["id"])
            self.assertEqual((status, answer.get("equal")), (200, True), answer)
            self.assertEqual(answer["now"]["snapshot_id"], policy["id"])
            scores[policy["id"]] = (answer["then"]["decision"]["score"], answer["now"]["decision"]["score"])
        self.assertEqual(list(scores.values()), [(650, 650), (650, 400)])
        told = subprocess.run([HARRIER, "explain", "--json", "--policy", before, f"{self.folder}/data", "t7"],
                              capture_output=True, text=True, check=True)
        self.assertEqual(json.loads(told.stdout)["now"], answer["now"])
        for policy, status in (("0123456789abcdef", 404), ("x", 422), ("", 422), ("../../etc/passwd", 422)):
            with self.subTest(policy=policy):
                self.assertEqual(anna.get("/api/transaction/other", id="t7", policy=policy)[0], status)
        self.assertEqual(anna.get("/api/transaction/other", id="t99", policy=policies[0]["id"])[0], 404)
        self.decides_with_a_draft(anna)

    def decides_with_a_draft(self, anna):
        ada = self.console.session("ada")
        draft = ada.post("/api/rules/draft/begin")[1]["draft"]

        def edit(revision, **more):
            status, answer = ada.post("/api/rules/draft/edit", draft=draft, revision=revision,
                                      path="rules/velocity.yaml", **more)
            self.assertEqual(status, 200, answer)
            return answer["revision"]

        at = POLICY["rules/velocity.yaml"].index("400")
        revision = ada.get("/api/rules", draft=draft)[1]["draft"]["revision"]
        revision = edit(revision, at=at, remove=3, insert="500")
        status, answer = ada.get("/api/transaction/other", id="t7", draft=draft)
        self.assertEqual(status, 200, answer)
        self.assertEqual((answer["then"]["decision"]["score"], answer["now"]["decision"]["score"]), (650, 500))
        self.assertEqual(anna.get("/api/transaction/other", id="t7", draft=draft)[0], 404)  # another's
        edit(revision, at=0, remove=0, insert="nonsense: 1\n")
        self.assertEqual(ada.get("/api/transaction/other", id="t7", draft=draft)[0], 422)


if __name__ == "__main__":
    unittest.main()
