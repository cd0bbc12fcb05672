"""Limits how many requests of a Client are in flight, and lets it wait until there are none."""

from __future__ import annotations

import threading
import time
from typing import Optional


class Limiter:
    def __init__(self, count_max: int) -> None:
        self.count = 0
        self.aborted = False
        self._count_max = count_max
        self._closed = False
        self._abandoned = False
        self._waiting = 0
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)

    def acquire(self, until: float) -> Optional[bool]:
        """Returns False if there was no room until then; None if the client is closed."""
        with self._lock:
            if self.count >= self._count_max:
                self._wait_for_room(until)
            if self._closed:
                return None
            if self.count >= self._count_max:
                return False
            self.count += 1
            return True

    def _wait_for_room(self, until: float) -> None:
        self._waiting += 1
        try:
            while self.count >= self._count_max and not self._closed:
                left = until - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    break
        finally:
            self._waiting -= 1

    def release(self) -> None:
        with self._lock:
            self.count -= 1
            if self._waiting:
                self._changed.notify_all() if self._closed else self._changed.notify()
        if self._abandoned:
            threading.Event().wait()  # a daemon thread, at exit: what it would return to is being torn down

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def abandon(self) -> None:
        """Threads that release after this never return, because Python is exiting."""
        self._abandoned = True
        self.close()

    def wait_empty(self, timeout: Optional[float]) -> bool:
        with self._changed:
            self._waiting += 1
            try:
                return self._changed.wait_for(lambda: self.count == 0, timeout)
            finally:
                self._waiting -= 1
