"""The console beside a server that protects cards: people type a clear value, find what the archive has under its
pseudonym, and neither the console's database nor its log has the value."""
import os
import unittest

from console_process import wait_for
from console_test import ConsoleTest

CARD = "4117766554400042"


class PseudonymsTest(ConsoleTest):
    FILES = {"schema.yaml": "fields: {card: {protect: hmac}}\n"}

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
        self.console.stop()
        self.assertEqual(self.harrierd.stop(), 0)
        self.assertNotIn(CARD, self.console.said())
        for folder, _, names in os.walk(self.folder):
            for name in names:
                with open(os.path.join(folder, name), "rb") as file:
                    self.assertNotIn(CARD.encode(), file.read(), os.path.join(folder, name))


if __name__ == "__main__":
    unittest.main()
