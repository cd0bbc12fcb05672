#!/usr/bin/env python3
"""harrier replay of a server's archive: the audit, its findings, and the export."""
import csv
import os
import re
import signal
import subprocess
import time
import unittest

import segments
import wire
from server import POLICY, START_US, WAIT, ServerTest, transaction

HARRIER = os.environ["HARRIER"]

WIDER_FEATURES = POLICY["features.yaml"].replace(
    "  merchant:\n    -",
    "    - {name: count_1d, aggregate: count, window: 1d}\n"
    "    - {name: declined_1d, aggregate: count, where: \"verdict == 'decline'\", window: 1d}\n"
    "  merchant:\n    -",
)


def fill(server, first, last, cards=7):
    with server.connect() as connection:
        for start in range(first, last, 50):
            batch = [transaction(number, cards) for number in range(start, min(start + 50, last))]
            for result in connection.score(batch):
                assert "decision" in result, result
            connection.report(f"t{start}", "fraud")


class ReplayTest(ServerTest):
    def harrier(self, *arguments):
        return subprocess.run([HARRIER, *arguments], capture_output=True, text=True, timeout=WAIT)

    def replay(self, server, *options):
        return self.harrier("replay", os.path.dirname(server.archive), *options)

    def rebuild(self, server, *options):
        done = self.harrier("rebuild", "--data", os.path.dirname(server.archive), *options)
        self.assertEqual(done.returncode, 0, done.stderr)

    def reload(self, server, words="adopted"):
        said = server.said().count(words)
        server.process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + WAIT
        while server.said().count(words) == said:
            self.assertLess(time.monotonic(), deadline, server.said())
            time.sleep(0.01)
        server.status()

    def live(self):
        """A server with a history: two reloads, kill -9, tables, and a decision that was late because of them."""
        server = self.server().start()
        fill(server, 0, 300)
        self.write_policy("rules/velocity.yaml", POLICY["rules/velocity.yaml"].replace("400", "800"))
        self.reload(server)
        fill(server, 300, 500)
        self.write_policy("features.yaml", WIDER_FEATURES)
        self.reload(server)
        fill(server, 500, 700)
        server.kill()
        server.start()
        fill(server, 700, 800)
        self.assertEqual(server.stop(), 0)
        self.rebuild(server)
        server.start()
        fill(server, 800, 1000)
        with server.connect() as connection:
            # Three days later: the new tables leave the old cards out.
            far = {**transaction(2000), "event_time_us": START_US + 3 * 86400 * 10**6}
            self.assertIn("decision", connection.score([far])[0])
        self.assertEqual(server.stop(), 0)
        self.rebuild(server)
        server.start()
        with server.connect() as connection:
            late = connection.score([{**transaction(2001, cards=1000), "event_time_us": START_US + 990 * 10**6}])
            self.assertIn("decision", late[0])
        fill(server, 1000, 1200)
        self.assertEqual(server.stop(), 0)
        return server

    def test_every_decision_comes_out_again(self):
        server = self.live()
        done = self.replay(server, "--recorded")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertRegex(done.stdout, r"transactions +1,202\n")
        self.assertRegex(done.stdout, r"generations +2\n")
        self.assertIn("Every decision equals the archived one.\n", done.stdout)

    def test_without_tables_again(self):
        """Removed tables are recorded as gone, and so are those of another policy."""
        server = self.server().start()
        fill(server, 0, 100)
        self.assertEqual(server.stop(), 0)
        self.write_policy("features.yaml", WIDER_FEATURES)
        self.rebuild(server, "--policy", os.path.join(self.folder, "policy"))
        self.write_policy("features.yaml", POLICY["features.yaml"])
        server.start()
        fill(server, 100, 200)
        self.assertEqual(server.stop(), 0)
        os.unlink(os.path.join(os.path.dirname(server.archive), "generations", "current"))
        server.start()
        fill(server, 200, 300)
        self.assertEqual(server.status().get("generation_position", 0), 0)
        self.assertEqual(server.stop(), 0)
        adopted = [
            wire.decode("GenerationRecord", payload)
            for _, kind, payload in segments.records(server.archive)
            if kind == segments.GENERATION
        ]
        self.assertEqual(len(adopted), 2)
        self.assertEqual({file["path"] for file in adopted[0]["files"]}, set(POLICY))
        self.assertNotIn("generation_id", adopted[1])
        done = self.replay(server, "--recorded")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def change_score(self, server, position):
        """One byte: 800 becomes 801."""

        def change(at, kind, payload):
            if at != position:
                return payload
            self.assertEqual(kind, segments.TRANSACTION)
            self.assertEqual(wire.decode("TransactionRecord", payload)["score"], 800)
            changed = payload.replace(b"\x18\x04\x20\xa0\x06", b"\x18\x04\x20\xa1\x06")  # fields 3 and 4
            self.assertEqual(wire.decode("TransactionRecord", changed)["score"], 801)
            self.assertEqual(sum(a != b for a, b in zip(payload, changed)), 1)
            return changed

        segments.rewrite(server.archive, change)

    def test_one_changed_byte_is_found(self):
        server = self.live()
        declined = []
        for position, kind, payload in segments.records(server.archive):
            if kind == segments.TRANSACTION:
                record = wire.decode("TransactionRecord", payload)
                if record.get("score") == 800:
                    declined.append((position, record["transaction"]["id"]))
        position, name = declined[-100]
        self.change_score(server, position)
        done = self.replay(server, "--recorded")
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        told = [line for line in done.stdout.splitlines() if line.startswith("position")]
        self.assertEqual(len(told), 1, told)
        self.assertEqual(told[0], f"position {position}  {name}: score 801 → 800")
        self.assertIn("\n1 difference.\n", done.stdout)

        # Before the tables were built the chain they name is another, too.
        earlier, name = declined[100]
        self.change_score(server, earlier)
        done = self.replay(server, "--recorded", "--list", "1")
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"position {earlier}  {name}: score 801 → 800\n", done.stdout)
        self.assertEqual(len(re.findall("built from records that differ", done.stdout)), 2)

    def test_one_changed_constant_of_a_rule_is_found(self):
        server = self.server().start()
        fill(server, 0, 100)
        self.assertEqual(server.stop(), 0)
        fired = sum(
            any(reason["rule"] == "many" for reason in wire.decode("TransactionRecord", payload).get("reasons", []))
            for _, kind, payload in segments.records(server.archive)
            if kind == segments.TRANSACTION
        )
        self.assertGreater(fired, 50)
        segments.rewrite(
            server.archive,
            lambda _, kind, payload: payload.replace(b"{score: 400}", b"{score: 401}")
            if kind == segments.SNAPSHOT
            else payload,
        )
        done = self.replay(server, "--recorded", "--list", "3")
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn("position 2: the policy's files do not match its id\n", done.stdout)
        self.assertEqual(len(re.findall(r"(?m)^position \d+  t\d+: score 400 → 401, reason 1 ", done.stdout)), 3)
        self.assertIn(f"\n{fired + 1} differences.\n", done.stdout)

    def export(self, server, *options):
        path = os.path.join(self.folder, "features.csv")
        done = self.replay(server, "--features", path, *options)
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(path, newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    def test_export_equals_what_the_server_said(self):
        server = self.server().start()
        rows = os.path.join(self.folder, "rows.csv")
        with open(rows, "w", encoding="utf-8") as file:
            file.write("id,event_time,amount,currency,card,merchant,outcome\n")
            for number in range(400):
                second = 1767225600 + number * 97
                label = "fraud" if number % 9 == 0 else ""
                stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(second))
                file.write(f"x{number},{stamp},{number % 50}.10,EUR,c{number % 5},m{number % 3},{label}\n")
        out = os.path.join(self.folder, "online.csv")
        to = ("--to", server.address, "--deadline", "60s")
        done = self.harrier("score", rows, *to, "--features", "--out", out, "--quiet")
        self.assertEqual(done.returncode, 0, done.stderr)
        with server.connect() as connection:
            connection.report("x18", "legit")
            connection.report("x27", "none")
        self.assertEqual(server.stop(), 0)
        with open(out, newline="", encoding="utf-8") as file:
            online = list(csv.DictReader(file))
        offline = self.export(server)
        self.assertEqual(len(offline), 400)
        both = [name for name in online[0] if name in offline[0]]
        self.assertEqual(set(online[0]) - set(both), {"duplicate", "server_us"})
        for number, (expected, got) in enumerate(zip(online, offline)):
            self.assertEqual({name: got[name] for name in both}, {name: expected[name] for name in both})
            outcome = "fraud" if number % 9 == 0 else ""
            self.assertEqual(got["outcome"], {18: "legit", 27: ""}.get(number, outcome))
        self.assertEqual(offline[1]["event_time"], "2026-01-01T00:01:37Z")
        self.assertEqual(self.harrier("replay", server.archive, "--features", "-", "--quiet").stdout.count("\n"), 401)

    def test_features_of_several_policies(self):
        """The columns of all policies; empty where the policy in force had no such feature."""
        server = self.live()
        rows = self.export(server)
        self.assertEqual(len(rows), 1202)
        self.assertEqual(rows[0]["card.declined_1d"], "")  # not yet in the policy
        self.assertEqual(rows[550]["card.declined_1d"], "")  # in it, but in no tables
        self.assertNotEqual(rows[850]["card.declined_1d"], "")
        self.assertNotEqual(rows[0]["card.count_1h"], "")

    def test_another_policy(self):
        server = self.live()
        done = self.replay(server, "--policy", os.path.join(self.folder, "policy"))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.write_policy("schema.yaml", "fields:\n  ip: {required: true}\n")
        done = self.replay(server, "--policy", os.path.join(self.folder, "policy"), "--list", "2")
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout, r"(?m)^position \d+  t0: refused: ip: ")
        self.assertRegex(done.stdout, r"(?m)^refused +1,202$")
        self.write_policy("schema.yaml", "fields: [\n")
        done = self.replay(server, "--policy", os.path.join(self.folder, "policy"))
        self.assertEqual(done.returncode, 78)

    def interrupt_with_a_table(self, server, path):
        """Interrupts an export over an old table as soon as there is a draft beside it. (status, messages)"""
        with open(path, "w", encoding="utf-8") as file:
            file.write("old\n")
        with subprocess.Popen(
            [HARRIER, "replay", server.archive, "--features", path, "--quiet"], stderr=subprocess.PIPE, text=True
        ) as process:
            deadline = time.monotonic() + WAIT
            while len(os.listdir(os.path.dirname(path))) < 2 and process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.001)
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=WAIT)
        return process.returncode, said

    def test_interrupted(self):
        """No half file is published, and the old one stays."""
        server = self.server().start()
        with server.connect() as connection:
            for start in range(0, 60000, 1000):
                connection.score([transaction(number, cards=500) for number in range(start, start + 1000)])
        self.assertEqual(server.stop(), 0)
        out = os.path.join(self.folder, "out")
        os.mkdir(out)
        path = os.path.join(out, "features.csv")
        status, said = 0, ""
        for _ in range(20):  # on a busy machine it may have ended before the signal comes
            if status != 75:
                status, said = self.interrupt_with_a_table(server, path)
        self.assertEqual(status, 75, said)
        self.assertIn("interrupted", said)
        self.assertEqual(os.listdir(out), ["features.csv"])
        with open(path, encoding="utf-8") as file:
            self.assertEqual(file.read(), "old\n")

    def test_damage(self):
        server = self.server().start()
        fill(server, 0, 100)
        self.assertEqual(server.stop(), 0)
        (segment,) = self.segments(server)
        with open(segment, "r+b") as file:
            file.seek(os.path.getsize(segment) // 2)
            byte = file.read(1)
            file.seek(-1, os.SEEK_CUR)
            file.write(bytes([byte[0] ^ 0x10]))
        done = self.replay(server, "--recorded")
        self.assertEqual(done.returncode, 65)
        self.assertIn(os.path.basename(segment), done.stderr)


if __name__ == "__main__":
    unittest.main()
