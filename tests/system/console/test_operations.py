#!/usr/bin/env python3
"""The console's operations screen over HTTP, beside a server and real nights: reports, what a guard held back and its
acceptance, which the next night takes; brakes, tokens, alerts and the archive; files that are not what they should be."""
import json
import os
import re
import stat
import subprocess
import unittest

from console_process import Console, wait_for
from server import POLICY, WAIT, ServerTest, transaction

HARRIER = os.environ["HARRIER"]
ROOT = os.environ["HARRIER_ROOT"]
THRESHOLDS = """\
guard: 0.5
thresholds:
  - {name: amount_p90, quantile: 0.9, of: amount, over: 1d, minimum: 20, fallback: 500.0}
  - {name: amount_p50, quantile: 0.5, of: amount, over: 1d, minimum: 20, fallback: 500.0}
"""
ACCEPT = {"thresholds": ["amount_p90"], "cutoffs": [], "reason": "prices rose"}


class OperationsTest(ServerTest):
    def setUp(self):
        super().setUp()
        self.write_policy("rules/velocity.yaml", POLICY["rules/velocity.yaml"].replace(">= 3", ">= 1"))
        self.write_policy("thresholds.yaml", THRESHOLDS)
        self.write_policy("rules/large.yaml", "rules: [{name: large, about: large, when: amount > thresholds.amount_p90,"
                                              " then: {score: 10}}]\n")
        self.harrierd = self.server("--lazy_sync_interval=5ms").start()
        self.console = Console(self.folder, self.harrierd)
        self.addCleanup(self.console.kill)
        self.console.add_people(tuple((role, role) for role in ("viewer", "analyst", "approver", "admin")))
        self.data = os.path.join(self.folder, "data")
        self.nights = os.path.join(self.data, "nights")
        self.number = 0

    def begin(self, *flags):
        self.console.flags = flags
        self.console.start()
        self.sessions = {}

    def session(self, role):
        """Signed in when it is first used: verifying a password takes its time."""
        if role not in self.sessions:
            self.sessions[role] = self.console.session(role)
        return self.sessions[role]

    viewer, analyst, approver, ada = (
        property(lambda self, role=role: self.session(role)) for role in ("viewer", "analyst", "approver", "admin"))

    def get(self, path, **query):
        status, answer = self.viewer.get(path, **query)
        self.assertEqual(status, 200, answer)
        return answer

    def fill(self, amount_minor, count=60):
        made = [{**transaction(number, cards=997), "amount_minor": amount_minor + number % 10}
                for number in range(self.number, self.number + count)]
        self.number += count
        with self.harrierd.connect() as connection:
            for result in connection.score(made):
                self.assertIn("decision", result)
        wait_for(lambda: (status := self.harrierd.status()).get("synced_position") == status["position"])

    def night(self, *flags):
        done = subprocess.run([HARRIER, "night", "--data", self.data, "--again", "--priority=normal", "--quiet",
                               "--drift=none", *flags], capture_output=True, text=True, timeout=WAIT, check=False)
        self.assertIn(done.returncode, (0, 2), done.stderr)
        return done.stderr

    def audit(self, action):
        return [(entry["person"], entry["subject"], entry["before"], entry["after"])
                for entry in self.ada.get("/api/audit", action=action)[1]["entries"]]

    def held(self):
        answer = self.get("/api/nights/thresholds")
        return {line["name"]: line for line in answer["thresholds"]["thresholds"]}, answer["acceptance"]

    # ---- nights ----

    def test_a_held_back_threshold_is_accepted_and_the_next_night_takes_it(self):
        self.begin()
        self.assertIn("no folder", self.get("/api/nights")["folder_problem"])
        self.assertEqual(self.approver.post("/api/nights/accept", **ACCEPT)[0], 404)
        self.fill(1000)
        self.night()
        self.adopted(1)
        lines, acceptance = self.held()
        self.assertEqual((lines["amount_p90"]["held"], acceptance), (0, None))
        status, answer = self.approver.post("/api/nights/accept", **ACCEPT)
        self.assertEqual(status, 422, answer)
        self.assertIn("was not held back", answer["error"])
        self.fill(9000, 600)
        self.night()
        self.adopted(2)
        lines, _ = self.held()
        for name in ("amount_p90", "amount_p50"):
            self.assertEqual((lines[name]["held"], lines[name]["overall"]), (1, lines[name]["overall_before"]))
        self.assertEqual(lines["amount_p90"]["held_examples"][0]["computed"], 90.08)
        self.report_is_the_file()
        self.folder_is_newer()
        self.who_may_accept()
        self.fill(9000, 5)
        said = self.night()
        self.adopted(3)
        self.assertIn("amount_p50", said)
        lines, acceptance = self.held()
        self.assertIsNone(acceptance)
        self.assertFalse(os.path.exists(os.path.join(self.nights, "accept.json")))
        # The one that was accepted is taken; the other, which nobody accepted, is still held.
        self.assertEqual((lines["amount_p90"]["held"], lines["amount_p90"]["overall"]), (0, 90.08))
        self.assertEqual((lines["amount_p50"]["held"], lines["amount_p50"]["overall"]), (1, 10.04))
        (night,) = self.get("/api/nights")["nights"]
        self.assertEqual(night["held_back"], 1)
        self.assertRegex(night["accepted"], r"^amount_p90: .*accepted by console:approver: prices rose$")
        self.assertEqual(self.get("/api/nights/report", date=night["date"])["guard"]["accepted"], night["accepted"])
        self.assertEqual(self.approver.post("/api/nights/take-back")[0], 404)
        # Nothing new in the archive is no reason for a night not to take it.
        accepted = {**ACCEPT, "thresholds": ["amount_p50"]}
        self.assertEqual(self.approver.post("/api/nights/accept", **accepted)[0], 200)
        self.night()
        self.assertEqual(self.held()[0]["amount_p50"]["overall"], 90.04)

    def adopted(self, count):
        """The server has switched to as many tables, one after the other: their thresholds are in force."""
        wait_for(lambda: self.harrierd.metric('harrierd_swaps_total{result="adopted"}') >= count)

    def report_is_the_file(self):
        (night,) = self.get("/api/nights")["nights"]
        self.assertTrue(night["complete"] and night["report"] and not night["failed"], night)
        self.assertEqual(night["held_back"], 2)
        with open(os.path.join(self.nights, night["date"], "report.json"), encoding="utf-8") as file:
            self.assertEqual(self.get("/api/nights/report", date=night["date"]), json.load(file))
        (drift,) = self.get("/api/nights/drift")["nights"]
        self.assertEqual(drift["date"], night["date"])
        alerts = {alert["name"]: alert for alert in self.get("/api/alerts")["alerts"]}
        self.assertEqual(alerts["HarrierNightHeldBack"]["state"], "firing")
        self.assertEqual((alerts["HarrierNotReady"]["state"], alerts["HarrierDown"]["state"]), ("quiet", "quiet"))

    def folder_is_newer(self):
        """The first night has made the folder since the console started."""
        if "files (Landlock" not in self.console.said():
            return
        status, answer = self.approver.post("/api/nights/accept", **ACCEPT)
        self.assertEqual((status, "restart the console" in answer["error"]), (500, True), answer)
        self.assertIsNone(self.held()[1])
        path = os.path.join(self.nights, "accept.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"night": "2026-11-20", "source": "x", "reason": "x", "time_us": 1, "thresholds": ["amount_p90"],
                       "cutoffs": []}, file)
        status, answer = self.approver.post("/api/nights/take-back")
        self.assertEqual((status, "restart the console" in answer["error"]), (500, True), answer)
        self.assertEqual(self.held()[1]["source"], "x")
        os.remove(path)
        self.console.stop()
        self.begin()

    def who_may_accept(self):
        for session in (self.viewer, self.analyst):
            self.assertEqual(session.post("/api/nights/accept", **ACCEPT)[0], 403)
            self.assertEqual(session.post("/api/nights/take-back")[0], 403)
        for body, word in (({**ACCEPT, "reason": ""}, "reason"), ({**ACCEPT, "reason": None}, "reason"),
                           ({**ACCEPT, "reason": "x" * 501}, "reason"), ({**ACCEPT, "thresholds": ["other"]}, "other"),
                           ({**ACCEPT, "thresholds": [1]}, "thresholds"), ({**ACCEPT, "thresholds": "all"}, "named"),
                           ({**ACCEPT, "thresholds": []}, "named"), ({**ACCEPT, "cutoffs": ["review"]}, "review"),
                           ({**ACCEPT, "thresholds": ["amount_p90"] * 300}, "256")):
            status, answer = self.approver.post("/api/nights/accept", **body)
            self.assertIn(status, (413, 422), (body, answer))
            self.assertIn(word, answer["error"])
        self.assertEqual(self.audit("held-back"), [])
        self.assertEqual(self.approver.post("/api/nights/accept", **ACCEPT)[0], 200)
        acceptance = self.held()[1]
        self.assertEqual((acceptance["source"], acceptance["reason"], acceptance["thresholds"]),
                         ("console:approver", "prices rose", ["amount_p90"]))
        # The night may run as another user.
        self.assertEqual(stat.S_IMODE(os.stat(os.path.join(self.nights, "accept.json")).st_mode), 0o644)
        status, answer = self.ada.post("/api/nights/accept", **ACCEPT)
        self.assertEqual(status, 409, answer)
        self.assertEqual(self.ada.post("/api/nights/take-back")[0], 200)
        self.assertIsNone(self.held()[1])
        self.assertEqual(self.approver.post("/api/nights/accept", **ACCEPT)[0], 200)
        what = "amount_p90: prices rose"
        self.assertEqual([(person, before, after) for person, _, before, after in self.audit("held-back")],
                         [("approver", "", what), ("admin", what, ""), ("approver", "", what)])

    def test_a_file_of_acceptance_that_is_none_stops_no_night(self):
        self.begin()
        self.fill(1000)
        os.makedirs(self.nights)
        path = os.path.join(self.nights, "accept.json")
        for text in ("{", "[]", '{"night": "2026-01-01", "source": "x", "reason": 7}', "[" * 100000,
                     json.dumps({"night": "2026-01-01", "source": "x", "reason": "y", "time_us": 1,
                                 "thresholds": ["a"] * 257, "cutoffs": []})):
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            self.assertIn("acceptance_problem", self.get("/api/nights/thresholds"))
        self.assertIn("the night goes on without it", self.night())
        self.assertTrue(os.path.exists(path))

    def test_hostile_files_are_told_and_nothing_ends(self):
        self.begin()
        self.fill(1000)
        self.night()
        (night,) = self.get("/api/nights")["nights"]
        folder = os.path.join(self.nights, night["date"])
        with open(os.path.join(folder, "report.json"), encoding="utf-8") as file:
            good = json.load(file)
        day, finding = good["days"][0], {"severity": "note", "code": "c", "subject": "s", "text": "t", "advice": "a"}
        for text, status, word in (
            ("", 422, "JSON"), ("{", 422, "JSON"), ("[]", 422, "date"), ("[" * 1000000, 422, "depth"),
            ('{"date":' * 3000, 422, "depth"), ("\xff\xfe", 422, "JSON"), ("x" * (5 << 20), 413, "bytes"),
            (json.dumps({**good, "findings": {}}), 422, "findings"),
            (json.dumps({**good, "findings": [7]}), 422, "findings"),
            (json.dumps({**good, "findings": [{**finding, "text": None}]}), 422, "findings[].text"),
            (json.dumps({**good, "findings": [finding] * 5001}), 422, "5,000"),
            (json.dumps({**good, "days": [{**day, "verdicts": []}]}), 422, "days[].verdicts"),
            (json.dumps({**good, "drift": None}), 422, "drift"),
            (json.dumps({**good, "verify": {**good["verify"], "sample": "yes"}}), 422, "verify.sample"),
            (json.dumps({key: value for key, value in good.items() if key != "rules"}), 422, "rules")):
            with open(os.path.join(folder, "report.json"), "wb") as file:
                file.write(text.encode("latin-1"))
            got, answer = self.viewer.get("/api/nights/report", date=night["date"])
            with self.subTest(text=text[:60]):
                self.assertEqual(got, status, answer)
                self.assertIn(word, answer["error"])
                self.assertEqual(self.get("/api/nights/drift")["nights"], [])
        os.remove(os.path.join(folder, "report.json"))
        self.assertEqual(self.viewer.get("/api/nights/report", date=night["date"])[0], 404)
        os.mkfifo(os.path.join(folder, "report.json"))
        self.assertEqual(self.viewer.get("/api/nights/report", date=night["date"])[0], 422)
        for date in ("", "x", "2026-02-30", "../..", night["date"] + "/..", "latest.json"):
            self.assertEqual(self.viewer.get("/api/nights/report", date=date)[0], 422)
        for name in ("night.json", "thresholds.json", "../thresholds.json", "../latest.json"):
            for text in ("{", "[" * 1000000, "7", '{"thresholds": [{}]}',
                         '{"date": "x", "thresholds": [{"held": 1}]}', "x" * (2 << 20)):
                with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                    file.write(text)
                for path in ("/api/nights", "/api/nights/thresholds", "/api/alerts"):
                    self.assertEqual(self.viewer.get(path)[0], 200)
                self.assertIn(self.approver.post("/api/nights/accept", **ACCEPT)[0], (404, 413, 422, 500))
        self.assertIn("problem", self.get("/api/nights")["nights"][0])
        self.assertTrue(self.get("/api/nights/thresholds")["problem"])

    def test_the_reports_may_be_elsewhere_and_gaps_are_shown(self):
        self.fill(1000)
        self.night()
        self.night("--date=2026-11-20")
        self.begin(f"--reports={self.nights}")
        nights = self.get("/api/nights")["nights"]
        dates = [night["date"] for night in nights]
        self.assertEqual(dates, sorted(dates, reverse=True))
        self.assertTrue(all(night["missing"] for night in nights[1:-1]))
        self.assertFalse(nights[0]["missing"] or nights[-1]["missing"])
        self.console.kill()
        self.begin(f"--reports={self.folder}/nowhere")
        self.assertIn("nowhere", self.get("/api/nights")["folder_problem"])
        alerts = {alert["name"]: alert for alert in self.get("/api/alerts")["alerts"]}
        self.assertEqual(alerts["HarrierNightFailed"]["state"], "unknown")

    # ---- brakes, tokens, alerts, the archive ----

    def test_a_brake_is_lifted_with_a_reason_by_an_approver(self):
        self.begin()
        self.fill(1000, 3)
        subprocess.run([HARRIER, "brake", "pull", "many", "--why", "too much", "--to", self.harrierd.address, "-q"],
                       check=True, timeout=WAIT)
        (brake,) = self.get("/api/status")["brakes"]
        self.assertEqual((brake["rule"], brake["reason"]), ("many", "too much"))
        lift = {"rule": "many", "definition": brake["definition"], "reason": "corrected"}
        for session in (self.viewer, self.analyst):
            self.assertEqual(session.post("/api/brakes/lift", **lift)[0], 403)
        for body in ({**lift, "reason": ""}, {**lift, "definition": "x"}, {**lift, "rule": 7}):
            self.assertEqual(self.approver.post("/api/brakes/lift", **body)[0], 422)
        self.assertEqual(self.audit("brake"), [])
        self.assertEqual(self.approver.post("/api/brakes/lift", **lift), (200, {"changed": True}))
        self.assertEqual(self.get("/api/status")["brakes"], [])
        self.assertEqual(self.approver.post("/api/brakes/lift", **lift), (200, {"changed": False}))
        self.assertEqual(self.audit("brake")[2:], [("approver", "many", "", "lifted"),
                                                   ("approver", "many", "pulled", "corrected")])
        self.harrierd.kill()
        self.assertEqual(self.approver.post("/api/brakes/lift", **lift)[0] // 100, 5)
        self.assertIn("not lifted", self.audit("brake")[0][3])

    def test_tokens_end_and_are_never_shown(self):
        path = os.path.join(self.folder, "tokens")
        secrets = []
        for name, days in (("shop", 5), ("feed", 200)):
            made = subprocess.run([HARRIER, "token", "new", name, "--tokens", path, "--scopes=score,outcome",
                                   f"--for={days}d"], capture_output=True, text=True, timeout=WAIT, check=True)
            secrets += re.findall(r"hrr_[0-9a-f]+_([0-9a-f]+)", made.stdout)
        self.assertEqual(len(secrets), 2)
        self.begin(f"--tokens={path}")
        answer = self.get("/api/tokens")
        self.assertEqual({token["name"]: token["scopes"] for token in answer["tokens"]},
                         {"shop": ["score", "outcome"], "feed": ["score", "outcome"]})
        with open(path, encoding="utf-8") as file:
            hashes = re.findall(r"hash=(\S+)", file.read())
        for word in secrets + hashes:
            self.assertNotIn(word, json.dumps(answer))
        state = {alert["name"]: alert["state"] for alert in self.get("/api/alerts")["alerts"]}
        self.assertEqual(state["HarrierTokenEnds"], "firing")
        os.chmod(path, 0o666)
        self.assertIn("tokens", self.get("/api/tokens")["problem"])

    def test_alerts_are_those_of_the_file(self):
        self.begin()
        with open(os.path.join(ROOT, "deploy/alerts.yaml"), encoding="utf-8") as file:
            text = file.read()
        names = re.findall(r"- alert: (\w+)", text)
        severities = re.findall(r"severity: (\w+)", text)
        alerts = self.get("/api/alerts")["alerts"]
        self.assertEqual([(alert["name"], alert["severity"]) for alert in alerts], list(zip(names, severities)))
        for alert in alerts:
            self.assertEqual(alert["state"] == "unknown", "unknown" in alert)
        self.harrierd.kill()
        state = {alert["name"]: alert["state"] for alert in self.get("/api/alerts")["alerts"]}
        self.assertEqual((state["HarrierNotReady"], state["HarrierDown"], state["HarrierBrake"]), ("firing", "firing", "unknown"))

    def test_the_archive_is_what_the_command_says(self):
        self.begin()
        self.fill(1000)
        self.night()

        def by_command():
            listed = subprocess.run([HARRIER, "archive", "list", "--json", self.data], capture_output=True, text=True,
                                    timeout=WAIT, check=True)
            segments = [json.loads(line) for line in listed.stdout.splitlines()]
            return (len(segments), sum(one["bytes"] for one in segments), sum(one["stored_bytes"] for one in segments),
                    self.harrierd.status()["position"])

        # The server may still write, a checkpoint say: they are equal once the archive stands still between two looks.
        def by_both():
            before = by_command()
            answer = self.get("/api/archive")
            return answer if before == by_command() else None

        answer = wait_for(by_both)
        self.assertEqual((answer["segments"], answer["bytes"], answer["stored"], answer["position"]), by_command())
        self.assertEqual(sum(day["stored"] for day in answer["days"]), answer["stored"])


if __name__ == "__main__":
    unittest.main()
