"""Passes a client's metrics to its hook. Names and labels are those of clients/README.md."""

from __future__ import annotations

import logging
from typing import Callable, Mapping, Optional

from ._routes import Route
from .options import Metrics

_NO_LABELS: Mapping[str, str] = {}


class Meter:
    def __init__(self, metrics: Optional[Metrics]) -> None:
        self.on = metrics is not None
        self._metrics = metrics
        self._complained = False

    def _report(self, report: Callable[[Metrics], None]) -> None:
        if self._metrics is None:
            return
        try:
            report(self._metrics)
        except Exception:  # an exception of the hook must not fail the call
            if not self._complained:
                self._complained = True
                logging.getLogger("harrier_client").exception(
                    "the metrics hook failed; further failures are not reported"
                )

    def called(self, call: str, result: str, seconds: float) -> None:
        self._report(lambda m: m.count("harrier_client_calls_total", 1, {"call": call, "result": result}))
        self._report(lambda m: m.observe("harrier_client_call_seconds", seconds, {"call": call}))

    def scored(self, transactions: int) -> None:
        self._report(lambda m: m.observe("harrier_client_transactions", transactions, _NO_LABELS))

    def retried(self, reason: str) -> None:
        self._report(lambda m: m.count("harrier_client_retries_total", 1, {"reason": reason}))

    def fell_back(self, reason: str, transactions: int) -> None:
        self._report(lambda m: m.count("harrier_client_fallbacks_total", transactions, {"reason": reason}))

    def in_flight(self, requests: int) -> None:
        self._report(lambda m: m.set("harrier_client_in_flight", requests, _NO_LABELS))

    def route_changed(self, route: Route) -> None:
        up = float(route.up)
        self._report(lambda m: m.set("harrier_client_address_up", up, {"address": route.address}))

    def route_ejected(self, route: Route) -> None:
        self._report(lambda m: m.count("harrier_client_ejections_total", 1, {"address": route.address}))
