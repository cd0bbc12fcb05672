"""What must be true of the console's page while two people use it, and when something fails.

Each check is a function of a Desk: it signs in, does something and asserts.
"""

import json
import pathlib
import sqlite3
import time
from collections.abc import Callable
from typing import Any

from chromium import Browser, Trouble

SCREENS = [
    "/live",
    "/queue",
    "/queue?decided=1",
    "/queue?unsure=1",
    "/live?verdict=decline&score=1000",
    "/search",
    "/operations",
    "/people",
    "/password",
    "/nowhere",
]
HOSTILE = {
    "card": "<img src=x onerror=alert(1)>\u202e",
    "id": "odd/../id?a=b#c.%41",
}


class Desk:
    """A browser before the console, and what the test may do to both programs."""

    def __init__(self, browser: Browser, base: str, folder: pathlib.Path) -> None:
        self.browser = browser
        self.base = base
        self.folder = folder
        self.passwords: dict[str, str] = {}
        self.stop: Callable[[str], None] = lambda name: None
        self.start: Callable[[str], None] = lambda name: None
        self.score: Callable[[str], None] = lambda identifier: None
        self.soften: Callable[[], None] = lambda: None
        self.flags: list[str] = []  # of a console that is started from now on
        self.run: Callable[..., None] = lambda *arguments: None  # a harrier command
        self.address = ""  # of harrierd

    def ask(self, expression: str) -> Any:
        """The value of an expression on the page."""
        return self.browser.evaluate(expression)

    def until(self, expression: str, seconds: float = 60) -> Any:
        """Waits until an expression on the page is true."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            value = self.ask(expression)
            if value:
                return value
            time.sleep(0.05)
        shown = self.ask("document.body.innerText")
        raise Trouble(f"never true: {expression}\n{shown[:2000]}")

    def shows(self, text: str) -> None:
        """Waits until the page shows a text."""
        self.until(f"document.body.innerText.includes({json.dumps(text)})")

    def open(self, path: str) -> None:
        """Loads a screen by its address."""
        self.browser.visit(self.base + path)
        self.until("document.querySelector('h1') !== null")

    def fill(self, selector: str, text: str) -> None:
        """Types into a field, after what is there."""
        self.ask(f"document.querySelector({json.dumps(selector)}).focus()")
        self.browser.call("Input.insertText", text=text)

    def sign_in(self, name: str) -> None:
        """As a person; who was signed in before is signed out."""
        self.browser.call("Network.clearBrowserCookies")
        self.open("/queue")
        self.type_password(name)

    def type_password(self, name: str) -> None:
        """Where the page asks who somebody is."""
        self.until("document.querySelector('input[name=password]') !== null")
        self.fill("input[name=name]", name)
        self.fill("input[name=password]", self.passwords[name])
        self.ask("document.querySelector('button[type=submit]').click()")
        self.until("document.querySelector('header.top') !== null")

    def rows(self) -> list[str]:
        """The ids of the queue's rows, as soon as there are any."""
        self.until("document.querySelector('a[data-position]') !== null")
        ids = self.ask("[...document.querySelectorAll('a[data-position]')].map(a => a.innerText)")
        return list(ids)

    def current(self) -> str:
        """The id of the current review."""
        return str(self.ask("document.querySelector('tr.current a')?.innerText ?? ''"))

    def focused(self) -> str:
        """The text of what has the focus."""
        return str(self.ask("document.activeElement.innerText ?? ''"))

    def decided(self) -> dict[str, tuple[str, str, str]]:
        """What the database has: label, note and person by id."""
        with sqlite3.connect(f"file:{self.folder}/console.sqlite?mode=ro", uri=True) as database:
            found = database.execute(
                "SELECT transaction_id, label, note, decided_by FROM reviews WHERE label != ''"
            )
            return {row[0]: (row[1], row[2], row[3]) for row in found}


def check_keyboard(desk: Desk) -> None:
    """Keys in a hurry decide the row the person moved to; then the next one is current."""
    desk.sign_in("anna")
    ids = desk.rows()
    assert len(ids) == 100, f"a page of the queue has {len(ids)} rows"
    desk.until("document.querySelector('tr.current') !== null")
    for key in "jjf":
        desk.browser.press(key)
    desk.until(f"!document.body.innerText.includes({json.dumps(ids[2])})")
    assert desk.decided()[ids[2]] == ("fraud", "", "anna"), desk.decided().get(ids[2])
    assert ids[0] not in desk.decided() and ids[1] not in desk.decided(), "others were decided"
    assert desk.current() == ids[3], f"{desk.current()} is current, and not {ids[3]}"
    desk.until(f"document.activeElement.innerText === {json.dumps(ids[3])}")
    desk.browser.press("k")
    assert desk.focused() == ids[1], f"k leads to {desk.focused()}"


def check_note(desk: Desk) -> None:
    """A note is kept through the end of the session, and sent with its review alone."""
    desk.sign_in("anna")
    ids = desk.rows()
    desk.until("document.querySelector('tr.current') !== null")
    desk.browser.press("n")
    desk.until("document.activeElement.id === 'note'")
    desk.browser.call("Input.insertText", text="the customer called f l u")
    desk.browser.call("Network.clearBrowserCookies")
    desk.shows("Your session has ended")
    desk.type_password("anna")
    desk.until("document.querySelector('#note')?.value === 'the customer called f l u'")
    assert ids[0] not in desk.decided(), "keys of the note decided a review"
    desk.until("document.querySelector('tr.current') !== null")
    desk.browser.press("l")
    desk.until(f"!document.body.innerText.includes({json.dumps(ids[0])})")
    assert desk.decided()[ids[0]] == ("legit", "the customer called f l u", "anna")
    assert desk.ask("document.querySelector('#note').value") == "", "the next review got the note"


def check_claims(desk: Desk) -> None:
    """What one person claims no other decides, and the note stays with who was refused."""
    desk.sign_in("anna")
    held = desk.rows()[0]
    desk.until("document.querySelector('tr.current') !== null")
    desk.browser.press("c")
    desk.shows("yours,")
    desk.sign_in("ben")
    assert desk.rows()[0] == held
    desk.shows("anna, 5 min")
    desk.fill("#note", "mine")
    desk.browser.key("Escape")
    desk.until(f"document.activeElement.innerText === {json.dumps(held)}")
    desk.browser.press("f")
    desk.shows("anna is working on this review")
    assert held not in desk.decided()
    assert desk.ask("document.querySelector('#note').value") == "mine", "the note is lost"


def check_moved(desk: Desk) -> None:
    """A review that is decided elsewhere is not replaced under the hands of who reads it."""
    desk.sign_in("anna")
    ids = desk.rows()
    desk.until("document.querySelector('tr.current') !== null")
    desk.browser.press("j")
    desk.until(f"document.querySelector('tr.current a').innerText === {json.dumps(ids[1])}")
    with sqlite3.connect(f"{desk.folder}/console.sqlite") as database:
        database.execute(
            "UPDATE reviews SET label = 'unsure', decided_by = 'ben', decided_us = 1, reported = 1 "
            "WHERE transaction_id = ?",
            [ids[1]],
        )
    before = len(desk.decided())
    desk.shows("is not on this page any more")
    desk.browser.press("f")
    time.sleep(0.3)
    assert len(desk.decided()) == before, "the key decided another review"
    desk.browser.press("j")
    desk.until(f"document.querySelector('tr.current a').innerText === {json.dumps(ids[2])}")


def check_pages(desk: Desk) -> None:
    """The queue goes on beyond its first page, and the way back leads to where one was."""
    desk.sign_in("anna")
    first = desk.rows()
    desk.ask("document.querySelector('nav[aria-label=Pages] a').click()")
    desk.until(f"document.querySelector('a[data-position]')?.innerText !== {json.dumps(first[0])}")
    second = desk.rows()
    assert not set(first) & set(second), "both pages have the same reviews"
    desk.until("document.querySelector('tr.current') !== null")
    desk.browser.press("j")
    desk.browser.press("j")
    desk.until(f"document.querySelector('tr.current a').innerText === {json.dumps(second[2])}")
    desk.browser.key("Enter")
    desk.until("location.pathname === '/transaction'")
    desk.shows("Rules that acted")
    desk.ask("history.back()")
    desk.until(f"document.querySelector('tr.current a')?.innerText === {json.dumps(second[2])}")


def check_values(desk: Desk) -> None:
    """Markup and marks in values are text, and any id has an address."""
    desk.score(HOSTILE["id"])
    desk.sign_in("vera")
    desk.fill("header input[type=search]", HOSTILE["id"])
    desk.ask("document.querySelector('form[role=search]').requestSubmit()")
    desk.shows(HOSTILE["id"])
    desk.shows("48,999.50 EUR")
    desk.shows("<img src=x onerror=alert(1)>\\u202e")
    assert desk.ask("document.querySelector('img') === null"), "markup of a value is on the page"
    address = desk.ask("location.pathname + location.search")
    desk.open(address)
    desk.shows("48,999.50 EUR")
    assert desk.ask("document.title").startswith(HOSTILE["id"]), "the tab has another name"
    desk.until("document.querySelector('.timeline') !== null")
    desk.ask("[...document.querySelectorAll('dd a')].find(a => a.innerText[0] === '<').click()")
    desk.until("location.pathname === '/entity'")
    desk.until("document.querySelector('section[aria-label=Transactions] tbody tr') !== null")
    desk.until("document.querySelector('.figures dd').innerText === '1'")
    assert desk.ask("document.querySelector('img') === null"), "markup of a value is on the page"
    value = desk.ask("new URLSearchParams(location.search).get('value')")
    assert value == HOSTILE["card"], f"the link leads to {value!r}"
    desk.open(address)
    desk.shows("48,999.50 EUR")
    assert desk.ask("document.querySelector('#note') === null"), "a viewer may write notes"


def check_server_down(desk: Desk) -> None:
    """Without the server reviews are still decided, and that the labels wait is said."""
    desk.sign_in("anna")
    desk.rows()
    desk.until("document.querySelector('tr.current') !== null")
    chosen = desk.current()
    desk.stop("server")
    desk.browser.press("f")
    desk.shows("not yet at the server")
    assert desk.decided()[chosen][0] == "fraud"
    desk.open(f"/transaction?id={chosen}")
    desk.shows("This is what the archive has")
    assert chosen in desk.ask("document.querySelector('main table').innerText")
    desk.start("server")
    desk.shows("Reviewed: fraud by anna")
    desk.open("/queue")
    desk.until("document.querySelector('tr.current') !== null")
    desk.until("!/not yet at the server/.test(document.body.innerText)")


def check_console_down(desk: Desk) -> None:
    """Without the console the page says so, says of when its rows are, and keeps the note."""
    desk.sign_in("anna")
    desk.rows()
    desk.until("document.querySelector('tr.current') !== null")
    chosen = desk.current()
    desk.fill("#note", "kept")
    desk.stop("console")
    desk.shows("What is shown is of")
    desk.browser.key("Escape")
    desk.browser.press("f")
    desk.until("document.querySelector('.sticky .notice-bad') !== null")
    assert desk.ask("document.querySelector('#note').value") == "kept"
    desk.ask("document.querySelector('header.top > button').click()")
    desk.shows("You are still signed in")
    desk.start("console")
    desk.until("!document.body.innerText.includes('What is shown is of')")
    assert chosen not in desk.decided(), "it was decided by nobody"
    assert desk.ask("document.querySelector('#note').value") == "kept"
    desk.ask("sessionStorage.clear()")  # or the note goes on in a later check


def check_password(desk: Desk) -> None:
    """A person changes their password, and only the new one signs them in."""
    desk.sign_in("vera")
    desk.open("/password")
    new = "a password of vera's own"
    desk.fill("input[name=old]", desk.passwords["vera"])
    desk.fill("input[name=new]", new)
    desk.fill("input[name=again]", new + "!")
    desk.ask("document.querySelector('main button[type=submit]').click()")
    desk.shows("was not typed the same way twice")
    desk.ask("document.querySelector('input[name=again]').value = ''")
    desk.fill("input[name=again]", new)
    desk.ask("document.querySelector('main button[type=submit]').click()")
    desk.shows("Your password is changed")
    desk.passwords["vera"] = new
    desk.type_password("vera")


CHECKS = [
    check_keyboard,
    check_note,
    check_claims,
    check_moved,
    check_pages,
    check_values,
    check_password,
    check_server_down,
    check_console_down,
]
