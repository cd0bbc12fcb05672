"""The console beside a server that protects cards: people type a clear value, find what the archive has under its
pseudonym, and neither the console's database nor its log has the value."""
import os
import unittest

from console_process import wait_for
from console_test import ConsoleTest

CARD = "4117766554400042"


class PseudonymsTest(ConsoleTest):
    FILES = {
        "schema.yaml": "fields: {card: {protect: hmac}}\n",
        "lists.yaml": "lists:\n  stolen: {protect: card}\n  mules: {}\n",
    }

    def server(self, *flags, **more):
        keys = os.path.join(self.folder, "keys")
        with open(keys, "w", encoding="ascii", opener=lambda path, how: os.open(path, how, 0o600)) as file:
            file.write(f"k1 {bytes(range(32)).hex()}\n")
        return super().server(f"--pseudonym_keys={keys}", *flags, **more)

    def test_a_clear_value_is_found(self):
        self.score(range(5), card=CARD)
        self.score(range(10, 13))
        session = self.console.start().session("anna")
        found = wait_for(lambda: len(rows := session.get("/api/search", card=CARD)[1]["found"]) == 5 and rows)
        cards = {row["row"]["entities"]["card"] for row in found}
        self.assertEqual(len(cards), 1)
        pseudonym = cards.pop()
        self.assertTrue(pseudonym.startswith("p1.k1."), pseudonym)
        self.assertEqual(session.get("/api/search", card=pseudonym)[1]["found"], found)
        for value in (CARD, pseudonym):
            status, entity = session.get("/api/entity", name="card", value=value)
            self.assertEqual((status, entity["transactions"]), (200, 5))
            status, features = session.get("/api/entity/features", name="card", value=value)
            self.assertEqual((status, features["entries"]), (200, 5), features)
        self.assertEqual(session.get("/api/search", card="4117766554400043")[1]["found"], [])
        self.keep_nothing(pseudonym)
        self.console.stop()
        self.assertEqual(self.harrierd.stop(), 0)
        self.assertNotIn(CARD, self.console.said())
        for folder, _, names in os.walk(self.folder):
            for name in names:
                with open(os.path.join(folder, name), "rb") as file:
                    self.assertNotIn(CARD.encode(), file.read(), os.path.join(folder, name))

    def keep_nothing(self, pseudonym):
        """Neither in the audit log nor in a saved view, with the server and without it."""
        anna, ada = self.console.session("anna"), self.console.session("ada")

        def change(name, value):
            return anna.post("/api/lists/change", list=name, value=value, remove=False, for_s=0, reason="seen")

        self.assertEqual(change("stolen", CARD), (200, {"changed": True, "in_policy": False, "value": pseudonym}))
        self.assertEqual(change("mules", "m1")[0], 200)
        self.assertEqual(change("nothing", CARD)[0], 404)
        view = {"screen": "search", "name": "mine", "shared": False}
        status, answer = anna.post("/api/views/save", query=f"card={CARD}&rule=many", **view)
        self.assertEqual(status, 422)
        self.assertIn("card is protected", str(answer))
        self.assertEqual(anna.post("/api/views/save", query=f"card={pseudonym}", **view)[0], 200)
        self.harrierd.kill()
        self.assertIn(change("stolen", CARD)[0], (503, 504))
        audit = ada.get("/api/audit")[1]["entries"]
        self.assertNotIn(CARD, str(audit))
        self.assertEqual(
            [entry["subject"] for entry in audit if entry["action"] == "list"], ["mules m1", f"stolen {pseudonym}"]
        )
        self.harrierd.start()


if __name__ == "__main__":
    unittest.main()
