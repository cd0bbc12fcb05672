#!/usr/bin/env python3
"""Each alert fires in its fault, and only then: promtool evaluates deploy/alerts.yaml on the series of cases.yaml.

usage: run.py SOURCE_ROOT      exits with 77, skipped, without promtool or a YAML parser

Annotations are left out, because promtool compares them character by character; `promtool check rules` parses their
templates, and tests/watching/run reads them as Prometheus renders them.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

SKIPPED = 77
MINUTES, DAYS_MINUTES, DAYS_STEP = 200, 8 * 1440, 30
OWN = {"job": "harrier", "instance": "a:7732"}
STREAM = {"job": "harrier-stream", "instance": "s:9108"}


def labels_of(series):
    """(name, labels) of a series, with the labels that cases leave out."""
    name, _, rest = series.partition("{")
    given = dict(re.findall(r'(\w+)="([^"]*)"', rest))
    return name, {**(STREAM if name.startswith("harrier_stream") else OWN), **given}


def spell(series):
    name, labels = labels_of(series)
    return name + "{" + ",".join(f'{key}="{value}"' for key, value in sorted(labels.items())) + "}"


def values(text, minutes, step):
    """promtool's notation of a value of cases.yaml."""
    out, level, left = [], 0.0, minutes // step + 1
    parts = [part.strip() for part in str(text).split(",")]
    for i, part in enumerate(parts):
        what, _, span = part.partition(" for ")
        if bool(span) != (i < len(parts) - 1):
            raise ValueError(f"{text!r}: every part but the last one needs a time")
        count = min(int(span[:-1]) // step if span else left, left)
        left -= count
        if count == 0:
            continue
        if what == "-":
            out.append(f"_x{count}" if count > 1 else "_")
        elif what.startswith("+"):
            slope = float(what) * step
            out.append(f"{level + slope:g}+{slope:g}x{count - 1}")
            level += slope * count
        else:
            level = float(what)
            out.append(f"{level:g}x{count - 1}" if count > 1 else f"{level:g}")
    return " ".join(out)


def input_series(changes, healthy, minutes, step):
    merged = {spell(series): value for series, value in healthy.items()}
    merged.update({spell(series): value for series, value in changes.items()})
    return [{"series": series, "values": values(value, minutes, step)} for series, value in merged.items() if value != "-"]


def expected(alert, name, case, rule_labels):
    labels = case.get("labels")
    if labels is None:
        labels = STREAM if name.startswith("HarrierStream") else OWN
    return [{"exp_labels": {**labels, **rule_labels[name]}}] if alert == name else []


def test_of(name, case, healthy, alerts):
    minutes, step = (DAYS_MINUTES, DAYS_STEP) if case.get("days") else (MINUTES, 1)
    checks = [{"eval_time": case["before"], "alertname": alert, "exp_alerts": []}
              for alert in alerts if alert not in case.get("also", ())]  # fmt: skip
    checks += [{"eval_time": case["at"], "alertname": alert, "exp_alerts": expected(alert, name, case, alerts)}
               for alert in alerts if alert not in case.get("also", ())]  # fmt: skip
    return {"name": name, "interval": f"{step}m", "input_series": input_series(case["series"], healthy, minutes, step),
            "alert_rule_test": checks}  # fmt: skip


def quiet_test(name, changes, healthy, alerts, days=False):
    minutes, step = (DAYS_MINUTES, DAYS_STEP) if days else (MINUTES, 1)
    times = range(step, minutes + 1, 2880 if days else 60)
    return {"name": name, "interval": f"{step}m", "input_series": input_series(changes, healthy, minutes, step),
            "alert_rule_test": [{"eval_time": f"{time // step * step}m", "alertname": alert, "exp_alerts": []}
                                for time in times for alert in alerts]}  # fmt: skip


def rules_of(path, yaml):
    with open(path, encoding="utf-8") as file:
        return yaml.safe_load(file)


def faults_of_cases(cases, rules):
    """What cases.yaml lacks: a case for each alert and none else, a healthy series for each metric of a rule."""
    alerts = {rule["alert"] for rule in rules if "alert" in rule}
    for name in sorted(alerts - set(cases["cases"])):
        yield f"cases.yaml: no case for {name}"
    for name in sorted(set(cases["cases"]) - alerts):
        yield f"cases.yaml: there is no alert {name}"
    named = {labels_of(series)[0] for series in cases["healthy"]}
    used = {name for rule in rules for name in re.findall(r"(?<![:\w])(?:harrierd|harrier_stream)_\w+|\bup\b", rule["expr"])}
    sets_series = {labels_of(series)[0] for case in cases["cases"].values() for series in case["series"]}
    for name in sorted(used - named - sets_series):
        yield f"cases.yaml: no series for {name}"


def main(root):
    try:
        import yaml  # pylint: disable=import-outside-toplevel
    except ImportError:
        print("no YAML parser (python3-yaml): nothing is tested")
        return SKIPPED
    if not shutil.which("promtool"):
        print("no promtool (package prometheus): the alerts are not tested")
        return SKIPPED
    path = os.path.join(root, "deploy", "alerts.yaml")
    subprocess.run(["promtool", "check", "rules", path], check=True)
    rules = rules_of(path, yaml)
    flat = [rule for group in rules["groups"] for rule in group["rules"]]
    with open(os.path.join(root, "tests", "alerts", "cases.yaml"), encoding="utf-8") as file:
        cases = yaml.safe_load(file)
    faults = list(faults_of_cases(cases, flat))
    groups = [group["name"] for group in rules["groups"]]
    alerts = {rule["alert"]: rule["labels"] for rule in flat if "alert" in rule}
    for rule in flat:
        rule.pop("annotations", None)
    healthy = cases["healthy"]
    minutes = [quiet_test("healthy", {}, healthy, alerts)]
    minutes += [quiet_test(name, changes, healthy, alerts) for name, changes in cases["quiet"].items()]
    healthy_days = {**healthy, **cases["days"]}
    days = [quiet_test("healthy for days", {}, healthy_days, alerts, days=True)]
    for name, case in cases["cases"].items():
        if name in alerts:
            if case.get("days"):
                days.append(test_of(name, case, healthy_days, alerts))
            else:
                minutes.append(test_of(name, case, healthy, alerts))
    with tempfile.TemporaryDirectory(prefix="harrier-alerts-") as scratch:
        with open(os.path.join(scratch, "rules.yaml"), "w", encoding="utf-8") as file:
            yaml.safe_dump(rules, file, sort_keys=False)
        for name, tests, interval in (("minutes", minutes, "1m"), ("days", days, "30m")):
            test = os.path.join(scratch, name + ".yaml")
            with open(test, "w", encoding="utf-8") as file:
                yaml.safe_dump({"rule_files": ["rules.yaml"], "group_eval_order": groups, "evaluation_interval": interval,
                                "tests": tests}, file)  # fmt: skip
            done = subprocess.run(["promtool", "test", "rules", test], capture_output=True, text=True, check=False)
            if done.returncode:
                faults.append((done.stdout + done.stderr)[:6000])
    print("\n".join(faults) or f"{len(alerts)} alerts: each fires in its fault, and only then")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(os.path.abspath(sys.argv[1])))
