#!/usr/bin/env python3
"""harrier explain: from the folder of a running server and through the server, over a rebuild, a policy
reload, outcomes and lists; its messages about unknown ids."""
import json
import os
import signal
import subprocess
import threading
import time
import unittest

import segments
from server import WAIT, ServerTest, transaction

HARRIER = os.environ["HARRIER"]
ROOT = os.environ["HARRIER_ROOT"]

RULES = """\
rules:
  - name: many
    about: many
    when: card.count_1h >= 3 && !(card in lists.known)
    then: {score: 400}
    reason: "{card.count_1h} within an hour"
  - name: big
    when: amount > 100.0 || merchant == 'm9'
    then: {verdict: decline}
"""


def walk(schema, value, path="$"):
    """Each object has only keys that the schema lists, and all that it requires: a part of what jsonschema checks where
    it is installed."""
    if "$ref" in schema:
        schema = {**walk.definitions[schema["$ref"].rsplit("/", 1)[1]]}
    if isinstance(value, dict) and "properties" in schema:
        unknown = set(value) - set(schema["properties"])
        missing = set(schema.get("required", ())) - set(value)
        assert not unknown and not missing, (path, unknown, missing)
        for key, inner in value.items():
            walk(schema["properties"][key], inner, f"{path}.{key}")
    elif isinstance(value, list) and "items" in schema:
        for index, inner in enumerate(value):
            walk(schema["items"], inner, f"{path}[{index}]")
    if "enum" in schema:
        assert value in schema["enum"], (path, value)


def check_schema(document):
    with open(os.path.join(ROOT, "docs/schema/explain.json"), encoding="utf-8") as file:
        schema = json.load(file)
    walk.definitions = schema["$defs"]
    walk(schema, document)
    try:
        import jsonschema
    except ImportError:
        return
    jsonschema.validate(document, schema)


class ExplainTest(ServerTest):
    def setUp(self):
        super().setUp()
        self.write_policy("lists.yaml", "lists:\n  known: {type: string, file: known.txt}\n")
        self.write_policy("known.txt", "c6\n")
        self.write_policy("rules/velocity.yaml", RULES)

    def harrier(self, *arguments):
        return subprocess.run([HARRIER, *arguments], capture_output=True, text=True, timeout=WAIT)

    def data(self, server):
        return os.path.dirname(server.archive)

    def explain(self, server, name, *options):
        done = self.harrier("explain", self.data(server), name, "--json", *options)
        self.assertEqual(done.returncode, 0, done.stdout[:3000] + done.stderr)
        document = json.loads(done.stdout)
        check_schema(document)
        self.assertTrue(document["equal"])
        return document

    def ask(self, server, name, *options):
        return self.harrier("explain", "--server", server.address, name, *options)

    def wait_for_sync(self, server):
        position = server.status()["position"]
        deadline = time.monotonic() + WAIT
        while server.status().get("synced_position", 0) < position:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)

    def reload(self, server):
        said = server.said().count("adopted")
        server.process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + WAIT
        while server.said().count("adopted") == said:
            self.assertLess(time.monotonic(), deadline, server.said())
            time.sleep(0.01)

    def rebuild(self, server, *options):
        done = self.harrier("rebuild", "--data", self.data(server), *options)
        self.assertEqual(done.returncode, 0, done.stderr)

    def await_generation(self, server):
        server.process.send_signal(signal.SIGHUP)  # to look for tables now, instead of within the second
        deadline = time.monotonic() + WAIT
        while server.status().get("generation_position", 0) == 0:
            self.assertLess(time.monotonic(), deadline, server.said())
            time.sleep(0.05)

    def fill(self, server, first, last):
        with server.connect() as connection:
            for result in connection.score([transaction(number) for number in range(first, last)]):
                self.assertIn("decision", result)

    def rule(self, policy, name):
        return next(rule for rule in policy["rules"] if rule["name"] == name)

    def live(self):
        """A running server, after a rebuild and a reload."""
        server = self.server().start()
        self.fill(server, 0, 100)
        self.wait_for_sync(server)
        self.rebuild(server)
        self.await_generation(server)
        self.fill(server, 100, 200)
        self.write_policy("rules/velocity.yaml", RULES.replace("score: 400", "score: 750"))
        self.reload(server)
        self.fill(server, 200, 300)
        with server.connect() as connection:
            connection.report("t150", "fraud")
        self.wait_for_sync(server)
        return server

    def test_beside_a_running_server(self):
        """Folder and server give the same explanation, before and after the rebuild and the reload."""
        server = self.live()
        for name, score, tables in (("t50", 400, False), ("t150", 400, True), ("t250", 750, True)):
            document = self.explain(server, name)
            self.assertEqual(document["archived"]["score"], score)
            self.assertEqual(document["then"]["decision"], document["archived"])
            self.assertEqual(document["history"]["base_position"] > 0, tables)
            many = self.rule(document["then"], "many")
            self.assertEqual(many["fate"], "fired")
            self.assertEqual(many["score"], score)
            count = next(part for part in many["parts"] if part["text"] == "card.count_1h")
            self.assertEqual(count["value"], document["then"]["features"]["card.count_1h"])
            self.assertEqual(many["reason"], f"{count['value']} within an hour")
            big = self.rule(document["then"], "big")
            self.assertEqual(big["fate"], "false")
            self.assertEqual([part["decides"] for part in big["parts"]], [True] * 5)

            done = self.ask(server, name, "--json")
            self.assertEqual(done.returncode, 0, done.stderr)
            answer = json.loads(done.stdout)
            answer["history"]["records_read"] = document["history"]["records_read"]
            self.assertEqual(answer, document)
            text = self.ask(server, name).stdout
            self.assertIn("derived again from the archive, bit for bit the same", text)
            self.assertIn("  many: ", text)
        outcomes = self.explain(server, "t150")["outcomes"]
        self.assertEqual([outcome["label"] for outcome in outcomes], ["fraud"])
        self.assertEqual(self.explain(server, "t151")["outcomes"], [])

    def test_lists(self):
        server = self.server().start()
        self.fill(server, 0, 30)
        with server.connect() as connection:
            connection.call({"change_list": {"changes": [{"list": "known", "value": "c1"}]}})
        self.fill(server, 30, 60)
        self.wait_for_sync(server)

        def known(name):
            rule = self.rule(self.explain(server, name)["then"], "many")
            return rule["fate"], next(part for part in rule["parts"] if part["kind"] == "list")

        fate, part = known("t22")  # c1, before
        self.assertEqual((fate, part["value"], part["added"]), ("fired", False, False))
        fate, part = known("t50")  # c1, behind
        self.assertEqual((fate, part["value"], part["added"]), ("false", True, True))
        fate, part = known("t55")  # c6: the policy's own
        self.assertEqual((fate, part["value"], part["added"]), ("false", True, False))
        text = self.harrier("explain", self.data(server), "t50").stdout
        self.assertIn("it is in the list known, added while the server ran", text)

    def test_another_policy(self):
        server = self.live()
        self.write_policy(
            "rules/velocity.yaml",
            RULES.replace("count_1h >= 3", "count_1h >= 300") + "  - name: always\n    when: amount > 0.0\n"
            "    then: {score: 5}\n",
        )
        policy = os.path.join(self.folder, "policy")
        document = self.explain(server, "t150", "--policy", policy)
        self.assertEqual(document["archived"]["score"], 400)
        self.assertEqual(document["now"]["decision"]["score"], 5)
        self.assertEqual(self.rule(document["now"], "many")["fate"], "false")
        self.assertEqual(self.rule(document["now"], "always")["fate"], "fired")
        text = self.harrier("explain", self.data(server), "t150", "--policy", policy).stdout
        self.assertRegex(text, r"(?m)^review, score 400  →  approve, score 5 of 1,000$")
        self.assertIn("  many: fired (+400) → false\n", text)
        self.assertIn("  always: no such rule → fired (+5)\n", text)
        replayed = self.harrier("replay", self.data(server), "--policy", policy, "--features", "-", "--quiet")
        self.assertIn("t150,", replayed.stdout)
        self.write_policy("schema.yaml", "fields:\n  ip: {required: true}\n")
        text = self.harrier("explain", self.data(server), "t150", "--policy", policy).stdout
        self.assertIn("it refuses the transaction: ", text)
        self.write_policy("schema.yaml", "fields: [\n")
        done = self.harrier("explain", self.data(server), "t150", "--policy", policy)
        self.assertEqual(done.returncode, 78)

    def test_ids(self):
        server = self.live()
        done = self.harrier("explain", self.data(server), "nobody")
        self.assertEqual(done.returncode, 66)
        self.assertIn('has no transaction "nobody"', done.stderr)
        done = self.harrier("explain", self.data(server), "t29")  # that one there is
        self.assertEqual(done.returncode, 0, done.stderr)
        done = self.harrier("explain", self.data(server), "t")
        self.assertEqual(done.returncode, 66)
        self.assertRegex(done.stderr, r"ids that begin with it: t\d+, t\d+, t\d+, t\d+, t\d+ and 295 more\n$")
        done = self.harrier("explain", self.data(server), "t29", "--id-position", "1")
        self.assertEqual(done.returncode, 66)
        position = self.explain(server, "t29")["position"]
        self.assertEqual(self.explain(server, "t29", "--id-position", str(position))["position"], position)
        done = self.ask(server, "nobody")
        self.assertEqual(done.returncode, 66)
        self.assertIn("has no transaction with this id", done.stderr)
        for arguments in (
            ("explain",),
            ("explain", "x"),
            ("explain", "--server", server.address, "folder", "t1"),
            ("explain", "--server", server.address, "t1", "--policy", "x"),
        ):
            self.assertEqual(self.harrier(*arguments).returncode, 64, arguments)

    def test_a_changed_archive_is_found(self):
        server = self.live()
        self.assertEqual(server.stop(), 0)

        def change(_, kind, payload):
            return payload.replace(b"{score: 400}", b"{score: 401}") if kind == segments.SNAPSHOT else payload

        segments.rewrite(server.archive, change)
        done = self.harrier("explain", self.data(server), "t50")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("DIFFERS from the archive (archived → derived): score 400 → 401", done.stdout)
        self.assertIn("the policy's files in the archive do not match its id", done.stdout)

    def test_many_at_once(self):
        """Some wait, the others are refused as busy; decisions continue."""
        server = self.live()
        results = []

        def one(number):
            results.append(self.ask(server, f"t{number}", "--json"))

        threads = [threading.Thread(target=one, args=(number,)) for number in range(100, 124)]
        for thread in threads:
            thread.start()
        self.fill(server, 300, 400)
        for thread in threads:
            thread.join()
        for done in results:
            self.assertIn(done.returncode, (0, 69), done.stderr)
            if done.returncode:
                self.assertIn("busy: ", done.stderr)
        self.assertGreater(sum(done.returncode == 0 for done in results), 3)
        self.assertEqual(self.ask(server, "t399").returncode, 0)

    def test_the_server_ends_meanwhile(self):
        server = self.live()
        threads = [threading.Thread(target=self.ask, args=(server, f"t{number}", "--deadline", "2s")) for number in range(8)]
        for thread in threads:
            thread.start()
        self.assertEqual(server.stop(), 0)
        for thread in threads:
            thread.join()


if __name__ == "__main__":
    unittest.main()
