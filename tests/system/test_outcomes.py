#!/usr/bin/env python3
"""`harrier score` and outcomes: no decision knows an outcome before its outcome_time, and every later one does.
A feature that counts frauds shows what a decision knew; the test recomputes it from the rows."""
import csv
import datetime
import io
import json
import os
import random
import shutil
import subprocess
import threading
import unittest

from server import START_US, ServerTest, transaction

HARRIER = os.environ["HARRIER"]
COLUMNS = ["id", "event_time", "amount", "currency", "card", "merchant", "outcome", "outcome_time"]


def stamp(us):
    return (datetime.datetime.fromtimestamp(us / 1e6, datetime.timezone.utc)).strftime("%Y-%m-%dT%H:%M:%SZ")


def make_rows(seed, first, count):
    """One payment a second of three cards; every third has an outcome, 0 to 40 seconds later, some without a time."""
    rng = random.Random(seed)
    rows = []
    for number in range(first, first + count):
        at = START_US + number * 1000000
        row = dict.fromkeys(COLUMNS, "")
        row.update(id=f"t{number}", event_time=stamp(at), amount="1.00", currency="EUR", card=f"c{number % 3}", merchant="m")
        if rng.random() < 0.3:
            row["outcome"] = rng.choice(["fraud", "fraud", "legit"])
            row["outcome_time"] = stamp(at + rng.randrange(0, 41) * 1000000) if rng.random() < 0.9 else ""
        rows.append(row)
    return rows


def known_frauds(rows, at_row):
    """How many frauds of its card a decision knows: those with an outcome_time up to its event time, and those without
    a time that were sent before, as each is reported right after its transaction's message."""
    now = rows[at_row]
    return sum(row["card"] == now["card"] and row["outcome"] == "fraud" and
               (row["outcome_time"] == "" or row["outcome_time"] <= now["event_time"])
               for row in rows[:at_row])


class OutcomesTest(ServerTest):
    def new_server(self):
        """A server with an empty archive."""
        shutil.rmtree(os.path.join(self.folder, "data"), ignore_errors=True)
        return self.server().start()

    def file(self, name, rows):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(rows)
        return path

    def score(self, server, path, *options):
        to = ("--to", server.address, "--deadline", "60s")
        done = subprocess.run([HARRIER, "score", path, *to, "--features", *options],
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return list(csv.DictReader(io.StringIO(done.stdout))), done.stderr

    def frauds_seen(self, decisions):
        return [int(float(decision["card.fraud_30d"] or 0)) for decision in decisions]

    def test_outcomes_are_known_from_their_time_on(self):
        rows = make_rows(1, 0, 300)
        timed = [row for row in rows if row["outcome_time"] or not row["outcome"]]
        for batch in ("1", "7", "100"):
            server = self.new_server()
            decisions, said = self.score(server, self.file("rows.csv", timed), "--batch", batch)
            self.assertEqual(self.frauds_seen(decisions), [known_frauds(timed, i) for i in range(len(timed))], batch)
            end = timed[-1]["event_time"]
            waiting = sum(row["outcome_time"] > end for row in timed)
            self.assertGreater(waiting, 0)
            self.assertRegex(said, rf"not yet due +{waiting} outcomes left out; --outcomes-of FILE")
            self.assertNotIn("no outcome_time", said)
            server.stop()
        server = self.new_server()  # those without a time are reported behind their message
        decisions, said = self.score(server, self.file("rows.csv", rows), "--batch", "1")
        self.assertEqual(self.frauds_seen(decisions), [known_frauds(rows, i) for i in range(len(rows))])
        untimed = sum(row["outcome"] != "" and row["outcome_time"] == "" for row in rows)
        self.assertRegex(said, rf"no outcome_time +{untimed} reported right after their message")
        server.stop()

    def test_messages_under_way_do_not_change_what_is_known(self):
        rows = [row for row in make_rows(4, 0, 300) if row["outcome_time"] or not row["outcome"]]
        known = {row["id"]: known_frauds(rows, i) for i, row in enumerate(rows)}
        server = self.new_server()
        decisions, _ = self.score(server, self.file("rows.csv", rows), "--unordered", "--batch", "1")
        self.assertEqual({d["transaction_id"]: seen for d, seen in zip(decisions, self.frauds_seen(decisions))}, known)
        server.stop()

    def test_rows_of_a_pipe(self):
        rows = [row for row in make_rows(5, 0, 200) if row["outcome_time"] or not row["outcome"]]
        server = self.new_server()
        with open(self.file("rows.csv", rows), encoding="utf-8") as file:
            to = ("--to", server.address, "--deadline", "60s")
            done = subprocess.run([HARRIER, "score", "-", *to, "--features"], input=file.read(),
                                  capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        seen = self.frauds_seen(csv.DictReader(io.StringIO(done.stdout)))
        self.assertEqual(seen, [known_frauds(rows, i) for i in range(len(rows))])
        server.stop()

    def test_a_second_file_goes_on_with_the_outcomes_of_the_first(self):
        rows = [row for row in make_rows(2, 0, 200) if row["outcome_time"] or not row["outcome"]]
        half = len(rows) // 2
        server = self.new_server()
        first, second = self.file("first.csv", rows[:half]), self.file("second.csv", rows[half:])
        seen = self.frauds_seen(self.score(server, first)[0])
        seen += self.frauds_seen(self.score(server, second, "--outcomes-of", first)[0])
        self.assertEqual(seen, [known_frauds(rows, i) for i in range(len(rows))])
        server.stop()

    def test_unless_labelled(self):
        """Of two sources that report at once, in any order, the first one's label stays; a withdrawn one is none."""
        server = self.new_server()
        report = lambda connection, label, source, **more: connection.call({"report_outcome": {"outcomes": [
            {"transaction_id": "t1", "label": label, "source": source, **more}]}})["report_outcome"]["results"][0]["accepted"]
        with server.connect() as connection:
            connection.score([transaction(1)])
            first = report(connection, "LABEL_LEGIT", "a", unless_labelled=True)
            self.assertTrue(first["changed"])
            second = report(connection, "LABEL_FRAUD", "b", unless_labelled=True)
            self.assertEqual((second.get("changed"), second.get("position"), second["previous"]), (None, None, "LABEL_LEGIT"))
            again = report(connection, "LABEL_LEGIT", "a", unless_labelled=True)
            self.assertEqual((again.get("changed"), again["previous"]), (None, "LABEL_LEGIT"))
            self.assertTrue(report(connection, "LABEL_NONE", "a")["changed"])
            third = report(connection, "LABEL_FRAUD", "b", unless_labelled=True)
            self.assertEqual((third["changed"], third.get("previous", "LABEL_NONE")), (True, "LABEL_NONE"))
            self.assertTrue(report(connection, "LABEL_CHARGEBACK", "c")["changed"])  # without the condition it replaces
        server.stop()
        found = subprocess.run([HARRIER, "explain", "--json", f"{self.folder}/data", "t1"], capture_output=True,
                               text=True, check=True)
        outcomes = [(outcome["label"], outcome["source"]) for outcome in json.loads(found.stdout)["outcomes"]]
        self.assertEqual(outcomes, [("legit", "a"), ("none", "a"), ("fraud", "b"), ("chargeback", "c")])

    def test_unless_labelled_with_many_at_once(self):
        """Eight connections report each transaction with their own label: the archive has one outcome for each."""
        server = self.new_server()
        count = 40
        with server.connect() as connection:
            connection.score([transaction(number) for number in range(count)])
        won = [[] for _ in range(8)]

        def race(which):
            label = ("LABEL_FRAUD", "LABEL_LEGIT")[which % 2]
            with server.connect() as connection:
                for number in range(count):
                    outcome = {"transaction_id": f"t{number}", "label": label, "source": f"s{which}", "unless_labelled": True}
                    answer = connection.call({"report_outcome": {"outcomes": [outcome]}})
                    if answer["report_outcome"]["results"][0]["accepted"].get("changed"):
                        won[which].append(number)

        threads = [threading.Thread(target=race, args=(which,)) for which in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(sorted(number for numbers in won for number in numbers), list(range(count)))
        server.stop()

    def test_now_and_none(self):
        rows = make_rows(3, 0, 60)
        labelled = sum(row["outcome"] != "" for row in rows)
        server = self.new_server()
        path = self.file("rows.csv", rows)
        self.assertNotIn("outcomes", self.score(server, path, "--outcomes", "none")[1])
        self.assertRegex(self.score(server, path, "--outcomes", "now")[1], rf"outcomes +{labelled} reported")
        for options, message in ((["--outcomes", "soon"], '--outcomes: "soon" (expected due, now or none)'),
                                 (["--outcomes-of", path, "--outcomes", "now"], "--outcomes-of needs --outcomes due"),
                                 (["--outcomes-of", "-"], "--outcomes-of: expected a file")):
            done = subprocess.run([HARRIER, "score", path, "--to", server.address, "--deadline", "60s", *options],
                                  capture_output=True, text=True, check=False)
            self.assertEqual((done.returncode, message in done.stderr), (64, True), done.stderr)
        server.stop()

    def test_the_decisions_overwrite_nothing_that_is_read(self):
        """However the file is called, and before anything is sent."""
        path, earlier = self.file("rows.csv", make_rows(7, 0, 5)), self.file("day1.csv", make_rows(8, 0, 5))
        link, mapping = os.path.join(self.folder, "link.csv"), os.path.join(self.folder, "map.yaml")
        os.symlink(path, link)
        with open(mapping, "w", encoding="utf-8") as file:
            file.write("id: id\nevent_time: event_time\n")
        for out, options, words in ((path, [], f"--out: {path} is the input; expected another file"),
                                    (link, [], f"--out: {link} is the input"),
                                    (earlier, ["--outcomes-of", earlier], f"--out: {earlier} is the file of --outcomes-of"),
                                    (mapping, ["--map", mapping], f"--out: {mapping} is the mapping")):
            with open(out, encoding="utf-8") as file:
                before = file.read()
            done = subprocess.run([HARRIER, "score", path, "--to", "tcp://127.0.0.1:1", "--out", out, *options],
                                  capture_output=True, text=True, check=False)
            self.assertEqual((done.returncode, words in done.stderr), (64, True), done.stderr)
            with open(out, encoding="utf-8") as file:
                self.assertEqual(file.read(), before)


if __name__ == "__main__":
    unittest.main()
