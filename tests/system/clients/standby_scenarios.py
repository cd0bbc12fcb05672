"""Clusters with any client: the section 'Standbys' of clients/README.md, with servers that say who decides. None of
them needs a second server's copy of the archive, so all of them are fakes."""

import threading
import time

from scenario import LATE_MS, LONG_MS, ScenarioTest  # isort: skip  (sets the path for the others)
from fake_server import FakeServer, approve, standby, unavailable
from server import WAIT, transaction

ADDRESS_UP = "harrier_client_address_up"
RETRIES = "harrier_client_retries_total"
EJECTIONS = "harrier_client_ejections_total"
ATTEMPTS = 20

# Each call that writes, and the request that it is for a server.
WRITES = {
    "score": {"do": "score", "transactions": [transaction(1)]},
    "report_outcome": {"do": "outcome", "outcomes": [{"transaction_id": "t1", "label": "fraud"}]},
    "amend": {"do": "amend", "amendments": [{"transaction_id": "t1", "kind": "void"}]},
    "change_list": {"do": "change_list", "changes": [{"list": "blocked_cards", "value": "lost"}]},
    "change_brake": {"do": "change_brake", "rule": "many", "pull": True},
}
# What a driver must be able to do for it.
NEEDS = {"change_list": "analyst", "change_brake": "brakes"}


def refused(_request):
    return {"error": {"code": "ERROR_INVALID", "field": "there", "message": "so it is"}}


class StandbyTest(ScenarioTest):
    def setUp(self):
        super().setUp()
        self.needs("standbys", "addresses", "metrics")

    def open(self, *servers, **options):
        """With a connection to each of the servers, so that it is certain which one is asked."""
        super().open(*servers, **{"deadline_ms": LONG_MS, **options})
        answers = [server.answer for server in servers]
        for server in servers:
            server.answer = approve
        self.await_up(*servers)
        for server, answer in zip(servers, answers):
            server.answer = answer
            server.requests.clear()

    def up(self):
        """{address: whether the client says that it is up}"""
        reported = self.driver.do("metrics")["metrics"]
        return {labels["address"]: value == 1 for _, name, value, labels in reported if name == ADDRESS_UP}

    def await_up(self, *servers, up=True):
        deadline = time.monotonic() + WAIT
        while not all(self.up().get(server.address, False) is up for server in servers):
            self.assertLess(time.monotonic(), deadline, f"not all are {'up' if up else 'down'}")
            self.driver.do("status")  # clients may connect only while they are called
            time.sleep(0.01)

    def score(self, number, **members):
        return self.decision(self.driver.score(transaction(number), **members))

    def write(self, call):
        answer = self.driver.do(**WRITES[call])
        self.assertEqual(len(answer.get("results", ())), 1, answer)

    def each_write(self):
        """Calls that write, each with two servers of its own."""
        for call in WRITES:
            if NEEDS.get(call) is None or NEEDS[call] in self.driver.can:
                yield call, self.fake(f"first-{call}"), self.fake(f"second-{call}")

    def ids(self, server):
        """Of the transactions that it has been asked for."""
        return [request["score"]["transactions"][0]["id"] for request in server.asked("score")]

    def await_ejected(self, server):
        """The server must not answer: calls are sent to it until one too many has failed."""
        deadline = time.monotonic() + WAIT
        while not self.counted(EJECTIONS, address=server.address):
            self.assertLess(time.monotonic(), deadline, "it is not ejected")
            self.driver.score(transaction(1), deadline_ms=300)

    def assert_asked(self, servers, *counts):
        """How often each has been asked for a score."""
        self.assertEqual(tuple(len(server.asked("score")) for server in servers), counts)

    def order(self, servers, key):
        """The indexes of the servers in the order in which they were asked for this transaction."""
        asked = [(request["received_at"], index) for index, server in enumerate(servers)
                 for request in server.asked("score") if request["score"]["transactions"][0]["id"] == key]
        return [index for _, index in sorted(asked)]

    def ask_in_vain(self, *servers, deadline_ms=1000, prefix="vain"):
        """A call that the servers refuse until its deadline; returns its answer and how many requests they got. It is
        made again if a request was in flight at the deadline, so that the error is another one, or if the machine was
        too busy to ask all."""
        for number in range(ATTEMPTS):
            key = f"{prefix}{number}"
            answer = self.driver.score({**transaction(number), "id": key}, deadline_ms=deadline_ms)
            counts = [self.ids(server).count(key) for server in servers]
            in_flight = answer.get("error", {}).get("code") == "deadline"
            if all(counts) and not in_flight:
                break
        self.assertFalse(in_flight, "a request is in flight at each deadline")
        return answer, sum(counts)

    # The mark

    def test_moves_to_the_primary_and_stays_there(self):
        """At once although it must not retry: a standby's answer is no failed attempt."""
        second = self.fake("second")
        servers = first, second = self.fake("first", standby(second.address)), second
        self.open(*servers, retries_max=0)
        self.assertEqual(self.score(1)["transaction_id"], "t1")
        self.assert_asked(servers, 1, 1)
        sent = [server.asked("score")[0] for server in servers]
        self.assertEqual(sent[0]["score"], sent[1]["score"])
        self.assertGreaterEqual(sent[0]["deadline_us"], sent[1]["deadline_us"])
        for number in range(2, 5):
            self.score(number)
        self.assert_asked(servers, 1, 4)
        self.assertEqual(self.counted(RETRIES, reason="not_primary"), 1)
        self.assertEqual(self.counted(RETRIES), 1)
        self.assertEqual(self.counted("harrier_client_calls_total", call="score", result="ok"), 4)

    def test_without_a_name_it_tries_the_next(self):
        servers = self.fake("first", standby()), self.fake("second", standby()), self.fake("third")
        self.open(*servers, retries_max=0)
        self.score(1)
        self.assert_asked(servers, 1, 1, 1)
        self.score(2)
        self.assert_asked(servers, 1, 1, 2)
        self.assertEqual(self.counted(RETRIES, reason="not_primary"), 2)

    def test_the_named_address_loses_its_mark(self):
        """The primary moves back to the first, which is a standby for the client: the third is not asked."""
        servers = first, second, third = self.fake("first"), self.fake("second"), self.fake("third")
        self.open(*servers, retries_max=0)
        first.answer = standby(second.address)
        self.score(1)
        first.answer, second.answer = approve, standby(first.address)
        self.score(2)
        self.assert_asked(servers, 2, 2, 0)
        self.score(3)
        self.assert_asked(servers, 3, 2, 0)

    def test_a_standby_that_names_itself_is_marked(self):
        servers = first, _ = self.fake("first"), self.fake("second")
        first.answer = standby(first.address)
        self.open(*servers, retries_max=0)
        self.score(1)
        self.score(2)
        self.assert_asked(servers, 1, 2)

    def test_addresses_are_compared_as_they_are_written(self):
        """As before, but the first is named in another spelling: that names nobody."""
        servers = first, second, third = self.fake("first"), self.fake("second"), self.fake("third")
        self.open(*servers, retries_max=0)
        first.answer = standby(second.address)
        self.score(1)
        first.answer, second.answer = approve, standby(f"ipc://{self.folder}/./first.sock")
        self.score(2)
        self.assert_asked(servers, 1, 2, 1)
        self.driver.do("close")
        self.assertEqual(first.connections(), 1)

    def test_a_name_that_is_not_in_the_list_is_never_connected_to(self):
        stranger = self.fake("stranger")
        servers = self.fake("first", standby(stranger.address)), self.fake("second", standby(stranger.address)), \
            self.fake("third")
        self.open(*servers)
        for number in range(3):
            self.score(number)
        self.assert_asked(servers, 1, 1, 3)
        self.driver.do("close")
        self.open(*servers[:2])
        self.driver.score(transaction(3), deadline_ms=300)
        self.driver.do("close")
        self.assertEqual(stranger.connections(), 0)
        self.assertEqual(stranger.requests, [])

    def test_reading_goes_the_same_way_and_keeps_the_mark(self):
        """A standby answers `status`, too; that does not make it the primary."""
        second = FakeServer(f"{self.folder}/second.sock")
        first = self.fake("first", standby(second.address))
        self.open(first, second, retries_max=50)
        self.score(1)
        self.assertEqual(self.driver.do("status")["status"]["state"], "ready")
        self.assertEqual(len(first.asked("status")), 0)
        second.close()
        self.await_up(second, up=False)
        self.assertEqual(self.driver.do("status")["status"]["state"], "standby")
        second = self.fake("second")
        self.await_up(second)
        self.score(2)
        self.assert_asked((first, second), 1, 1)

    def test_every_write_moves_and_marks(self):
        for call, first, second in self.each_write():
            first.answer = standby(second.address)
            self.open(first, second, retries_max=0)
            self.write(call)
            self.assertEqual((len(first.asked(call)), len(second.asked(call))), (1, 1))
            self.score(2)
            self.assertEqual(len(first.requests), 1, "it was not marked")
            self.driver.do("close")

    def test_batched_calls(self):
        self.needs("batcher")
        servers = first, second = self.fake("first"), self.fake("second")
        first.answer = standby(second.address)
        self.open(*servers, retries_max=0)
        calls = [self.driver.start("batch", transaction=transaction(number)) for number in range(50)]
        for number, call in enumerate(calls):
            self.assertEqual(self.decision(call.answer())["transaction_id"], f"t{number}")
        self.assertGreaterEqual(len(second.asked("score")), 1)

    # Nobody decides

    def take_over(self, first, second, answer=approve, refusals=10):
        """Both are standbys until they have refused so often; then the second answers. The first never knows it, so a
        call must not keep to the first while all are marked."""

        def after(request):
            refused_so_far = len(first.requests) + len(second.requests) - 1  # without this one
            return (standby() if refused_so_far < refusals else answer)(request)

        first.answer, second.answer = standby(), after

    def test_take_over(self):
        """However often they refuse, the call goes on; then the mark of the new primary is gone, whatever it answers."""
        for call, first, second in self.each_write():
            self.open(first, second, retries_max=0)
            self.take_over(first, second)
            self.write(call)
            sent = sorted(first.requests + second.requests, key=lambda request: request["received_at"])
            left = [request["deadline_us"] for request in sent]
            self.assertEqual(left, sorted(left, reverse=True), "the server learns the time that is left")
            self.assertEqual(self.counted(RETRIES, reason="not_primary"), len(sent) - 1)
            self.assertEqual(self.counted(RETRIES), len(sent) - 1)
            before = len(first.requests)
            self.score(2)
            self.assertEqual(len(first.requests), before, "the primary is still marked")
            self.driver.do("close")

    def test_take_over_with_an_error(self):
        servers = first, second = self.fake("first"), self.fake("second")
        self.open(*servers, retries_max=0)
        self.take_over(first, second, refused)
        self.assert_fails(self.driver.score(transaction(1)), "invalid")
        before = len(first.requests)
        second.answer = approve
        self.score(2)
        self.assertEqual(len(first.requests), before, "the primary is still marked")

    def test_the_only_address(self):
        refusals = 5
        fake = self.fake("fake", lambda request: (standby() if len(fake.requests) <= refusals else approve)(request))
        self.open(fake, retries_max=0)
        self.score(1)
        self.assertEqual(len(fake.asked("score")), refusals + 1)

    def test_all_that_are_marked_are_asked_in_turns(self):
        """The first names the third, so the second is the one that has not been asked. With marks on all of them there
        is a wait before each request: a call that asked them all between two waits would send far more."""
        names = "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth"
        servers = [self.fake(name, standby()) for name in names]
        self.open(*servers, eject_after=1000)
        self.ask_in_vain(*servers)  # marks them
        servers[0].answer = standby(servers[2].address)
        _, asked = self.ask_in_vain(*servers, prefix="turns")
        self.assertLess(asked, 40)
        for attempt in range(ATTEMPTS):
            order = self.order(servers, f"turns{attempt}")
            # The first names the third again in each of its turns; before that, the others have had theirs.
            turns = [0, 2, 1, 3, 4, 5, 6, 7]
            self.assertEqual(order, (turns * len(order))[: len(order)])

    def test_until_the_deadline(self):
        """The waits between the rounds get longer: the standbys are not flooded."""
        first, second = self.fake("first"), self.fake("second")
        self.open(first, second)
        for names in (("", ""), (second.address, first.address), (first.address, second.address)):
            with self.subTest(names=names):
                first.answer, second.answer = (standby(name) for name in names)
                answer, asked = self.ask_in_vain(first, second)
                self.assert_fails(answer, "unavailable", decided=False)
                self.assert_took(answer, 1000, 1000)
                self.assertLess(asked, 200)

    def test_unknown_if_a_connection_broke(self):
        seen = set()

        def answer(request):
            key = request["score"]["transactions"][0]["id"]
            if key in seen:
                return standby()(request)
            seen.add(key)
            return ConnectionError()

        first, second = self.fake("first", answer), self.fake("second", answer)
        self.open(first, second)
        answer, _ = self.ask_in_vain(first)
        self.assert_fails(answer, "unavailable", decided=None)

    def test_fallback(self):
        self.needs("fallback")
        first, second = self.fake("first", standby()), self.fake("second", standby())
        self.open(first, second, fallback="review")
        for number in range(ATTEMPTS):
            decision = self.score(number, deadline_ms=1000)
            self.assertEqual((decision["verdict"], decision["fallback"]), ("review", True))
            if decision["fallback_reason"] != "deadline":
                break
        self.assertEqual(decision["fallback_reason"], "unavailable")

    def test_close_ends_the_wait(self):
        self.needs("close_timeout")
        servers = self.fake("first", standby()), self.fake("second", standby())
        self.open(*servers)
        call = self.driver.start("score", transactions=[transaction(1)])
        deadline = time.monotonic() + WAIT
        while sum(len(server.requests) for server in servers) < 10:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)
        begun = time.monotonic()
        self.driver.do("close", timeout_ms=100)
        self.assertEqual(call.answer()["error"]["code"], "closed")
        self.assertLess(time.monotonic() - begun, LATE_MS / 1000)

    # Failures

    def test_unavailable_is_counted_on_its_own(self):
        second = self.fake("second", unavailable)
        servers = first, second = self.fake("first", standby(second.address)), second
        self.open(*servers, retries_max=2, eject_after=100)
        answer = self.driver.score(transaction(1))
        self.assert_fails(answer, "unavailable")
        self.assertIn("it is not ready", answer["error"]["message"])
        self.assert_asked(servers, 1, 3)

    def test_a_primary_that_is_unavailable_is_waited_for(self):
        """A standby is no other address to go to: the waits get longer, so the primary is not flooded."""
        self.needs("retry_unavailable")
        second = self.fake("second", unavailable)
        first = self.fake("first", standby(second.address))
        self.open(first, second, retries_max=1000, eject_after=1000)
        answer = self.driver.score(transaction(1), deadline_ms=1000)
        self.assertIn(answer["error"]["code"], ("unavailable", "deadline"))  # the latter with a request in flight
        self.assert_took(answer, 1000, 1000)
        self.assertLess(len(second.asked("score")), 100)
        self.assertLessEqual(len(first.asked("score")), 1)

    def test_a_named_address_is_asked_while_it_is_ejected(self):
        """The word of a standby is newer than the ejection. It is believed, or no call is decided until a probe is
        answered."""
        self.needs("ejection")

        def silent(_request):
            return None

        def no_probe(request):
            return silent(request) if "status" in request else approve(request)

        first, second = self.fake("first", silent), self.fake("second")
        self.open(first, second, eject_after=1, retries_max=0)
        self.await_ejected(first)
        first.answer = no_probe
        # If it is not asked, the standby decides in the end, so that this ends soon.
        second.answer = lambda request: (standby(first.address) if len(second.asked("score")) < 5 else approve)(request)
        self.score(2)
        self.assertEqual(self.ids(first).count("t2"), 1, "it was not asked")
        self.assertEqual(self.ids(second).count("t2"), 1)
        self.score(3)  # its answer has ended the ejection, and the second is marked
        self.assertEqual((self.ids(first).count("t3"), self.ids(second).count("t3")), (1, 0))

    def test_a_standby_is_not_ejected(self):
        self.needs("ejection")
        servers = first, second = self.fake("first"), self.fake("second")
        self.open(*servers, retries_max=0, eject_after=1)
        for number in range(5):  # the primary moves with each call
            first.answer, second.answer = standby(second.address), approve
            self.score(2 * number)
            first.answer, second.answer = approve, standby(first.address)
            self.score(2 * number + 1)
        self.assertEqual(self.counted(RETRIES, reason="not_primary"), 10)
        self.assertEqual(self.counted(EJECTIONS), 0)
        self.assertEqual(self.up(), {first.address: True, second.address: True})

    def test_its_answer_ends_a_row_of_failures(self):
        self.needs("ejection", "retry_unavailable")
        first, second = self.fake("first"), self.fake("second")
        self.open(first, second, eject_after=2)
        of_first = [unavailable, standby(), unavailable]
        of_second = [approve, standby(first.address), approve]
        first.answer = lambda request: (of_first.pop(0) if of_first else standby())(request)
        second.answer = lambda request: of_second.pop(0)(request)
        self.score(1)
        self.score(2)
        self.assertEqual((of_first, of_second), ([], []))
        self.assertEqual(self.counted(EJECTIONS), 0)

    def test_a_standby_is_up_when_probed(self):
        self.needs("ejection")
        first, second = self.fake("first", lambda request: None), self.fake("second")
        self.open(first, second, eject_after=1, deadline_ms=1000)  # also the deadline of a probe
        self.await_ejected(first)
        first.answer = standby(second.address)
        deadline = time.monotonic() + WAIT
        while "t2" not in self.ids(first):
            self.assertLess(time.monotonic(), deadline, "it is not used again")
            self.score(2, deadline_ms=LONG_MS)  # clients may probe only while they are called
            time.sleep(0.01)
        self.assertTrue(first.asked("status"), "it was not probed")
        self.score(3, deadline_ms=LONG_MS)
        self.assertNotIn("t3", self.ids(first), "it was not marked")

    # A cluster at work

    def test_the_primary_moves_under_load(self):
        """No call fails, although for a while nobody decides."""
        servers = [self.fake(name) for name in ("first", "second", "third")]
        primary, decided, errors, lock = [0], [0], [], threading.Lock()

        def answer_of(index):
            def answer(request):
                with lock:
                    if primary[0] != index:
                        known = primary[0] is not None and decided[0] % 2  # about half of the answers have a name
                        return standby(servers[primary[0]].address if known else "")(request)
                    decided[0] += 1
                    return approve(request)
            return answer

        def caller(which):
            number = which
            while not stopping.is_set():
                answer = self.driver.score(transaction(number))
                if "decision" not in answer.get("results", [{}])[0]:
                    errors.append(answer)
                number += 8

        for index, server in enumerate(servers):
            server.answer = answer_of(index)
        self.open(*servers, retries_max=0)
        stopping = threading.Event()
        threads = [threading.Thread(target=caller, args=(which,)) for which in range(8)]
        for thread in threads:
            thread.start()
        try:
            for index in (1, 2, 0, 1, 0):
                self.await_more(decided)
                with lock:
                    primary[0] = None  # nobody, until all have said so
                    before = [len(server.requests) for server in servers]
                deadline = time.monotonic() + WAIT
                while any(len(server.requests) == count for server, count in zip(servers, before)):
                    self.assertLess(time.monotonic(), deadline, "a server is not asked although none decides")
                    time.sleep(0.005)
                with lock:
                    primary[0] = index
            self.await_more(decided)
        finally:
            with lock:
                primary[0] = 0 if primary[0] is None else primary[0]
            stopping.set()
            for thread in threads:
                thread.join()
        self.assertEqual(errors, [])
        self.assertEqual(self.counted(EJECTIONS), 0)

    def await_more(self, decided):
        until, deadline = decided[0] + 50, time.monotonic() + WAIT
        while decided[0] < until:
            self.assertLess(time.monotonic(), deadline, "no more answers")
            time.sleep(0.005)

    def test_status_says_who_decides(self):
        figures = {"node": "b", "primary": "tcp://10.1.0.5:7130", "committed_position": 2**40 + 7}
        fake = self.fake("fake", lambda request: {"status": {"version": "fake", "state": "standby", **figures}})
        self.open(fake)
        status = self.driver.do("status")["status"]
        self.assertEqual(status, {**status, "state": "standby", **figures})
        fake.answer = approve
        status = self.driver.do("status")["status"]
        self.assertEqual(status, {**status, "state": "ready", "node": "", "primary": "", "committed_position": 0})
