"""Closes clients that their users have not closed."""

from __future__ import annotations

import atexit
import os
import weakref
from typing import Any, Callable


class Finalizer:
    """Calls end(*arguments) once: when it is called, when owner is collected, or when Python exits.

    Does nothing in a forked child, which does not have nng's threads.
    """

    def __init__(self, owner: object, end: Callable[..., None], *arguments: Any) -> None:
        self._finalizer = weakref.finalize(owner, _end_here, os.getpid(), end, arguments)
        # At exit, weakref's own hook is too late: it runs after pynng's, which shuts nng down, if a finalizer was made
        # before pynng was imported.
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
