"""What must be true of the console's screen of an entity."""

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from console_checks import Desk

ROWS = "section[aria-label=Transactions] tbody tr"
FEATURES = "section[aria-label=Features]"


def jump(desk: "Desk", text: str) -> None:
    """Types into the box at the top, and goes where it leads."""
    desk.ask("document.querySelector('header input[type=search]').value = ''")
    desk.fill("header input[type=search]", text)
    desk.ask("document.querySelector('form[role=search]').requestSubmit()")


def card(desk: "Desk") -> str:
    """One card of the queue's first page."""
    link = "document.querySelector('td.id .entities a[href*=\"name=card\"]')"
    desk.until(f"{link} !== null")
    return str(desk.ask(f"new URL({link}.href).searchParams.get('value')"))


def entity_address(desk: "Desk") -> str:
    """The screen of an entity with transactions."""
    desk.open("/queue")
    return f"/entity?name=card&value={card(desk)}"


def check_entity(desk: "Desk") -> None:
    """From a row to the entity: counts, charts by keyboard, features now and as a row saw them."""
    desk.sign_in("vera")
    value = card(desk)
    desk.ask("document.querySelector('td.id .entities a[href*=\"name=card\"]').click()")
    desk.until("location.pathname === '/entity'")
    desk.until(f"document.querySelector('h1').innerText.includes({json.dumps(value)})")
    desk.until("document.querySelectorAll('.chart-plot rect').length > 0")
    desk.until(f"document.querySelector('{ROWS}') !== null")
    counted = desk.ask("Number(document.querySelector('.figures dd').innerText)")
    listed = desk.ask(f"document.querySelectorAll('{ROWS}').length")
    assert counted == listed, f"{counted} transactions are counted, {listed} listed"
    desk.ask("document.querySelector('.chart-plot').focus()")
    desk.browser.key("Home")
    desk.until("document.querySelector('.chart-plot').getAttribute('aria-valuenow') === '0'")
    desk.until("document.querySelector('.chart-cursor') !== null")
    desk.ask("document.querySelector('.chart details summary').click()")
    desk.until("document.querySelector('.chart-table tbody tr') !== null")
    desk.until(f"document.querySelector('{FEATURES} tbody tr') !== null")
    desk.ask(f"document.querySelector('{ROWS} td:last-child a').click()")
    desk.until(f"document.querySelectorAll('{FEATURES} th').length === 3")
    desk.until(f"/as .+ saw them/.test(document.querySelectorAll('{FEATURES} th')[2].innerText)")
    assert desk.ask("document.querySelector('select[name=list]') === null"), "a viewer may change lists"


def check_entity_lists(desk: "Desk") -> None:
    """An analyst puts it on a list, with a reason and an end, and takes it off again."""
    desk.sign_in("anna")
    desk.open(entity_address(desk))
    desk.shows("It is on no list")
    desk.until("document.querySelector('select[name=list]') !== null")
    desk.ask("{const s = document.querySelector('select[name=list]'); s.value = 'blocked_cards'}")
    form = "form[aria-label=\"Add to a list\"]"
    desk.fill(f"{form} input[name=reason]", "reported lost")
    desk.ask(f"document.querySelector('{form}').requestSubmit()")
    desk.shows("is on blocked_cards now")
    desk.shows("by console:anna: reported lost")
    desk.ask("document.querySelector('.entity-lists button').click()")
    desk.fill(".entity-lists input[name=reason]", "found again")
    desk.ask("document.querySelector('.entity-lists form').requestSubmit()")
    desk.shows("was removed from blocked_cards now")
    desk.shows("It is on no list")


def check_jumps(desk: "Desk") -> None:
    """The box at the top understands an id, an entity and a rule; an absent entity is said to be."""
    desk.sign_in("vera")
    identifier = desk.rows()[0]
    jump(desk, "card=nobody has it")
    desk.until("location.pathname === '/entity'")
    desk.shows("The archive has no transaction with this card.")
    jump(desk, "rule:unusual_amount")
    desk.until("location.pathname + location.search === '/search?rule=unusual_amount'")
    jump(desk, identifier)
    desk.until(f"new URLSearchParams(location.search).get('id') === {json.dumps(identifier)}")


CHECKS = [check_entity, check_entity_lists, check_jumps]
