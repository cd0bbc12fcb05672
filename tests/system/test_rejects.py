#!/usr/bin/env python3
"""--rejects of `harrier score` and `import`: rows are refused, kept, mended and retried until all are in.
What is accepted and what is kept must be the input: no row twice, none lost, each byte for byte."""
import base64
import csv
import json
import os
import random
import re
import resource
import signal
import subprocess
import unittest

from rejects_file import ADDED, COLUMNS, HARRIER, RejectsFileTest, event_time, good_row, read_rejects
from server import WAIT, transaction
from small_disk import SmallDisk, enter_namespace, is_possible
from wire import ENCODER

FUTURE = "2999-01-01T00:00:00Z"


def make_rows(seed, count):
    """Rows as bytes, and the kind of each: "good", "cell" (mended by replacing a cell), or "raw" (no row of CSV)."""
    rng = random.Random(seed)
    notes = [b"", b'"a, ""b"""', b"\xff\xfe", '"é\nline"'.encode(), b'" "', b"'x"]
    rows = []
    for number in range(count):
        good = good_row(number, rng.choice(notes))
        kind = rng.choice(["good"] * 6 + ["cell", "cell", "raw"])
        broken = good
        if kind == "cell":
            bad = rng.choice([b"yesterday", b"", FUTURE.encode()])
            broken = good.replace(event_time(number).encode(), bad)
        elif kind == "raw":
            broken = rng.choice([good + b",too,many", b'"' + good[:1] + b'"' + good[1:], good[:20], b"junk"])
        rows.append((broken, kind, good))
    return rows


class RejectsTest(RejectsFileTest):
    def check_kept(self, path, source, rows, accepted):
        """Accepted rows and kept ones are the input."""
        kept = read_rejects(path)
        expected = {}
        line = 2
        for broken, kind, good in rows:
            expected[line] = (broken, kind, good)
            line += 1 + broken.count(b"\n")
        lines = [int(row["harrier.line"]) for _, _, row in kept]
        self.assertEqual(len(set(lines)), len(lines))
        for row_bytes, is_raw, row in kept:
            broken, kind, _ = expected[int(row["harrier.line"])]
            self.assertEqual((row_bytes, is_raw), (broken, kind == "raw"))
            self.assertEqual((row["harrier.source"], row["harrier.code"]), (source, "invalid"))
            self.assertTrue(row["harrier.reason"])
            if kind == "cell":
                self.assertIn(row["harrier.field"], ("event_time", "event_time_us"))
        ids = [good.split(b",")[0].decode() for line, (_, _, good) in expected.items() if line not in lines]
        self.assertEqual(sorted(accepted), sorted(ids))
        self.assertEqual(len(kept) + len(accepted), len(rows))
        return kept

    def mend(self, path, rows, to):
        """As a person does with a spreadsheet: read and written again by another program, with raw ones in raw."""
        by_line = {}
        line = 2
        for broken, kind, good in rows:
            by_line[line] = (kind, good)
            line += 1 + broken.count(b"\n")
        with open(path, encoding="latin-1", newline="") as file:
            reader = csv.DictReader(file)
            kept = list(reader)
        for row in kept:
            kind, good = by_line[int(row["harrier.line"])]
            if kind == "raw":
                row["harrier.raw"] = good.decode("latin-1")
            else:
                row["event_time"] = good.split(b",")[1].decode()
        names = list(reader.fieldnames)
        random.Random(1).shuffle(names)
        with open(self.path(to), "w", encoding="latin-1", newline="") as file:
            writer = csv.DictWriter(file, names, quoting=csv.QUOTE_ALL)
            writer.writeheader()
            writer.writerows(kept)
        return self.path(to)

    def test_score_refuse_mend_retry(self):
        server = self.server().start()
        total = 0
        for seed, ending in ((1, b"\n"), (2, b"\r\n")):
            count = 400
            rows = make_rows(seed, count)
            if seed == 2:  # other ids than those of the first file
                rows = [(b.replace(b"t", b"u", 1), k, g.replace(b"t", b"u", 1)) for b, k, g in rows]
            path = self.write("day.csv", ending.join([COLUMNS] + [row for row, _, _ in rows]) + ending)
            accepted, said = self.score(server, path, "--rejects", self.path("rejects.csv"), status=1)
            kept = self.check_kept(self.path("rejects.csv"), path, rows, accepted)
            self.assertGreater(len(kept), 20)
            self.assertIn(f"harrier: {len(kept)} rows are in {self.path('rejects.csv')}: ", said)

            # Without mending anything: the same rows are refused again, and kept as the same bytes.
            again, _ = self.score(server, self.path("rejects.csv"), "--rejects", self.path("again.csv"), status=1)
            self.assertEqual(again, [])
            first, second = (sorted(re.sub(rb"\d+ s ahead", b"", self.read(name)).split(b"\n"))
                             for name in ("rejects.csv", "again.csv"))  # the clock went on
            self.assertEqual(first, second)

            mended = self.mend(self.path("again.csv"), rows, "mended.csv")
            retried, said = self.score(server, mended, "--rejects", self.path("none.csv"))
            self.assertEqual(len(retried), len(kept))
            self.assertFalse(os.path.exists(self.path("none.csv")))  # nothing was refused
            self.assertNotIn("run the same command", said)
            total += count
            self.assertEqual(self.transactions(server), total)
            for name in ("rejects.csv", "again.csv"):
                os.unlink(self.path(name))
        server.stop()

    def test_an_unclosed_quote_swallows_rows_but_loses_none(self):
        server = self.server().start()
        rows = [good_row(number) for number in range(20)]
        rows[7] = rows[7].replace(b",m1,", b',"m1,')
        path = self.write("day.csv", b"\n".join([COLUMNS] + rows) + b"\n")
        accepted, _ = self.score(server, path, "--rejects", self.path("rejects.csv"), status=1)
        self.assertEqual(accepted, [f"t{number}" for number in range(7)])
        [(raw, is_raw, row)] = read_rejects(self.path("rejects.csv"))
        self.assertEqual((raw, is_raw), (b"\n".join(rows[7:]) + b"\n", True))
        self.assertIn("a quoted field is still open", row["harrier.reason"])
        self.write("rejects.csv", self.read("rejects.csv").replace(b'""m1', b"m1"))
        retried, _ = self.score(server, self.path("rejects.csv"))
        self.assertEqual(retried, [f"t{number}" for number in range(7, 20)])
        server.stop()

    def test_json_lines_through_a_pipe(self):
        server = self.server().start()
        good, lines = [], []
        for number in range(60):
            row = {"id": f"j{number}", "event_time": event_time(number), "card": "c", "location": {"latitude": 1.5}}
            text = json.dumps(row, separators=((",", ":") if number % 2 else (" , ", " : "))).encode()
            good.append(text)
            broken = {3: text.replace(b'"event_time"', b'"event_tim"'), 5: text[:-3], 7: b"\xfe" + text, 9: b"[]"}
            lines.append(broken.get(number % 10, text) + b"\r" * (number % 3 == 0))
        accepted, _ = self.score(server, "-", "--rejects", self.path("rejects.jsonl"), status=1,
                                 input=b"\n".join(lines) + b"\n")
        kept, mended = [], []
        for data in self.read("rejects.jsonl").splitlines(keepends=True):
            row = json.loads(data)
            number = row["harrier.line"] - 1
            kept.append(number)
            self.assertEqual((row["harrier.source"], row["harrier.code"]), ("stdin", "invalid"))
            if "harrier.raw_base64" in row:
                original = base64.b64decode(row.pop("harrier.raw_base64"))
            elif "harrier.raw" in row:
                original = row["harrier.raw"].encode()
            else:
                reason = b'"harrier.reason":' + json.dumps(row["harrier.reason"]).encode()
                begin, end = data.index(b',"harrier.source"'), data.index(reason) + len(reason)
                original = data[:begin] + data[end:-1]
            self.assertEqual(original, lines[number])
            if number % 10 == 3:
                mended.append(data.replace(b'"event_tim"', b'"event_time"'))
            else:
                row["harrier.raw"] = good[number].decode()
                mended.append(json.dumps(row).encode() + b"\n")
        self.assertEqual(sorted(kept), [number for number in range(60) if number % 10 in (3, 5, 7, 9)])
        self.assertEqual(accepted, [f"j{number}" for number in range(60) if number not in kept])
        path = self.write("mended.jsonl", b"".join(mended))
        retried, _ = self.score(server, path, "--rejects", self.path("again.jsonl"))
        self.assertEqual(retried, [f"j{number}" for number in kept])
        self.assertFalse(os.path.exists(self.path("again.jsonl")))
        self.assertEqual(self.transactions(server), 60)
        server.stop()

    def test_import_refuse_mend_retry(self):
        rows = make_rows(3, 300)
        path = self.write("history.csv", b"\n".join([COLUMNS] + [row for row, _, _ in rows]) + b"\n")
        data, policy = self.path("data"), ("--policy", self.path("policy"))
        out, said = self.run_it("import", data, path, *policy, "--rejects", self.path("rejects.csv"), status=1)
        report = json.loads(out)
        kept = read_rejects(self.path("rejects.csv"))
        lines = {int(row["harrier.line"]) for _, _, row in kept}
        accepted, line = [], 2
        for broken, _, good in rows:
            if line not in lines:
                accepted.append(good.split(b",")[0].decode())
            line += 1 + broken.count(b"\n")
        self.check_kept(self.path("rejects.csv"), path, rows, accepted)
        self.assertEqual(report["transactions"], len(accepted))
        self.assertEqual((report["failed"], report["rejected"]), (len(kept), len(kept)))
        self.assertEqual(report["rejects"], self.path("rejects.csv"))
        self.assertIn(f"{len(kept)} rows are in", said)
        mended = self.mend(self.path("rejects.csv"), rows, "mended.csv")
        out, _ = self.run_it("import", data, mended, *policy, "--rejects", self.path("none.csv"))
        self.assertNotIn("rejected", json.loads(out))
        self.assertFalse(os.path.exists(self.path("none.csv")))
        out, _ = self.run_it("inspect", data, "--count", "--json")
        self.assertEqual(json.loads(out)["transaction_ids"], 300)
        self.run_it("replay", data, "--recorded")

    def test_files_to_import_that_do_not_fit_together(self):
        first = self.write("first.csv", COLUMNS + b"\n" + good_row(1) + b"\n")
        other = self.write("other.csv", b"event_time,id\n" + event_time(2).encode() + b",t2\n")
        policy = ("--policy", self.path("policy"))
        _, said = self.run_it("import", self.path("data"), first, other, *policy, "--rejects", self.path("rejects.csv"),
                              status=65)
        self.assertIn(f"{other}: its columns differ from {first}", said)
        self.assertFalse(os.path.exists(self.path("data")))  # nothing was begun
        self.assertFalse(os.path.exists(self.path("rejects.csv")))
        self.run_it("import", self.path("data"), first, other, *policy)

    def test_protobuf_of_kafka_is_imported_from_the_file(self):
        """Records of Kafka that were refused are raw bytes; there is no broker here, so the file is the test's."""
        messages = [ENCODER.message("Transaction", transaction(number)) for number in range(5)]
        messages[2] = ENCODER.message("Transaction", {**transaction(2), "amount_minor": -1})
        messages[3] = b"\xff\xff"
        lines = [json.dumps({"harrier.source": f"payments/0/{number}", "harrier.code": "invalid", "harrier.reason": "x",
                             "harrier.raw_base64": base64.b64encode(message).decode()}).encode()
                 for number, message in enumerate(messages)]
        path = self.write("kept.jsonl", b"\n".join([*lines, b'{"id":"t9"}', b""]))
        policy = ("--policy", self.path("policy"), "--format", "protobuf")
        out, said = self.run_it("import", self.path("data"), path, *policy, "--rejects", self.path("again.jsonl"),
                                status=1)
        self.assertEqual((json.loads(out)["transactions"], json.loads(out)["rejected"]), (3, 3), said)
        again = [json.loads(line) for line in self.read("again.jsonl").splitlines()]
        self.assertEqual([row["harrier.source"] for row in again], ["payments/0/2", "payments/0/3", path])
        self.assertEqual([base64.b64decode(row["harrier.raw_base64"]) for row in again[:2]], messages[2:4])
        self.assertEqual((again[0]["harrier.field"], again[2]["id"]), ("amount_minor", "t9"))
        mended = self.read("again.jsonl").replace(base64.b64encode(messages[2]), base64.b64encode(
            ENCODER.message("Transaction", transaction(2))))
        path = self.write("mended.jsonl", mended.splitlines()[0] + b"\n")
        out, _ = self.run_it("import", self.path("data"), path, *policy, "--rejects", self.path("none.jsonl"))
        self.assertEqual(json.loads(out)["transactions"], 1)

    def test_which_file(self):
        server = self.server().start()
        path = self.write("day.csv", b"\n".join([COLUMNS, good_row(1), b"junk", b""]))
        kept = self.write("kept.csv", b"mended by hand\n")
        for file, words in ((kept, "exists, and is not overwritten"), (path, "is the input")):
            _, said = self.score(server, path, "--rejects", file, status=64)
            self.assertIn(words, said)
        self.assertEqual(self.read("kept.csv"), b"mended by hand\n")
        out = self.path("out.csv")
        _, said = self.score(server, path, "--out", out, "--rejects", out, status=64)
        self.assertIn("is the file of --out", said)
        _, said = self.score(server, path, "--rejects", self.path("no/folder"), status=74)
        _, said = self.score(server, path, "--rejects", "-", status=64)
        self.assertIn("--rejects: expected a file", said)
        self.assertEqual(self.transactions(server), 0)  # nothing was sent
        # What is no regular file is written to as it is.
        out, _ = self.run_it("score", path, "--to", server.address, "--rejects", "/dev/stdout", "--decisions", "none",
                             status=1)
        self.assertTrue(out.startswith(COLUMNS + ADDED + b"\n") and out.endswith(b",junk\n"), out)
        server.stop()
        _, said = self.run_it("score", path, "--to", server.address, "--rejects", self.path("r.csv"),
                              "--retry-for", "0s", status=69)
        self.assertIn("1 row is in", said)  # what was refused before the server was asked is kept
        self.assertEqual([raw for raw, _, _ in read_rejects(self.path("r.csv"))], [b"junk"])
        self.assertIn("for the rest, with another file for --rejects", said)

    def feed(self, server, *arguments, deadline="60s"):
        return subprocess.Popen([HARRIER, "score", "-", "--to", server.address, "--deadline", deadline, *arguments],
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def test_interrupted(self):
        """Rows of a pipe that were read when the signal came: each is decided or kept."""
        server = self.server().start()
        rows = [good_row(number) for number in range(30)]
        rows[10], rows[29] = b"junk", b"more,junk"
        process = self.feed(server, "--batch", "7", "--rejects", self.path("rejects.csv"))
        process.stdin.write(b"\n".join([COLUMNS] + rows) + b"\n")
        process.stdin.flush()
        self.await_in("rejects.csv", b"more,junk")  # while it runs
        process.send_signal(signal.SIGINT)
        more = [good_row(number) for number in range(30, 40)]
        out, said = process.communicate(b"\n".join(more) + b"\n", timeout=WAIT)  # wakes it up
        self.assertEqual(process.returncode, 75, said)
        self.assertIn(b"interrupted", said)
        read = int(re.search(rb"rows +(\d+) of stdin", said)[1])
        self.assertIn(read, range(31, 40))
        rows = (rows + more)[:read]
        accepted = [line.split(b",")[0] for line in out.splitlines()[1:]]
        kept = read_rejects(self.path("rejects.csv"))
        self.assertEqual(len(accepted) + len(kept), read, said)
        decided = {row for row in rows if row.split(b",")[0] in accepted}
        self.assertEqual({row for row, _, _ in kept} | decided, set(rows))
        self.assertIn(b"run the same command with it in place of stdin", said)
        for row, _, cells in kept:
            self.assertIn(cells["harrier.code"], ("invalid", "interrupted"))
            self.assertEqual(cells["harrier.code"] == "invalid", b"junk" in row)
        server.stop()

    def test_killed(self):
        """Without any warning: what was refused is in the file, in whole rows."""
        server = self.server().start()
        process = self.feed(server, "--batch", "1", "--rejects", self.path("rejects.csv"))
        process.stdin.write(b"\n".join([COLUMNS, b"junk1", good_row(1), b"junk2", good_row(2), b""]))
        process.stdin.flush()
        self.await_in("rejects.csv", b"junk2\n")
        process.kill()
        process.communicate(timeout=WAIT)
        self.assertEqual([row for row, _, _ in read_rejects(self.path("rejects.csv"))], [b"junk1", b"junk2"])
        server.stop()

    def test_the_server_dies(self):
        """In the middle of a pipe: what is not in, to the pipe's end, is kept, and goes in with a retry."""
        server = self.server().start()
        rows = [good_row(number) for number in range(3000)]
        for number in range(0, 3000, 100):
            rows[number] = b"junk%d" % number
        process = self.feed(server, "--batch", "20", "--rejects", self.path("rejects.csv"), "--retry-for", "5s",
                            deadline="1s")
        data = b"\n".join([COLUMNS] + rows) + b"\n"
        process.stdin.write(data[:len(data) // 2])
        process.stdin.flush()
        self.await_in("rejects.csv", b"junk1000")
        server.kill()
        out, said = process.communicate(data[len(data) // 2:], timeout=WAIT)
        self.assertEqual(process.returncode, 69, said)
        self.assertIn(b"all rows of stdin that are not done are in", said)
        accepted = {line.split(b",")[0] for line in out.splitlines()[1:]}
        kept = [row for row, _, _ in read_rejects(self.path("rejects.csv"))]
        self.assertEqual(len(kept), len(set(kept)))
        self.assertEqual(len(accepted) + len(kept), 3000)
        self.assertEqual(set(kept), {row for row in rows if row.split(b",")[0] not in accepted})
        self.assertGreater(len(kept), 1500)

        server = self.server().start()
        self.score(server, self.path("rejects.csv"), "--rejects", self.path("junk.csv"), status=1)
        self.assertEqual([row for row, _, _ in read_rejects(self.path("junk.csv"))],
                         [b"junk%d" % number for number in range(0, 3000, 100)])
        self.assertEqual(self.transactions(server), 2970)
        server.stop()

    def test_a_file_is_read_again(self):
        """Of a file, only what is refused is kept: the same command does the rest."""
        server = self.server().start()
        rows = [good_row(number) for number in range(50)]
        rows[3] = b"junk"
        path = self.write("day.csv", b"\n".join([COLUMNS] + rows) + b"\n")
        server.stop()
        _, said = self.run_it("score", path, "--to", server.address, "--rejects", self.path("rejects.csv"),
                              "--retry-for", "0s", "--batch", "10", status=69)
        self.assertEqual([row for row, _, _ in read_rejects(self.path("rejects.csv"))], [b"junk"])
        server = self.server().start()
        _, said = self.score(server, path, "--rejects", self.path("second.csv"), status=1)
        self.assertEqual(self.read("second.csv"), self.read("rejects.csv"))
        self.assertEqual(self.transactions(server), 49)
        server.stop()

    def test_a_pipe_that_does_not_fit(self):
        """What was read of it and could not be kept is nowhere, which must be said."""
        rows = b"\n".join([COLUMNS] + [good_row(number) for number in range(300)]) + b"\n"
        arguments = ["-", "--to", f"ipc://{self.path('none')}", "--retry-for", "0s", "--rejects", self.path("rejects.csv")]
        _, said = self.run_it("score", *arguments, status=74, input=rows,
                              preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)))
        kept = len(read_rejects(self.path("rejects.csv")))
        self.assertTrue(0 < kept < 300)
        self.assertIn("rejects.csv: File too large", said)
        self.assertNotIn("all rows of stdin that", said.replace("not all rows of stdin that", ""))
        self.assertIn("not all rows of stdin that are not done are in", said)
        self.assertIn("run the same command with the whole input again", said)

    @unittest.skipUnless(is_possible(), "no mount namespace")
    def test_a_full_disk(self):
        server = self.server().start()
        rows = [good_row(number) if number % 3 else b"junk%d," % number + b"x" * 200 for number in range(300)]
        path = self.write("day.csv", b"\n".join([COLUMNS] + rows) + b"\n")
        disk = SmallDisk(self.path("disk"), "1m")
        self.addCleanup(disk.unmount)
        disk.fill(leave=8192)
        # What waits for outcomes goes to the same disk; there is none here.
        _, said = self.score(server, path, "--rejects", self.path("disk/rejects.csv"), "--batch", "10", status=74)
        self.assertIn("No space left on device", said)
        kept = [row for row, _, _ in read_rejects(self.path("disk/rejects.csv"))]  # whole rows only
        self.assertGreater(len(kept), 5)
        self.assertEqual(kept, rows[0:3 * len(kept):3])
        disk.make_room()
        _, said = self.score(server, path, "--rejects", self.path("disk/second.csv"), status=1)
        self.assertEqual([row for row, _, _ in read_rejects(self.path("disk/second.csv"))], rows[::3])
        self.assertEqual(self.transactions(server), 200)
        server.stop()


if __name__ == "__main__":
    enter_namespace()
    unittest.main()
