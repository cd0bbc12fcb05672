#!/usr/bin/env python3
"""What watches Harrier names what there is: alerts, runbook, dashboard, and metrics in the code.

  - every metric that a rule or the dashboard reads exists, with the label values that it asks for; every metric of the
    server is read by one of the two, or is listed in UNREAD with the reason
  - every alert has a severity, summary, description and the link to its section of the runbook; every section of the
    runbook has an alert, and says page or ticket as its alert does; its commands are ones that harrier has
  - the dashboard is what deploy/grafana/make.py writes

usage: watching.py SOURCE_ROOT [HARRIER]
"""
import glob
import os
import re
import subprocess
import sys

METRIC = r"(?<![\w:])(?:harrierd|harrier_stream)_[a-z_]+"
# Nobody draws these, and no alert reads them.
UNREAD = {
    "harrierd_version": "a label, not a figure",
    "harrierd_challenger_share": "a setting",
    "harrierd_overlay_bytes": "part of harrierd_overlay_memory_bytes",
    "harrierd_generation_time_seconds": "harrierd_generation_age_seconds says the same",
    "harrierd_reload_duration_seconds": "no request waits for it; harrierd_reload_locked_seconds is drawn",
    "harrierd_comparisons_total": "harrierd_compared_entities and harrierd_differing_entities are drawn",
    "harrierd_tokens": "a setting",
    "harrierd_token_loads_total": "harrierd_tokens_refused is the alert",
    "harrierd_requests_left_out_total": "a loop of devices; seen once, at the set-up",
    "harrierd_source_gaps_total": "the numbers in them are drawn",
    "harrierd_source_repeats_total": "the night's report has them",
    "harrierd_source_restarts_total": "the night's report has them",
    "harrierd_source_unlisted_total": "only beyond 256 sources",
    "harrierd_model_drift_decisions": "says when the drift has a value",
    "harrierd_shadow_rule_errors_total": "harrier shadow reports them",
    "harrierd_shadow_degraded_total": "harrier shadow reports them",
    "harrierd_shadow_policies": "a setting",
}


def metrics_of(root):
    """The names in the code, and all words in it, which label values are among."""
    names, words = set(), set()
    for folder in ("server", "core/store/nights", "core/wire", "core/base", "clients/c", "clients/cli/stream"):
        for path in glob.glob(os.path.join(root, folder, "**", "*.c"), recursive=True):
            with open(path, encoding="utf-8") as file:
                text = file.read()
            names |= set(re.findall(r'"(harrierd_[a-z_]+|harrier_stream_[a-z_]+)"', text))
            names |= set(re.findall(r'"(?:# HELP )?(harrierd_token_requests_total)', text))
            words |= set(re.findall(r'"([a-z_ ]+)"', text))
    return names, words


def with_parts(names):
    return names | {name + part for name in names for part in ("_bucket", "_sum", "_count")}


def expressions_of_alerts(text):
    return [(f"alerts.yaml:{number}", found[1]) for number, line in enumerate(text.splitlines(), 1)
            if (found := re.match(r"\s*expr: (.*)", line))]  # fmt: skip


def expressions_of_dashboard(text):
    return [("harrier.json", found.replace('\\"', '"')) for found in re.findall(r'"expr": "((?:\\"|[^"])*)"', text)]


def check_expressions(expressions, names, words):
    known = with_parts(names)
    for where, expression in expressions:
        for name in re.findall(METRIC, expression):
            if name not in known:
                yield f"{where}: there is no metric {name}"
        for operator, value in re.findall(r'\b(?!job|instance|alertname|alertstate|le\b)[a-z]+(=~|=|!=)"([^"]*)"', expression):
            for one in value.split("|") if operator == "=~" else [value]:
                if one not in words:
                    yield f'{where}: no metric has a label "{one}"'


def check_all_are_read(names, texts):
    read = {name for text in texts for name in re.findall(METRIC, text)}
    for name in sorted(names):
        if not read & with_parts({name}) and name not in UNREAD:
            yield f"{name}: no alert and no panel reads it; add one, or a row to UNREAD of tests/lint/watching.py"
    for name in sorted(set(UNREAD) & read):
        yield f"{name}: is in UNREAD, but something reads it"
    for name in sorted(set(UNREAD) - names):
        yield f"{name}: is in UNREAD, but there is no such metric"


def alerts_of(text):
    """name → what is written below it"""
    parts = re.split(r"^ +- alert: (\w+)\n", text, flags=re.M)[1:]
    return {name: re.split(r"^ +- ", body, flags=re.M)[0] for name, body in zip(parts[::2], parts[1::2])}


def check_alerts(text):
    names = re.findall(r"^ +- alert: (\w+)", text, flags=re.M)
    if not names:
        yield "alerts.yaml: there is no alert in it"
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"alerts.yaml: {name} is there twice"
    for name, body in alerts_of(text).items():
        for word in ("expr: ", "labels: {severity: ", 'summary: "', 'description: "'):
            if word not in body:
                yield f"alerts.yaml: {name} has no {word.split(':')[0]}"
        if f'runbook_url: "docs/operations/runbook.md#{name.lower()}"' not in body:
            yield f"alerts.yaml: {name} has no runbook_url to its section"


def check_runbook(alerts, runbook):
    parts = re.split(r"^### (\w+)\n", runbook, flags=re.M)[1:]
    sections = dict(zip(parts[::2], parts[1::2]))
    severities = {name: re.search(r"severity: (\w+)", body)[1] for name, body in alerts_of(alerts).items()}
    for name in severities:
        if name not in sections:
            yield f"runbook.md: no section {name}"
    for name, body in sections.items():
        if name not in severities:
            yield f"runbook.md: there is no alert {name}"
            continue
        if not body.strip().startswith(severities[name].capitalize() + "."):
            yield f"runbook.md: {name} is a {severities[name]}: its section must begin with {severities[name].capitalize()}."
        for word in ("Customers", "Look", "Do", "Wake"):
            if f"- **{word}**: " not in body:
                yield f"runbook.md: {name} has no {word}"


def check_commands(runbook, harrier):
    """Its commands of harrier are ones that --help knows."""
    helps = {}
    for command in re.findall(r"`(harrier [a-z][^`|]*)", runbook):
        words = command.split()
        if words[1] not in helps:
            shown = subprocess.run([harrier, words[1], "--help"], capture_output=True, text=True, check=False)
            helps[words[1]] = shown.stdout if shown.returncode == 0 else None
        if helps[words[1]] is None:
            yield f"runbook.md: there is no command {words[1]}: {command}"
            continue
        known = set(re.findall(r"--[a-z-]+", helps[words[1]]))
        for word in words[2:]:
            if word.startswith("--") and word.split("=")[0] not in known:
                yield f"runbook.md: {words[1]} has no option {word}"
        verbs = re.findall(r"\bharrier [a-z]+ \[OPTION\.\.\.\] ([a-z]+)", helps[words[1]])
        if verbs and len(words) > 2 and words[2] not in verbs:
            yield f"runbook.md: {command}: expected one of {', '.join(verbs)}"


def check(root, harrier=None):
    def read(*path):
        with open(os.path.join(root, *path), encoding="utf-8") as file:
            return file.read()

    alerts, dashboard = read("deploy", "alerts.yaml"), read("deploy", "grafana", "harrier.json")
    runbook = read("docs", "operations", "runbook.md")
    names, words = metrics_of(root)
    faults = list(check_expressions(expressions_of_alerts(alerts) + expressions_of_dashboard(dashboard), names, words))
    faults += check_all_are_read({name for name in names if name.startswith("harrierd_")}, [alerts, dashboard])
    faults += check_alerts(alerts)
    faults += check_runbook(alerts, runbook)
    if harrier:
        faults += check_commands(runbook, harrier)
    made = subprocess.run([sys.executable, os.path.join(root, "deploy", "grafana", "make.py"), "--check"],
                          capture_output=True, text=True, check=False)  # fmt: skip
    return faults + made.stderr.splitlines()


if __name__ == "__main__":
    FAULTS = check(*(os.path.abspath(path) for path in sys.argv[1:3]))
    print("\n".join(FAULTS) or "alerts, runbook, dashboard and metrics agree")
    sys.exit(1 if FAULTS else 0)
