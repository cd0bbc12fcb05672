#!/usr/bin/env python3
"""harrier import: history that a server then continues; and harrier archive on the result."""
import csv
import datetime
import json
import os
import re
import signal
import subprocess
import time
import unittest

import segments
from server import START_US, WAIT, ServerTest, counts, transaction

HARRIER = os.environ["HARRIER"]
COLUMNS = ["id", "event_time", "amount_minor", "currency", "card", "merchant", "outcome", "outcome_time"]


def stamp(time_us):
    at = datetime.datetime(1970, 1, 1) + datetime.timedelta(microseconds=time_us)
    return at.isoformat() + "Z"


def row(number, late=False):
    sent = transaction(number)
    time_us = sent.pop("event_time_us")
    known = {"outcome": "fraud"} if number % 50 == 0 else {}
    if known and late:
        known["outcome_time"] = stamp(time_us + (number * 7919 % 600) * 10**6)
    return {**sent, "event_time": stamp(time_us), **known}


def varint(data, at):
    value, shift = 0, 0
    while True:
        value |= (data[at] & 0x7F) << shift
        shift += 7
        at += 1
        if data[at - 1] < 0x80:
            return value, at


def received_at(payload, time_us):
    """A record's payload with another receive_time_us, which is its first field."""
    assert payload[0] == 0x08, payload
    _, end = varint(payload, 1)
    encoded = b""
    while time_us >= 0x80:
        encoded += bytes([time_us & 0x7F | 0x80])
        time_us >>= 7
    return b"\x08" + encoded + bytes([time_us]) + payload[end:]


class ImportTest(ServerTest):
    def harrier(self, *arguments, **more):
        return subprocess.run([HARRIER, *arguments], capture_output=True, text=True, timeout=WAIT, **more)

    def write(self, name, rows):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(rows)
        return path

    def data(self, name="data"):
        return os.path.join(self.folder, name)

    def bring_in(self, *files, data=None, status=0, **more):
        done = self.harrier(
            "import", data or self.data(), *files, "--policy", os.path.join(self.folder, "policy"), **more
        )
        self.assertEqual(done.returncode, status, done.stderr)
        return json.loads(done.stdout) if done.stdout else {}, done.stderr

    def verify(self, data=None):
        done = self.harrier("archive", "verify", data or self.data(), "--json")
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        return done.returncode, lines, done.stderr

    def test_as_a_server(self):
        path = self.write("history.csv", (row(number) for number in range(600)))
        report, _ = self.bring_in(path)
        self.assertEqual((report["transactions"], report["outcomes"], report["failed"]), (600, 12, 0))
        imported = self.server().start()
        status = counts(imported.status(state_hash=True))
        self.assertEqual(imported.stop(), 0)
        self.assertEqual(self.harrier("replay", self.data(), "--recorded").returncode, 0)

        live = self.server(f"--data_dir={self.data('live')}").start()
        done = self.harrier("score", path, "--to", live.address, "--deadline", "60s", "--batch", "1", "--decisions",
                            "none")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(counts(live.status(state_hash=True)), status)
        self.assertEqual(live.stop(), 0)

    def test_a_server_goes_on(self):
        """Imported ids are known, new transactions are decided on the imported history, tables can be built from it."""
        path = self.write("history.csv", (row(number) for number in range(300)))
        self.bring_in(path)
        done = self.harrier("rebuild", "--data", self.data())
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.harrier("verify", self.data()).returncode, 0)
        server = self.server().start()
        with server.connect() as connection:
            self.assertTrue(connection.score([transaction(299)])[0]["decision"]["duplicate"])
            self.assertIn("decision", connection.score([transaction(300)])[0])
        _, said = self.bring_in(path, status=75)  # the server holds the lock
        self.assertIn(str(server.process.pid), said)
        self.assertEqual(server.stop(), 0)
        self.assertEqual(self.harrier("replay", self.data(), "--recorded").returncode, 0)

    def wait_until_caught(self, process, number):
        """Until the program has its handler for the signal, which on a busy machine takes a while; or has ended."""
        deadline = time.monotonic() + WAIT
        while process.poll() is None and time.monotonic() < deadline:
            with open(f"/proc/{process.pid}/status", encoding="ascii") as status:
                caught = re.search(r"(?m)^SigCgt:\s*([0-9a-f]+)$", status.read())
            if caught and int(caught[1], 16) >> (number - 1) & 1:
                return
            time.sleep(0.001)
        self.assertIsNotNone(process.poll(), "the signal is not caught")

    def test_killed_and_again(self):
        path = self.write("history.csv", (row(number, late=True) for number in range(40000)))
        whole, _ = self.bring_in(path, data=self.data("whole"))
        policy = os.path.join(self.folder, "policy")
        for pause in (0.05, 0.1, 0.15, 0.2):
            process = subprocess.Popen(
                [HARRIER, "import", self.data(), path, "--policy", policy], stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            time.sleep(pause)
            process.send_signal(signal.SIGKILL)
            process.wait()
        process = subprocess.Popen(
            [HARRIER, "import", self.data(), path, "--policy", policy], stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True,
        )
        self.wait_until_caught(process, signal.SIGINT)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=WAIT)
        self.assertIn(process.returncode, (0, 75), said)
        report, _ = self.bring_in(path)
        self.assertEqual((report["position"], report["chain"]), (whole["position"], whole["chain"]))
        self.assertEqual(self.verify()[0], 0)

    def test_wrong_rows(self):
        rows = [row(number) for number in range(20)]
        rows[3]["event_time"] = "2999-01-01T00:00:00Z"
        rows[5]["amount_minor"] = "-1"
        rows[7] = {**row(6), "card": "another"}
        rows[9]["outcome"] = "perhaps"
        rows[11]["outcome_time"] = "soon"
        path = self.write("history.csv", rows)
        report, said = self.bring_in(path, status=1)
        self.assertEqual((report["transactions"], report["failed"]), (15, 5))
        for line, words in (
            (5, "event_time_us is "),
            (7, "amount_minor: "),
            (9, "id: a transaction with this id and other content"),
            (11, 'outcome: "perhaps"'),
            (13, "outcome_time: "),
        ):
            self.assertIn(f"{path}:{line}: {words}", said)
        _, said = self.bring_in(path, "--strict", status=1)
        self.assertIn(f"stopped at {path}:5", said)
        self.bring_in(self.data("none.csv"), status=66)
        self.write_policy("policy.yaml", "policy: [\n")
        self.bring_in(path, status=78)

    def test_several_files_and_a_mapping(self):
        names = {name: name.upper() for name in COLUMNS}
        paths = []
        for part in range(2):
            path = os.path.join(self.folder, f"part-{part}.jsonl")
            with open(path, "w", encoding="utf-8") as file:
                for number in range(part * 100, part * 100 + 100):
                    sent = {names[name]: str(value) for name, value in row(number, late=True).items()}
                    sent["GOT"] = str((START_US + number * 10**6) // 10**6 + 30)
                    file.write(json.dumps(sent) + "\n")
            paths.append(path)
        mapping = os.path.join(self.folder, "map.yaml")
        with open(mapping, "w", encoding="utf-8") as file:
            file.writelines(f"{name}: {column}\n" for name, column in names.items())
            file.write("received_time: {column: GOT, format: unix}\n")
        report, _ = self.bring_in(*paths, "--map", mapping)
        self.assertEqual((report["transactions"], report["outcomes"]), (200, 4))
        done = self.harrier("inspect", self.data(), "--json", "--type", "transaction", "--limit", "1")
        self.assertEqual(json.loads(done.stdout)["receive_time"], "2026-01-01T00:00:30Z")

    def test_list(self):
        path = self.write("history.csv", (row(number * 1000) for number in range(200)))
        report, _ = self.bring_in(path)
        done = self.harrier("archive", "list", self.data(), "--json")
        listed = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual([entry["file"][:10] for entry in listed], ["2026-01-01", "2026-01-02", "2026-01-03"])
        self.assertEqual(listed[0]["first"], 1)
        self.assertEqual(listed[1]["first"], listed[0]["last"] + 1)
        self.assertEqual(listed[-1]["last"], report["position"])
        self.assertEqual(
            [entry["bytes"] for entry in listed],
            [os.path.getsize(path) for path in segments.paths(self.data("data/archive"))],
        )
        done = self.harrier("archive", "list", self.data())
        self.assertEqual(len(done.stdout.splitlines()), 1 + len(listed) + 1)
        self.assertEqual(self.harrier("archive", "list", self.data("none")).returncode, 66)

    def test_times_that_cannot_be(self):
        """Every checksum is right; only the times show that harrierd never wrote this."""
        path = self.write("history.csv", (row(number * 1000) for number in range(200)))
        for name, victim, time_us, words in (
            ("back", 50, START_US, "record 50: it was received before the previous record"),
            ("day", 90, START_US + 3 * 86400 * 10**6, "record 90: it was received on a day that is not"),
            ("joint", None, None, "byte 32: its header has another receive time"),
        ):
            data = self.data(name)
            self.bring_in(path, data=data)
            archive = os.path.join(data, "archive")
            last = [json.loads(line) for line in self.harrier("archive", "list", data, "--json").stdout.splitlines()][0]

            def change(position, kind, payload):
                if position == (victim or last["last"]) and kind != segments.SYNC_MARK:
                    received, _ = varint(payload, 1)
                    return received_at(payload, time_us or received + 1)
                return payload

            segments.rewrite(archive, change)
            status, lines, said = self.verify(data)
            self.assertEqual(status, 65, said)
            self.assertEqual(len(lines), 2, lines)
            self.assertIn(words, lines[0]["damaged"])
            self.assertFalse(lines[1]["whole"])

    def test_verify_beside_a_server(self):
        server = self.server().start()
        with server.connect() as connection:
            for start in range(0, 2000, 500):
                connection.score([transaction(number) for number in range(start, start + 500)])
                status, lines, said = self.verify()
                self.assertEqual(status, 0, said)
                self.assertTrue(lines[-1]["whole"], lines)
                self.assertEqual(lines[-1]["by_type"]["transaction"], start + 500)
        self.assertEqual(server.stop(), 0)


if __name__ == "__main__":
    unittest.main()
