"""A driver: a small program in a client's language that does with the client what lines of JSON on its standard
input say, and answers with lines on its standard output. The scenarios know clients only through it.

First the driver says who it is:

    {"driver": "c", "version": "0.1.0", "can": ["addresses", …]}

`can` names what the client has of the contract (clients/README.md) beyond calls, deadlines and retry after a
broken connection; a scenario that needs more is skipped:

    addresses          several, in the order of preference; calls move when a connection breaks
    ejection           a silent address is ejected after eject_after failures, probed, and used again
    retry_unavailable  sends again what was answered with `unavailable`
    standbys           goes on to the primary when a standby answers `not_primary`
    fallback           makes fallback decisions
    batcher            groups calls
    metrics            has the hook
    request_limits     refuses, before it sends, what would break the connection
    decided            errors say whether the transaction may have been decided
    close_timeout      close() ends what is under way after a time
    token              sends the option `token` with every request, probes too, and never shows it
    token_change       goes over to another token without being opened again (`changing_token`, `do`: `token`)
    traceparent        passes a call's `traceparent` through, or leaves out one that is none
    analyst            has get_entity, change_list, get_list, reload and explain
    brakes             has change_brake
    find               has find
    ws                 can dial ws:// addresses
    tls                can dial tls+tcp:// addresses

Then for each line {"seq": N, "do": WHAT, …} one line {"seq": N, …}, in any order:

| do | members | answer |
| --- | --- | --- |
| `open` | `options`: `addresses`, `tls_ca_file` (certificates that `tls+tcp://` trusts), and of the contract's options those that are set: `deadline_ms`, `fallback` (a verdict), `retries_max`, `in_flight_max`, `eject_after`, `token` (a text); or `changing_token`, a token as a text, given in the way that lets it change later (a function, a setter) | |
| `score` | `transactions` as in protobuf's JSON form (attributes with `text`, `integer`, `number` or `flag`); optional `deadline_ms`, `dry_run`, `traceparent` | `results`: each {`decision`: …} or {`error`: …} |
| `batch` | `transaction`, optional `deadline_ms`: through one batcher of 20 ms and 50 transactions | `results` |
| `outcome` | `outcomes`: `transaction_id`, `label` ("fraud"); optional `deadline_ms` | `results`: each {`accepted`: {`changed`, `previous`}} or {`error`: …} |
| `amend` | `amendments`: `transaction_id`, `kind` ("refund"); optional `amount_minor`, `known_time_us`, `source`, `currency`; optional `deadline_ms` | `results`: each {`accepted`: {`transaction_id`, `position`, `changed`, `previous`, `now`}} or {`error`: …}; `previous` and `now` have `voided`, `amount_minor`, `refunded_minor` |
| `status` | optional `deadline_ms` | `status`: `state`, `transactions`, `node`, `primary`, `committed_position` |
| `entity` | `entity`, `key` (texts), optional `at_time_us` | `entity`: `features` ({name: value or null}), `newest_time_us`, `entries`, `state_bytes`, `state_hash` (16 hexadecimal digits), `at_time_us` |
| `change_list` | `changes`: each `list`, `value`, optional `remove`, `expiry_time_us`, `source`, `reason` | `results`: each {`changed`: {`list`, `value`, `position`, `changed`, `was_there`, `previous_expiry_time_us`, `in_policy`}} or {`error`: …} |
| `change_brake` | `rule` or `policy`, optional `pull`, `source`, `reason` | `results`: one, {`changed`, `position`} |
| `get_list` | optional `list`, `after_position`, `limit` | `lists` (each `list`, `type`, `declared`, `runtime`, `policy_entries`, `added_entries`, `used_entries`, `changes`), `entries` (each `value`, `expiry_time_us`, `position`, `source`, `reason`), `next_position` |
| `reload` | optional `wait`, `deadline_ms` | `reload`: `result` ("none", "adopted", "unchanged", "refused"), `policy_name`, `snapshot_id` (16 hexadecimal digits), `error`, `messages`, `shadows` (each `folder`, `result`, `error`) |
| `explain` | `transaction_id`, optional `deadline_ms` | `explanation`: `transaction_id`, `position`, `equal`, `difference`, `archived` and `derived` (decisions), `features` (of the derived one: {name: value or null}), `entities` (each `name`, `key`, `entries`, `in_tables`), `outcomes` (each `previous`, `label`, `source`), `amendments` (each `position`, `receive_time_us`, `known_time_us`, `previous` and `now` as of `amend`, `source`), `rules` (each `name`, `mode`, `fate`, `score`, `parts`: the texts), `cutoffs` (each `verdict`, `score`), `fields` (names) |
| `find` | optional `verdicts`, `labels` (names), `score` ([least, greatest]), `card`, `rule`, `shadow`, `limit`, `cursor` | `findings`: `cursor`, `incomplete`, `found`: each `transaction_id`, `card`, `verdict`, `position`, `label`, `voided` (null: there was no amendment) |
| `metrics` | | `metrics`: each [`count` or `observe` or `set`, name, value, labels] so far |
| `token` | `token`: a text | when it is what the next request is sent with |
| `close` | optional `timeout_ms` | when it is closed; `open` may follow |

The value of a feature that is a time or a duration is a number of microseconds. `messages` is one text with line breaks.

A decision has `transaction_id`, `verdict` ("approve"), `score`, `position`, `duplicate`, `reasons` (the names of
the rules), `failed_rules`, and where the client makes them `fallback`, `fallback_reason`. An error has `code`, `field`, `message` and,
where the client says so, `decided` (false or null). A call that fails as a whole is answered with `error` in the
place of `results`. What cannot be done at all (a defect of the driver) is answered with `broken`: a text.

`ms` in each answer is how long the call took, as the driver measured it.

Calls are under way together: a driver reads on while it waits for answers. `open`, `metrics`, `token` and
`close` take effect where they stand; a `close` does not wait for the lines before it to be answered. A driver ends
when its standard input does.
"""

import json
import subprocess
import threading
import time

WAIT = 400  # seconds for any answer: only there to catch a hang


class Call:
    """A call whose answer may still be to come."""

    def __init__(self):
        self._done = threading.Event()
        self._answer = None
        self.answered_at = None

    def take(self, answer):
        self._answer = answer
        self.answered_at = time.monotonic()
        self._done.set()

    @property
    def done(self):
        return self._done.is_set()

    def answer(self, timeout=WAIT):
        if not self._done.wait(timeout):
            raise AssertionError(f"the driver has not answered within {timeout} s")
        if "broken" in self._answer:
            raise AssertionError(f"the driver: {self._answer['broken']}")
        return self._answer


class Driver:
    def __init__(self, command):
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
        )
        try:
            self.hello = json.loads(self.process.stdout.readline())
        except ValueError as error:
            self.process.kill()
            raise AssertionError(f"{command}: says no hello") from error
        self.can = frozenset(self.hello["can"])
        self._lock = threading.Lock()
        # A lock of its own: reading must continue while a write waits for the driver to read.
        self._writing = threading.Lock()
        self._calls = {}
        self._last = 0
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            answer = json.loads(line)
            with self._lock:
                call = self._calls.pop(answer["seq"], None)
            if call is None:
                raise AssertionError(f"an answer to nothing: {line}")
            call.take(answer)
        with self._lock:
            left, self._calls = self._calls, {}
        for call in left.values():
            call.take({"broken": "it ended before it answered"})

    def start(self, do, **members):
        call = Call()
        with self._lock:
            self._last += 1
            self._calls[self._last] = call
            line = json.dumps({"seq": self._last, "do": do, **members})
        with self._writing:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
        return call

    def do(self, do, **members):
        return self.start(do, **members).answer()

    def score(self, *transactions, **members):
        return self.do("score", transactions=transactions, **members)

    def end(self):
        """Ends the driver; returns its exit status."""
        self.process.stdin.close()
        try:
            status = self.process.wait(timeout=WAIT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        self._reader.join()
        self.process.stdout.close()
        return status
