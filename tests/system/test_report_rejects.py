#!/usr/bin/env python3
"""--rejects of `harrier outcome` and `amend`: what is refused, or not sent when the server is gone, is kept byte for byte,
and goes in with a retry. What the server then has is compared with a model."""
import csv
import os
import random
import re
import signal
import subprocess
import unittest

from rejects_file import COLUMNS, HARRIER, RejectsFileTest, good_row, read_rejects
from server import WAIT
from test_amend import Model

AMENDMENTS = b"note,id,currency,amendment,amendment_amount"


def add(model, first, last):
    """The payments of good_row()."""
    for number in range(first, last):
        model.add({"id": f"t{number}", "amount_minor": 100})


class ReportRejectsTest(RejectsFileTest):
    def payments(self, first, last):
        return self.write("payments.csv", b"\n".join([COLUMNS] + [good_row(n) for n in range(first, last)]) + b"\n")

    def feed(self, command, server, rejects, *arguments):
        return subprocess.Popen([HARRIER, command, "-", "--to", server.address, "--rejects", self.path(rejects),
                                 "--progress=none", *arguments], stdin=subprocess.PIPE, stderr=subprocess.PIPE)

    def amend(self, server, *arguments, **more):
        """How many were accepted, and changed something."""
        _, said = self.run_it("amend", *arguments, "--to", server.address, "--deadline", "60s", **more)
        found = re.search(r"accepted +([\d,]+)\nchanged +([\d,]+)\n", said)
        return int(found[1].replace(",", "")), int(found[2].replace(",", "")), said

    def check_amended(self, server, model):
        """What the server has is what the model has: saying it once more changes nothing."""
        rows = []
        for name, (voided, taken, refunded) in sorted(model.now.items()):
            rows += [f"{name},void,"] if voided else [f"{name},capture,{taken}", f"{name},refund,{refunded}"]
        path = self.write("now.csv", "\n".join(["id,amendment,amendment_amount_minor", *rows, ""]).encode())
        self.assertEqual(self.amend(server, path)[:2], (len(rows), 0))

    def test_outcomes_of_unknown_transactions(self):
        server = self.server().start()
        self.score(server, self.write("half.csv", b"\n".join([COLUMNS] + [good_row(n) for n in range(0, 20, 2)])))
        rows = [good_row(n, b'"n"', "fraud") for n in range(20)]
        rows[6] = good_row(6, b"", "perhaps")
        path = self.write("labels.csv", b"\n".join([COLUMNS] + rows) + b"\n")
        to = ("--to", server.address, "--deadline", "60s")
        _, said = self.run_it("outcome", path, *to, "--rejects", self.path("rejects.csv"), status=1)
        self.assertRegex(said, r"accepted  9\n.*\nfailed    11\n")
        kept = read_rejects(self.path("rejects.csv"))
        self.assertEqual(sorted(row for row, _, _ in kept), sorted(rows[1::2] + [rows[6]]))
        for row, is_raw, cells in kept:
            expected = ("invalid", "outcome") if row == rows[6] else ("not_found", "transaction_id")
            self.assertEqual((is_raw, cells["harrier.code"], cells["harrier.field"]), (False, *expected))
        # The cause goes away: the transactions arrive. One row is mended.
        self.score(server, self.write("rest.csv", b"\n".join([COLUMNS] + [good_row(n) for n in range(1, 20, 2)])))
        self.write("rejects.csv", self.read("rejects.csv").replace(b"perhaps,", b"fraud,"))
        self.run_it("outcome", self.path("rejects.csv"), *to, "--rejects", self.path("again.csv"))
        self.assertFalse(os.path.exists(self.path("again.csv")))
        self.assertEqual(server.status()["outcomes"], 20)
        _, said = self.run_it("outcome", "t1", "fraud", *to, "--rejects", self.path("again.csv"), status=64)
        self.assertIn("--rejects needs a FILE of reports", said)
        server.stop()
        # Through a pipe, what could not be sent is kept, too; a row without an outcome says nothing.
        rows = [good_row(n, b"", "fraud" if n % 2 else "") for n in range(3000)] + [b"junk"]
        data = b"\n".join([COLUMNS] + rows) + b"\n"
        _, said = self.run_it("outcome", "-", *to[:2], "--rejects", self.path("unsent.csv"), "--retry-for", "0s",
                              input=data, status=69)
        self.assertRegex(said, r"rows      3,001\n.*\n.*\nfailed    1\nnot sent  1,500\n")
        kept = read_rejects(self.path("unsent.csv"))
        self.assertEqual([row for row, _, _ in kept], rows[1:3000:2] + [b"junk"])
        self.assertEqual({cells["harrier.code"] for _, _, cells in kept}, {"unavailable", "invalid"})
        _, said = self.run_it("outcome", self.write("all.csv", data), *to[:2], "--rejects", self.path("file.csv"),
                              "--retry-for", "0s", status=69)
        self.assertFalse(os.path.exists(self.path("file.csv")))  # a file can be read again

    def test_amend_refuse_mend_retry(self):
        """Rows by chance: contradictions, unknown transactions, wrong cells, lines that are no rows. Each is in, or is
        kept as the bytes that it was, by the rules of test_amend's model."""
        server = self.server().start()
        self.score(server, self.payments(0, 60))
        model = Model()
        add(model, 0, 60)
        rng = random.Random(7)
        rows, expected, accepted = [], {}, 0  # by line: (bytes, code, field, mended, what it reports)
        for line in range(2, 2502):
            number = rng.randrange(80)
            kind = rng.choice(["void", "restore", "restore", "capture", "capture", "refund", "refund", "refund", ""])
            amount = rng.randrange(140) if kind in ("capture", "refund") else 0
            note = rng.choice([b"", b'"a, ""b"""', b"\xff\xfe", '"é"'.encode(), b'" "'])
            cell = f"{amount / 100:.2f}" if kind in ("capture", "refund") else ""
            good = note + f",t{number},EUR,{kind},{cell}".encode()
            row, code, field = good, None, ""
            if rng.random() < 0.1 and kind:
                row, code, field = rng.choice([
                    (good.replace(b"EUR," + kind.encode(), b"EUR,twice"), "invalid", "amendment"),
                    (good[:len(good) - len(cell)] + b"much", "invalid", "amendment_amount"),
                    (good.replace(b",t%d," % number, b",,"), "invalid", "id"),
                    (good + b",,", "invalid", None),
                    (b'"x"y' + good.replace(b'"', b""), "invalid", None),  # a quote that is closed too early
                ])
            elif kind and number >= 60:
                code, field = "not_found", "transaction_id"
            elif kind and model.amend(f"t{number}", kind.upper(), amount) is None:
                code = "invalid"
            accepted += bool(kind) and code is None
            rows.append(row)
            if code:
                expected[line] = (row, code, field, good, (f"t{number}", kind.upper(), amount))
        path = self.write("amendments.csv", b"\r\n".join([AMENDMENTS] + rows) + b"\r\n")
        count, _, said = self.amend(server, path, "--rejects", self.path("rejects.csv"), status=1)
        self.assertEqual(count, accepted)
        self.assertIn(f"harrier: {len(expected):,} rows are in {self.path('rejects.csv')}: ", said)
        kept = read_rejects(self.path("rejects.csv"), AMENDMENTS)
        self.assertEqual(sorted(int(cells["harrier.line"]) for _, _, cells in kept), sorted(expected))
        for data, is_raw, cells in kept:
            row, code, field, _, _ = expected[int(cells["harrier.line"])]
            self.assertEqual((data, cells["harrier.source"], cells["harrier.code"]), (row, path, code))
            self.assertEqual(is_raw, field is None)
            if field:
                self.assertEqual(cells["harrier.field"], field, cells)
        self.assertLessEqual({"invalid", "not_found"}, {cells["harrier.code"] for _, _, cells in kept})
        self.check_amended(server, model)

        # The other transactions arrive, and what a person can see is mended; contradictions stay as they are.
        self.score(server, self.payments(60, 80))
        add(model, 60, 80)
        mended, still = [], []
        for _, is_raw, cells in kept:
            row, _, field, good, amendment = expected[int(cells["harrier.line"])]
            if is_raw:
                cells["harrier.raw"] = good.decode("latin-1")
            elif row != good:
                cells.update(zip(AMENDMENTS.decode().split(",")[1:], good.decode("latin-1").rsplit(",", 4)[1:]))
            mended.append(cells)
            if model.amend(*amendment) is None:
                still.append(cells["harrier.line"])
        with open(self.path("mended.csv"), "w", encoding="latin-1", newline="") as file:
            writer = csv.DictWriter(file, list(mended[0]))
            writer.writeheader()
            writer.writerows(mended)
        count, _, _ = self.amend(server, self.path("mended.csv"), "--rejects", self.path("again.csv"), status=1)
        self.assertEqual(count, len(mended) - len(still))
        again = read_rejects(self.path("again.csv"), AMENDMENTS)
        self.assertEqual([cells["harrier.line"] for _, _, cells in again], still)
        self.assertEqual({cells["harrier.source"] for _, _, cells in again}, {path})
        self.check_amended(server, model)
        # Once more without mending: some fit by now, since others came between; the rest is kept as the same bytes.
        third = [(line, row) for line, (row, _, _) in zip(still, again) if model.amend(*expected[int(line)][4]) is None]
        count, _, _ = self.amend(server, self.path("again.csv"), "--rejects", self.path("third.csv"), status=1)
        self.assertEqual(count, len(still) - len(third))
        kept = read_rejects(self.path("third.csv"), AMENDMENTS)
        self.assertEqual([(cells["harrier.line"], row) for row, _, cells in kept], third)
        self.check_amended(server, model)
        server.stop()

    def test_amendments_of_a_pipe_when_the_server_dies(self):
        server = self.server().start()
        self.score(server, self.payments(0, 60))
        model = Model()
        add(model, 0, 60)
        rng = random.Random(8)
        rows = []
        for line in range(2, 2602):
            number, amount = rng.randrange(60), rng.randrange(1, 101)
            kind = rng.choice(["refund", "void", "restore", ""]) if line != 1400 else "twice"
            rows.append(f",t{number},EUR,{kind},{amount / 100 if kind == 'refund' else ''}".encode())
        data = b"\n".join([AMENDMENTS] + rows) + b"\n"
        half = data.index(rows[1500], data.index(rows[1399]))
        process = self.feed("amend", server, "rejects.csv", "--retry-for", "0s", "--deadline", "5s")
        process.stdin.write(data[:half])
        process.stdin.flush()
        self.await_in("rejects.csv", b"twice")  # so the first call, of 1,000, is answered
        server.kill()
        _, said = process.communicate(data[half:], timeout=WAIT)
        self.assertEqual(process.returncode, 69, said)
        reports = [row for row in rows if b",EUR,," not in row]
        bad = rows[1398]
        self.assertIn(b"twice", bad)
        left = [row for row in reports if row != bad][1000:]
        self.assertRegex(said.decode(), rf"failed +\d+\nnot sent +{len(left):,}\n")
        kept = read_rejects(self.path("rejects.csv"), AMENDMENTS)
        self.assertEqual([row for row, _, cells in kept if cells["harrier.code"] == "unavailable"], left)
        self.assertEqual([row for row, _, cells in kept if cells["harrier.field"] == "amendment"], [bad])

        server.start()
        self.amend(server, self.path("rejects.csv"), "--rejects", self.path("again.csv"), status=1)
        order = [row for row in reports if row != bad][:1000] + [row for row, _, _ in kept if row != bad]
        for row in order:
            _, name, _, kind, amount = row.decode().split(",")
            model.amend(name, kind.upper(), round(float(amount or 0) * 100))
        self.check_amended(server, model)
        # A file can be read again: nothing of it is kept that was not refused.
        server.stop()
        path = self.write("all.csv", b"\n".join([AMENDMENTS, *left]))
        self.run_it("amend", path, "--to", server.address, "--retry-for", "0s", "--rejects", self.path("file.csv"),
                    status=69)
        self.assertFalse(os.path.exists(self.path("file.csv")))

    def test_interrupted_reports(self):
        """Of a pipe, what `outcome` and `amend` have read when the signal comes is kept, and goes in with a retry."""
        server = self.server().start()
        self.score(server, self.payments(0, 40))
        outcomes = [good_row(number, b"", "fraud") for number in range(40)]
        amendments = [f",t{number},EUR,refund,0.5".encode() for number in range(40)]
        for command, columns, rows in (("outcome", COLUMNS, outcomes), ("amend", AMENDMENTS, amendments)):
            with self.subTest(command):
                name, again = f"{command}.csv", f"{command}-again.csv"
                process = self.feed(command, server, name)
                process.stdin.write(b"\n".join([columns, *rows[:30], b"junk"]) + b"\n")
                process.stdin.flush()
                self.await_in(name, b"junk")
                process.send_signal(signal.SIGINT)
                _, said = process.communicate(b"\n".join(rows[30:]) + b"\n", timeout=WAIT)  # wakes it up
                self.assertEqual(process.returncode, 75, said)
                read = int(re.search(rb"rows +(\d+)", said)[1]) - 1
                self.assertIn(read, range(30, 41))
                self.assertIn(b"run the same command with it in place of stdin", said)
                kept = read_rejects(self.path(name), columns)
                self.assertEqual([(row, cells["harrier.code"]) for row, _, cells in kept],
                                 [(b"junk", "invalid")] + [(row, "interrupted") for row in rows[:read]])
                _, said = self.run_it(command, self.path(name), "--to", server.address, "--deadline", "60s",
                                      "--rejects", self.path(again), status=1)
                self.assertRegex(said, rf"accepted +{read}\nchanged +{read}\nfailed +1\n")
                self.assertEqual([row for row, _, _ in read_rejects(self.path(again), columns)], [b"junk"])
        server.stop()

    def test_which_file(self):
        server = self.server().start()
        kept = self.write("kept.csv", b"mended by hand\n")
        amendments = self.write("amendments.csv", b"id,amendment\nt1,void\n")
        for arguments, words in (((amendments, "--rejects", kept), "exists, and is not overwritten"),
                                 ((amendments, "--rejects", amendments), "is the input"),
                                 ((amendments, "--rejects", "-"), "--rejects: expected a file"),
                                 (("t1", "void", "--rejects", self.path("r.csv")), "--rejects needs a FILE of reports")):
            _, said = self.run_it("amend", *arguments, "--to", server.address, status=64)
            self.assertIn(words, said)
        self.assertEqual(self.read("kept.csv"), b"mended by hand\n")
        server.stop()


if __name__ == "__main__":
    unittest.main()
