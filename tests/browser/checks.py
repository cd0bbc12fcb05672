"""What must be true of a report page, whatever the document; and what happens when it is used.

Figures are expected as Python formats those of the document.
"""

import json
import pathlib
from typing import Any

from chromium import Browser
from documents import Document

LOOKS = (pathlib.Path(__file__).parent / "checks.js").read_text(encoding="utf-8")


class Page:
    """Asks the functions of checks.js."""

    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        self.browser.evaluate(f"globalThis.checks = {LOOKS}; 0")

    def ask(self, name: str, *arguments: Any) -> Any:
        """The value of one of the functions."""
        return self.browser.evaluate(f"checks.{name}(...{json.dumps(arguments)})")

    def count(self, selector: str) -> int:
        """How many elements there are."""
        return int(
            self.browser.evaluate(f"document.querySelectorAll({json.dumps(selector)}).length")
        )

    def text(self, selector: str) -> str:
        """The visible text of the first element; "" without one."""
        return str(
            self.browser.evaluate(
                f"document.querySelector({json.dumps(selector)})?.innerText ?? ''"
            )
        )


def at(value: Any, *path: str) -> Any:
    """What stands at a path of keys, or None."""
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def heard(browser: Browser) -> list[str]:
    """Errors of the console, and requests of anything but the file itself."""
    troubles = []
    for event in browser.events:
        method, told = event.get("method"), event.get("params", {})
        if method == "Runtime.exceptionThrown":
            troubles.append(f"exception: {told['exceptionDetails']}")
        elif method == "Runtime.consoleAPICalled":
            troubles.append(f"console: {told['args']}")
        elif method == "Log.entryAdded":
            troubles.append(f"browser: {told['entry']['text']}")
        elif method == "Network.requestWillBeSent":
            url = told["request"]["url"]
            if not url.startswith(("file:", "data:")):
                troubles.append(f"a request to {url}")
    files = [
        event["params"]["request"]["url"]
        for event in browser.events
        if event.get("method") == "Network.requestWillBeSent"
        and event["params"]["request"]["url"].startswith("file:")
    ]
    if len(files) != 1:
        troubles.append(f"not one file was read: {files}")
    return troubles


def expected_charts(document: Document) -> int:
    """How many charts there have to be at least."""
    days = at(document, "days") or []
    known = [day for day in days if len(at(day, "date") or "") == 10]
    charts = 4 if known else 0  # alerts, reviews, declines, transactions
    if (at(document, "outcomes", "positive") or 0) > 0:
        charts += sum(bool(at(document, "ranking", "replayed", key)) for key in ("roc", "pr"))
    return charts


def share_text(value: float) -> str:
    """As the page writes shares."""
    percent = abs(value) * 100
    digits = 1 if percent >= 10 or percent == 0 else 2 if percent >= 0.1 else 3
    return f"{value * 100:.{digits}f}%"


def money_text(document: Document, minor: int) -> str:
    """As the page writes amounts."""
    digits = document["currency_digits"]
    text = f"{abs(minor) / 10**digits:,.{digits}f}\u00a0{document['currency']}"
    return ("\u2212" if minor < 0 else "") + text


def check_cards(page: Page, document: Document) -> list[str]:
    """The key figures are those of the document."""
    known = (at(document, "outcomes", "positive") or 0) > 0
    of = at(document, "detection", "replayed") if known else None
    shares = [at(document, "rates", "replayed", "alert", "value")]
    shares += [at(of, key, "value") for key in ("precision", "recall")]
    wanted = [share_text(value) if value is not None else "–" for value in shares]
    for key in ("money_caught", "money_declined_wrongly", "net"):
        value = at(of, key)
        wanted.append(money_text(document, value) if value is not None else "–")
    shown = page.browser.evaluate(
        "[...document.querySelectorAll('.card-value')].map(each => each.textContent)"
    )
    return [] if shown == wanted else [f"cards show {shown}, not {wanted}"]


def check_page(browser: Browser, document: Document) -> list[str]:
    """What holds for every page."""
    page = Page(browser)
    troubles = heard(browser)
    held = browser.evaluate("document.getElementById('report').textContent")
    if json.loads(held) != document:
        troubles.append("the page does not hold the document")
    if browser.evaluate("'evil' in window") or page.count("img"):
        troubles.append("a text of the document became HTML")
    if not page.text("h1") or page.count("main[hidden]"):
        troubles.append("nothing is shown")
    for name in ("brokenTexts", "emptyCharts", "textsOutside", "unnamed", "paleTexts"):
        troubles += [f"{name}: {each}" for each in page.ask(name)]
    if beyond := page.ask("overflow"):
        troubles.append(f"wider than the window: {beyond}")
    if page.count(".plot svg") < expected_charts(document):
        troubles.append(f"only {page.count('.plot svg')} charts")
    for caveat in at(document, "caveats") or []:
        if caveat["text"].split("\u2028")[0] not in page.text("#caveats"):
            troubles.append(f"a caveat is not shown: {caveat['text']}")
    return troubles + check_cards(page, document)


# -- use --


def numbers(texts: list[str]) -> list[float]:
    """The first number of each text."""
    return [float(text.split()[0].replace(",", "").replace("%", "")) for text in texts]


def check_sorting(page: Page, document: Document) -> list[str]:
    """A heading sorts the rules, and the other way round when it is pressed again."""
    troubles = []
    total = len(document["rules"])
    fires = numbers(page.ask("column", "rules", 2))
    wanted = sorted((rule["fires"] for rule in document["rules"]), reverse=True)
    if fires != wanted[: len(fires)] or len(fires) != min(total, 25):
        troubles.append(f"rules do not begin with those that fire most: {fires}")
    page.ask("press", "table.rules", "Alone")
    falling = numbers(page.ask("column", "rules", 3))
    page.ask("press", "table.rules", "Alone")
    rising = numbers(page.ask("column", "rules", 3))
    every = sorted(rule["fires_alone"] for rule in document["rules"])
    if rising != every[: len(rising)] or falling != every[::-1][: len(falling)]:
        troubles.append(f"sorted by alone: {falling}, {rising}")
    if page.count("table.rules [aria-sort=ascending]") != 1:
        troubles.append("no heading says that it sorts")
    if total > 25:
        page.browser.evaluate("document.querySelector('#rules .more').click()")
        if page.count("table.rules tbody tr") != total:
            troubles.append("not all rules are shown when all are asked for")
    return troubles


def check_filter(page: Page, document: Document) -> list[str]:
    """The filters of changed decisions find what the document has."""
    listed = document["changed"]["listed"]
    troubles = []

    def expect(what: str, wanted: list[Document]) -> None:
        status = page.text("#changed .status")
        rows = page.count("table.changed tbody tr")
        if not status.startswith(f"{len(wanted):,} ") or rows != min(len(wanted), 25):
            troubles.append(f"{what}: {status}, {rows} rows, not {len(wanted)}")

    expect("all", listed)
    was, now = listed[0]["against"]["verdict"], listed[0]["replayed"]["verdict"]
    pair = [
        each
        for each in listed
        if (each["against"]["verdict"], each["replayed"]["verdict"]) == (was, now)
    ]
    page.ask("fill", ".filters label:nth-child(1) select", was)
    page.ask("fill", ".filters label:nth-child(2) select", now)
    expect(f"{was} to {now}", pair)
    page.ask("press", "#changed .filters", "Clear")
    page.ask("fill", "#changed-words", listed[-1]["id"].upper())
    expect("an id", [each for each in listed if each["id"] == listed[-1]["id"]])
    page.ask("fill", "#changed-words", "no such words")
    expect("nothing", [])
    page.ask("press", "#changed .filters", "Clear")
    expect("all again", listed)
    return troubles


def check_keys(page: Page, document: Document) -> list[str]:
    """A chart is read with the keyboard alone."""
    page.browser.evaluate("document.querySelector('#days .plot').focus()")
    page.browser.key("ArrowRight")
    first = page.text("#days .plot .tip")
    page.browser.key("ArrowRight")
    second = page.text("#days .plot .tip")
    troubles = []
    if "replayed: " not in first or (len(document["days"]) > 1 and first == second):
        troubles.append(f"arrow keys tell {first!r}, {second!r}")
    page.browser.key("Escape")
    if page.count("#days .plot .tip:not([hidden])"):
        troubles.append("Escape leaves the tip open")
    return troubles


def check_tables(page: Page, document: Document) -> list[str]:
    """Behind a chart stands a table with a row for each day."""
    page.browser.evaluate("document.querySelector('#days details').open = true")
    page.browser.settle()
    rows = page.count("#days details table tbody tr")
    return [] if rows == len(document["days"]) else [f"{rows} rows of days"]


def check_matrix(page: Page) -> list[str]:
    """A cell of the matrix narrows the list to its verdicts."""
    if not page.count("table.matrix button"):
        return []
    page.browser.evaluate("document.querySelector('table.matrix button').click()")
    chosen = page.browser.evaluate(
        "[...document.querySelectorAll('#changed select')].slice(0, 2).map(each => each.value)"
    )
    return [] if all(chosen) and chosen[0] != chosen[1] else [f"the matrix chose {chosen}"]


def check_use(browser: Browser, document: Document) -> list[str]:
    """What a reader does with a page; for parts that the document has."""
    page = Page(browser)
    troubles = []
    if all(len(at(day, "date") or "") == 10 for day in at(document, "days") or [{}]):
        troubles += check_keys(page, document) + check_tables(page, document)
    if at(document, "rules"):
        troubles += check_sorting(page, document)
    if at(document, "changed", "listed"):
        troubles += check_filter(page, document) + check_matrix(page)
    browser.evaluate("document.querySelectorAll('.choice button').forEach(each => each.click())")
    browser.settle()
    for name in ("brokenTexts", "emptyCharts", "textsOutside"):
        troubles += [f"used, {name}: {each}" for each in page.ask(name)]
    return troubles + heard(browser)
