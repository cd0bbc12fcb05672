"""The calls of an analyst with any client: entities, lists, reload and explain."""

import os
import subprocess
import threading
import time

from scenario import HARRIER, LONG_MS, ScenarioTest  # isort: skip  (sets the path for the others)
from http_door import Door
from server import POLICY, START_US, free_port, transaction
from wire import ENCODER

FEATURES = """\
entities:
  card: {key: card}
  merchant: {key: merchant}
  card_merchant: {key: [card, merchant]}
features:
  card:
    - {name: count_1h, aggregate: count, window: 1h}
    - {name: sum_1h, aggregate: sum, of: amount, window: 1h}
    - {name: mean_1h, aggregate: mean, of: amount, window: 1h}
    - {name: last_merchant, aggregate: last, of: merchant, window: 1d}
  merchant:
    - {name: cards_1d, aggregate: distinct, of: card, window: 1d}
  card_merchant:
    - {name: count_1d, aggregate: count, window: 1d}
"""
LISTS = """\
lists:
  blocked_cards: {about: cards that were reported lost, values: [always]}
  blocked_ips: {type: network}
  shut: {values: [m9], runtime: no}
"""
RULES = """\
rules:
  - name: many
    about: many
    when: card.count_1h >= 3
    then: {score: 400}
  - {name: listed, when: card in lists.blocked_cards, then: {verdict: decline}}
  - {name: on_trial, mode: shadow, when: amount_minor > 0, then: {score: 100}}
"""
BROKEN_RULES = """\
rules:
  - {name: first, when: card.count_9h >= 3, then: {score: 400}}
  - {name: second, when: nothing > 1, then: {score: 400}}
"""
HOUR_US = 3600 * 10**6
DAY_US = 24 * HOUR_US


def now_us():
    return time.time_ns() // 1000


def plain(values):
    """The values of an answer over HTTP, whose 64-bit numbers are texts, as a driver gives them."""
    found = {}
    for value in values:
        kind = next((kind for kind in ("flag", "integer", "number", "text") if kind in value), None)
        found[value["name"]] = int(value[kind]) if kind == "integer" else kind and value[kind]
    return found


class AnalystTest(ScenarioTest):
    def setUp(self):
        super().setUp()
        self.needs("analyst")
        self.write_policy("features.yaml", FEATURES)
        self.write_policy("lists.yaml", LISTS)
        self.write_policy("rules/velocity.yaml", RULES)

    def start(self, *flags):
        """A server with an HTTP door, and a client of it."""
        self.port = free_port()
        server = self.server(f"--http_listen=127.0.0.1:{self.port}", *flags).start()
        self.open(server, deadline_ms=LONG_MS)
        return server

    def over_http(self, path, body):
        with Door(self.port) as door:
            status, answer, _ = door.call("POST", path, body)
        self.assertEqual(status, 200, answer)
        return answer

    def score(self, number, **fields):
        return self.decision(self.driver.score({**transaction(number), **fields}))

    def assert_refused(self, result, code, field):
        """One of several results is an error; the call itself is none."""
        self.assertEqual((result["error"]["code"], result["error"]["field"]), (code, field), result)
        self.assertNotEqual(result["error"]["message"], "")
        if "decided" in self.driver.can:
            self.assertIs(result["error"]["decided"], False)


class FindTest(AnalystTest):
    def find(self, **members):
        answer = self.driver.do("find", **members)
        self.assertIn("findings", answer)
        return answer["findings"]

    def filled(self):
        """Ten transactions of two cards: t3 was fraud, t4 was voided. All of it is on disk."""
        self.needs("find")
        server = self.start("--lazy_sync_interval=5ms")
        for number in range(10):
            self.score(number, card=f"c{number % 2}")
        self.driver.do("outcome", outcomes=[{"transaction_id": "t3", "label": "fraud"}])
        self.driver.do("amend", amendments=[{"transaction_id": "t4", "kind": "void"}])
        while True:
            status = server.status()
            if status.get("synced_position") == status["position"]:
                return server
            time.sleep(0.01)

    def test_filters(self):
        self.filled()
        ids = lambda **members: [one["transaction_id"] for one in self.find(**members)["found"]]
        self.assertEqual(ids(), [f"t{number}" for number in range(9, -1, -1)])
        self.assertEqual(ids(card="c1"), ["t9", "t7", "t5", "t3", "t1"])
        self.assertEqual(ids(labels=["fraud"]), ["t3"])
        self.assertEqual(ids(labels=["none"], card="c1", limit=2), ["t9", "t7"])
        self.assertEqual(ids(rule="on_trial"), [])
        self.assertEqual(len(ids(rule="on_trial", shadow=True)), 10)
        reviewed = ids(verdicts=["review", "decline"])
        self.assertEqual(reviewed, ids(score=[300, 1000]))
        self.assertEqual(reviewed, ids(rule="many"))
        self.assertTrue(0 < len(reviewed) < 10)

    def test_what_is_found(self):
        self.filled()
        found = {one["transaction_id"]: one for one in self.find()["found"]}
        self.assertEqual((found["t3"]["label"], found["t2"]["label"]), ("fraud", "none"))
        self.assertEqual((found["t4"]["voided"], found["t3"]["voided"]), (True, None))
        self.assertEqual((found["t3"]["card"], found["t0"]["verdict"]), ("c1", "approve"))
        positions = [one["position"] for one in found.values()]
        self.assertEqual(positions, sorted(positions, reverse=True))

    def test_pages_of_findings(self):
        self.filled()
        found, cursor = [], ""
        for size in (4, 4, 2):
            page = self.find(limit=4, cursor=cursor)
            self.assertEqual((len(page["found"]), page["incomplete"]), (size, False))
            found += page["found"]
            cursor = page["cursor"]
        self.assertEqual((found, cursor), (self.find()["found"], ""))
        answer = self.driver.do("find", cursor="x")
        self.assert_fails(answer, "invalid")
        self.assertEqual(answer["error"]["field"], "cursor")


class EntityTest(AnalystTest):
    def entity(self, entity, *key, **more):
        answer = self.driver.do("entity", entity=entity, key=key, **more)
        self.assertIn("entity", answer)
        return answer["entity"]

    def test_features(self):
        """They are those that the server gives over HTTP, with the type of each."""
        self.start()
        for number in range(4):
            self.score(number, card="c0", merchant=f"m{number % 2}", amount_minor=1050)
        for entity, key in (("card", ["c0"]), ("merchant", ["m1"]), ("card_merchant", ["c0", "m1"])):
            found = self.entity(entity, *key)
            expected = self.over_http("/v1/entity", {"entity": entity, "key": key})
            self.assertEqual(found["features"], plain(expected["features"]))
            for name in ("newest_time_us", "entries", "state_bytes", "at_time_us"):
                self.assertEqual(found[name], int(expected[name]), name)
            self.assertEqual(found["state_hash"], f"{int(expected['state_hash']):016x}")
        card = self.entity("card", "c0")
        self.assertEqual((card["entries"], card["newest_time_us"]), (4, START_US + 3 * 10**6))
        self.assertEqual(card["at_time_us"], card["newest_time_us"])
        self.assertEqual(card["features"]["card.count_1h"], 4)
        self.assertEqual(card["features"]["card.mean_1h"], 10.5)
        self.assertEqual(card["features"]["card.last_merchant"], "m1")
        self.assertEqual(self.entity("card_merchant", "c0", "m1")["features"], {"card_merchant.count_1d": 2})

    def test_at_a_time(self):
        self.start()
        for number in range(4):
            self.score(number, card="c0")
        before = self.entity("card", "c0", at_time_us=START_US + 1 * 10**6)
        self.assertEqual(before["at_time_us"], START_US + 1 * 10**6)
        self.assertEqual(before["features"]["card.count_1h"], 2)
        later = self.entity("card", "c0", at_time_us=START_US + 2 * HOUR_US)
        self.assertEqual(later["newest_time_us"], START_US + 3 * 10**6)
        self.assertEqual(later["features"]["card.count_1h"], 0)
        self.assertIsNone(later["features"]["card.mean_1h"], "absent")
        expected = self.over_http("/v1/entity", {"entity": "card", "key": ["c0"], "at_time_us": START_US + 2 * HOUR_US})
        self.assertEqual(later["features"], plain(expected["features"]))

    def test_errors(self):
        self.start()
        self.score(1, card="c0")
        for entity, key, code, field in (
            ("cart", ["c0"], "invalid", "entity"),
            ("card", ["c0", "m1"], "invalid", "key"),
            ("card", [], "invalid", ""),
            ("card", ["nobody"], "not_found", "key"),
        ):
            with self.subTest(entity=entity, key=key):
                answer = self.driver.do("entity", entity=entity, key=key)
                self.assert_fails(answer, code)
                self.assertEqual(answer["error"]["field"], field)


class ListsTest(AnalystTest):
    def change(self, *changes):
        answer = self.driver.do("change_list", changes=changes)
        self.assertIn("results", answer)
        self.assertEqual(len(answer["results"]), len(changes))
        return answer["results"]

    def changed(self, value, **more):
        return self.change({"list": "blocked_cards", "value": value, **more})[0]["changed"]

    def page(self, **members):
        answer = self.driver.do("get_list", **members)
        self.assertNotIn("error", answer)
        return answer

    def test_add_and_remove(self):
        server = self.start()
        first = self.changed("lost", source="analyst:7", reason="reported")
        position = server.status()["position"]
        self.assertEqual(first, {"list": "blocked_cards", "value": "lost", "position": position, "changed": True,
                                 "was_there": False, "previous_expiry_time_us": 0, "in_policy": False})
        again = self.changed("lost")
        self.assertEqual((again["changed"], again["was_there"], again["position"]), (False, True, 0))
        (entry,) = self.page(list="blocked_cards")["entries"]
        self.assertEqual(entry, {"value": "lost", "expiry_time_us": 0, "position": position, "source": "analyst:7",
                                 "reason": "reported"})
        removed = self.changed("lost", remove=True)
        self.assertEqual((removed["changed"], removed["was_there"]), (True, True))
        self.assertGreater(removed["position"], position)
        again = self.changed("lost", remove=True)
        self.assertEqual((again["changed"], again["was_there"], again["position"]), (False, False, 0))
        self.assertEqual(self.page(list="blocked_cards")["entries"], [])
        self.assertTrue(self.changed("always")["in_policy"])

    def test_expiry(self):
        self.start()
        first, second = now_us() + DAY_US, now_us() + 2 * DAY_US
        self.assertEqual(self.changed("lost", expiry_time_us=first)["previous_expiry_time_us"], 0)
        moved = self.changed("lost", expiry_time_us=second)
        self.assertEqual((moved["changed"], moved["was_there"], moved["previous_expiry_time_us"]), (True, True, first))
        (entry,) = self.page(list="blocked_cards")["entries"]
        self.assertEqual(entry["expiry_time_us"], second)
        self.assertFalse(self.changed("lost", expiry_time_us=second)["changed"])
        (result,) = self.change({"list": "blocked_cards", "value": "lost", "expiry_time_us": START_US})
        self.assert_refused(result, "invalid", "expiry_time_us")

    def test_decisions_follow(self):
        self.start()
        self.assertEqual(self.score(1, card="lost")["verdict"], "approve")
        self.changed("lost")
        decision = self.score(2, card="lost")
        self.assertEqual((decision["verdict"], decision["reasons"]), ("decline", ["listed", "on_trial"]))
        self.changed("lost", remove=True)
        self.assertEqual(self.score(DAY_US // 10**6, card="lost")["verdict"], "approve")
        self.change({"list": "blocked_cards", "value": "soon", "expiry_time_us": now_us() + DAY_US})
        self.assertEqual(self.score(4, card="soon")["verdict"], "decline")

    def test_a_refused_change_among_good_ones(self):
        self.start()
        good = [{"list": "blocked_cards", "value": f"good{n}"} for n in range(2)]
        results = self.change(
            good[0],
            {"list": "blocked_card", "value": "x"},
            {"list": "blocked_ips", "value": "2001:DB8:0::1"},
            {"list": "blocked_ips", "value": "example.com"},
            {"list": "shut", "value": "m8"},
            good[1],
        )
        self.assertEqual([sorted(result)[0] for result in results],
                         ["changed", "error", "changed", "error", "error", "changed"])
        self.assert_refused(results[1], "not_found", "list")
        self.assertEqual(results[2]["changed"]["value"], "2001:db8::1", "the canonical form")
        self.assert_refused(results[3], "invalid", "value")
        self.assert_refused(results[4], "invalid", "list")
        self.assertEqual([entry["value"] for entry in self.page(list="blocked_cards")["entries"]], ["good0", "good1"])

    def test_pages(self):
        self.start()
        values = [f"card-{n}" for n in range(25)]
        self.change(*({"list": "blocked_cards", "value": value} for value in values))
        found, after = [], 0
        for size in (10, 10, 5):
            answer = self.page(list="blocked_cards", after_position=after, limit=10)
            self.assertEqual(len(answer["entries"]), size)
            found += answer["entries"]
            after = answer["next_position"]
            self.assertEqual(after > 0, size == 10, "there is a next page")
        self.assertEqual([entry["value"] for entry in found], values)
        self.assertEqual(self.page(list="blocked_cards")["entries"], found)

    def test_a_thousand_changes(self):
        self.start()
        results = self.change(*({"list": "blocked_cards", "value": f"card-{n}"} for n in range(1000)))
        self.assertEqual([result["changed"]["value"] for result in results], [f"card-{n}" for n in range(1000)])
        answer = self.page(list="blocked_cards")
        self.assertEqual((len(answer["entries"]), answer["next_position"]), (1000, 0))

    def test_summary_of_every_list(self):
        self.start()
        self.change(*({"list": "blocked_cards", "value": value} for value in ("a", "b")))
        self.changed("a", remove=True)
        answer = self.page()
        self.assertEqual((answer["entries"], answer["next_position"]), ([], 0))
        self.assertEqual(answer["lists"], [
            {"list": "blocked_cards", "type": "string", "declared": True, "runtime": True, "policy_entries": 1,
             "added_entries": 1, "used_entries": 1, "changes": 3},
            {"list": "blocked_ips", "type": "network", "declared": True, "runtime": True, "policy_entries": 0,
             "added_entries": 0, "used_entries": 0, "changes": 0},
            {"list": "shut", "type": "string", "declared": True, "runtime": False, "policy_entries": 1,
             "added_entries": 0, "used_entries": 0, "changes": 0},
        ])
        one = self.page(list="blocked_cards")
        self.assertEqual(one["lists"], answer["lists"][:1])
        answer = self.driver.do("get_list", list="nothing")
        self.assert_fails(answer, "not_found")
        self.assertEqual(answer["error"]["field"], "list")

    def test_what_is_not_sent(self):
        fake = self.fake("fake")
        self.open(fake, deadline_ms=LONG_MS)
        self.await_connection()
        self.assert_fails(self.driver.do("change_list", changes=[]), "invalid")
        many = [{"list": "blocked_cards", "value": f"card-{n}"} for n in range(1001)]
        self.assert_fails(self.driver.do("change_list", changes=many), "too_large")
        if "request_limits" in self.driver.can:  # more than 2 MiB
            long = [{"list": "blocked_cards", "value": "x" * 3000} for _ in range(1000)]
            self.assert_fails(self.driver.do("change_list", changes=long), "too_large")
        self.assertEqual(fake.asked("change_list"), [])
        self.assertEqual(fake.greeted, 1, "the connection is the same")


class ReloadTest(AnalystTest):
    def reload(self, **members):
        answer = self.driver.do("reload", deadline_ms=LONG_MS, **members)
        self.assertIn("reload", answer)
        return answer["reload"]

    def test_unchanged_and_adopted(self):
        server = self.start()
        first = server.status()["snapshot_id"]
        answer = self.reload(wait=True)
        self.assertIn('warning: list "shut" is never used', answer.pop("messages"))
        self.assertEqual(answer, {"result": "unchanged", "policy_name": "system", "snapshot_id": f"{first:016x}",
                                  "error": "", "shadows": []})
        self.write_policy("rules/velocity.yaml", RULES.replace("score: 400", "score: 750"))
        answer = self.reload(wait=True)
        second = server.status()["snapshot_id"]
        self.assertEqual((answer["result"], answer["snapshot_id"]), ("adopted", f"{second:016x}"))
        self.assertNotEqual(second, first)
        decisions = [self.score(number, card="c0") for number in range(3)]
        self.assertEqual((decisions[2]["score"], decisions[2]["verdict"]), (750, "decline"))

    def test_refused(self):
        """A refused policy is a result, and the server goes on with the one that it has."""
        server = self.start()
        first = server.status()["snapshot_id"]
        self.write_policy("rules/velocity.yaml", BROKEN_RULES)
        answer = self.reload(wait=True)
        self.assertEqual((answer["result"], answer["policy_name"]), ("refused", "system"))
        self.assertEqual(answer["snapshot_id"], f"{first:016x}", "the one in force")
        self.assertIn("rules/velocity.yaml:2:", answer["error"])
        for words in ("rules/velocity.yaml:2:", "rules/velocity.yaml:3:"):
            self.assertIn(words, answer["messages"])
        self.assertGreater(answer["messages"].count("\n"), 2)
        self.assertEqual(self.score(1)["verdict"], "approve")

    def test_without_waiting(self):
        server = self.start()
        self.write_policy("rules/velocity.yaml", RULES.replace("score: 400", "score: 750"))
        answer = self.reload()
        self.assertEqual(answer, {"result": "none", "policy_name": "", "snapshot_id": "0" * 16, "error": "",
                                  "messages": "", "shadows": []})
        server.await_said("adopted")

    def test_shadow_policies(self):
        folders = {name: os.path.join(self.folder, name) for name in ("tried", "other")}
        files = {**POLICY, "features.yaml": FEATURES, "lists.yaml": LISTS, "rules/velocity.yaml": RULES}
        for folder in folders.values():
            for name, text in files.items():
                os.makedirs(os.path.dirname(os.path.join(folder, name)), exist_ok=True)
                with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                    file.write(text.replace("name: system", f"name: {os.path.basename(folder)}"))
        self.start(f"--shadow={folders['tried']},{folders['other']}")
        with open(os.path.join(folders["tried"], "rules/velocity.yaml"), "w", encoding="utf-8") as file:
            file.write(BROKEN_RULES)
        answer = self.reload(wait=True)
        self.assertEqual(answer["result"], "unchanged")
        self.assertEqual([(shadow["folder"], shadow["result"]) for shadow in answer["shadows"]],
                         [(folders["tried"], "refused"), (folders["other"], "unchanged")])
        self.assertIn("rules/velocity.yaml:2:", answer["shadows"][0]["error"])
        self.assertEqual(answer["shadows"][1]["error"], "")


class ExplainTest(AnalystTest):
    def explain(self, transaction_id):
        answer = self.driver.do("explain", transaction_id=transaction_id, deadline_ms=LONG_MS)
        self.assertIn("explanation", answer)
        return answer["explanation"]

    def test_a_decision(self):
        self.start()
        decisions = [self.score(number, card="c0") for number in range(3)]
        found = self.explain("t2")
        self.assertEqual((found["transaction_id"], found["equal"], found["difference"]), ("t2", True, ""))
        self.assertEqual(found["position"], decisions[2]["position"])
        for which in ("archived", "derived"):
            for name in ("transaction_id", "verdict", "score", "position", "reasons"):
                self.assertEqual(found[which][name], decisions[2][name], (which, name))
        rules = {rule["name"]: rule for rule in found["rules"]}
        self.assertEqual(list(rules), ["many", "listed", "on_trial"])
        fired = [name for name, rule in rules.items() if rule["fate"] in ("fired", "shadow")]
        self.assertEqual(fired, decisions[2]["reasons"])
        self.assertEqual([(rule["mode"], rule["fate"], rule["score"]) for rule in found["rules"]],
                         [("live", "fired", 400), ("live", "false", 0), ("shadow", "shadow", 100)])
        self.assertEqual(rules["many"]["parts"], ["card.count_1h >= 3", "card.count_1h"])
        self.assertEqual(found["cutoffs"], [{"verdict": "review", "score": 300}, {"verdict": "challenge", "score": 500},
                                            {"verdict": "decline", "score": 700}])
        entities = [(entity["name"], entity["key"], entity["entries"], entity["in_tables"])
                    for entity in found["entities"]]
        self.assertEqual(sorted(entities),
                         [("card", "c0", 2, False), ("card_merchant", "c0, m2", 0, False), ("merchant", "m2", 0, False)])
        self.assertEqual(found["outcomes"], [])

    def test_the_same_as_over_http(self):
        self.start()
        for number in range(3):
            self.score(number, card="c0")
        found, expected = self.explain("t1"), self.over_http("/v1/explain", {"transaction_id": "t1"})
        policy = expected["then"]
        self.assertEqual(found["features"], plain(policy["decision"]["features"]))
        self.assertEqual(found["features"]["card.count_1h"], 2)
        self.assertEqual(found["fields"], [field["name"] for field in policy["fields"]])
        self.assertIn("card", found["fields"])
        self.assertEqual([rule["parts"] for rule in found["rules"]],
                         [[part["text"] for part in rule["parts"]] for rule in policy["rules"]])

    def test_outcomes(self):
        self.start()
        self.score(1)
        self.explain("t1")  # it is on disk; what follows is not yet, and must be in the explanation all the same
        for label in ("fraud", "legit"):
            self.driver.do("outcome", outcomes=[{"transaction_id": "t1", "label": label}])
        self.assertEqual(self.explain("t1")["outcomes"], [{"previous": "none", "label": "fraud", "source": ""},
                                                          {"previous": "fraud", "label": "legit", "source": ""}])

    def test_a_listed_card(self):
        self.start()
        self.driver.do("change_list", changes=[{"list": "blocked_cards", "value": "lost"}])
        decision = self.score(1, card="lost")
        found = self.explain("t1")
        self.assertTrue(found["equal"])
        self.assertEqual((decision["verdict"], found["derived"]["verdict"]), ("decline", "decline"))
        self.assertEqual({rule["name"]: rule["fate"] for rule in found["rules"]}["listed"], "fired")

    def test_not_found(self):
        self.start()
        self.score(1)
        answer = self.driver.do("explain", transaction_id="nobody", deadline_ms=LONG_MS)
        self.assert_fails(answer, "not_found")
        self.assertEqual(answer["error"]["field"], "transaction_id")


# One call of each kind, with an amendment, what a server answers to it, and the member of the driver's answer that comes
# of it.
CALLS = {
    "get_entity": (
        {"do": "entity", "entity": "card", "key": ["c0"]},
        {"get_entity": {"features": [{"name": "card.count_1h", "integer": 3}], "entries": 3}},
        "entity",
    ),
    "change_list": (
        {"do": "change_list", "changes": [{"list": "blocked_cards", "value": "lost"}]},
        {"change_list": {"results": [{"changed": {"list": "blocked_cards", "value": "lost", "position": 7}}]}},
        "results",
    ),
    "amend": (
        {"do": "amend", "amendments": [{"transaction_id": "t1", "kind": "refund", "amount_minor": 300}]},
        {"amend": {"results": [{"accepted": {"transaction_id": "t1", "position": 7}}]}},
        "results",
    ),
    "get_list": ({"do": "get_list", "list": "blocked_cards"}, {"get_list": {"next_position": 7}}, "lists"),
    "reload": ({"do": "reload", "wait": True}, {"reload": {"result": "RELOAD_ADOPTED"}}, "reload"),
    "explain": (
        {"do": "explain", "transaction_id": "t1"},
        {"explain": {
            "transaction": {"id": "t1"}, "archived": {"transaction_id": "t1", "verdict": "VERDICT_APPROVE"},
            "equal": True, "then": {"decision": {"transaction_id": "t1", "verdict": "VERDICT_APPROVE"}},
        }},
        "explanation",
    ),
}


class AnyCallTest(AnalystTest):
    """What holds for each of these calls as for score."""

    def each(self):
        for call, (line, response, member) in CALLS.items():
            with self.subTest(call):
                yield call, line, response, member

    def test_a_broken_connection_is_sent_again(self):
        for call, line, response, member in self.each():
            answers = [ConnectionError(), response]
            fake = self.fake(call, lambda request, answers=answers: answers.pop(0))
            self.open(fake, deadline_ms=LONG_MS)
            self.assertIn(member, self.driver.do(**line))
            sent = [request[call] for request in fake.asked(call)]
            self.assertEqual(len(sent), 2)
            self.assertEqual(sent[0], sent[1])
            self.driver.do("close")

    def test_unavailable_is_sent_again(self):
        self.needs("retry_unavailable")
        for call, line, response, member in self.each():
            answers = [{"error": {"code": "ERROR_UNAVAILABLE", "message": "busy"}}, response]
            fake = self.fake(call, lambda request, answers=answers: answers.pop(0))
            self.open(fake, deadline_ms=LONG_MS)
            self.assertIn(member, self.driver.do(**line))
            self.assertEqual(len(fake.asked(call)), 2)
            self.driver.do("close")

    def test_answers_that_do_not_fit(self):
        answers = {"garbage": b"\xff\xff\xff", "nothing": b"", "another": {"status": {"state": "ready"}}}
        for call, line, _, _ in self.each():
            for what, answer in answers.items():
                fake = self.fake(f"{call}-{what}", lambda request, answer=answer: answer)
                self.open(fake, deadline_ms=LONG_MS)
                self.assert_fails(self.driver.do(**line), "protocol", decided=None)
                self.assertEqual(len(fake.asked(call)), 1, "was sent again")
                self.driver.do("close")

    def test_too_few_results(self):
        for call in ("change_list", "amend"):
            self.open(self.fake(call, lambda request, call=call: {call: {}}), deadline_ms=LONG_MS)
            self.assert_fails(self.driver.do(**CALLS[call][0]), "protocol", decided=None)
            self.driver.do("close")

    def test_a_verdict_or_label_that_is_not_known(self):
        outcome = {"position": 1, "previous": "LABEL_LEGIT", "label": "LABEL_FRAUD"}
        known = CALLS["explain"][1]["explain"]
        encoded = ENCODER.message("Response", {"explain": {**known, "outcomes": [outcome]}})
        for what, before, after in (("verdict", b"\x0a\x02t1\x10\x01", b"\x0a\x02t1\x10\x09"),
                                    ("label", b"\x20\x01\x28\x02", b"\x20\x01\x28\x09")):
            with self.subTest(what):
                self.assertIn(before, encoded)
                fake = self.fake(what, lambda request, answer=encoded.replace(before, after): answer)
                self.open(fake, deadline_ms=LONG_MS)
                self.assert_fails(self.driver.do(**CALLS["explain"][0]), "protocol", decided=None)
                fake.answer = lambda request: encoded
                self.assertIn("explanation", self.driver.do(**CALLS["explain"][0]))
                self.driver.do("close")

    def test_an_explanation_that_lacks_something(self):
        known = CALLS["explain"][1]["explain"]
        for lacking in ("transaction", "archived", "then"):
            with self.subTest(lacking):
                answer = {"explain": {name: value for name, value in known.items() if name != lacking}}
                self.open(self.fake(lacking, lambda request, answer=answer: answer), deadline_ms=LONG_MS)
                self.assert_fails(self.driver.do(**CALLS["explain"][0]), "protocol", decided=None)
                self.driver.do("close")

    def test_a_token_without_the_scope(self):
        tokens = os.path.join(self.folder, "tokens")
        made = subprocess.run([HARRIER, "token", "new", "shop", "--scopes", "score,outcome", "--tokens", tokens],
                              check=True, capture_output=True, text=True)
        server = self.server(f"--tokens={tokens}").start()
        self.open(server, token=made.stdout.strip(), deadline_ms=LONG_MS)
        self.score(1)
        for call, line, _, _ in self.each():
            if call == "amend":  # of the scope "outcome"
                continue
            answer = self.driver.do(**line)
            self.assert_fails(answer, "denied")
            self.assertEqual(answer["error"]["field"], "token")

    def test_metrics(self):
        self.needs("metrics")
        fake = self.fake("fake")
        self.open(fake, deadline_ms=LONG_MS)
        for call, line, response, _ in self.each():
            fake.answer = lambda request, response=response: response
            self.assertNotIn("error", self.driver.do(**line))
            labels = {"call": call, "result": "ok"}
            reported = self.driver.do("metrics")["metrics"]
            self.assertIn(["harrier_client_calls_total", labels], [[name, found] for _, name, _, found in reported])

    def test_at_the_same_time(self):
        """An explanation that takes long holds up no other call."""
        gate = threading.Event()
        self.addCleanup(gate.set)

        def answer(request):
            if "explain" in request:
                gate.wait()
                return CALLS["explain"][1]
            return CALLS["get_entity"][1]

        self.open(self.fake("fake", answer), deadline_ms=LONG_MS)
        slow = self.driver.start(**CALLS["explain"][0])
        for _ in range(20):
            self.assertIn("entity", self.driver.do(**CALLS["get_entity"][0]))
        self.assertFalse(slow.done)
        gate.set()
        self.assertIn("explanation", slow.answer())
