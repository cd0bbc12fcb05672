#!/usr/bin/env python3
"""The driver of Python's two clients; driver.py says what it reads and writes.

usage: driver_python.py sync | asyncio
"""

import asyncio
import concurrent.futures
import datetime
import enum
import json
import ssl
import sys
import threading
import time

import harrier_client
from harrier_client import (
    Amendment, AmendmentKind, BrakeChange, FindQuery, HarrierError, Label, ListChange, Outcome, Transaction, Verdict,
)

CAN = [
    "addresses", "ejection", "retry_unavailable", "standbys", "fallback", "batcher", "metrics", "request_limits",
    "decided", "close_timeout", "token", "token_change", "traceparent", "analyst", "brakes", "find", "tls",
]
THREADS = 1100
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


class Metrics:
    def __init__(self):
        self.reported = []

    def count(self, name, amount, labels):
        self.reported.append(["count", name, amount, dict(labels)])

    def observe(self, name, value, labels):
        self.reported.append(["observe", name, value, dict(labels)])

    def set(self, name, value, labels):
        self.reported.append(["set", name, value, dict(labels)])


def to_transaction(given):
    members = {name: value for name, value in given.items() if name not in ("event_time_us", "attributes")}
    attributes = {one["name"]: next(one[key] for key in ("text", "integer", "number", "flag") if key in one)
                  for one in given.get("attributes", ())}
    return Transaction(event_time=given.get("event_time_us", 0), attributes=attributes, **members)


def to_options(given):
    options = {}
    for name, value in given.items():
        if name == "deadline_ms":
            options["deadline"] = value / 1000
        elif name == "fallback":
            options["fallback"] = Verdict(value)
        elif name == "tls_ca_file":
            options["tls"] = ssl.create_default_context(cafile=value)
        else:
            options[name] = value
    return options


def call_options(command):
    options = {}
    if "deadline_ms" in command:
        options["deadline"] = command["deadline_ms"] / 1000
    if command.get("dry_run"):
        options["dry_run"] = True
    if "traceparent" in command:
        options["traceparent"] = command["traceparent"]
    return options


def error_object(error):
    return {"error": {"code": error.code, "field": error.field, "message": error.message, "decided": error.decided}}


def decision_object(result):
    if isinstance(result, HarrierError):
        return error_object(result)
    names = ("transaction_id", "score", "position", "duplicate", "fallback", "fallback_reason")
    decision = {name: getattr(result, name) for name in names}
    rules = {"reasons": [r.rule for r in result.reasons], "failed_rules": list(result.failed_rules)}
    return {"decision": {**decision, "verdict": result.verdict.value, **rules}}


def outcome_object(result):
    if isinstance(result, HarrierError):
        return error_object(result)
    return {"accepted": {"changed": result.changed, "previous": result.previous.value}}


def amended_object(amended):
    return members(amended, "voided", "amount_minor", "refunded_minor")


def amendment_object(result):
    if isinstance(result, HarrierError):
        return error_object(result)
    return {"accepted": {**members(result, "transaction_id", "position", "changed"),
                         "previous": amended_object(result.previous), "now": amended_object(result.now)}}


def microseconds(value):
    if isinstance(value, datetime.datetime):
        return (value - EPOCH) // datetime.timedelta(microseconds=1)
    if isinstance(value, datetime.timedelta):
        return value // datetime.timedelta(microseconds=1)
    return value


def values_object(values):
    return {name: microseconds(value) for name, value in values.items()}


def members(found, *names):
    """Those members of an object; of enums, their names."""
    values = ((name, getattr(found, name)) for name in names)
    return {name: value.value if isinstance(value, enum.Enum) else value for name, value in values}


def entity_object(entity):
    plain = members(entity, "newest_time_us", "at_time_us", "entries", "state_bytes")
    return {"entity": {**plain, "features": values_object(entity.features), "state_hash": f"{entity.state_hash:016x}"}}


def changed_object(result):
    if isinstance(result, HarrierError):
        return error_object(result)
    return {"changed": members(result, "list", "value", "position", "changed", "was_there", "previous_expiry_time_us",
                               "in_policy")}


def page_object(page):
    of_lists = ("list", "type", "declared", "runtime", "policy_entries", "added_entries", "used_entries", "changes")
    of_entries = ("value", "expiry_time_us", "position", "source", "reason")
    return {"lists": [members(one, *of_lists) for one in page.lists],
            "entries": [members(one, *of_entries) for one in page.entries], "next_position": page.next_position}


def reload_object(reload):
    shadows = [members(shadow, "folder", "result", "error") for shadow in reload.shadows]
    plain = members(reload, "result", "policy_name", "error", "messages")
    return {"reload": {**plain, "snapshot_id": f"{reload.snapshot_id:016x}", "shadows": shadows}}


def explanation_object(found):
    then = found.then
    return {"explanation": {
        "transaction_id": found.transaction.id,
        **members(found, "position", "equal", "difference"),
        "archived": decision_object(found.archived)["decision"],
        "derived": decision_object(then.decision)["decision"],
        "features": values_object(then.decision.features),
        "entities": [members(entity, "name", "key", "entries", "in_tables") for entity in found.entities],
        "outcomes": [members(outcome, "previous", "label", "source") for outcome in found.outcomes],
        "amendments": [{**members(amendment, "position", "receive_time_us", "known_time_us", "source"),
                        "previous": amended_object(amendment.previous), "now": amended_object(amendment.now)}
                       for amendment in found.amendments],
        "rules": [{**members(rule, "name", "mode", "fate", "score"), "parts": [part.text for part in rule.parts]}
                  for rule in then.rules],
        "cutoffs": [members(cutoff, "verdict", "score") for cutoff in then.cutoffs],
        "fields": list(then.fields),
    }}


class Driver:
    """Each command as a call and a conversion of its result; the subclasses wait for it."""

    def __init__(self, kind):
        self.kind = kind
        self.client = None
        self.batcher = None
        self.metrics = None
        self.token = None  # the current value of a token that changes
        self.writing = threading.Lock()

    def say(self, command, answer):
        line = json.dumps({"seq": command["seq"], **answer})
        with self.writing:
            print(line, flush=True)

    def open(self, command):
        self.metrics = Metrics()
        options = to_options(command["options"])
        if "changing_token" in options:
            self.token = options.pop("changing_token")
            options["token"] = lambda: self.token
        try:
            self.client = self.kind(metrics=self.metrics, **options)
        except HarrierError as error:
            return error_object(error)
        self.batcher = self.client.batcher(window=0.02, size_max=50)
        return {}

    def change_token(self, command):
        self.token = command["token"]
        self.say(command, {})

    def call(self, command):
        """(the call to wait for, the conversion of its result)"""
        options = call_options(command)
        if command["do"] == "score":
            transactions = [to_transaction(one) for one in command["transactions"]]
            return (lambda: self.client.score_many(transactions, **options),
                    lambda results: {"results": [decision_object(result) for result in results]})
        if command["do"] == "batch":
            transaction = to_transaction(command["transaction"])
            return (lambda: self.batcher.score(transaction, **options),
                    lambda result: {"results": [decision_object(result)]})
        if command["do"] == "outcome":
            outcomes = [Outcome(one["transaction_id"], Label(one["label"])) for one in command["outcomes"]]
            return (lambda: self.client.report_outcomes(outcomes, **options),
                    lambda results: {"results": [outcome_object(result) for result in results]})
        if command["do"] == "amend":
            amendments = [Amendment(one["transaction_id"], AmendmentKind(one["kind"]), one.get("amount_minor", 0),
                                    one.get("known_time_us"), one.get("source", ""), one.get("currency", ""))
                          for one in command["amendments"]]
            return (lambda: self.client.amend_many(amendments, **options),
                    lambda results: {"results": [amendment_object(result) for result in results]})
        if command["do"] == "status":
            return (lambda: self.client.status(**options),
                    lambda status: {"status": members(status, "state", "transactions", "node", "primary",
                                                      "committed_position")})
        return self.analyst_call(command, options)

    def analyst_call(self, command, options):
        if command["do"] == "entity":
            return (lambda: self.client.get_entity(command["entity"], *command["key"],
                                                   at_time=command.get("at_time_us"), **options),
                    entity_object)
        if command["do"] == "change_list":
            changes = [ListChange(expiry_time=one.pop("expiry_time_us", None), **one) for one in command["changes"]]
            return (lambda: self.client.change_list(changes, **options),
                    lambda results: {"results": [changed_object(result) for result in results]})
        if command["do"] == "change_brake":
            change = BrakeChange(**{name: command[name] for name in ("rule", "policy", "pull", "source", "reason")
                                    if name in command})
            return (lambda: self.client.change_brake(change, **options),
                    lambda found: {"results": [members(found, "changed", "position")]})
        if command["do"] == "get_list":
            return (lambda: self.client.get_list(command.get("list", ""),
                                                 after_position=command.get("after_position", 0),
                                                 limit=command.get("limit", 0), **options),
                    page_object)
        if command["do"] == "reload":
            return lambda: self.client.reload(wait=command.get("wait", False), **options), reload_object
        if command["do"] == "explain":
            return lambda: self.client.explain(command["transaction_id"], **options), explanation_object
        if command["do"] == "find":
            return lambda: self.client.find(find_query(command), **options), findings_object
        raise ValueError(command["do"])

    @staticmethod
    def failed(command, error):
        """A batched call has one transaction."""
        answer = error_object(error)
        return {"results": [answer]} if command["do"] == "batch" else answer


def find_query(command):
    return FindQuery(
        verdicts=[Verdict(name) for name in command.get("verdicts", [])],
        labels=[Label(name) for name in command.get("labels", [])],
        score=tuple(command["score"]) if "score" in command else None,
        keys={"card": command["card"]} if "card" in command else {},
        **{name: command[name] for name in ("rule", "shadow", "limit", "cursor") if name in command},
    )


def findings_object(page):
    return {"findings": {**members(page, "cursor", "incomplete"), "found": [
        {"transaction_id": one.transaction.id, "card": one.transaction.card, **members(one.decision, "verdict", "position"),
         "label": one.label.value, "voided": one.amended and one.amended.voided} for one in page.transactions]}}


class SyncDriver(Driver):
    def __init__(self):
        super().__init__(harrier_client.Client)

    def answer(self, command):
        begun = time.monotonic()
        try:
            start, make = self.call(command)
            try:
                answer = make(start())
            except HarrierError as error:
                answer = self.failed(command, error)
        except Exception as error:
            answer = {"broken": repr(error)}
        self.say(command, {**answer, "ms": (time.monotonic() - begun) * 1000})

    def close(self, command):
        self.batcher.close()
        self.client.close(command["timeout_ms"] / 1000 if "timeout_ms" in command else None)
        self.say(command, {})

    def run(self):
        with concurrent.futures.ThreadPoolExecutor(THREADS) as threads:
            for line in sys.stdin:
                command = json.loads(line)
                if command["do"] == "open":
                    self.say(command, self.open(command))
                elif command["do"] == "token":
                    self.change_token(command)
                elif command["do"] == "metrics":
                    self.say(command, {"metrics": list(self.metrics.reported)})
                elif command["do"] == "close":
                    self.close(command)
                else:
                    threads.submit(self.answer, command)
        if self.client:
            self.client.close()


class AsyncDriver(Driver):
    def __init__(self):
        super().__init__(harrier_client.AsyncClient)
        self.tasks = set()

    async def answer(self, command):
        begun = time.monotonic()
        try:
            start, make = self.call(command)
            try:
                answer = make(await start())
            except HarrierError as error:
                answer = self.failed(command, error)
        except Exception as error:
            answer = {"broken": repr(error)}
        self.say(command, {**answer, "ms": (time.monotonic() - begun) * 1000})

    async def close(self, command):
        await self.batcher.close()
        await self.client.close(command["timeout_ms"] / 1000 if "timeout_ms" in command else None)
        self.say(command, {})

    async def take(self, command):
        if command["do"] == "open":
            self.say(command, self.open(command))
        elif command["do"] == "token":
            self.change_token(command)
        elif command["do"] == "metrics":
            self.say(command, {"metrics": list(self.metrics.reported)})
        elif command["do"] == "close":
            await self.close(command)
        else:
            task = asyncio.create_task(self.answer(command))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    async def run_async(self):
        reader = asyncio.StreamReader(limit=1 << 26)
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := await reader.readline():
            await self.take(json.loads(line))
        await asyncio.gather(*self.tasks)
        if self.client:
            await self.client.close()

    def run(self):
        asyncio.run(self.run_async())


def main():
    driver = {"sync": SyncDriver, "asyncio": AsyncDriver}[sys.argv[1]]()
    print(json.dumps({"driver": f"python {sys.argv[1]}", "version": harrier_client.__version__, "can": CAN}), flush=True)
    driver.run()


if __name__ == "__main__":
    main()
