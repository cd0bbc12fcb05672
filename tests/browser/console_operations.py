"""The screens of performance and operations: figures and their range in the address, a night's report, a threshold that
was held back, and a brake that is lifted."""

import datetime
import json
import sqlite3

from console_checks import Desk

SCREENS = [
    "/performance",
    "/performance?view=policies",
    "/performance?view=drift",
    "/operations?view=nights",
    "/operations?view=thresholds",
    "/operations?view=archive",
    "/operations?view=tokens",
]


def audited(desk: Desk, action: str) -> list[tuple[str, str]]:
    """Who did what of this kind, in order."""
    with sqlite3.connect(f"file:{desk.folder}/console.sqlite?mode=ro", uri=True) as database:
        found = database.execute(
            "SELECT person, after FROM audit WHERE action = ? ORDER BY id", (action,)
        )
        return [(row[0], row[1]) for row in found]


def submit(desk: Desk, form: str) -> None:
    """Presses the button of a form."""
    desk.ask(f"document.querySelector({json.dumps(form + ' button[type=submit]')}).click()")


def check_performance(desk: Desk) -> None:
    """Yesterday's transactions are counted and marked as young; range and day of knowledge are the
    address."""
    desk.sign_in("vera")
    yesterday = datetime.date.today() - datetime.timedelta(days=1)
    desk.open("/performance")
    desk.until(f"document.querySelector('tr.young')?.innerText.includes('{yesterday}')")
    desk.shows("still coming")
    desk.open("/performance?mature=0&from=2026-01-01&known=2026-01-01&until=2026-01-02")
    desk.shows("what was known at the end of 2026-01-01")
    desk.ask(
        "[...document.querySelectorAll('button')].find(b => b.innerText === '30 days').click()"
    )
    desk.until("location.search.includes('from=2025-12-04')")
    assert desk.ask("location.search.includes('known=2026-01-01')"), "the rest of the query is lost"
    desk.open("/performance?from=1999-01-01")
    desk.shows("at most 800 days")


def check_night(desk: Desk) -> None:
    """A real night's report is shown, and one that is none is told."""
    data = desk.folder.parent / "data"
    desk.sign_in("admin")
    desk.open("/operations?view=nights")
    desk.shows("no folder")
    desk.run("night", "--data", data, "--quiet", "--priority=normal")
    date = json.loads((data / "nights/latest.json").read_text(encoding="utf-8"))["date"]
    desk.open("/operations?view=nights")
    desk.until(f"document.querySelector('a[href*=\"night={date}\"]') !== null")
    desk.ask(f"document.querySelector('a[href*=\"night={date}\"]').click()")
    desk.shows(f"The night of {date}")
    desk.shows("The days before")
    report = data / "nights" / date / "report.json"
    good = report.read_bytes()
    report.write_text('{"findings": [{"text": "<img src=x onerror=alert(1)>"}]}', encoding="utf-8")
    desk.open(f"/operations?view=nights&night={date}")
    desk.shows("cannot be shown")
    report.write_bytes(good)


def check_held_back(desk: Desk) -> None:
    """An approver accepts with a reason, and takes it back; a viewer sees it only."""
    file = desk.folder.parent / "data/nights/thresholds.json"
    good = file.read_bytes()
    held = {
        "date": "2026-01-31",
        "thresholds": [
            {
                "name": "<b>odd</b>", "samples": 9, "overall_before": 1.5, "overall": 1.5,
                "groups_before": 0, "groups": 0, "changed": 1, "held": 1,
                "held_examples": [{"group": "", "value": 1.5, "computed": 9.25}],
            }
        ],
        "cutoffs": [],
    }  # fmt: skip
    file.write_text(json.dumps(held), encoding="utf-8")
    desk.sign_in("vera")
    desk.open("/operations?view=thresholds")
    desk.shows("over all stays 1.5, computed 9.25")
    desk.shows("<b>odd</b>")
    assert not desk.ask("document.querySelector('.accept')"), "a viewer may accept"
    desk.sign_in("admin")
    desk.open("/operations?view=thresholds")
    desk.until("document.querySelector('.accept') !== null")
    desk.ask("document.querySelector('.accept input[type=checkbox]').click()")
    desk.fill(".accept input[name=reason]", "a new shop")
    submit(desk, ".accept")
    desk.shows("The next night takes it.")
    desk.ask(
        "[...document.querySelectorAll('button')].find(b => b.innerText === 'Take it back').click()"
    )
    desk.until("document.querySelector('.accept') !== null")
    assert audited(desk, "held-back") == [("admin", "<b>odd</b>: a new shop"), ("admin", "")]
    file.write_bytes(good)


def check_brake(desk: Desk) -> None:
    """A brake that was pulled by command is lifted here."""
    address = desk.address
    rule = "unusual_amount"
    desk.run("brake", "pull", rule, "--why", "too many", "--to", address, "--quiet")
    desk.sign_in("admin")
    desk.open("/operations")
    desk.shows(f"Brake on {rule}")
    desk.shows("HarrierBrake")
    desk.fill(".brake input[name=reason]", "corrected")
    submit(desk, ".brake")
    desk.until(f"!document.body.innerText.includes('Brake on {rule}')")
    assert ("admin", "lifted") in audited(desk, "brake")


CHECKS = [check_performance, check_night, check_held_back, check_brake]
