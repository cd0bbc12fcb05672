"""Jobs and the figures of rules, as an author and a viewer use them."""

import json
from collections.abc import Callable

from console_checks import Desk

SCREENS = ["/jobs", "/jobs?new=tune", "/job?id=1", "/job?id=2", "/rules/figures"]


def choose(desk: Desk, name: str, value: str) -> None:
    """An option of a field, as a person chooses it."""
    field = f"document.querySelector({json.dumps(f'[name={name}]')})"
    desk.ask(f"{field}.value = {json.dumps(value)}; {field}.dispatchEvent(new Event('change'))")


def begin(desk: Desk) -> None:
    """Sends the form, and waits for the job's own screen."""
    desk.ask("document.querySelector('.job-form button[type=submit]').click()")
    desk.until("location.pathname === '/job'")


def check_backtest(desk: Desk) -> None:
    """A backtest between two policies: begun by the form, its changes filtered, a transaction opened."""
    desk.soften()
    desk.sign_in("eve")
    desk.open("/jobs")
    choose(desk, "policy", "previous")
    choose(desk, "against", "current")
    begin(desk)
    desk.until("document.querySelector('.job-done') !== null")
    desk.shows("verdicts would change")
    rows = "[...document.querySelectorAll('[aria-label=\"Decisions that would change\"] tbody tr')]"
    every = desk.until(f"{rows}.length")
    choice = "document.querySelector('main select')"
    desk.ask(f"{choice}.value = 'stricter'; {choice}.dispatchEvent(new Event('change'))")
    desk.until("location.search.includes('stricter')")
    desk.until(f"{rows}.length > 0 && {rows}.length <= {every}")
    address = desk.ask("location.pathname + location.search")
    identifier = desk.ask(f"{rows}[0].querySelector('a').innerText")
    desk.ask(f"{rows}[0].querySelector('a').click()")
    desk.shows("Rules that acted")
    assert identifier in desk.ask("document.title")
    desk.open(address)
    desk.until(f"{rows}.length > 0")
    assert desk.ask(f"{choice}.value") == "stricter", "the filter is not in the address"
    saved = desk.ask("fetch('/api/jobs/report?id=1').then(a => a.headers.get('Content-Disposition'))")
    assert saved.startswith("attachment"), f"the report is shown: {saved}"


def check_failed_job(desk: Desk) -> None:
    """What a tuning cannot do is said, and it can be begun again; a viewer sees it and may do neither."""
    desk.sign_in("eve")
    desk.open("/jobs?new=tune")
    begin(desk)
    desk.until("document.querySelector('.job-failed') !== null")
    desk.shows("harrier:")
    desk.shows("Begin it again")
    address = desk.ask("location.pathname + location.search")
    desk.sign_in("vera")
    desk.open(address)
    desk.until("document.querySelector('.job-failed') !== null")
    assert desk.ask("document.querySelector('main button') === null"), "a viewer may begin jobs"
    desk.open("/jobs")
    desk.until("document.querySelector('table.rows') !== null")
    assert desk.ask("document.querySelector('.job-form') === null"), "a viewer may begin jobs"


def check_rule_figures(desk: Desk) -> None:
    """Rules are sorted by their columns, and the address says how."""
    desk.sign_in("vera")
    desk.open("/rules/figures")
    fires = "[...document.querySelectorAll('tbody tr')].map(r => +r.cells[2].innerText.replace(/,/g, ''))"
    desk.until(f"{fires}.length > 3")
    falling = desk.ask(fires)
    assert falling == sorted(falling, reverse=True), f"not by fires: {falling}"
    desk.ask("[...document.querySelectorAll('th button')].find(b => b.innerText.startsWith('Fires')).click()")
    desk.until("location.search.includes('rising')")
    desk.until(f"JSON.stringify({fires}) === {json.dumps(json.dumps(sorted(falling), separators=(',', ':')))}")
    desk.open("/rules/figures?from=2001-01-01&until=2001-01-02")
    desk.shows("No rule fired in this time.")


CHECKS: list[Callable[[Desk], None]] = [check_backtest, check_failed_job, check_rule_figures]
