"""Requests sent one after the other beside whatever else a server does, and how long each of them took."""
import threading
import time

from wire import Connection, decode, encode

WAIT_MS_MAX = 50  # that a swap may make anybody wait
NAP = 0.002
# Times how late a thread was that only slept meanwhile: the machine does other things too, and a
# request waits for several threads, here and in the server.
NOISE = 5


class Prober:
    """A client of its own that sends until it is left: make_request(number) → request, or the server's status."""

    def __init__(self, address, make_request=None, pause=0.002):
        self.address = address
        self.make_request = make_request or (lambda number: {"status": {}})
        self.pause = pause
        self.waits_ms = []
        self.answers = []
        self.failure = None
        self.stopping = threading.Event()
        self.late_ms = 0.0
        self.threads = [threading.Thread(target=work) for work in (self._run, self._sleep)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join()

    def _sleep(self):
        while not self.stopping.is_set():
            began = time.monotonic()
            time.sleep(NAP)
            self.late_ms = max(self.late_ms, (time.monotonic() - began - NAP) * 1000)

    def _run(self):
        try:
            with Connection(self.address) as connection:
                number = 0
                while not self.stopping.is_set():
                    body = encode(self.make_request(number))
                    began = time.monotonic()
                    answer = connection.exchange(body)
                    self.waits_ms.append((time.monotonic() - began) * 1000)
                    self.answers.append(decode("Response", answer))
                    number += 1
                    time.sleep(self.pause)
        except BaseException as failure:  # pylint: disable=broad-except
            self.failure = failure

    @property
    def worst_ms(self):
        return max(self.waits_ms)

    def words(self):
        waits = sorted(self.waits_ms)
        return (f"{len(waits)} requests, median {waits[len(waits) // 2]:.1f} ms, longest {waits[-1]:.1f} ms "
                f"(a thread that only slept was {self.late_ms:.1f} ms late)")

    def check_answers(self):
        """No request failed."""
        if self.failure:
            raise AssertionError("a request failed") from self.failure
        for answer in self.answers:
            assert "error" not in answer, answer
            for result in answer.get("score", {}).get("results", ()):
                assert "decision" in result, result

    def check(self):
        """No request failed, and none waited too long; where the machine is too busy to tell, not much longer
        than one that did nothing."""
        self.check_answers()
        limit = max(WAIT_MS_MAX, WAIT_MS_MAX / 2 + NOISE * self.late_ms)
        assert self.worst_ms <= limit, f"a request waited {self.worst_ms:.1f} ms, more than {limit:.1f} ms"
