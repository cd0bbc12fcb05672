#!/usr/bin/env python3
"""Stages every fault, asks Prometheus which alerts fired for whom, and asks every query of the dashboard. README.md.

usage: run BUILD [--pictures FOLDER] [--only STAGE…]
"""
import argparse
import concurrent.futures
import json
import os
import re
import shutil
import sys
import tempfile
import time
import traceback

ROOT = os.environ["HARRIER_ROOT"]
sys.path[:0] = [os.path.dirname(os.path.abspath(__file__)), os.path.join(ROOT, "tests", "system")]
import kafka_stages  # noqa: E402
import pictures  # noqa: E402  (found by the line before)
import small_disk  # noqa: E402
from prometheus import Prometheus  # noqa: E402
from scaled import scaled  # noqa: E402
from server import free_port  # noqa: E402
from stages import NEEDS_DISK, STAGES, Stage  # noqa: E402
from story import tell  # noqa: E402

AT_ONCE = 5
LEAST_FREE = 0.2  # of the disk: the servers that nothing happens to must have more than HarrierDiskLow asks for
# Alerts that no stage can bring about here. tests/alerts covers them with series.
NOT_STAGED = {
    "HarrierAbsent": "staged at the end, without a job",
}
STAGES.update(kafka_stages.STAGES)
# Queries without data in the story: what they read is not there.
NOT_APPLICABLE = ("harrier_stream_", "harrierd_archive_held_records", "harrierd_log_commit_duration_seconds",
                  "harrierd_backup_last_success_timestamp_seconds", "offset 1w")  # fmt: skip


def alerts_of(text):
    return set(re.findall(r"- alert: (\w+)", text))


def run_stage(name, scratch, prometheus, began):
    stage = Stage(name, os.path.join(scratch, name), prometheus)
    try:
        STAGES[name][0](stage)
        print(f"{time.monotonic() - began:6.1f} s  {name}", flush=True)
        return None
    except Exception:  # pylint: disable=broad-except
        return f"stage {name}: {traceback.format_exc()}\n{stage.server.said()[-2000:] if stage.server else ''}"
    finally:
        stage.end()


def fired_ever(prometheus, start):
    """{job: alerts that fired at any time}"""
    span = int(time.time() - start) + 5
    found = {}
    for one in prometheus.instant(f'max_over_time(ALERTS{{alertstate="firing"}}[{span}s])'):
        found.setdefault(one["metric"].get("job", ""), set()).add(one["metric"]["alertname"])
    return found


def judge(names, fired):
    for name in names:
        _, expected, beside = STAGES[name]
        seen = fired.get(f"harrier-{name}", set())
        if expected - seen:
            yield f"stage {name}: did not fire: {sorted(expected - seen)}"
        if seen - expected - beside:
            yield f"stage {name}: fired without a fault: {sorted(seen - expected - beside)}"


def texts_are_whole(prometheus):
    """The annotations as Prometheus renders them now."""
    for alert in prometheus.ask("alerts")["alerts"]:
        for key, text in alert["annotations"].items():
            if re.search(r"<no value>|<error|{{|}}", text):
                yield f"{alert['labels']['alertname']}: {key}: {text}"


def absent(prometheus):
    prometheus.forget_all()
    prometheus.await_("HarrierAbsent fires", lambda: "HarrierAbsent" in prometheus.firing())


def ask_dashboard(prometheus, start, end):
    """Faults, and the data: {(panel's title, its id): [(target, series)]}"""
    with open(os.path.join(ROOT, "deploy", "grafana", "harrier.json"), encoding="utf-8") as file:
        dashboard = json.load(file)
    faults, data, empty = [], {}, []
    for panel in pictures.panels_of(dashboard):
        for target in panel["targets"]:
            query = target["expr"].replace("$__rate_interval", "10s").replace("$job", "harrier-story.*").replace("$instance", ".*")
            series = prometheus.ranged(query, start, end)
            data.setdefault(panel["id"], []).append((target, series))
            is_left_out = any(word in query for word in NOT_APPLICABLE)
            values = [value for one in series for _, value in one["values"] if value not in ("NaN", "+Inf")]
            if is_left_out:
                empty.append(query)
            if bool(values) == is_left_out:
                faults.append(f"{panel['title']}: {query}: {'has data, so it is applicable' if is_left_out else 'no data'}")
    print(f"{sum(len(found) for found in data.values())} queries of {len(data)} panels; {len(empty)} are not applicable here:")
    for query in empty:
        print("    " + query)
    return faults, dashboard, data


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--pictures")
    parser.add_argument("--only", nargs="+", choices=[*STAGES, "story"])
    options = parser.parse_args()
    small_disk.enter_namespace()
    room = shutil.disk_usage(tempfile.gettempdir())
    if room.free < LEAST_FREE * room.total:
        sys.exit(f"watching: {tempfile.gettempdir()} has {room.free / room.total:.0%} of its disk free, {LEAST_FREE:.0%} are needed: "
                 "HarrierDiskLow would fire for every server; set TMPDIR to a folder with more room")  # fmt: skip
    with open(os.path.join(ROOT, "deploy", "alerts.yaml"), encoding="utf-8") as file:
        rules = file.read()
    covered = {name for _, expected, _ in STAGES.values() for name in expected}
    faults = [f"{name} is neither staged nor in NOT_STAGED" for name in sorted(alerts_of(rules) - covered - set(NOT_STAGED))]
    faults += [f"{name} is in NOT_STAGED, but no alert or staged" for name in sorted(set(NOT_STAGED) - (alerts_of(rules) - covered))]
    names = [name for name in STAGES if not options.only or name in options.only]
    if not small_disk.is_possible():
        print("stages left out: " + ", ".join(sorted(NEEDS_DISK & set(names))))
        names = [name for name in names if name not in NEEDS_DISK]
    if not kafka_stages.is_possible():
        print("stages left out, for want of java, mvn or confluent-kafka: " + ", ".join(sorted(set(kafka_stages.STAGES) & set(names))))
        names = [name for name in names if name not in kafka_stages.STAGES]
    scratch = tempfile.mkdtemp(prefix="harrier-watching-")
    prometheus = Prometheus(os.path.join(scratch, "prometheus"), scaled(rules), free_port())
    start, began = time.time(), time.monotonic()
    try:
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            faults += [fault for fault in pool.map(lambda name: run_stage(name, scratch, prometheus, began), names) if fault]
        fired = fired_ever(prometheus, start)
        faults += judge(names, fired)
        for name in names:
            print(f"{name:12} {', '.join(sorted(fired.get(f'harrier-{name}', {'nothing'})))}")
        faults += texts_are_whole(prometheus)
        if not options.only or "story" in options.only:
            since = time.time()
            story = Stage("story", os.path.join(scratch, "story"), prometheus)
            try:
                tell(story)
            finally:
                story.end()
            wrong, dashboard, data = ask_dashboard(prometheus, since, time.time())
            faults += wrong
            if options.pictures:
                pictures.draw(dashboard, data, options.pictures)
        if not options.only:
            absent(prometheus)
    finally:
        prometheus.stop()
        shutil.rmtree(scratch, ignore_errors=True)
    print("\n".join(faults) or f"{len(names)} stages in {time.monotonic() - began:.0f} s: each alert fired in its fault, and only then")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
