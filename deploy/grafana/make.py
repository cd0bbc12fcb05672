#!/usr/bin/env python3
"""Writes harrier.json, the dashboard for Grafana, from the panels below.

usage: make.py [--check]      --check: compares, writes nothing, and exits with 1 if the file is another

A panel is (title, kind, unit, queries, what it shows); a query (expression, legend). `$s` stands for the choice of jobs and
instances, `$r` for the interval of rates. Kinds: stat, lines, stacked, heatmap, table.
"""
import json
import os
import sys

FILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "harrier.json")
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
CHOICE = 'job=~"$job", instance=~"$instance"'
OF_STREAMS = 'job=~"harrier.*"'


def quantile(q, name, more="", by=""):
    labels = f"{CHOICE}, {more}" if more else CHOICE
    return f"histogram_quantile({q}, sum by (le{', ' + by if by else ''}) (rate({name}_bucket{{{labels}}}[$r])))"


def rate(name, by="", more=""):
    labels = f"{CHOICE}, {more}" if more else CHOICE
    return f"sum{' by (' + by + ')' if by else ''} (rate({name}{{{labels}}}[$r]))"


def gauge(name, more=""):
    return f"{name}{{{CHOICE}{', ' + more if more else ''}}}"


SCORE = 'call="score"'
VERDICTS = {"approve": "green", "review": "yellow", "challenge": "orange", "decline": "red"}

ROWS = [
    ("Now", [
        ("Ready", "stat", "none", [("sum(" + gauge("harrierd_ready") + ")", "servers")],
         "Servers that answer requests."),
        ("Decisions", "stat", "cps", [(rate("harrierd_transactions_total"), "a second")], "Transactions decided a second."),
        ("p99 of scoring", "stat", "s", [(quantile(0.99, "harrierd_request_duration_seconds", SCORE), "p99")],
         "One request in a hundred takes longer."),
        ("Errors", "stat", "percentunit",
         [(f'{rate("harrierd_errors_total")} / (sum(job_instance:harrierd_items:rate5m{{{CHOICE}}}) > 0) or vector(0)', "share")],
         "Of all that was asked."),
        ("Declined", "stat", "percentunit",
         [('sum(rate(harrierd_transactions_total{$s, verdict="decline"}[$r])) / '
           "(sum(rate(harrierd_transactions_total{$s}[$r])) > 0) or vector(0)", "share")], "Of all decisions."),
        ("Alerts firing", "stat", "none",
         [('count(ALERTS{alertname=~"Harrier.*", alertstate="firing"}) or vector(0)', "alerts")],
         "docs/operations/runbook.md has a section for each."),
        ("Alerts", "table", "none", [('ALERTS{alertname=~"Harrier.*", alertstate="firing"}', "")], "Alerts that fire now."),
    ]),
    ("Traffic and verdicts", [
        ("Decisions by verdict", "stacked", "cps", [(rate("harrierd_transactions_total", "verdict"), "{{verdict}}")],
         "Transactions decided a second."),
        ("Share of verdicts", "lines", "percentunit",
         [('job_verdict:harrierd_transactions:share1h{job=~"$job", verdict!="approve"}', "{{verdict}}"),
          ('job_verdict:harrierd_transactions:share1h{job=~"$job", verdict!="approve"} offset 1w', "{{verdict}}, a week ago")],
         "Over the last hour, beside a week ago."),
        ("Requests by call", "lines", "reqps", [(rate("harrierd_requests_total", "call") + " > 0", "{{call}}")],
         "Messages answered a second; one may carry many transactions."),
        ("Errors by code", "lines", "cps", [(rate("harrierd_errors_total", "code") + " > 0", "{{code}}")],
         "For whole requests, and for single items in them."),
        ("Degraded, repeated, refused", "lines", "cps",
         [(rate("harrierd_degraded_total"), "degraded"), (rate("harrierd_duplicates_total"), "repeated"),
          (rate("harrierd_backfilled_total"), "backfilled"),
          (rate("harrierd_features_unknown_total"), "is_new unknown"),
          (rate("harrierd_rejects_total", "result"), "rejects {{result}}")], "Decisions a second that are special."),
        ("Age of the newest transaction", "lines", "s",
         [("time() - (" + gauge("harrierd_newest_event_time_seconds") + " > 0)", "{{instance}}")],
         "Grows while nothing arrives, or while what arrives is old."),
        ("Sources: transactions", "lines", "cps", [(rate("harrierd_source_transactions_total", "source"), "{{source}}")],
         "Of producers that number their transactions."),
        ("Sources: numbers that did not come", "lines", "none",
         [("sum by (source) (" + gauge("harrierd_source_missed_total") + " - " + gauge("harrierd_source_late_total") + ")", "{{source}}")],
         "Missed, and not come after all."),
        ("Dry runs", "lines", "cps", [(rate("harrierd_dry_runs_total"), "a second")], "Decided without being archived."),
    ]),
    ("Latency", [
        ("Scoring", "lines", "s",
         [(quantile(q, "harrierd_request_duration_seconds", SCORE), name) for q, name in
          ((0.5, "median"), (0.99, "p99"), (0.999, "p99.9"))],
         "From a request's arrival to its answer. The steps come from the buckets."),
        ("Scoring, all of it", "heatmap", "s",
         [(f"sum by (le) (increase(harrierd_request_duration_seconds_bucket{{{CHOICE}, {SCORE}}}[$r]))", "{{le}}")],
         "How many requests took how long."),
        ("p99 by call", "lines", "s",
         [(quantile(0.99, "harrierd_request_duration_seconds", by="call") + " >= 0", "{{call}}")], "Explanations and searches run in threads of their own."),
        ("Processor", "lines", "percentunit", [(f"rate(harrierd_cpu_seconds_total{{{CHOICE}}}[$r])", "{{instance}}")],
         "100 % is one processor. A single thread decides."),
        ("Memory", "lines", "bytes",
         [(gauge("harrierd_resident_memory_bytes"), "resident, {{instance}}"),
          (gauge("harrierd_overlay_memory_bytes"), "overlay, {{instance}}")], "Resident memory has the pages of the tables, too."),
        ("Requests refused", "lines", "reqps",
         [(rate("harrierd_requests_refused_total", "reason") + " >= 0", "{{reason}}"), (gauge("harrierd_queue_standing"), "queue stands, {{instance}}")],
         "overloaded: at once. late: after their deadline."),
        ("Memory of what waits", "lines", "bytes",
         [(gauge("harrierd_buffer_memory_bytes"), "{{instance}}"), (gauge("harrierd_buffer_limit_bytes"), "limit, {{instance}}")], "Requests and unread answers."),
        ("Connections", "lines", "none",
         [(gauge("harrierd_connections"), "{{instance}}"), (gauge("harrierd_http_connections"), "HTTP, {{instance}}")], "Clients connected now."),
        ("Connections ended and refused", "lines", "none",
         [(f"sum by (reason) (increase(harrierd_connections_ended_total{{{CHOICE}}}[$r])) > 0", "{{reason}}"),
          (f"sum(increase(harrierd_connections_refused_total{{{CHOICE}}}[$r]))", "refused"),
          (f"sum(increase(harrierd_http_cut_total{{{CHOICE}}}[$r]))", "HTTP cut")], "In each interval, by reason."),
        ("HTTP answers", "lines", "reqps", [(rate("harrierd_http_answers_total", "status") + " > 0", "{{status}}")], "By status."),
    ]),
    ("Rules and models", [
        ("Rules that fire most", "lines", "cps",
         [("topk(10, " + rate("harrierd_rule_fires_total", "rule", 'mode="live"') + ")", "{{rule}}")], "Live rules; fires a second."),
        ("Rules in shadow", "lines", "cps",
         [("topk(10, " + rate("harrierd_rule_fires_total", "rule", 'mode="shadow"') + ")", "{{rule}}")],
         "They fire without effect."),
        ("Brakes and what is refused", "lines", "none",
         [(gauge("harrierd_brakes"), "brakes"), (gauge("harrierd_reload_refused"), "policy refused"),
          (gauge("harrierd_shadow_policies_refused"), "shadow policies refused"),
          (gauge("harrierd_challenger_refused"), "challenger refused")], "All of these should be 0."),
        ("Rules that fail", "lines", "cps", [(rate("harrierd_rule_errors_total", "rule"), "{{rule}}")],
         "Conditions that could not be evaluated."),
        ("Drift of inputs", "lines", "none", [("topk(10, " + gauge("harrierd_model_input_drift") + ")", "{{model}}: {{input}}")],
         "Stability index against the training; above 0.25 it has drifted. Has a value from 1,000 decisions on."),
        ("Drift of scores", "lines", "none", [(gauge("harrierd_model_score_drift"), "{{model}}")], "The same of the model's scores."),
        ("Features without history", "lines", "none",
         [(gauge("harrierd_warming_features"), "features"), (gauge("harrierd_warming_rules"), "rules that use them")],
         "They wait for a rebuild."),
        ("Shadow policies: agreement", "lines", "percentunit",
         [(f'sum by (policy) (rate(harrierd_shadow_agreements_total{{{CHOICE}, agreement="same"}}[$r])) / '
           f'(sum by (policy) (rate(harrierd_shadow_decisions_total{{{CHOICE}}}[$r])) > 0)', "{{policy}}")],
         "Share of transactions with the same verdict as the policy in force."),
        ("Challenger", "lines", "cps", [(rate("harrierd_arm_decisions_total", "arm, verdict"), "{{arm}}: {{verdict}}")],
         "Decisions of each arm."),
    ]),
    ("Archive and disk", [
        ("Records", "lines", "cps", [(f"rate(harrierd_archive_position{{{CHOICE}}}[$r])", "{{instance}}")], "Appended a second."),
        ("Records not on disk", "lines", "none",
         [("clamp_min(" + gauge("harrierd_archive_position") + " - " + gauge("harrierd_archive_synced_position") + ", 0)", "{{instance}}")],
         "A power cut would lose them."),
        ("Syncs", "lines", "s",
         [(quantile(q, "harrierd_archive_sync_duration_seconds"), name) for q, name in ((0.5, "median"), (0.99, "p99"))],
         "Time the disk takes for each group commit."),
        ("Free space", "lines", "percentunit",
         [(gauge("harrierd_disk_free_bytes") + " / " + gauge("harrierd_disk_size_bytes"), "{{folder}}, {{instance}}")],
         "Alerts at 15 % and 5 %."),
        ("Free bytes", "lines", "bytes", [(gauge("harrierd_disk_free_bytes"), "{{folder}}, {{instance}}")], "Of the disk with that folder."),
        ("Records after the last backup", "lines", "none",
         [(gauge("harrierd_archive_position") + " - " + gauge("harrierd_backup_position"), "{{instance}}")],
         "Lost with the disk, if there is no other copy."),
        ("Failed writes and recoveries", "lines", "none",
         [(f"increase(harrierd_archive_write_failures_total{{{CHOICE}}}[$r])", "failed writes"),
          (f"increase(harrierd_recoveries_total{{{CHOICE}}}[$r])", "recoveries")], "In each interval."),
        ("Not on disk", "lines", "bytes",
         [(gauge("harrierd_archive_held_bytes"), "{{instance}}"),
          (gauge("harrierd_archive_held_records") + " > 0", "records that cannot be written, {{instance}}")],
         "With archive_failure = degrade: what memory holds for the archive."),
        ("Lost records", "lines", "none", [(gauge("harrierd_archive_lost_records"), "{{instance}}")],
         "harrier archive quarantine has replaced them."),
        ("Decisions in memory only", "lines", "cps",
         [(f"rate(harrierd_archive_unsaved_answers_total{{{CHOICE}}}[$r])", "{{instance}}")],
         "Answered as degraded while the archive's disk fails."),
    ]),
    ("Night and tables", [
        ("Age of tables and night", "lines", "s",
         [(gauge("harrierd_generation_age_seconds"), "tables, {{instance}}"),
          ("time() - (" + gauge("harrierd_night_last_success_timestamp_seconds") + " > 0)", "last night, {{instance}}"),
          ("time() - (" + gauge("harrierd_backup_last_success_timestamp_seconds") + " > 0)", "last backup, {{instance}}")], "Alerts at 48, 30 and 36 hours."),
        ("Overlay", "lines", "bytes",
         [(gauge("harrierd_overlay_memory_bytes"), "{{instance}}")], "Grows from one rebuild to the next."),
        ("Overlay: share of its limit", "lines", "percentunit",
         [(gauge("harrierd_overlay_memory_bytes") + " / (" + gauge("harrierd_overlay_limit_bytes") + " > 0)", "{{instance}}")],
         "At 100 % the server refuses requests. Nothing without overlay_limit."),
        ("Entities in the overlay, records after the tables", "lines", "none",
         [(gauge("harrierd_overlay_entities"), "entities, {{instance}}"), (gauge("harrierd_generation_lag_records"), "records, {{instance}}")],
         "Both fall with each swap."),
        ("Findings of the last night", "lines", "none", [(gauge("harrierd_night_findings"), "{{severity}}"),
                                                         (gauge("harrierd_night_held_back"), "held back"),
                                                         (gauge("harrierd_night_failed"), "failed")], "nights/DATE/report.html has them."),
        ("Swaps", "lines", "none", [(f"sum by (result) ({gauge('harrierd_swaps_total')})", "{{result}}")], "Since the start of the server."),
        ("How long decisions waited", "lines", "s",
         [(f"histogram_quantile(0.99, sum by (le) ({gauge('harrierd_swap_locked_seconds_bucket')}))", "p99 of swaps"),
          (f"histogram_quantile(0.99, sum by (le) ({gauge('harrierd_reload_locked_seconds_bucket')}))", "p99 of reloads")],
         "Since the start of the server."),
        ("Live against rebuilt states", "lines", "none",
         [(gauge("harrierd_compared_entities"), "compared"), (gauge("harrierd_differing_entities"), "differ")], "After the last swap. None may differ."),
        ("Reloads", "lines", "none", [(f"sum by (result) ({gauge('harrierd_reloads_total')})", "{{result}}")], "Since the start of the server."),
    ]),
    ("Cluster", [
        ("Who decides", "lines", "none", [(gauge("harrierd_decides"), "{{instance}}")], "1 for the primary; also 1 without a cluster."),
        ("Records behind", "lines", "none",
         [(f"max by (job) ({gauge('harrierd_log_committed_position')}) - on (job) group_right () {gauge('harrierd_log_committed_position')}", "{{instance}}")],
         "Against the node that is farthest."),
        ("Not yet committed", "lines", "none", [(gauge("harrierd_log_lag_records"), "{{instance}}")], "Records of the primary that the log does not have."),
        ("Commits", "lines", "s", [(quantile(0.99, "harrierd_log_commit_duration_seconds"), "p99")], "Time the brokers take."),
        ("Take-overs, records cut off", "lines", "none",
         [(gauge("harrierd_take_overs_total"), "take-overs, {{instance}}"), (gauge("harrierd_log_cut_records_total"), "cut off, {{instance}}")],
         "Since the start of each node."),
    ]),
    ("Console and people", [
        ("Outcomes", "lines", "cps", [(rate("harrierd_outcomes_total", "label"), "{{label}}")],
         "Labels from the console, other systems and files."),
        ("Amendments and list changes", "lines", "cps",
         [(rate("harrierd_amendments_total", "kind"), "{{kind}}"), (rate("harrierd_list_changes_total", "change"), "list entries {{change}}")],
         "By people and by programs."),
        ("Calls of people", "lines", "reqps",
         [(rate("harrierd_requests_total", "call", 'call=~"explain|find|get_entity|get_list|change_list|change_brake|reload"'), "{{call}}")],
         "What the console and people at a terminal ask."),
        ("Requests by token", "lines", "reqps", [(rate("harrierd_token_requests_total", "name"), "{{name}}")],
         "With tokens: the console is a client like any other."),
        ("Denied", "lines", "reqps", [(rate("harrierd_denied_total", "reason"), "{{reason}}")], "Requests with a wrong token, or none."),
        ("Events", "lines", "cps",
         [(rate("harrierd_events_total", "result"), "{{result}}"), (rate("harrierd_event_attempts_failed_total"), "failed attempts")],
         "For event_url and event_command."),
        ("Entries of lists", "lines", "none", [(gauge("harrierd_list_entries"), "{{list}}")], "Added at run time."),
    ]),
    ("harrier stream", [
        ("Records", "lines", "cps", [(f"sum by (kind) (rate(harrier_stream_records_total{{{OF_STREAMS}}}[$r]))", "{{kind}}")], "Read from Kafka."),
        ("Lag", "lines", "none", [(f"harrier_stream_lag_records{{{OF_STREAMS}}}", "{{instance}}")], "Records still to be read."),
        ("Age at commit", "lines", "s",
         [(f"histogram_quantile(0.99, sum by (le) (rate(harrier_stream_record_age_seconds_bucket{{{OF_STREAMS}}}[$r])))", "p99")],
         "From a record's timestamp to the commit of its decision."),
        ("Dead letters", "lines", "cps", [(f"sum by (code) (rate(harrier_stream_dead_letters_total{{{OF_STREAMS}}}[$r]))", "{{code}}")],
         "Records that cannot be decided."),
        ("Server away, what it waits for", "lines", "percentunit",
         [(f"harrier_stream_server_away{{{OF_STREAMS}}}", "server away, {{instance}}"),
          (f"rate(harrier_stream_server_wait_seconds_total{{{OF_STREAMS}}}[$r])", "waits for the server, {{instance}}"),
          (f"rate(harrier_stream_commit_wait_seconds_total{{{OF_STREAMS}}}[$r])", "waits for Kafka, {{instance}}")],
         "Share of the time."),
    ]),
]

# Of stats: (from this value on, colour); the first is the base.
COLORS = {
    "Ready": [(None, "red"), (1, "green")],
    "p99 of scoring": [(None, "green"), (0.1, "red")],
    "Errors": [(None, "green"), (0.01, "red")],
    "Alerts firing": [(None, "green"), (1, "red")],
}
COLLAPSED = {"Cluster", "harrier stream"}
WIDTH, HEIGHT = 24, 8


def expression(text):
    return text.replace("$s", CHOICE).replace("$r", "$__rate_interval")


def targets(kind, queries):
    made = []
    for i, (query, legend) in enumerate(queries):
        target = {"datasource": SOURCE, "expr": expression(query), "legendFormat": legend or "__auto", "refId": chr(ord("A") + i)}
        if kind == "heatmap":
            target["format"] = "heatmap"
        if kind in ("stat", "table"):
            target |= {"instant": True, "range": False}
        if kind == "table":
            target["format"] = "table"
        made.append(target)
    return made


def panel(number, title, kind, unit, queries, about, place):
    types = {"lines": "timeseries", "stacked": "timeseries"}
    made = {"id": number, "title": title, "type": types.get(kind, kind), "description": about, "datasource": SOURCE,
            "gridPos": place, "targets": targets(kind, queries), "fieldConfig": {"defaults": {"unit": unit}, "overrides": []},
            "options": {}}  # fmt: skip
    defaults = made["fieldConfig"]["defaults"]
    if kind in ("lines", "stacked"):
        defaults["min"] = 0
        defaults["custom"] = {"lineWidth": 1, "fillOpacity": 40 if kind == "stacked" else 8, "showPoints": "never",
                              "stacking": {"mode": "normal" if kind == "stacked" else "none"}}  # fmt: skip
        made["options"] = {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi", "sort": "desc"}}
        if "{{verdict}}" in queries[0][1]:
            made["fieldConfig"]["overrides"] = [
                {"matcher": {"id": "byName", "options": name},
                 "properties": [{"id": "color", "value": {"mode": "fixed", "fixedColor": color}}]}
                for name, color in VERDICTS.items()]  # fmt: skip
    elif kind == "stat":
        defaults["thresholds"] = {"mode": "absolute", "steps": [{"color": color, "value": value}
                                                                for value, color in COLORS.get(title, [(None, "green")])]}  # fmt: skip
        defaults["decimals"] = None if unit in ("s", "cps", "percentunit") else 0
        made["options"] = {"reduceOptions": {"calcs": ["lastNotNull"]}, "colorMode": "value", "graphMode": "none"}
    elif kind == "table":
        made["transformations"] = [{"id": "organize", "options": {
            "excludeByName": {name: True for name in ("Time", "Value", "__name__", "alertstate")},
            "indexByName": {"severity": 0, "alertname": 1, "job": 2, "instance": 3}}}]  # fmt: skip
    elif kind == "heatmap":
        made["options"] = {"calculate": False, "yAxis": {"unit": unit}, "color": {"scheme": "Oranges", "mode": "scheme"},
                           "cellGap": 0}  # fmt: skip
    return made


def sizes(panels):
    """(width, height) of each: stats in one line, then three to a line."""
    for _, kind, *_ in panels:
        yield (4, 4) if kind == "stat" else (WIDTH, 6) if kind == "table" else (8, HEIGHT)


def layout(row, top, number):
    """The panels of a row, and the next free line."""
    made, left, line = [], 0, 0
    for (title, kind, unit, queries, about), (width, height) in zip(row, sizes(row)):
        if left + width > WIDTH:
            left, top, line = 0, top + line, 0
        number += 1
        made.append(panel(number, title, kind, unit, queries, about, {"x": left, "y": top, "w": width, "h": height}))
        left, line = left + width, max(line, height)
    return made, top + line, number


def variable(name, query, label):
    return {"name": name, "label": label, "type": "query", "datasource": SOURCE, "query": {"query": query, "refId": name},
            "definition": query, "refresh": 2, "sort": 1, "multi": True, "includeAll": True, "allValue": ".*",
            "current": {"selected": True, "text": ["All"], "value": ["$__all"]}, "options": [], "regex": "", "hide": 0}  # fmt: skip


def dashboard():
    panels, top, number = [], 0, 0
    for title, row in ROWS:
        number += 1
        head = {"id": number, "title": title, "type": "row", "collapsed": title in COLLAPSED, "panels": [],
                "gridPos": {"x": 0, "y": top, "w": WIDTH, "h": 1}}  # fmt: skip
        made, below, number = layout(row, top + 1, number)
        panels.append(head)
        if title in COLLAPSED:
            head["panels"] = made
            top += 1
        else:
            panels += made
            top = below
    source = {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus", "refresh": 1, "hide": 0,
              "current": {}, "options": [], "regex": "", "multi": False, "includeAll": False}  # fmt: skip
    return {"uid": "harrier", "title": "Harrier", "description": "Fraud scoring: docs/operations/watching.md",
            "tags": ["harrier"], "schemaVersion": 39, "version": 1, "editable": True, "graphTooltip": 1,
            "time": {"from": "now-6h", "to": "now"}, "refresh": "30s", "timezone": "browser",
            "templating": {"list": [source, variable("job", "label_values(harrierd_ready, job)", "Job"),
                                    variable("instance", 'label_values(harrierd_ready{job=~"$job"}, instance)', "Instance")]},
            "annotations": {"list": [
                {"name": "Swaps", "datasource": SOURCE, "enable": True, "iconColor": "blue", "titleFormat": "new tables",
                 "expr": "changes(harrierd_generation_position{" + CHOICE + "}[1m]) > 0"},
                {"name": "Starts", "datasource": SOURCE, "enable": True, "iconColor": "purple", "titleFormat": "start of {{instance}}",
                 "expr": "changes(harrierd_start_time_seconds{" + CHOICE + "}[1m]) > 0"}]},
            "links": [], "panels": panels}  # fmt: skip


def main(is_check):
    text = json.dumps(dashboard(), indent=1, ensure_ascii=False) + "\n"
    if is_check:
        with open(FILE, encoding="utf-8") as file:
            if file.read() != text:
                sys.exit("deploy/grafana/harrier.json is not what make.py writes: run deploy/grafana/make.py")
        return
    with open(FILE, "w", encoding="utf-8") as file:
        file.write(text)


if __name__ == "__main__":
    main("--check" in sys.argv[1:])
