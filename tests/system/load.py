"""Requests sent one after the other while a server does something else, and how long each of them took."""
import os
import threading
import time

from wire import Connection, decode, encode

# How long a swap may make a request wait. HARRIER_STRICT=1 holds it to what the manual promises, on a machine that
# does nothing else. By default the bound is only to catch a swap during which requests stand still.
IS_STRICT = "HARRIER_STRICT" in os.environ
WAIT_MS_MAX = 50 if IS_STRICT else 10000
NAP = 0.002
# Times how late a thread was that only slept meanwhile: other processes run too, and a request waits for several
# threads, here and in the server.
NOISE = 5


class Prober:
    """A client that sends requests until its with statement ends. make_request(number) → request; default: status."""

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
        """No request failed, and none waited too long. Where other processes kept the machine busy, a request may wait
        some times longer than a thread that only slept."""
        self.check_answers()
        limit = max(WAIT_MS_MAX, WAIT_MS_MAX / 2 + NOISE * self.late_ms)
        assert self.worst_ms <= limit, f"a request waited {self.worst_ms:.1f} ms, more than {limit:.1f} ms"
