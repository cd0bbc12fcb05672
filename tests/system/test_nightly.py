#!/usr/bin/env python3
"""harrier night: a quiet week and four bad days, each named by the report, the exit status and the metrics; runs that
are killed at random moments; a busy archive, a hook, a second night beside.

HARRIER_KILLS=100 kills more often, nights of bad days too; HARRIER_SEED repeats the moments. HARRIER_WORLD=7 takes another
simulated world.
"""
import collections
import csv
import datetime
import fcntl
import fractions
import glob
import json
import math
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

from server import ServerTest

try:
    import jsonschema
except ImportError:
    jsonschema = None

HARRIER = os.environ["HARRIER"]
ROOT = os.environ["HARRIER_ROOT"]
POLICY = os.path.join(ROOT, "rules", "card-payments")
DAYS, A_DAY = 9, 1200  # of history, the last of them reported on
ALERTS = 2
KILLS = int(os.environ.get("HARRIER_KILLS", 12 // int(os.environ.get("HARRIER_STEPS_PART", "1"))))
SEED = int(os.environ.get("HARRIER_SEED", str(random.randrange(10**6))))

# At idle priority the night would wait for every other test.
NIGHT = [HARRIER, "night", "--priority", "normal", "--data"]

# The simulator's days differ, so they are always the same ones.
TODAY = datetime.date(2026, 3, 11)
FIRST = TODAY - datetime.timedelta(days=DAYS)
YESTERDAY = TODAY - datetime.timedelta(days=1)


def run(*arguments, expect=0, **more):
    done = subprocess.run([HARRIER, *arguments], capture_output=True, text=True, check=False, **more)
    if expect is not None and done.returncode != expect:
        raise AssertionError(f"{arguments}: status {done.returncode}, expected {expect}: {done.stderr}")
    return done


def night(data, *more, expect=0):
    return run(*NIGHT[1:], data, "--date", str(TODAY), "--retry-delay", "50ms", *more, expect=expect)


def read_json(*path):
    with open(os.path.join(*path), encoding="utf-8") as file:
        return json.load(file)


def report_of(data):
    return read_json(data, "nights", str(TODAY), "report.json")


def journal_of(data):
    return read_json(data, "nights", str(TODAY), "night.json")


def named(data, severity=None):
    """(code, subject) of the report's findings."""
    return {(finding["code"], finding["subject"]) for finding in report_of(data)["findings"]
            if severity in (None, finding["severity"])}


def figures_of(data):
    """The report without what differs from run to run."""
    report = report_of(data)
    for key in ("steps", "growth"):
        del report[key]
    return report


def base_minor(row):
    """The amount in minor units of the base currency, at the policy's rates, ties to the even one."""
    rates = {"EUR": 1, "GBP": fractions.Fraction("1.16"), "USD": fractions.Fraction("0.92")}
    return round(row["amount_minor"] * rates[row["currency"]])


def eighth(value):
    """The bin of a number: eight for each power of two."""
    fraction, exponent = math.frexp(abs(value))
    if value == 0 or exponent < -32:
        return 0
    return math.copysign((exponent + 32) * 8 + int((fraction - 0.5) * 16) + 1, value)


def stability(before, now):
    """Of texts; an empty one is absent."""
    counts = [collections.Counter(eighth(float(text)) for text in side if text) for side in (before, now)]
    absent = [side.count("") for side in (before, now)]
    groups = [[absent[0], 0], [absent[1], 0]]
    for at in sorted(counts[0] | counts[1]):
        for side in (0, 1):
            groups[side][-1] += counts[side][at]
        if len(groups[0]) < 11 and groups[0][-1] > 0 and groups[0][-1] * 10 >= len(before) - absent[0]:
            for side in (0, 1):
                groups[side].append(0)
    shares = [[(count + 0.5) / (sum(side) + 0.5 * len(side)) for count in side] for side in groups]
    return sum((a - b) * math.log(a / b) for b, a in zip(*shares))


class Week:
    """Archives with a quiet week, and a last day of one's own. Outcomes are known at once."""

    def __init__(self, folder):
        self.folder = folder
        self.quiet_days = os.path.join(folder, "quiet")
        *week, self.last_day = self.days()
        self.before = [row for day in week for row in day]
        self.bring_in(self.quiet_days, self.before)

    def days(self):
        path = os.path.join(self.folder, "rows.jsonl")
        run("simulate", "--days", str(DAYS), "--from", str(FIRST), "--transactions-per-day", str(A_DAY), "--customers",
            "400", "--seed", os.environ.get("HARRIER_WORLD", "1"), "--format", "jsonl", "--out", path)
        days = {}
        with open(path, encoding="utf-8") as file:
            for line in file:
                row = json.loads(line)
                row.pop("outcome_time", None)
                days.setdefault(row["event_time"][:10], []).append(row)
        return [days[day] for day in sorted(days)]

    def bring_in(self, data, rows, policy=POLICY):
        path = os.path.join(self.folder, "import.jsonl")
        os.makedirs(data, exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)
        run("import", data, path, "--policy", policy, "--quiet", "--max-ahead", "48h")

    def with_day(self, name, rows, **more):
        data = os.path.join(self.folder, name)
        shutil.rmtree(data, ignore_errors=True)
        shutil.copytree(self.quiet_days, data, symlinks=True)
        self.bring_in(data, rows, **more)
        return data


class NightlyTest(ServerTest):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory(prefix="harrier-nightly-")
        cls.week = Week(cls.scratch.name)
        cls.quiet = cls.week.with_day("as-usual", cls.week.last_day)

    @classmethod
    def tearDownClass(cls):
        cls.scratch.cleanup()

    def copy(self, of=None):
        data = os.path.join(self.folder, "data")
        shutil.rmtree(data, ignore_errors=True)
        shutil.copytree(of or self.quiet, data, symlinks=True)
        return data

    def metrics(self, data):
        """Those of a server on this data."""
        shutil.rmtree(os.path.join(self.folder, "data"), ignore_errors=True)
        if data:
            shutil.copytree(data, os.path.join(self.folder, "data"), symlinks=True)
        server = self.server(f"--policy={POLICY}").start()
        values = {name: server.metric(name) for name in (
            "harrierd_night_failed", "harrierd_night_held_back", "harrierd_night_last_success_timestamp_seconds",
            'harrierd_night_findings{severity="alert"}', 'harrierd_night_findings{severity="warning"}')}
        self.assertEqual(server.stop(), 0)
        return values

    # ---- what the report says ----

    def test_quiet_day(self):
        data = self.copy()
        night(data, "--verify", "whole")
        report = report_of(data)
        self.assertEqual(named(data, "alert"), set(), report["findings"])
        self.check_figures(report)
        self.check_schema(report)
        self.assertEqual(report["verify"]["different"], 0)
        self.assertGreater(report["verify"]["compared"], DAYS * A_DAY // 2)
        self.assertEqual(report["drift"]["days_before"], 7)
        self.check_drift(report["drift"])
        self.assertGreater(journal_of(data)["seal"]["segments"], 0)
        with open(os.path.join(data, "nights", str(TODAY), "report.html"), encoding="utf-8") as page:
            self.assertIn(f"Report on {YESTERDAY}", page.read())

    def check_drift(self, drift):
        """Against the features of a replay, with indices computed anew: in tenths of the week before."""
        path = os.path.join(self.folder, "features.csv")
        run("replay", self.quiet, "--policy", POLICY, "--features", path, "--quiet")
        with open(path, newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        first = str(YESTERDAY - datetime.timedelta(days=7))
        now = [row for row in rows if row["event_time"].startswith(str(YESTERDAY))]
        before = [row for row in rows if first <= row["event_time"] < str(YESTERDAY)]
        self.assertEqual((drift["rows"], drift["rows_before"]), (len(now), len(before)))
        self.assertGreater(len(drift["features"]), 10)
        compared = 0
        for feature in drift["features"]:
            name = feature["feature"]
            if not name.split(".")[-1].startswith(("count_", "sum_", "mean_", "max_")):
                continue  # texts and durations are printed otherwise
            expected = stability([row[name] for row in before], [row[name] for row in now])
            self.assertAlmostEqual(feature["stability_index"], expected, places=9, msg=name)
            self.assertAlmostEqual(feature["absent"], sum(row[name] == "" for row in now) / len(now), places=9)
            compared += 1
        self.assertGreater(compared, 5)

    def test_a_value_with_another_formula(self):
        """Histograms of the old formula are of the same name, and are not what the day is compared with."""
        data = self.copy()
        night(data, "--verify", "none")
        policy = os.path.join(self.folder, "another")
        shutil.copytree(POLICY, policy)
        path = os.path.join(policy, "features.yaml")
        with open(path, encoding="utf-8") as file:
            features = file.read()
        with open(path, "w", encoding="utf-8") as file:
            file.write(features.replace("? amount / card.mean_amount_30d", "? 100.0 * amount / card.mean_amount_30d"))
        self.week.bring_in(data, [{**row, "id": "n" + row["id"], "event_time": str(TODAY) + row["event_time"][10:]}
                                  for row in self.week.last_day], policy=policy)
        tomorrow = str(TODAY + datetime.timedelta(days=1))
        night(data, "--verify", "none", "--date", tomorrow, expect=None)
        drift = read_json(data, "nights", tomorrow, "report.json")["drift"]
        index = {feature["feature"]: feature["stability_index"] for feature in drift["features"]}
        self.assertLess(index["times_usual"], 0.1)
        self.assertEqual(drift["days_before"], 7)

    def test_drift_beyond_the_memory(self):
        """Each thread has histograms of its own."""
        data = self.copy()
        night(data, "--verify", "none", "--memory", "64M", "--threads", "64")
        drift = report_of(data)["drift"]
        self.assertIn("the replay would take about", drift["reason"])
        self.assertEqual((drift["rows"], drift["features"]), (0, []))
        night(data, "--verify", "none", "--memory", "64M", "--threads", "1", "--again")
        drift = report_of(data)["drift"]
        self.assertNotIn("reason", drift)
        self.assertGreater(drift["rows"], A_DAY // 2)

    def check_schema(self, report):
        schema = read_json(ROOT, "docs", "schema", "night-report.json")
        self.assertEqual(set(report), set(schema["properties"]))
        if jsonschema:
            jsonschema.Draft202012Validator.check_schema(schema)
            errors = jsonschema.Draft202012Validator(schema).iter_errors(report)
            self.assertEqual([error.message for error in errors], [])

    def check_figures(self, report):
        """Against the rows that went in, and what an export of the archive says."""
        rows = self.week.last_day
        day = report["days"][-1]
        self.assertEqual(day["day"], str(YESTERDAY))
        self.assertEqual(day["transactions"], len(rows))
        self.assertEqual(report["hours"], [sum(int(row["event_time"][11:13]) == hour for row in rows)
                                           for hour in range(24)])
        out = run("export", self.quiet, "--format", "jsonl", "--out", "-", "--quiet").stdout
        exported = [json.loads(line) for line in out.splitlines()]
        self.check_rules(report, exported)
        self.check_ages(report, exported)
        exported = [row for row in exported if row["event_time"].startswith(str(YESTERDAY))]
        amounts = {verdict: sum(base_minor(row) for row in exported if row["verdict"] == verdict)
                   for verdict in day["amounts"]}
        self.assertEqual(day["amounts"], amounts)
        verdicts = [row["verdict"] for row in exported]
        self.assertEqual(day["verdicts"], {verdict: verdicts.count(verdict) for verdict in day["verdicts"]})
        frauds = [row for row in exported if row.get("outcome") in ("fraud", "chargeback")]
        self.assertGreater(len(frauds), 0)
        missed = [row for row in frauds if row["verdict"] == "approve"]
        self.assertEqual(day["fraud_missed"], len(missed))
        self.assertEqual(day["fraud_found"], len(frauds) - len(missed))

    def check_rules(self, report, exported):
        expected = {}
        for row in exported:
            for rule in row.get("rules", []):
                counts = expected.setdefault(rule, {"fires": 0, "fraud": 0, "legit": 0})
                counts["fires"] += row["event_time"].startswith(str(YESTERDAY))
                counts["fraud"] += row.get("outcome") in ("fraud", "chargeback")
                counts["legit"] += row.get("outcome") == "legit"
        live = {rule["rule"]: {key: rule[key] for key in ("fires", "fraud", "legit")}
                for rule in report["rules"] if not rule["shadow"]}
        self.assertEqual(live, expected)
        self.assertGreater(sum(rule["fraud"] for rule in live.values()), 10)

    def check_ages(self, report, exported):
        for group in report["frauds_by_age"]:
            days = {str(YESTERDAY - datetime.timedelta(days=age))
                    for age in range(group["from_days"], group["to_days"] + 1)}
            rows = [row for row in exported if row["event_time"][:10] in days]
            frauds = [row for row in rows if row.get("outcome") in ("fraud", "chargeback")]
            missed = [row for row in frauds if row["verdict"] == "approve"]
            self.assertEqual(
                (group["transactions"], group["with_outcome"], group["found"], group["missed"],
                 group["amount_missed"]),
                (len(rows), sum(row.get("outcome") in ("fraud", "chargeback", "legit") for row in rows),
                 len(frauds) - len(missed), len(missed), sum(map(base_minor, missed))))

    def fraud_wave(self):
        rate = sum(row.get("outcome") == "fraud" for row in self.week.before) / len(self.week.before)
        rows = [dict(row) for row in self.week.last_day]
        for row in rows[:: round(1 / (5 * rate))]:
            row["outcome"] = "fraud"
        return self.week.with_day("fraud", rows), ("fraud_rate", str(YESTERDAY))

    def half_is_missing(self):
        return self.week.with_day("half", self.week.last_day[::2]), ("volume_low", "")

    def rule_that_fires_on_everything(self):
        policy = os.path.join(self.folder, "wrong")
        shutil.copytree(POLICY, policy)
        with open(os.path.join(policy, "rules", "wrong.yaml"), "w", encoding="utf-8") as file:
            file.write("rules:\n  - name: anything\n    when: amount >= 0.0\n    then: {verdict: review}\n")
        return self.week.with_day("rule", self.week.last_day, policy=policy), ("rule_fires_on_everything", "anything")

    def clock_a_day_fast(self):
        """Some terminals: their transactions come with the next day's times."""
        rows = []
        for number, row in enumerate(self.week.last_day):
            row = dict(row, received_time=row["event_time"])
            if number % 5 == 0:
                at = datetime.datetime.fromisoformat(row["event_time"]) + datetime.timedelta(days=1)
                row["event_time"] = at.isoformat().replace("+00:00", "Z")
            rows.append(row)
        return self.week.with_day("clock", rows), ("clock_fast", "client")

    def check_bad_day(self, data, finding):
        """The report must name it, the exit status and a metric must alert, and the log must say what of."""
        said = night(data, "--drift", "none", expect=ALERTS).stderr
        self.assertIn(finding, named(data, "alert"), report_of(data)["findings"])
        self.assertIn("harrier: alert: " + " ".join(finding).strip() + ": ", said)
        metrics = self.metrics(data)
        self.assertGreaterEqual(metrics['harrierd_night_findings{severity="alert"}'], 1)
        self.assertEqual(metrics["harrierd_night_failed"], 0)

    def test_fraud_wave(self):
        self.check_bad_day(*self.fraud_wave())

    def test_half_is_missing(self):
        self.check_bad_day(*self.half_is_missing())

    def test_rule_that_fires_on_everything(self):
        self.check_bad_day(*self.rule_that_fires_on_everything())

    def test_clock_a_day_fast(self):
        self.check_bad_day(*self.clock_a_day_fast())

    def test_refused_times(self):
        """The same where the server refuses such times: its file of rejects says so."""
        rejects = os.path.join(self.folder, "rejects.jsonl")
        row = {"id": "x", "harrier.source": "shop", "harrier.code": "invalid", "harrier.field": "event_time",
               "harrier.reason": "too far ahead", "harrier.received_time": f"{YESTERDAY}T10:00:00Z"}
        with open(rejects, "w", encoding="utf-8") as file:
            file.writelines(json.dumps(row) + "\n" for _ in range(30))
        with open(rejects + ".1", "w", encoding="utf-8") as file:
            row.update({"harrier.field": "currency", "harrier.received_time": f"{FIRST}T10:00:00Z"})
            file.write(json.dumps(row) + "\n")
            row["harrier.received_time"] = f"{YESTERDAY - datetime.timedelta(days=2)}T10:00:00Z"
            file.write(json.dumps(row) + "\nnot json\n")
        data = self.copy()
        night(data, "--drift", "none", "--rejects", rejects, expect=ALERTS)
        self.assertIn(("clock_fast", "refused"), named(data, "alert"))
        said = report_of(data)["rejects"]
        self.assertEqual(said["reasons"], [{"reason": "invalid event_time", "count": 30, "before": 0},
                                           {"reason": "invalid currency", "count": 0, "before": 1}])
        self.assertEqual((said["count"], said["before"], said["unreadable"]), (30, 1, 1))

    def test_never_a_night(self):
        self.assertEqual(set(self.metrics(None).values()), {0})

    # ---- how it runs ----

    def test_killed(self):
        """At any moment: the next run completes it, with the result of one that was left alone. With many kills, bad days are
        among the nights, too: each is named."""
        chosen = random.Random(SEED)
        days = [(self.quiet, None)]
        if KILLS >= 50:
            days += [self.fraud_wave(), self.half_is_missing(), self.rule_that_fires_on_everything(), self.clock_a_day_fast()]
        alone = [self.left_alone(*day) for day in days]
        cut_off, alerts = {}, 0
        for kill in range(KILLS):
            (archive, finding), (expected, took) = days[kill % len(days)], alone[kill % len(days)]
            data = self.copy(archive)
            process = subprocess.Popen(
                [*NIGHT, data, "--date", str(TODAY), "--quiet"],
                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            time.sleep(chosen.random() * took)
            process.kill()
            process.communicate()
            step = self.step_at(data)
            cut_off[step] = cut_off.get(step, 0) + 1
            where = f"HARRIER_SEED={SEED}, kill {kill}, in {step}"
            said = night(data, expect=ALERTS if finding else 0).stderr
            self.assertEqual(self.result_of(data), expected, where)
            if finding:
                self.assertIn(finding, named(data, "alert"), where)
                self.assertIn(f"harrier: alert: {finding[0]}", said, where)
                metrics = self.metrics_in_place()
                self.assertEqual(metrics["harrierd_night_failed"], 0, where)
                self.assertGreaterEqual(metrics['harrierd_night_findings{severity="alert"}'], 1, where)
                alerts += 1
            self.assertTrue(journal_of(data)["complete"], where)
            self.assertEqual(glob.glob(os.path.join(data, "nights", "**", ".draft*"), recursive=True), [], where)
            self.assertEqual(read_json(data, "nights", "latest.json")["date"], str(TODAY), where)
            run("archive", "verify", data, "--quiet")
        print(f"killed {KILLS} times (HARRIER_SEED={SEED}) within {alone[0][1]:.2f} s, in {cut_off}; {alerts} bad days named",
              file=sys.stderr)

    def left_alone(self, archive, finding):
        """The result of its night, and how long that takes."""
        data = self.copy(archive)
        began = time.monotonic()
        night(data, expect=ALERTS if finding else 0)
        return self.result_of(data), time.monotonic() - began

    def result_of(self, data):
        return (figures_of(data), os.readlink(os.path.join(data, "generations", "current")),
                sorted(os.listdir(os.path.join(data, "nights", "drift"))))

    def step_at(self, data):
        try:
            steps = journal_of(data)["steps"]
        except FileNotFoundError:
            return "the beginning"
        left = [step["step"] for step in steps if step["state"] in ("waiting", "running")]
        return left[0] if left else "the end"

    def test_second_beside(self):
        """75, and what it did not disturb ends well. The first one waits in its hook."""
        data, fifo = self.copy(), os.path.join(self.folder, "fifo")
        os.mkfifo(fifo)
        hook = self.script(f"echo here >{fifo}; read go <{fifo}.go")
        os.mkfifo(fifo + ".go")
        first = subprocess.Popen([*NIGHT, data, "--drift", "none", "--hook", hook, "--quiet", "--date", str(TODAY)])
        with open(fifo, encoding="utf-8") as here:
            here.read()
        self.assertIn("runs the night here", night(data, expect=75).stderr)
        run("night", "--data", data, "--note-failure")  # the first one will say itself how it ended
        self.assertFalse(os.path.exists(os.path.join(data, "nights", "latest.json")))
        with open(fifo + ".go", "w", encoding="utf-8") as go:
            go.write("\n")
        self.assertEqual(first.wait(), 0)
        self.assertEqual(journal_of(data)["hook_status"], 0)

    def script(self, text):
        path = os.path.join(self.folder, f"hook{time.monotonic_ns()}")
        with open(path, "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\n" + text + "\n")
        os.chmod(path, 0o755)
        return path

    def test_hook(self):
        """It gets the names; 75 is tried again; another status fails the night, and the next run goes on there."""
        data, seen = self.copy(), os.path.join(self.folder, "seen")
        later = self.script(f'env | grep ^HARRIER_ >{seen}; test -e {seen}.again || {{ touch {seen}.again; exit 75; }}'
                            "; exit 3")
        said = night(data, "--drift", "none", "--hook", later, expect=69).stderr
        self.assertIn("next attempt", said)
        self.assertIn("ended with status 3", said)
        with open(seen, encoding="utf-8") as file:
            environment = dict(line.rstrip("\n").split("=", 1) for line in file)
        self.assertEqual(environment["HARRIER_NIGHT_DATE"], str(TODAY))
        self.assertTrue(os.path.exists(os.path.join(environment["HARRIER_NIGHT_DIR"], "report.html")))
        self.assertTrue(os.path.isdir(environment["HARRIER_GENERATION"]))
        self.assertEqual(environment["HARRIER_ARCHIVE"], os.path.join(data, "archive"))
        steps = journal_of(data)["steps"]
        self.assertEqual([step["attempts"] for step in steps], [1, 1, 1, 1, 1, 1, 1, 2])
        self.assertEqual(self.metrics_in_place()["harrierd_night_failed"], 1)
        self.assertEqual(read_json(data, "nights", "latest.json")["findings"], report_of(data)["severities"])
        # One that is not there will not be there in a minute.
        said = night(data, "--drift", "none", "--hook", "/no/such/hook", expect=69).stderr
        self.assertIn("the hook /no/such/hook: No such file", said)
        self.assertNotIn("next attempt", said)
        night(data, "--drift", "none", "--hook", "/bin/true")
        self.assertEqual([step["attempts"] for step in journal_of(data)["steps"]], [1, 1, 1, 1, 1, 1, 1, 4])
        self.assertEqual(self.metrics_in_place()["harrierd_night_failed"], 0)

    def metrics_in_place(self):
        server = self.server(f"--policy={POLICY}").start()
        values = {name: server.metric(name) for name in ("harrierd_night_failed", 'harrierd_night_findings{severity="alert"}')}
        self.assertEqual(server.stop(), 0)
        return values

    def test_hook_that_hangs(self):
        data = self.copy()
        said = night(data, "--drift", "none", "--hook", self.script("sleep 600"), "--hook-timeout", "1s", "--retries",
                     "0", expect=69).stderr
        self.assertIn("did not end in time", said)

    def test_no_result(self):
        """What OnFailure runs."""
        data = self.copy()
        run("night", "--data", data, "--note-failure")
        self.assertIn("without a result", read_json(data, "nights", "latest.json")["reason"])
        self.assertEqual(self.metrics_in_place()["harrierd_night_failed"], 1)
        night(data, "--drift", "none")
        self.assertEqual(self.metrics_in_place()["harrierd_night_failed"], 0)

    def test_wrong_folder(self):
        """Nothing is made where there is no archive."""
        data = self.copy()
        wrong = os.path.join(data, "wrong")
        os.mkdir(wrong)
        night(wrong, expect=66)
        self.assertEqual(os.listdir(wrong), [])

    def test_damaged(self):
        """Fails for good, at once, and says where."""
        data = self.copy()
        segment = sorted(glob.glob(os.path.join(data, "archive", "20*", "*.seg")))[1]
        with open(segment, "r+b") as file:
            file.seek(2000)
            file.write(b"damage")
        self.assertIn(os.path.basename(segment), night(data, expect=65).stderr)
        latest = read_json(data, "nights", "latest.json")
        self.assertEqual(latest["step"], "rebuild")
        self.assertEqual(latest["last_success_time_us"], 0)

    def test_disk_that_refuses(self):
        """A limit on files is like a full disk: tried again, then failed; the next run goes on with that step."""
        data = self.copy()
        limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))  # noqa: E731
        done = subprocess.run([*NIGHT, data, "--date", str(TODAY), "--drift", "none", "--retries", "1", "--retry-delay",
                               "1ms", "--quiet"], capture_output=True, text=True, check=False, preexec_fn=limit)
        self.assertEqual(done.returncode, 74, done.stderr)
        self.assertEqual(done.stderr.count("next attempt"), 1)
        self.assertTrue(journal_of(data)["failed"])
        self.assertEqual(read_json(data, "nights", "latest.json")["step"], "rebuild")
        night(data, "--drift", "none")
        self.assertEqual(journal_of(data)["steps"][0]["attempts"], 3)
        self.assertEqual(read_json(data, "nights", "latest.json")["failed_time_us"], 0)

    def test_interrupted(self):
        """By a signal while it waits for the next attempt: nothing has failed, and the next run completes it."""
        data = self.copy()
        process = subprocess.Popen([*NIGHT, data, "--date", str(TODAY), "--drift", "none", "--hook", self.script("exit 75"), "--retry-delay", "10m", "--quiet"],
                                   stderr=subprocess.PIPE, text=True)
        self.assertIn("next attempt", process.stderr.readline())
        process.send_signal(signal.SIGTERM)
        process.communicate()
        self.assertEqual(process.returncode, 75)
        self.assertFalse(journal_of(data)["failed"])
        night(data, "--drift", "none")
        self.assertTrue(journal_of(data)["complete"])

    def test_busy(self):
        """Another rebuild is at work for a while: the step is tried again. One that stays: nothing has failed."""
        data = self.copy()
        os.makedirs(os.path.join(data, "generations"))
        with open(os.path.join(data, "generations", "lock"), "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            said = night(data, "--drift", "none", "--retries", "2", "--retry-delay", "1ms", expect=75).stderr
            self.assertEqual(said.count("next attempt"), 2, said)
            self.assertFalse(journal_of(data)["failed"])
            process = subprocess.Popen([*NIGHT, data, "--date", str(TODAY), "--drift", "none", "--retries", "1000",
                                        "--retry-delay", "1ms", "--quiet"], stderr=subprocess.PIPE, text=True)
            self.assertIn("next attempt", process.stderr.readline())
        process.communicate()
        self.assertEqual(process.returncode, 0)
        self.assertGreater(journal_of(data)["steps"][0]["attempts"], 4)

    def test_once_a_day(self):
        """A complete night is not run again, unless --again; an older one that was cut off is completed first."""
        data = self.copy()
        night(data, "--drift", "none")
        began = journal_of(data)["began_us"]
        night(data, "--drift", "none")
        self.assertEqual(journal_of(data)["began_us"], began)
        night(data, "--drift", "none", "--again")
        self.assertGreater(journal_of(data)["began_us"], began)
        path = os.path.join(data, "nights", str(TODAY), "night.json")
        journal = read_json(path)
        journal["steps"][-1]["state"], journal["ended_us"] = "running", 0
        with open(path, "w", encoding="utf-8") as file:
            json.dump(journal, file)
        # Today's night has no transaction to report on.
        run(*NIGHT[1:], data, "--drift", "none", "--quiet", "--keep", "36500", expect=ALERTS)
        self.assertGreater(read_json(path)["ended_us"], 0)
        beside = {"drift", "lock", "latest.json", "thresholds.json"}
        others = set(os.listdir(os.path.join(data, "nights"))) - {str(TODAY)} - beside
        self.assertEqual(len(others), 1)
        said = read_json(data, "nights", *others, "report.json")["findings"]
        self.assertEqual([finding["code"] for finding in said], ["no_transactions"])
        # A report on an older day is none on how things are.
        latest = read_json(data, "nights", "latest.json")
        self.assertEqual({latest["date"]}, others)
        night(data, "--drift", "none", "--again", "--keep", "36500")
        self.assertEqual(read_json(data, "nights", "latest.json"), latest)
        self.assertIn("has not come yet", run(*NIGHT[1:], data, "--date", "9999-01-01", expect=64).stderr)


if __name__ == "__main__":
    unittest.main()
