#!/usr/bin/env python3
"""What people keep of their own: saved views and settings; and the work on reviews that is shown."""
import time
import unittest

from console_process import wait_for
from console_test import ConsoleTest
from server import POLICY


class ViewsTest(ConsoleTest):
    def save(self, session, name, **more):
        view = {"screen": "search", "query": "card=c1", "shared": False, **more}
        return session.post("/api/views/save", name=name, **view)

    def views(self, session):
        return [(view["name"], view["query"], view["shared"], view["person"])
                for view in session.get("/api/views")[1]["views"]]

    def audit(self):
        entries = self.console.session("ada").get("/api/audit", action="view")[1]["entries"]
        return [(each["person"], each["subject"], each["before"], each["after"]) for each in entries][::-1]

    def test_views_own_and_shared(self):
        self.console.add_person("vera", "viewer")
        self.console.start()
        anna, bob, vera = (self.console.session(name) for name in ("anna", "bob", "vera"))
        self.assertEqual(self.save(anna, "mine")[0], 200)
        self.assertEqual(self.save(anna, "ours", query="rule=many", shared=True)[0], 200)
        self.assertEqual(self.views(anna), [("mine", "card=c1", False, "anna"), ("ours", "rule=many", True, "anna")])
        self.assertEqual(self.views(bob), [("ours", "rule=many", True, "anna")])
        self.assertEqual(self.save(vera, "hers")[0], 200)
        status, answer = self.save(vera, "hers", shared=True)
        self.assertEqual((status, "analyst" in answer["error"]), (403, True))
        self.assertEqual(self.views(vera), [("hers", "card=c1", False, "vera"), ("ours", "rule=many", True, "anna")])
        self.assertEqual(self.save(anna, "ours", query="rule=other", shared=True)[0], 200)
        self.assertEqual(self.save(bob, "ours", query="rule=bobs", shared=False)[0], 200)
        number = next(view["id"] for view in anna.get("/api/views")[1]["views"] if view["query"] == "rule=other")
        for session in (bob, vera):
            self.assertEqual(session.post("/api/views/remove", id=number)[0], 404)
        self.assertEqual(self.console.session("ada").post("/api/views/remove", id=number)[0], 200)
        self.assertEqual(anna.post("/api/views/remove", id=number)[0], 404)
        self.assertEqual(self.views(bob), [("ours", "rule=bobs", False, "bob")])
        own = anna.get("/api/views")[1]["views"][0]["id"]
        self.assertEqual(self.console.session("ada").post("/api/views/remove", id=own)[0], 404)
        self.assertEqual(anna.post("/api/views/remove", id=own)[0], 200)
        self.assertEqual(self.audit(), [("anna", "search: ours", "", "rule=many"),
                                        ("anna", "search: ours", "rule=many", "rule=other"),
                                        ("ada", "search: ours", "rule=other", "")])

    def test_limits_of_views(self):
        self.console.start()
        anna = self.console.session("anna")
        for change in ({"screen": "people"}, {"screen": ""}, {"name": ""}, {"name": "a\nb"}, {"query": "a b"},
                       {"query": "a#b"}, {"query": "?a=b"}, {"query": "a\x7f"}, {"query": None}, {"name": 1}):
            with self.subTest(change=change):
                body = {"screen": "live", "name": "n", "query": "", "shared": False, **change}
                self.assertEqual(anna.post("/api/views/save", **body)[0], 422)
        for change in ({"name": "x" * 81}, {"query": "x" * 2001}):
            self.assertEqual(self.save(anna, **{"name": "n", **change})[0], 413)
        for number in range(100):
            self.assertEqual(self.save(anna, f"view {number}", shared=number % 2 == 0)[0], 200)
        self.assertEqual(self.save(anna, "one more")[0], 413)
        self.assertEqual(self.save(anna, "view 7", query="changed=1")[0], 200)  # takes no more room
        self.assertEqual(self.save(self.console.session("bob"), "his")[0], 200)

    def test_settings(self):
        self.console.start()
        anna, bob = self.console.session("anna"), self.console.session("bob")
        shown = anna.get("/api/session")[1]
        self.assertEqual((shown["zone"], shown["theme"]), ("", "system"))
        self.assertEqual(anna.post("/api/settings", zone="America/Argentina/Buenos_Aires", theme="dark")[0], 200)
        self.console.stop()
        self.console.start()
        shown = self.console.session("anna").get("/api/session")[1]
        self.assertEqual((shown["zone"], shown["theme"]), ("America/Argentina/Buenos_Aires", "dark"))
        self.assertEqual(bob.post("/api/settings", zone="", theme="blue")[0], 422)
        for zone in ("<b>", "a b", "\u202e", "../etc"):
            with self.subTest(zone=zone):
                self.assertEqual(bob.post("/api/settings", zone=zone, theme="light")[0], 422)
        self.assertEqual(bob.post("/api/settings", zone="x" * 65, theme="light")[0], 413)
        self.assertEqual(bob.get("/api/session")[1]["theme"], "system")


class WorkTest(ConsoleTest):
    def decide(self, session, rows, label, note=""):
        positions = [row["position"] for row in rows]
        self.assertEqual(session.post("/api/reviews/decide", positions=positions, label=label, note=note)[0], 200)

    def test_unsure_is_left_to_the_next_with_its_note(self):
        self.score(range(1, 4))
        self.console.start()
        anna, bob = self.console.session("anna"), self.console.session("bob")
        rows = wait_for(lambda: self.reviews(anna, order="age")[2:] and self.reviews(anna, order="age"))
        self.decide(anna, rows[:1], "unsure", "called, nobody there")
        page = bob.get("/api/reviews", unsure=1)[1]
        self.assertEqual([(row["id"], row["note"], row["decided_by"]) for row in page["reviews"]],
                         [("t1", "called, nobody there", "anna")])
        self.assertEqual((page["open"], page["unsure"]), (2, 1))
        self.assertEqual(bob.post("/api/reviews/claim", position=rows[0]["position"])[0], 200)
        self.decide(bob, rows[:1], "fraud", "the customer says no")
        self.assertEqual(self.reviews(bob, unsure=1), [])
        one = anna.get("/api/reviews/one", position=rows[0]["position"])[1]
        self.assertEqual([(each["person"], each["label"], each["note"]) for each in one["history"]],
                         [("anna", "unsure", "called, nobody there"), ("bob", "fraud", "the customer says no")])
        self.assertEqual(one["review"]["label"], "fraud")
        self.assertEqual(anna.get("/api/reviews/one", position=12345)[1]["review"], None)

    def test_a_claim_is_prolonged(self):
        self.score([1])
        self.console.start()
        anna = self.console.session("anna")
        row = wait_for(lambda: self.reviews(anna))[0]
        first = anna.post("/api/reviews/claim", position=row["position"])[1]["claimed_until"]
        time.sleep(0.01)
        second = anna.post("/api/reviews/claim", position=row["position"])[1]["claimed_until"]
        self.assertLess(first, second)
        self.assertEqual(self.reviews(anna)[0]["claimed_until"], second)
        entries = self.console.session("ada").get("/api/audit", action="claim")[1]["entries"]
        self.assertEqual(len(entries), 1)

    def test_what_is_at_risk(self):
        rates = '  currency_rates:\n    - {currency: JPY, from: 2020-01-01, rate: "0.006"}\n'
        self.write_policy("policy.yaml", POLICY["policy.yaml"] + rates)
        self.harrierd.stop()
        self.harrierd.start()
        self.score(range(1, 4), amount_minor=9999999999999)
        self.score([4], currency="JPY", amount_minor=1234)
        self.console.start()
        anna = self.console.session("anna")
        rows = wait_for(lambda: self.reviews(anna, order="age")[3:] and self.reviews(anna, order="age"))
        risk = anna.get("/api/reviews")[1]["at_risk"]
        self.assertEqual(risk, [{"currency": "EUR", "amount": "299999999999.97", "open": 3},
                                {"currency": "JPY", "amount": "1234", "open": 1}])
        self.decide(anna, rows[:2] + rows[3:], "legit")
        self.assertEqual(anna.get("/api/reviews")[1]["at_risk"],
                         [{"currency": "EUR", "amount": "99999999999.99", "open": 1}])

    def test_who_decided_what(self):
        self.console.add_person("pia", "approver")
        self.score(range(1, 7))
        self.console.start()
        anna, bob = self.console.session("anna"), self.console.session("bob")
        rows = wait_for(lambda: self.reviews(anna, order="age")[5:] and self.reviews(anna, order="age"))
        self.decide(anna, rows[:3], "fraud")
        self.decide(anna, rows[3:4], "unsure")
        self.decide(bob, rows[3:5], "legit")

        def counts(session, **query):
            answer = session.get("/api/reviews/work", **query)[1]
            return answer["all"], [(each["person"], each["fraud"], each["legit"], each["unsure"])
                                   for each in answer["work"]]

        self.assertEqual(counts(anna), (False, [("anna", 3, 0, 1)]))
        self.assertEqual(counts(bob), (False, [("bob", 0, 2, 0)]))
        self.assertEqual(counts(self.console.session("pia")), (True, [("anna", 3, 0, 1), ("bob", 0, 2, 0)]))
        one = anna.get("/api/reviews/work")[1]["work"][0]
        self.assertTrue(0 <= one["median_s"] <= one["longest_s"] < 600, one)
        days = {anna.get("/api/reviews/work", ahead=ahead)[1]["work"][0]["day"] for ahead in (-840, 840)}
        self.assertEqual(len(days), 2)  # they are more than a day apart
        for query in ({"ahead": "x"}, {"ahead": 841}, {"ahead": "1e1"}, {"days": 91}):
            with self.subTest(query=query):
                self.assertEqual(anna.get("/api/reviews/work", **query)[0], 422)


if __name__ == "__main__":
    unittest.main()
