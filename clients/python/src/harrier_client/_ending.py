"""What ends a client that nobody closed."""

from __future__ import annotations

import atexit
import os
import weakref
from typing import Any, Callable


class Ending:
    """Calls end(*arguments) once: when it is called, when owner is gone, or when Python ends.

    Not in a forked child, where nng's threads are not.
    """

    def __init__(self, owner: object, end: Callable[..., None], *arguments: Any) -> None:
        self._finalizer = weakref.finalize(owner, _end_here, os.getpid(), end, arguments)
        # Beside weakref's own hook, which comes after pynng's, that ends nng, if anything had a finalizer before
        # pynng was imported.
        atexit.register(self._finalizer)

    @property
    def alive(self) -> bool:
        return self._finalizer.alive

    def __call__(self) -> None:
        self._finalizer()
        atexit.unregister(self._finalizer)

    def detach(self) -> None:
        self._finalizer.detach()
        atexit.unregister(self._finalizer)


def _end_here(process: int, end: Callable[..., None], arguments: Any) -> None:
    if os.getpid() == process:
        end(*arguments)
