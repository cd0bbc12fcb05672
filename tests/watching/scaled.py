"""deploy/alerts.yaml with shorter times, so that what takes days takes seconds. Everything else stays: the expressions, the
labels, the annotations. Prometheus scrapes and evaluates every second here, instead of every 15 or 60."""
import re

import yaml

# Ranges and offsets. Rates need several samples; the order of the times is kept.
SPANS = {"1m": 4, "2m": 6, "5m": 10, "10m": 14, "30m": 16, "1h": 18, "6h": 20, "26h": 24, "2d": 120, "1w": 60}
# Waits, from one evaluation to three.
WAITS = {"30s": 1, "1m": 2, "2m": 2, "5m": 3, "10m": 3, "15m": 3, "30m": 3, "1h": 3}
# Limits in seconds or records, one window, and three about speed, so that they say the same on a busy machine.
LIMITS = {
    "HarrierLatency": ("> 0.1", "> 1"),
    "HarrierBusy": ("> 0.9", "> 0.1"),
    "HarrierSyncSlow": ("> 0.5", "> 5"),
    "HarrierArchiveNotSynced": ("> 100000", "> 1000"),
    "HarrierDiskFilling": ("2 * 86400", "30"),
    "HarrierGenerationOld": ("> 2 * 86400", "> 120"),
    "HarrierNightMissing": ("> 30 * 3600", "> 120"),
    "HarrierBackupOld": ("> 36 * 3600", "> 30"),
    "HarrierLogBehind": ("> 100000", "> 50"),
    "HarrierStreamLag": ("> 100000", "> 1000"),
    "HarrierPolicyRefused": ("> 300", "> 3"),
    "HarrierNodeBehind": ("> 100000", "> 500"),
    "HarrierSwapAbandoned": ("[18s]", "[200s]"),  # a swap has half a minute of patience, here too
}


def spans(expression):
    return re.sub(r"(\[|\boffset )(\d+[smhdw])", lambda found: f"{found[1]}{SPANS[found[2]]}s", expression)


def scaled(text):
    rules = yaml.safe_load(text)
    for group in rules["groups"]:
        for rule in group["rules"]:
            rule["expr"] = spans(rule["expr"])
            if "for" in rule:
                rule["for"] = f"{WAITS[rule['for']]}s"
            if rule.get("alert") in LIMITS:
                old, new = LIMITS[rule["alert"]]
                if rule["expr"].count(old) != 1:
                    raise ValueError(f"{rule['alert']}: expected {old} once in {rule['expr']}")
                rule["expr"] = rule["expr"].replace(old, new)
    return yaml.safe_dump(rules, sort_keys=False, width=1000)
