#!/usr/bin/env python3
"""The option rejects of harrierd: transactions are refused over both protocols, kept, read back by `harrier score`,
mended and accepted. What is kept must be what the answers refused: each once, in order, and no card number in clear."""
import json
import os
import random
import signal
import stat
import subprocess
import threading
import time
import unittest

from http_door import HttpTest
from server import WAIT, transaction
from small_disk import SmallDisk, enter_namespace, is_possible

HARRIER = os.environ["HARRIER"]
CARD = "4111111111111111"
FUTURE_US = 32472144000 * 10**6  # 2999
TIME = "2026-01-01T00:00:01Z"

# kind: (what it makes of a transaction, what mends its row of JSON, whether JSON over HTTP can say it)
KINDS = {
    "mcc": (lambda t: t.update(mcc="12"), lambda row: row.update(mcc="5411"), True),
    "currency": (lambda t: t.update(currency="XXQ"), lambda row: row.update(currency="EUR"), True),
    "future": (lambda t: t.update(event_time_us=FUTURE_US), lambda row: row.update(event_time=TIME), True),
    "no time": (lambda t: t.pop("event_time_us"), lambda row: row.update(event_time=TIME), True),
    "negative time": (lambda t: t.update(event_time_us=-5), lambda row: row.update(event_time=TIME), True),
    "no currency": (lambda t: t.pop("currency"), lambda row: row.update(currency="EUR"), True),
    "card": (lambda t: t.update(card=CARD), lambda row: row.update(card="c1"), True),
    "card in mcc": (lambda t: t.update(mcc=CARD, card=CARD), lambda row: row.update(mcc="5411", card="c1"), True),
    "control": (lambda t: t.update(merchant="a\x01\"\\é"), lambda row: row.update(merchant="m1"), True),
    "pole": (
        lambda t: t.update(location={"latitude_e7": 910000000, "longitude_e7": 5}),
        lambda row: row.update(latitude=1.5),
        True,
    ),
    "undeclared": (
        lambda t: t.update(attributes=[{"name": "colour", "text": "red"}]),
        lambda row: row.pop("attributes"),
        True,
    ),
    "twice": (
        lambda t: t.update(attributes=[{"name": "note", "text": "a"}, {"name": "note", "text": "b"}]),
        lambda row: row.pop("attributes"),
        True,
    ),
    "no number": (
        lambda t: t.update(attributes=[{"name": "ratio", "number": float("nan")}]),
        lambda row: row.pop("attributes"),
        False,
    ),
    "conflict": (None, lambda row: row.update(id=row["id"] + "-again"), True),
}
MASKED = {"card", "card in mcc"}


def lines_of(path, may_be_torn=False):
    """The rows of a file of JSON lines, which must be whole lines; may_be_torn: but for what follows the last of them,
    which a server cuts off when it opens the file. Both values of a member that is there twice."""
    with open(path, "rb") as file:
        data = file.read()
    if may_be_torn:
        data = data[: data.rfind(b"\n") + 1]
    assert not data or data.endswith(b"\n"), data[-100:]
    return [json.loads(line) for line in data.decode().splitlines()]


class RejectsTest(HttpTest):
    def setUp(self):
        super().setUp()
        self.path = os.path.join(self.folder, "rejects.jsonl")
        self.write_policy("schema.yaml", "attributes:\n  ratio: {type: double}\n  note: {type: string}\n")

    def await_kept(self, server, count, result="kept"):
        deadline = time.monotonic() + WAIT
        while server.metric(f'harrierd_rejects_total{{result="{result}"}}') < count:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)

    def score_file(self, server, path, *more, status=0):
        done = subprocess.run(
            [HARRIER, "score", path, "--to", server.address, "--deadline", "60s", *more],
            capture_output=True,
            timeout=WAIT,
            check=False,
        )
        said = done.stderr.decode(errors="replace")
        self.assertEqual(done.returncode, status, said)
        return [line.split(",")[0] for line in done.stdout.decode().splitlines()[1:]], said

    def make(self, rng, number, accepted, over_http):
        """(transaction, kind); kind "" is a good one."""
        made = transaction(number)
        kind = rng.choice([""] * 10 + [kind for kind, how in KINDS.items() if how[2] or not over_http])
        if kind == "conflict":
            if not accepted:
                return made, ""
            return {**made, "id": rng.choice(accepted), "amount_minor": 7000 + number}, kind
        if kind:
            KINDS[kind][0](made)
        return made, kind

    def send(self, server, seed, count):
        """[(transaction, kind, error of the answer)] of what was refused."""
        rng = random.Random(seed)
        refused, accepted, number = [], [], 0
        with server.connect() as native:
            door = self.door()
            while number < count:
                over_http = rng.random() < 0.5
                batch = []
                for _ in range(rng.randrange(1, 20)):
                    number += 1
                    batch.append(self.make(rng, number, list(accepted), over_http))
                sent = [made for made, _ in batch]
                results = door.score(*sent) if over_http else native.score(sent)
                for (made, kind), result in zip(batch, results):
                    self.assertEqual("error" in result, bool(kind), (made, result))
                    if kind:
                        refused.append((made, kind, result["error"]))
                    else:
                        accepted.append(made["id"])
        self.assertGreaterEqual({kind for _, kind, _ in refused}, set(KINDS))
        return refused

    def check_row(self, row, made, kind, error):
        with self.subTest(kind=kind):
            self.assertEqual(row["id"], made["id"])
            self.assertEqual("ERROR_" + row["harrier.code"].upper(), error["code"])
            self.assertEqual(row["harrier.field"], error.get("field", ""))
            self.assertEqual(row["harrier.reason"], error["message"])
            received = row["harrier.received_time"]
            self.assertRegex(received, r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")
            if kind in MASKED:
                self.assertEqual(row["card"], {"masked": "************1111"})
            elif kind == "control":
                self.assertEqual(row["merchant"], made["merchant"])
            self.assertEqual(row["amount_minor"], made["amount_minor"])

    def test_what_is_refused_is_kept_and_sent_again(self):
        server = self.start(f"--rejects={self.path}")
        refused = self.send(server, seed=1, count=1500)
        with server.connect() as native:  # none of these
            native.score([{**transaction(1), "mcc": "12"}], dry_run=True)
            native.call({"deadline_us": 1, "score": {"transactions": [transaction(9999)] * 500}})
            native.call({"report_outcome": {"outcomes": [{"transaction_id": "unknown", "label": "LABEL_FRAUD"}]}})
        self.await_kept(server, len(refused))
        rows = lines_of(self.path)
        self.assertEqual(len(rows), len(refused))
        for row, what in zip(rows, refused):
            self.check_row(row, *what)
        self.assertEqual(server.metric('harrierd_rejects_total{result="dropped"}'), 0)
        self.assertEqual(stat.S_IMODE(os.stat(self.path).st_mode), 0o600)
        with open(self.path, encoding="utf-8") as file:
            self.assertNotIn(CARD, file.read())

        # As it is: the same refusals. A server would keep what it refuses once more, so this one does not.
        server.stop()
        server = self.server().start()
        again = os.path.join(self.folder, "again.jsonl")
        decided, _ = self.score_file(server, self.path, "--rejects", again, status=1)
        self.assertEqual(decided, [])
        codes = {row["harrier.line"]: row["harrier.code"] for row in lines_of(again)}
        self.assertEqual(codes, {line: row["harrier.code"] for line, row in enumerate(rows, 1)})

        mended = os.path.join(self.folder, "mended.jsonl")
        with open(mended, "w", encoding="utf-8") as file:
            for number, (row, (_, kind, _)) in enumerate(zip(rows, refused)):
                KINDS[kind][1](row)
                row["id"] += f"-{number}" if kind == "conflict" else ""  # one id may have been refused twice
                file.write(json.dumps(row) + "\n")
        before = server.status()["transactions"]
        decided, _ = self.score_file(server, mended)
        self.assertEqual(decided, [row["id"] for row in rows])
        self.assertEqual(server.status()["transactions"], before + len(rows))
        server.stop()

    def test_without_the_option_nothing_is_written(self):
        server = self.start()
        before = sorted(os.listdir(self.folder))
        with server.connect() as native:
            self.assertIn("error", native.score([{**transaction(1), "mcc": "12"}])[0])
        self.assertEqual(server.metric('harrierd_rejects_total{result="kept"}'), 0)
        self.assertEqual(server.metric('harrierd_rejects_total{result="dropped"}'), 0)
        self.assertEqual(sorted(os.listdir(self.folder)), before)
        self.assertEqual(server.stop(), 0)
        self.assertLessEqual(set(os.listdir(self.folder)), set(before))

    def test_after_a_kill_the_rows_are_whole(self):
        """A write that SIGKILL ends may be of a part of a row: the kernel looks for it between pages."""
        rng = random.Random(4)
        numbers, rows = iter(range(10**6)), []
        for attempt in range(6):
            server = self.start(f"--rejects={self.path}")
            stop = threading.Event()

            def flood(server=server, stop=stop):
                try:
                    with server.connect() as native:
                        while not stop.is_set():
                            native.score([{**transaction(next(numbers)), "mcc": "12"} for _ in range(100)])
                except OSError:
                    pass

            sender = threading.Thread(target=flood)
            sender.start()
            self.await_kept(server, 100)
            time.sleep(rng.random() / 5)
            server.process.send_signal(signal.SIGKILL)
            server.wait()
            stop.set()
            sender.join()
            with self.subTest(attempt=attempt):
                now = lines_of(self.path, may_be_torn=True)
                self.assertEqual(now[: len(rows)], rows)
                self.assertGreaterEqual(len(now), len(rows) + 100)
                rows = now
        with open(self.path, "ab") as file:
            file.write(b'{"id":"t1')  # as such a write leaves it
        self.assertEqual(self.start(f"--rejects={self.path}").stop(), 0)
        self.assertEqual(lines_of(self.path), rows)
        ids = [int(row["id"][1:]) for row in rows]
        self.assertEqual(ids, sorted(set(ids)))

    def test_the_policy_says_which_card_numbers_are_clear(self):
        self.write_policy(
            "schema.yaml",
            "fields:\n  customer: {card_numbers: allow}\n"
            "attributes:\n  tall: {type: int}\n  free: {type: string, card_numbers: allow}\n  note: {type: string}\n",
        )
        server = self.start(f"--rejects={self.path}")
        attributes = [
            {"name": "tall", "integer": int(CARD)},
            {"name": "free", "text": CARD},
            {"name": "note", "text": "5555 5555 5555 4444"},
            {"name": "unknown", "integer": int(CARD)},
        ]
        refused = {**transaction(1), "customer": CARD, "merchant": CARD, "device": CARD, "attributes": attributes}
        wrong_type = {**transaction(2), "attributes": [{"name": "tall", "text": CARD}]}
        with server.connect() as native:
            for result in native.score([refused, wrong_type]):
                self.assertIn("error", result)
        self.await_kept(server, 2)
        first, second = lines_of(self.path)
        self.assertEqual((first["customer"], first["merchant"]), (CARD, CARD))
        masked = {"masked": "************1111"}
        self.assertEqual(first["device"], masked)
        self.assertEqual(
            first["attributes"],
            {"tall": int(CARD), "free": CARD, "note": {"masked": "**** **** **** 4444"}, "unknown": masked},
        )
        self.assertEqual(second["attributes"], {"tall": masked})
        self.assertNotIn(CARD, first["harrier.reason"] + second["harrier.reason"])

    def test_the_source_is_the_name_of_the_token(self):
        tokens = os.path.join(self.folder, "tokens")
        made = subprocess.run(
            [HARRIER, "token", "new", "till-7", "--scopes", "score", "--tokens", tokens],
            capture_output=True,
            text=True,
            check=True,
            timeout=WAIT,
        )
        server = self.start(f"--rejects={self.path}", f"--tokens={tokens}")
        with server.connect() as native:
            request = {"score": {"transactions": [{**transaction(1), "mcc": "12"}]}}
            native.call({"token": made.stdout.strip(), **request})
            native.call(request)  # refused as a whole: who it was is not known
        self.await_kept(server, 1)
        self.assertEqual([row["harrier.source"] for row in lines_of(self.path)], ["till-7"])

    def test_rotation(self):
        server = self.start(f"--rejects={self.path}", "--rejects_size=1MiB")
        count = 0
        with server.connect() as native:
            while not os.path.exists(self.path + ".1"):
                native.score([{**transaction(count + n), "mcc": "12"} for n in range(500)])
                count += 500
                self.await_kept(server, count)
        ids = [row["id"] for path in (self.path + ".1", self.path) for row in lines_of(path)]
        self.assertEqual(ids, [f"t{number}" for number in range(count)])
        self.assertLessEqual(os.path.getsize(self.path + ".1"), 1 << 20)

    def test_what_a_start_refuses(self):
        for path, words, status in (
            (os.path.join(self.folder, "missing", "file"), "No such file", 74),
            (os.path.join(self.folder, "policy", "policy.yaml"), "no refused transaction", 78),
        ):
            server = self.server(f"--rejects={path}").spawn()
            self.assertEqual(server.wait(), status, server.said())
            self.assertIn(words, server.said())

    @unittest.skipUnless(is_possible(), "no mount namespace")
    def test_a_full_disk_stops_no_decision(self):
        disk = SmallDisk(os.path.join(self.folder, "disk"), "1m")
        self.addCleanup(disk.unmount)
        path = os.path.join(disk.folder, "rejects.jsonl")
        server = self.start(f"--rejects={path}")
        disk.fill(leave=8192)
        with server.connect() as native:
            for number in range(5):
                batch = [{**transaction(number * 100 + n), "mcc": "12"} for n in range(99)]
                results = native.score([*batch, transaction(9000 + number)])
                self.assertIn("decision", results[-1])
            self.await_kept(server, 1, "dropped")
            deadline = time.monotonic() + WAIT
            kept, dropped = 'harrierd_rejects_total{result="kept"}', 'harrierd_rejects_total{result="dropped"}'
            while server.metric(kept) + server.metric(dropped) < 495:
                self.assertLess(time.monotonic(), deadline)
            count = server.metric(kept)
            self.assertEqual(len(lines_of(path)), count)
            self.assertEqual(server.said().count("refused transactions are not kept"), 1)
            self.assertIn("No space left on device", server.said())
            disk.make_room()
            native.score([{**transaction(1), "mcc": "12"}])
            self.await_kept(server, count + 1)
        self.assertEqual(len(lines_of(path)), count + 1)
        self.assertEqual(server.stop(), 0)
        self.assertEqual(server.said().count("error "), 0, server.said())


if __name__ == "__main__":
    enter_namespace()
    unittest.main()
