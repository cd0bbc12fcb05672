#!/usr/bin/env python3
"""What clients/README.md promises, tested with any client: against harrierd, and against a server that does
what a scenario wants. driver.py says what a client has to bring.

usage: scenarios.py DRIVER [ARGUMENT …] [-- what unittest takes]

Needs HARRIERD, HARRIER and HARRIER_ROOT, and Python's standard library.
"""

import json
import signal
import subprocess
import sys
import threading
import time
import unittest

from scenario import COMMAND, HARRIER, LATE_MS, LONG_MS, ScenarioTest  # isort: skip  (sets the path for the others)
from amend_scenarios import AmendTest  # noqa: F401
from analyst_scenarios import AnyCallTest, EntityTest, ExplainTest, FindTest, ListsTest, ReloadTest  # noqa: F401
from fake_server import FakeServer, approve, unavailable
from rolling_scenarios import RollingTest  # noqa: F401
from server import WAIT, free_port, transaction
from standby_scenarios import StandbyTest  # noqa: F401
from tls_scenarios import TlsTest  # noqa: F401

CALLERS = 8


class CallsTest(ScenarioTest):
    def test_score(self):
        server = self.server().start()
        self.open(server)
        answers = [self.driver.score({**transaction(0), "id": f"s{n}"}, deadline_ms=LONG_MS) for n in range(3)]
        first, third = self.decision(answers[0]), self.decision(answers[2])
        self.assertEqual((first["transaction_id"], first["verdict"], first["score"]), ("s0", "approve", 0))
        self.assertEqual((first["reasons"], first["duplicate"]), ([], False))
        self.assertEqual((third["verdict"], third["score"], third["reasons"]), ("review", 400, ["many"]))
        self.assert_archived_once(server, {f"s{n}": self.decision(answer) for n, answer in enumerate(answers)})

    def test_failed_rules_are_named(self):
        """Also in the decision that a repeated id gets, which comes from the archive, and with features."""
        self.write_policy(
            "rules/ratio.yaml",
            "rules:\n"
            "  - {name: ratio, when: 100 / (amount_minor - 13) > 0, then: {score: 1}}\n"
            "  - {name: wide, when: amount_minor * 9223372036854775807 < 0, then: {score: 1}}\n",
        )
        self.open(self.server().start())
        for amount, failed in ((1, []), (13, ["ratio", "wide"]), (13, ["ratio", "wide"]), (100, ["wide"])):
            given = {**transaction(amount), "amount_minor": amount}
            decision = self.decision(self.driver.score(given, deadline_ms=LONG_MS))
            self.assertEqual(decision["failed_rules"], failed)

    def test_score_over_tcp(self):
        address = f"tcp://127.0.0.1:{free_port()}"
        self.server(f"--listen={address}").start()
        self.open(address)
        self.assertEqual(self.decision(self.driver.score(transaction(1), deadline_ms=LONG_MS))["verdict"], "approve")

    def test_dry_run_changes_nothing(self):
        server = self.server().start()
        self.open(server)
        decision = self.decision(self.driver.score(transaction(1), dry_run=True, deadline_ms=LONG_MS))
        self.assertEqual(decision["position"], 0)
        self.assertEqual(server.status().get("transactions", 0), 0)

    def test_batch_of_the_greatest_size(self):
        """Results are in order; an invalid transaction does not fail the others."""
        server = self.server().start()
        self.open(server)
        batch = [transaction(number) for number in range(1000)]
        batch[500]["currency"] = "EURO"
        results = self.driver.score(*batch, deadline_ms=LONG_MS)["results"]
        self.assertEqual(len(results), 1000)
        wrong = results.pop(500)
        self.assertEqual((wrong["error"]["code"], wrong["error"]["field"]), ("invalid", "currency"))
        decisions = {result["decision"]["transaction_id"]: result["decision"] for result in results}
        self.assertEqual(list(decisions), [f"t{number}" for number in range(1000) if number != 500])
        positions = [decision["position"] for decision in decisions.values()]
        self.assertEqual(positions, sorted(positions))
        self.assert_archived_once(server, decisions)

    def test_outcome(self):
        server = self.server().start()
        self.open(server)
        self.driver.score(transaction(1), deadline_ms=LONG_MS)

        def report(transaction_id, label):
            outcomes = [{"transaction_id": transaction_id, "label": label}]
            return self.driver.do("outcome", outcomes=outcomes, deadline_ms=LONG_MS)["results"][0]

        self.assertEqual(report("t1", "fraud")["accepted"], {"changed": True, "previous": "none"})
        self.assertEqual(report("t1", "fraud")["accepted"], {"changed": False, "previous": "fraud"})
        self.assertEqual(report("t1", "none")["accepted"], {"changed": True, "previous": "fraud"})
        self.assertEqual(report("t2", "fraud")["error"]["code"], "not_found")

    def test_duplicate(self):
        server = self.server().start()
        self.open(server)
        first = self.decision(self.driver.score(transaction(1), deadline_ms=LONG_MS))
        again = self.decision(self.driver.score(transaction(1), deadline_ms=LONG_MS))
        self.assertEqual((first["duplicate"], again["duplicate"]), (False, True))
        self.assertEqual(first["position"], again["position"])
        other = self.driver.score({**transaction(1), "amount_minor": 7}, deadline_ms=LONG_MS)["results"][0]
        self.assertEqual(other["error"]["code"], "id_conflict")
        self.assert_archived_once(server, {"t1": first})

    def test_invalid(self):
        server = self.server().start()
        self.open(server)
        undeclared = {**transaction(1), "attributes": [{"name": "shoe_size", "number": 44.5}]}
        card_number = {**transaction(2), "card": "4111111111111111"}
        no_time = {key: value for key, value in transaction(3).items() if key != "event_time_us"}
        for wrong, field in ((undeclared, "shoe_size"), (card_number, "card"), (no_time, "event_time_us")):
            result = self.driver.score(wrong, deadline_ms=LONG_MS)["results"][0]
            self.assertEqual((result["error"]["code"], result["error"]["field"]), ("invalid", field))
            if "decided" in self.driver.can:
                self.assertIs(result["error"]["decided"], False)
        self.assert_fails(self.driver.score(deadline_ms=LONG_MS), "invalid")
        self.assertEqual(server.status().get("transactions", 0), 0)
        self.decision(self.driver.score(transaction(4), deadline_ms=LONG_MS))  # the connection still works

    def test_too_many(self):
        server = self.server().start()
        self.open(server)
        answer = self.driver.score(*(transaction(number) for number in range(1001)), deadline_ms=LONG_MS)
        self.assert_fails(answer, "too_large")
        self.decision(self.driver.score(transaction(1), deadline_ms=LONG_MS))

    def test_oversized(self):
        """More than 2 MiB is refused before it is sent: a server would close the connection with all its calls."""
        self.needs("request_limits")
        fake = self.fake("fake")
        self.open(fake)
        large = [{"name": f"a{n}", "text": "x" * 1024} for n in range(3)]
        batch = [{**transaction(number), "attributes": large} for number in range(1000)]
        self.assert_fails(self.driver.score(*batch, deadline_ms=LONG_MS), "too_large")
        self.decision(self.driver.score(transaction(1), deadline_ms=LONG_MS))
        self.assertEqual(len(fake.asked("score")), 1)

    def test_a_thousand_in_flight(self):
        """All are sent, on one connection, before the first is answered."""
        gate = threading.Event()

        def answer(request):
            gate.wait(WAIT)
            return approve(request)

        fake = self.fake("fake", answer)
        self.open(fake)
        calls = [self.driver.start("score", transactions=[transaction(n)], deadline_ms=LONG_MS) for n in range(1000)]
        deadline = time.monotonic() + WAIT
        while len(fake.asked("score")) < 1000 and time.monotonic() < deadline:
            time.sleep(0.02)
        asked = len(fake.asked("score"))
        gate.set()
        self.assertEqual(asked, 1000, "under way at once")
        for number, call in enumerate(calls):
            self.assertEqual(self.decision(call.answer())["transaction_id"], f"t{number}")

    def test_a_thousand_in_flight_at_harrierd(self):
        server = self.server().start()
        self.open(server)
        calls = [self.driver.start("score", transactions=[transaction(n)], deadline_ms=LONG_MS) for n in range(1000)]
        decisions = {f"t{number}": self.decision(call.answer()) for number, call in enumerate(calls)}
        self.assertEqual({decision["transaction_id"] for decision in decisions.values()}, set(decisions))
        self.assert_archived_once(server, decisions)


class AnswersTest(ScenarioTest):
    """Answers that are not valid."""

    def fails(self, answer, code, **more):
        fake = self.fake("fake", answer)
        self.open(fake)
        self.assert_fails(self.driver.score(transaction(1), deadline_ms=LONG_MS), code, **more)
        self.assertEqual(len(fake.asked("score")), 1, "was sent again")
        fake.answer = approve
        self.decision(self.driver.score(transaction(2), deadline_ms=LONG_MS))

    def test_garbage(self):
        self.fails(lambda request: b"\xff\xff\xff", "protocol", decided=None)

    def test_nothing(self):
        self.fails(lambda request: b"", "protocol", decided=None)

    def test_an_answer_to_something_else(self):
        self.fails(lambda request: {"status": {"state": "ready"}}, "protocol", decided=None)

    def test_too_few_results(self):
        self.fails(lambda request: {"score": {}}, "protocol", decided=None)

    def test_a_verdict_that_is_not_known(self):
        # results { decision { transaction_id: "t" verdict: 9 } }
        self.fails(lambda request: bytes.fromhex("5209 0a07 0a05 0a0174 1009"), "protocol", decided=None)

    def test_an_error_code_that_is_not_known(self):
        # error { code: 99 message: "new" }
        self.fails(lambda request: bytes.fromhex("0a07 0863 1a03 6e6577"), "internal", decided=None)

    def test_errors_of_the_server(self):
        for code in ("invalid", "unsupported", "too_large", "internal", "deadline"):
            with self.subTest(code=code):
                words = {"code": f"ERROR_{code.upper()}", "message": "so it is", "field": "there"}
                fake = self.fake(code, lambda request, words=words: {"error": words})
                self.open(fake)
                answer = self.driver.score(transaction(1), deadline_ms=LONG_MS)
                self.assert_fails(answer, code, decided=None if code == "internal" else False)
                self.assertIn("so it is", answer["error"]["message"])
                self.assertEqual(answer["error"]["field"], "there")
                self.assertEqual(len(fake.asked("score")), 1, "was sent again")
                self.driver.do("close")

    def test_unavailable_is_sent_again(self):
        self.needs("retry_unavailable")
        answers = [unavailable, unavailable, approve]
        fake = self.fake("fake", lambda request: answers.pop(0)(request))
        self.open(fake)
        self.decision(self.driver.score(transaction(1), deadline_ms=LONG_MS))
        sent = fake.asked("score")
        self.assertEqual([request["score"]["transactions"][0]["id"] for request in sent], ["t1"] * 3)
        left = [request["deadline_us"] for request in sent]
        self.assertEqual(left, sorted(left, reverse=True), "the server learns the time that is left")

    def test_unavailable_is_sent_again_only_so_often(self):
        self.needs("retry_unavailable")
        fake = self.fake("fake", unavailable)
        self.open(fake, retries_max=2)
        answer = self.driver.score(transaction(1), deadline_ms=LONG_MS)
        self.assert_fails(answer, "unavailable")
        self.assertIn("it is not ready", answer["error"]["message"])
        self.assertEqual(len(fake.asked("score")), 3)

    def test_a_broken_connection_is_sent_again(self):
        answers = [lambda request: ConnectionError(), approve]
        fake = self.fake("fake", lambda request: answers.pop(0)(request))
        self.open(fake)
        self.decision(self.driver.score(transaction(1), deadline_ms=LONG_MS))
        self.assertEqual(len(fake.asked("score")), 2)

    def test_a_connection_that_breaks_each_time(self):
        fake = self.fake("fake", lambda request: ConnectionError())
        self.open(fake)
        self.assert_fails(self.driver.score(transaction(1), deadline_ms=LONG_MS), "unavailable", decided=None)
        self.assertLessEqual(len(fake.asked("score")), 4)


class DeadlineTest(ScenarioTest):
    def test_stopped_server(self):
        """Without an answer a call ends at its deadline. Sent again later, it gets the decision."""
        server = self.server().start()
        self.open(server, deadline_ms=100)
        self.await_connection()
        self.pause(server)
        self.score_in_vain(transaction(1))
        self.score_in_vain(transaction(2), deadline_ms=300)
        server.process.send_signal(signal.SIGCONT)
        decisions = {
            key: self.decision(self.driver.score(transaction(number), deadline_ms=LONG_MS))
            for key, number in (("t1", 1), ("t2", 2))
        }
        self.assert_archived_once(server, decisions)

    def test_no_server(self):
        self.open(f"ipc://{self.folder}/closed.sock", deadline_ms=100)
        answer = self.driver.score(transaction(1))
        self.assert_fails(answer, "unavailable")
        self.assert_took(answer, 100, 100)

    def test_a_server_that_comes_later(self):
        fake_path = f"{self.folder}/later.sock"
        self.open(f"ipc://{fake_path}")
        call = self.driver.start("score", transactions=[transaction(1)], deadline_ms=LONG_MS)
        time.sleep(0.3)  # without a server, some attempts fail
        self.assertFalse(call.done)
        fake = FakeServer(fake_path)
        self.addCleanup(fake.close)
        self.decision(call.answer())

    def test_slow_server(self):
        """A late answer is dropped; another call never gets it."""

        late, answered = threading.Event(), []

        def answer(request):
            key = request["score"]["transactions"][0]["id"]
            if key.startswith("late"):
                late.wait(WAIT)
                answered.append(key)
            elif key.startswith("slow"):
                time.sleep(0.25)
            return approve(request)

        fake = self.fake("fake", answer)
        self.open(fake, deadline_ms=LONG_MS)
        self.decision(self.driver.score({**transaction(1), "id": "slow-but-in-time"}))
        for number in range(5):
            late.clear()
            self.score_in_vain({**transaction(number), "id": f"late{number}"})
            late.set()
            fast = self.decision(self.driver.score(transaction(number)))
            self.assertEqual(fast["transaction_id"], f"t{number}")
        deadline = time.monotonic() + WAIT
        while len(answered) < 5:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)
        self.assertEqual(self.decision(self.driver.score(transaction(9)))["transaction_id"], "t9")
        self.assertEqual(len(fake.asked("score")), 12, "a silent request was sent again")

    def test_the_server_is_told(self):
        fake = self.fake("fake")
        self.open(fake, deadline_ms=500000)
        self.await_connection()
        self.decision(self.driver.score(transaction(1)))
        self.decision(self.driver.score(transaction(2), deadline_ms=200000))
        reported = [request["deadline_us"] for request in fake.asked("score")]
        self.assertTrue(300000000 <= reported[0] <= 500000000, reported)
        self.assertTrue(100000000 <= reported[1] <= 200000000, reported)

    def test_without_one_it_is_100_ms(self):
        fake = self.fake("fake", lambda request: approve(request) if "status" in request else None)
        self.open(fake)
        self.await_connection()
        for _ in range(20):
            answer = self.driver.score(transaction(1))
            if fake.asked("score"):
                break  # else the machine was too busy to send it within 100 ms
        self.assertLessEqual(fake.asked("score")[0]["deadline_us"], 100000)
        self.assert_fails(answer, "deadline", decided=None)
        self.assert_took(answer, 100, 100)


class FallbackTest(ScenarioTest):
    def setUp(self):
        super().setUp()
        self.needs("fallback")

    def assert_fallback(self, decision, transaction_id, reason):
        self.assertEqual((decision["transaction_id"], decision["verdict"]), (transaction_id, "review"))
        self.assertEqual((decision["fallback"], decision["fallback_reason"]), (True, reason))
        self.assertEqual((decision["score"], decision["position"], decision["reasons"]), (0, 0, []))

    def test_deadline(self):
        server = self.server().start()
        self.open(server, deadline_ms=100, fallback="review")
        self.await_connection()
        self.assertFalse(self.decision(self.driver.score(transaction(0), deadline_ms=LONG_MS))["fallback"])
        self.pause(server)
        answer = self.driver.score(transaction(1))
        self.assert_fallback(self.decision(answer), "t1", "deadline")
        self.assert_took(answer, 100, 100)
        batch = self.driver.score(transaction(2), transaction(3))["results"]
        for result, key in zip(batch, ("t2", "t3")):
            self.assert_fallback(result["decision"], key, "deadline")
        # Other calls have no fallback, and neither has a dry run.
        self.assert_fails(self.driver.do("status"), "deadline", decided=None)
        self.assert_fails(self.driver.score(transaction(4), dry_run=True), "deadline", decided=None)
        server.process.send_signal(signal.SIGCONT)
        settled = self.decision(self.driver.score(transaction(1), deadline_ms=LONG_MS))
        self.assertFalse(settled["fallback"])
        self.assert_archived_once(server, {"t1": settled})

    def test_no_server(self):
        self.open(f"ipc://{self.folder}/closed.sock", deadline_ms=100, fallback="review")
        self.assert_fallback(self.decision(self.driver.score(transaction(1))), "t1", "unavailable")

    def test_internal_and_protocol(self):
        words = {"error": {"code": "ERROR_INTERNAL", "message": "a defect"}}
        fake = self.fake("fake", lambda request: words)
        self.open(fake, deadline_ms=LONG_MS, fallback="review")
        self.assert_fallback(self.decision(self.driver.score(transaction(1))), "t1", "internal")
        fake.answer = lambda request: b"\xff"
        self.assert_fallback(self.decision(self.driver.score(transaction(2))), "t2", "protocol")

    def test_overloaded(self):
        """Not sent again, however often that is allowed. The policy's verdict, if the server has one, takes the place of
        the client's."""
        refusal = {"code": "ERROR_OVERLOADED", "message": "too much waits"}
        fake = self.fake("fake")
        self.open(fake, deadline_ms=LONG_MS, retries_max=5, fallback="review")
        self.await_connection()
        fake.answer = lambda request: {"error": refusal}
        asked = len(fake.requests)
        self.assert_fallback(self.decision(self.driver.score(transaction(1))), "t1", "overloaded")
        self.assertEqual(len(fake.requests), asked + 1)
        self.assert_fails(self.driver.score(transaction(2), dry_run=True), "overloaded")
        refusal["fallback"] = "VERDICT_DECLINE"
        decision = self.decision(self.driver.score(transaction(3)))
        self.assertEqual((decision["verdict"], decision["fallback"]), ("decline", True))

    def test_of_one_transaction(self):
        def answer(request):
            response = approve(request)
            results = response["score"]["results"]
            results[1] = {"error": {"code": "ERROR_UNAVAILABLE", "message": "disk is full"}}
            results[2] = {"error": {"code": "ERROR_INVALID", "message": "no such currency", "field": "currency"}}
            return response

        self.open(self.fake("fake", answer), deadline_ms=LONG_MS, fallback="review")
        results = self.driver.score(*(transaction(number) for number in range(3)))["results"]
        self.assertFalse(results[0]["decision"]["fallback"])
        self.assert_fallback(results[1]["decision"], "t1", "unavailable")
        self.assertEqual(results[2]["error"]["code"], "invalid")

    def test_never_for_the_callers_fault(self):
        server = self.server().start()
        self.open(server, deadline_ms=LONG_MS, fallback="review")
        result = self.driver.score({**transaction(1), "currency": "EURO"})["results"][0]
        self.assertEqual(result["error"]["code"], "invalid")
        self.assert_fails(self.driver.score(*(transaction(number) for number in range(1001))), "too_large")


class KillTest(ScenarioTest):
    def load(self, stopping, prefix=""):
        """Starts CALLERS that send one call after the other; returns decisions by id, and errors, as they come."""
        decisions, errors, lock = {}, [], threading.Lock()

        def caller(which):
            number = which
            while not stopping.is_set():
                sent = {**transaction(number), "id": f"{prefix}{number}"}
                while True:
                    answer = self.driver.score(sent, deadline_ms=LONG_MS)
                    # A client that does not do this leaves it to its caller.
                    if answer.get("error", {}).get("code") != "unavailable" or "retry_unavailable" in self.driver.can:
                        break
                    time.sleep(0.05)
                with lock:
                    if "results" in answer and "decision" in answer["results"][0]:
                        decisions[sent["id"]] = answer["results"][0]["decision"]
                    else:
                        errors.append(answer)
                number += CALLERS

        threads = [threading.Thread(target=caller, args=(which,)) for which in range(CALLERS)]
        for thread in threads:
            thread.start()
        return decisions, errors, threads

    def test_killed_and_restarted_under_load(self):
        """Each answered id is in the archive once, at the position in its answer."""
        server = self.server().start()
        self.open(server, deadline_ms=LONG_MS, retries_max=50)
        stopping = threading.Event()
        decisions, errors, threads = self.load(stopping)
        try:
            for kill in range(3):
                before = len(decisions)
                self.await_more(decisions, before + 50)
                server.process.send_signal(signal.SIGKILL)
                server.wait()
                time.sleep(0.1 * kill)
                server.start()
            self.await_more(decisions, len(decisions) + 50)
        finally:
            stopping.set()
            for thread in threads:
                thread.join()
        self.assertEqual(errors, [])
        self.assert_archived_once(server, decisions)
        self.assertEqual(set(self.archived(server)), set(decisions), "in the archive, but not in any answer")

    def await_more(self, decisions, count):
        deadline = time.monotonic() + WAIT
        while len(decisions) < count:
            self.assertLess(time.monotonic(), deadline, "no more answers")
            time.sleep(0.005)

    def test_second_server_is_a_fallback(self):
        """The first dies under load: no call fails, and the second decides alone from there on. When the
        first is back it is asked again."""
        self.needs("addresses")
        first, second = self.server().start(), self.second_server().start()
        self.open(first, second, deadline_ms=LONG_MS, retries_max=50)
        deadline, number = time.monotonic() + WAIT, 2 * 10**6
        while first.status().get("transactions", 0) == 0:
            self.assertLess(time.monotonic(), deadline, "the first server is not preferred")
            self.decision(self.driver.score(transaction(number)))
            number += 1
        stopping = threading.Event()
        decisions, errors, threads = self.load(stopping)
        try:
            self.await_more(decisions, 50)
            first.process.send_signal(signal.SIGKILL)
            first.wait()
            self.await_more(decisions, len(decisions) + 100)
        finally:
            stopping.set()
            for thread in threads:
                thread.join()
        self.assertEqual(errors, [])
        on_first, on_second = self.archived(first), self.archived(second)
        self.assertGreater(len(on_first), 0)
        self.assertGreaterEqual(len(on_second), 100)
        for key, decision in decisions.items():
            places = [found[key] for found in (on_first, on_second) if key in found]
            self.assertIn([decision["position"]], places, key)
        # Requests whose connection broke may be in both archives: at most those in flight.
        self.assertLessEqual(len(set(on_first) & set(on_second)), CALLERS)
        first.start()
        deadline = time.monotonic() + WAIT
        number = 10**6
        while first.status()["transactions"] == len(on_first):
            self.assertLess(time.monotonic(), deadline, "the first server is not asked again")
            self.decision(self.driver.score(transaction(number)))
            number += 1


class EjectionTest(ScenarioTest):
    def setUp(self):
        super().setUp()
        self.needs("addresses", "ejection")

    def test_silent_address_is_left_out_and_comes_back(self):
        silent = [False]
        first = self.fake("first", lambda request: None if silent[0] else approve(request))
        second = self.fake("second")
        self.open(first, second, deadline_ms=150, eject_after=3)
        self.await_preferred(first)
        statuses = len(first.asked("status"))
        self.decision(self.driver.score(transaction(0), deadline_ms=LONG_MS))
        self.assertEqual(len(first.asked("score")), 1)

        silent[0] = True
        for number in range(1, 4):  # not sent to the second: the silent one may still decide them
            self.score_in_vain(transaction(number), deadline_ms=150)
        self.assertEqual(len(second.asked("score")), 0)
        probed = None
        deadline = time.monotonic() + WAIT
        while probed is None or time.monotonic() - probed < 0.4:  # past a probe, which fails beside the calls
            self.assertLess(time.monotonic(), deadline, "it was not probed")
            self.decision(self.driver.score(transaction(10), deadline_ms=LONG_MS))
            if probed is None and len(first.asked("status")) > statuses:
                probed = time.monotonic()
            time.sleep(0.02)
        self.assertEqual(len(first.asked("score")), 4, "a call was sent to an ejected address")

        silent[0] = False
        deadline = time.monotonic() + WAIT
        while len(first.asked("score")) == 4:
            self.assertLess(time.monotonic(), deadline, "it is not used again")
            self.decision(self.driver.score(transaction(11), deadline_ms=LONG_MS))
            time.sleep(0.02)

    def test_only_address_is_never_left_out(self):
        silent = [True]
        fake = self.fake("fake", lambda request: None if silent[0] else approve(request))
        self.open(fake, deadline_ms=100, eject_after=2)
        for number in range(5):
            answer = self.driver.score(transaction(number))
            self.assertIn(answer["error"]["code"], ("deadline", "unavailable"))
        silent[0] = False
        self.decision(self.driver.score(transaction(9), deadline_ms=LONG_MS))

    def test_all_ejected_are_still_asked(self):
        silent = [True]

        def answer(request):
            return None if silent[0] else approve(request)

        first, second = self.fake("first", answer), self.fake("second", answer)
        self.open(first, second, deadline_ms=100, eject_after=1)
        self.await_connection_of(first, second)
        for number in range(4):
            self.score_in_vain(transaction(number))
        silent[0] = False
        self.decision(self.driver.score(transaction(9), deadline_ms=LONG_MS))

    def test_unavailable_moves_at_once(self):
        self.needs("retry_unavailable")
        first, second = self.fake("first", unavailable), self.fake("second")
        self.open(first, second, deadline_ms=LONG_MS, eject_after=3)
        self.await_connection_of(first, second)
        for number in range(10):
            self.decision(self.driver.score(transaction(number)))
        self.assertEqual(len(second.asked("score")), 10)
        self.assertEqual(len(first.asked("score")), 3, "asked until it was ejected")

    def await_connection_of(self, *servers):
        deadline = time.monotonic() + WAIT
        while not all(server.greeted for server in servers):
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)
        time.sleep(0.3)  # until the client has read the greeting


class BatcherTest(ScenarioTest):
    def setUp(self):
        super().setUp()
        self.needs("batcher")

    def batch(self, *transactions, **members):
        return [self.driver.start("batch", transaction=one, **members) for one in transactions]

    def test_groups_calls(self):
        fake = self.fake("fake")
        self.open(fake, deadline_ms=LONG_MS)
        calls = self.batch(*(transaction(number) for number in range(200)))
        for number, call in enumerate(calls):
            self.assertEqual(self.decision(call.answer())["transaction_id"], f"t{number}")
        sizes = [len(request["score"]["transactions"]) for request in fake.asked("score")]
        self.assertEqual(sum(sizes), 200)
        self.assertLessEqual(len(sizes), 100, "they were not grouped")
        self.assertLessEqual(max(sizes), 50)

    def test_each_has_its_own_result(self):
        server = self.server().start()
        self.open(server, deadline_ms=LONG_MS)
        calls = self.batch(transaction(1), {**transaction(2), "currency": "EURO"}, transaction(3))
        answers = [call.answer() for call in calls]
        self.assertEqual(self.decision(answers[0])["transaction_id"], "t1")
        self.assertEqual(answers[1]["results"][0]["error"]["code"], "invalid")
        self.assertEqual(self.decision(answers[2])["transaction_id"], "t3")

    def test_deadline(self):
        fake = self.fake("fake", lambda request: approve(request) if "status" in request else None)
        self.open(fake, deadline_ms=LONG_MS)
        self.await_connection()
        for deadline_ms in (150, 1000, 10000, 60000):  # on a busy machine it may take long until they are sent
            answers = [call.answer() for call in
                       self.batch(*(transaction(number) for number in range(5)), deadline_ms=deadline_ms)]
            if all(answer["results"][0]["error"]["code"] == "deadline" for answer in answers):
                break
        for answer in answers:
            self.assertEqual(answer["results"][0]["error"]["code"], "deadline")
            self.assert_took(answer, 0, deadline_ms)


class CloseTest(ScenarioTest):
    def test_lets_calls_end(self):
        fake = self.fake("fake", lambda request: (time.sleep(0.3), approve(request))[1])
        self.open(fake, deadline_ms=LONG_MS)
        calls = [self.driver.start("score", transactions=[transaction(number)]) for number in range(20)]
        deadline = time.monotonic() + WAIT
        while len(fake.asked("score")) < 20:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.005)
        self.driver.do("close")
        for number, call in enumerate(calls):
            self.assertEqual(self.decision(call.answer())["transaction_id"], f"t{number}")

    def test_ends_calls_after_a_time(self):
        self.needs("close_timeout")
        fake = self.fake("fake", lambda request: None)
        self.open(fake, deadline_ms=LONG_MS)
        calls = [self.driver.start("score", transactions=[transaction(number)]) for number in range(20)]
        deadline = time.monotonic() + WAIT
        while len(fake.asked("score")) < 20:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.005)
        begun = time.monotonic()
        self.driver.do("close", timeout_ms=100)
        self.assertLess(time.monotonic() - begun, LATE_MS / 1000)
        for call in calls:
            self.assert_fails(call.answer(), "closed", decided=None)

    def test_open_again(self):
        fake = self.fake("fake")
        for number in range(10):
            self.open(fake, deadline_ms=LONG_MS)
            self.decision(self.driver.score(transaction(number)))
            self.driver.do("close")


class MetricsTest(ScenarioTest):
    def test_names(self):
        self.needs("metrics", "retry_unavailable", "fallback", "ejection")
        answers = [approve, unavailable, approve]
        first = self.fake("first", lambda request: (answers.pop(0) if answers else lambda _: None)(request))
        self.open(first, f"ipc://{self.folder}/closed.sock", deadline_ms=1000, eject_after=1, fallback="review")
        self.decision(self.driver.score(transaction(1), deadline_ms=LONG_MS))
        self.decision(self.driver.score(transaction(2), deadline_ms=LONG_MS))
        self.decision(self.driver.score(transaction(3)))
        calls = "harrier_client_calls_total"
        self.assertEqual(self.counted(calls, call="score", result="ok"), 2)
        self.assertEqual(self.counted(calls, call="score", result="deadline"), 1)
        self.assertEqual(self.counted("harrier_client_retries_total", reason="unavailable"), 1)
        self.assertEqual(self.counted("harrier_client_fallbacks_total", reason="deadline"), 1)
        self.assertGreaterEqual(self.counted("harrier_client_ejections_total", address=first.address), 1)
        reported = self.driver.do("metrics")["metrics"]
        self.assertEqual({(kind, name) for kind, name, _, _ in reported}, {
            ("count", calls), ("observe", "harrier_client_call_seconds"),
            ("observe", "harrier_client_transactions"), ("count", "harrier_client_retries_total"),
            ("count", "harrier_client_fallbacks_total"), ("set", "harrier_client_in_flight"),
            ("set", "harrier_client_address_up"), ("count", "harrier_client_ejections_total"),
        })
        self.assertEqual([value for _, name, value, _ in reported if name == "harrier_client_in_flight"][-1], 0)


class TokenTest(ScenarioTest):
    def setUp(self):
        super().setUp()
        self.needs("token")

    def new_token(self, scopes, *more):
        """The token, and its id."""
        done = subprocess.run(
            [HARRIER, "token", "new", "client", "--scopes", scopes, "--tokens", f"{self.folder}/tokens", *more],
            check=True, capture_output=True, text=True,
        )
        token = done.stdout.strip()
        return token, token.split("_")[1]

    def revoke(self, token_id):
        subprocess.run([HARRIER, "token", "revoke", token_id, "--tokens", f"{self.folder}/tokens"],
                       check=True, capture_output=True)

    def server_with_tokens(self):
        return self.server(f"--tokens={self.folder}/tokens").start()

    def assert_denied(self, answer, token):
        """Nothing was decided, the client reports that, and it does not show the token."""
        self.assert_fails(answer, "denied")
        self.assertEqual(answer["error"]["field"], "token")
        self.assertNotIn(token, json.dumps(answer))

    def test_wrong_token(self):
        """Every call is denied, at once and without a retry; nothing happens on the server."""
        right, _ = self.new_token("score,outcome")
        server = self.server_with_tokens()
        wrong = right[:-8] + ("00000000" if right[-8:] != "00000000" else "11111111")
        for token in (wrong, "k1.c2VjcmV0", "~" * 256):
            self.open(server, token=token, deadline_ms=LONG_MS)
            self.assert_denied(self.driver.score(transaction(1)), token)
            self.assert_denied(self.driver.score(transaction(1), transaction(2)), token)
            self.assert_denied(
                self.driver.do("outcome", outcomes=[{"transaction_id": "t1", "label": "fraud"}]), token)
            self.assert_denied(self.driver.do("status"), token)
            self.driver.do("close")
        self.open(server, deadline_ms=LONG_MS)  # none at all
        self.assert_denied(self.driver.score(transaction(1)), "hrr_")
        self.driver.do("close")
        denied = sum(server.metric(f'harrierd_denied_total{{reason="{reason}"}}')
                     for reason in ("unknown", "malformed", "missing"))
        self.assertEqual(denied, 3 * 4 + 1, "a denied call was sent again")
        self.open(server, token=right, deadline_ms=LONG_MS)
        self.assertEqual(self.driver.do("status")["status"]["transactions"], 0)
        self.decision(self.driver.score(transaction(1)))

    def test_scopes(self):
        score, _ = self.new_token("score")
        outcome, _ = self.new_token("outcome")
        server = self.server_with_tokens()
        report = {"outcomes": [{"transaction_id": "t1", "label": "fraud"}]}
        self.open(server, token=score, deadline_ms=LONG_MS)
        self.decision(self.driver.score(transaction(1)))
        self.assertIn("status", self.driver.do("status"))
        self.assert_denied(self.driver.do("outcome", **report), score)
        self.driver.do("close")
        self.open(server, token=outcome, deadline_ms=LONG_MS)
        self.assertEqual(self.driver.do("outcome", **report)["results"][0]["accepted"]["previous"], "none")
        self.assert_denied(self.driver.score(transaction(2)), outcome)

    def test_a_denial_is_no_failure_of_the_address(self):
        """The call does not move to the second address, and no fallback decision replaces the error."""
        self.needs("addresses")
        denial = {"error": {"code": "ERROR_DENIED", "field": "token", "message": "the token is not known"}}
        first, second = self.fake("first", lambda request: denial), self.fake("second")
        fallback = {"fallback": "approve"} if "fallback" in self.driver.can else {}
        self.open(first, second, token="k1.c2VjcmV0", deadline_ms=LONG_MS, **fallback)
        deadline = time.monotonic() + WAIT
        while not first.asked("status"):  # until it is preferred
            self.assertLess(time.monotonic(), deadline)
            self.driver.do("status")
        for number in range(10):
            self.assert_denied(self.driver.score(transaction(number)), "c2VjcmV0")
        self.assertEqual((len(first.asked("score")), len(second.asked("score"))), (10, 0))

    def test_it_goes_with_every_request(self):
        fake = self.fake("fake")
        self.open(fake, token="k1.c2VjcmV0~!", deadline_ms=LONG_MS)
        self.decision(self.driver.score(transaction(1)))
        self.driver.do("status")
        if "batcher" in self.driver.can:
            self.decision(self.driver.do("batch", transaction=transaction(2)))
        self.assertEqual({request.get("token") for request in fake.requests}, {"k1.c2VjcmV0~!"})
        self.assertGreaterEqual(len(fake.requests), 2)

    def test_it_goes_with_probes_too(self):
        self.needs("addresses", "ejection")
        silent = [False]
        first = self.fake("first", lambda request: None if silent[0] else approve(request))
        self.open(first, self.fake("second"), token="k1.c2VjcmV0", deadline_ms=150, eject_after=1)
        self.await_preferred(first)
        silent[0] = True
        self.score_in_vain(transaction(0), deadline_ms=150)
        before, deadline = len(first.asked("status")), time.monotonic() + WAIT
        while len(first.asked("status")) == before:
            self.assertLess(time.monotonic(), deadline, "it is not probed")
            self.decision(self.driver.score(transaction(1), deadline_ms=LONG_MS))  # of the second
            time.sleep(0.02)
        self.assertEqual({request.get("token") for request in first.requests}, {"k1.c2VjcmV0"})

    def test_one_that_cannot_be_sent(self):
        for token in ("x" * 257, "caf\u00e9", "line\nbreak", "tab\t", "\x7f"):
            answer = self.driver.do("open", options={"addresses": [f"ipc://{self.folder}/closed.sock"], "token": token})
            self.assertEqual((answer["error"]["code"], answer["error"]["field"]), ("invalid", "token"))
            self.assertNotIn(token, answer["error"]["message"])

    def test_replaced_under_load(self):
        """The client switches to a new token, then the old one is revoked: no call fails."""
        self.needs("token_change")
        old, old_id = self.new_token("score")
        server = self.server_with_tokens()
        self.open(server, changing_token=old, deadline_ms=LONG_MS)
        stopping, failures, done = threading.Event(), [], [0]

        def caller(which):
            number = which
            while not stopping.is_set():
                answer = self.driver.score(transaction(number))
                if "decision" not in answer.get("results", [{}])[0]:
                    failures.append(answer)
                done[0] += 1
                number += CALLERS

        def await_calls(count):
            until, deadline = done[0] + count, time.monotonic() + WAIT
            while done[0] < until:
                self.assertLess(time.monotonic(), deadline, "no more answers")
                time.sleep(0.005)

        threads = [threading.Thread(target=caller, args=(which,)) for which in range(CALLERS)]
        for thread in threads:
            thread.start()
        try:
            await_calls(100)
            new, new_id = self.new_token("score")
            server.process.send_signal(signal.SIGHUP)
            server.await_said("tokens: 2 in ")
            self.driver.do("token", token=new)
            await_calls(100)
            self.revoke(old_id)
            server.process.send_signal(signal.SIGHUP)
            server.await_said("tokens: 1 in ")
            await_calls(100)
        finally:
            stopping.set()
            for thread in threads:
                thread.join()
        self.assertEqual(failures, [])
        self.assertGreaterEqual(server.metric(f'harrierd_token_requests_total{{token="{new_id}",name="client"}}'), 100)


class TraceTest(ScenarioTest):
    TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

    def test_passed_through_unchanged_or_left_out(self):
        self.needs("traceparent")
        fake = self.fake("fake")
        self.open(fake, deadline_ms=LONG_MS)
        none = (self.TRACE.upper(), self.TRACE[:-1], "01" + self.TRACE[2:], "", "x" * 55,
                "00-" + "0" * 32 + "-00f067aa0ba902b7-01", "00-4bf92f3577b34da6a3ce929d0e0e4736-" + "0" * 16 + "-01")
        for number, sent in enumerate((self.TRACE, *none)):
            self.decision(self.driver.score(transaction(number), traceparent=sent))
        got = [request.get("traceparent", "") for request in fake.asked("score")]
        self.assertEqual(got, [self.TRACE] + [""] * len(none))


class WebSocketTest(ScenarioTest):
    def test_score_over_ws(self):
        """An address for which a client that speaks SP itself uses nng's library."""
        self.needs("ws")
        address = f"ws://127.0.0.1:{free_port()}/harrier"
        server = self.server(f"--listen={address}").start()
        self.open(address, deadline_ms=LONG_MS)
        calls = [self.driver.start("score", transactions=[transaction(number)]) for number in range(50)]
        decisions = {f"t{number}": self.decision(call.answer()) for number, call in enumerate(calls)}
        self.assert_archived_once(server, decisions)
        self.driver.do("close")


if __name__ == "__main__":
    arguments = sys.argv[1:]
    end = arguments.index("--") if "--" in arguments else len(arguments)
    COMMAND[:] = arguments[:end]
    if not COMMAND:
        sys.exit(__doc__)
    unittest.main(argv=[sys.argv[0], *arguments[end + 1 :]])
