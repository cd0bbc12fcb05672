"""The Rules screen: an author edits, sees what is wrong, and submits; an approver approves; back."""

import json

from console_checks import Desk

PEOPLE = {"amy": "author", "art": "approver"}
FILE = "rules/velocity.yaml"
SCREENS = [
    "/rules?mature=0",
    f"/rules?view=files&file={FILE}",
    "/rules?view=changes&submission=1",
]
EDITOR = "document.querySelector('.editor')?.shadowRoot?.querySelector('.cm-content')"


def _click(desk: Desk, text: str, tag: str = "button") -> None:
    find = f"[...document.querySelectorAll('main {tag}')].find(e => e.innerText.trim() === {json.dumps(text)})"
    desk.until(f"({find}) && !({find}).disabled")
    desk.ask(f"({find}).click()")


def _fill(desk: Desk, selector: str, text: str) -> None:
    desk.until(f"document.querySelector({json.dumps(selector)}) !== null")
    desk.fill(selector, text)


def _type_at_top(desk: Desk, text: str) -> None:
    """Into the editor, before everything else."""
    desk.until(f"{EDITOR} !== null && {EDITOR} !== undefined")
    desk.ask(f"{EDITOR}.focus()")
    desk.browser.call("Input.dispatchKeyEvent", type="keyDown", key="Home", code="Home",
                      windowsVirtualKeyCode=36, modifiers=2)  # fmt: skip
    desk.browser.call("Input.insertText", text=text)


def _remove_typed(desk: Desk, count: int) -> None:
    for _ in range(count):
        desk.browser.call("Input.dispatchKeyEvent", type="keyDown", key="Backspace",
                          code="Backspace", windowsVirtualKeyCode=8)  # fmt: skip


def _press(desk: Desk, key: str, code: int, modifiers: int = 0) -> None:
    for kind in ("keyDown", "keyUp"):
        desk.browser.call("Input.dispatchKeyEvent", type=kind, key=key, code=key,
                          windowsVirtualKeyCode=code, modifiers=modifiers)  # fmt: skip


def check_rules_author(desk: Desk) -> None:
    """A draft is saved and checked while it is typed; the message is where it belongs."""
    desk.sign_in("amy")
    desk.open(f"/rules?view=files&file={FILE}")
    assert desk.until(f"{EDITOR}?.getAttribute('contenteditable') === 'false'"), "live is edited"
    _click(desk, "Edit")
    desk.until(f"{EDITOR}?.getAttribute('contenteditable') === 'true'")
    _type_at_top(desk, "rulez: 1\n")
    desk.shows("The policy is not sound")
    desk.until(f"document.querySelector('.problems a').innerText.startsWith({json.dumps(FILE)})")
    desk.until(
        "document.querySelector('.editor').shadowRoot"
        ".querySelector('.cm-lint-marker-error') !== null"
    )
    _remove_typed(desk, len("rulez: 1\n"))
    desk.shows("The policy is sound")
    styles = desk.ask("document.querySelectorAll('style, [style*=color]').length")
    assert styles == 0, f"{styles} elements have inline style"


def check_rules_completion(desk: Desk) -> None:
    """Keys by the schema, and names of the policy in an expression; then out by keyboard."""
    desk.sign_in("amy")
    desk.open("/rules")
    _click(desk, "Go on with your draft")
    desk.until("location.search.includes('draft=')")
    desk.open("/rules" + desk.ask("location.search") + f"&view=files&file={FILE}")
    options = (
        "[...document.querySelector('.editor').shadowRoot"
        ".querySelectorAll('.cm-completionLabel')].map(e => e.innerText)"
    )
    _type_at_top(desk, "rules:\n  - name: a\n    wh")
    desk.until(f"{options}.includes('when')")
    _remove_typed(desk, 2)
    desk.browser.call("Input.insertText", text="when: card.co")
    desk.until(f"{options}.includes('card.count_10m')")
    _press(desk, "Escape", 27)
    desk.until(f"{options}.length === 0")
    _press(desk, "Escape", 27)
    _press(desk, "Tab", 9)
    desk.until("!document.activeElement.matches('.editor')")
    desk.ask(f"{EDITOR}.focus()")
    _remove_typed(desk, len("rules:\n  - name: a\n    when: card.co") + 4)
    desk.shows("saved")


def check_rules_four_eyes(desk: Desk) -> None:
    """The author submits, cannot approve, and the approver does; then it is rolled back."""
    desk.sign_in("amy")
    desk.open("/rules")
    _click(desk, "Go on with your draft")
    desk.until("location.search.includes('draft=')")
    desk.until("[...document.querySelectorAll('main table button')].length > 5")
    desk.ask("document.querySelector('button[aria-label^=\"Put in shadow: same_shop_again\"]').click()")
    desk.until("document.querySelector('button[aria-label^=\"Make live: same_shop_again\"]') !== null")
    _click(desk, "Submit…")
    desk.shows("+    mode: shadow")
    _fill(desk, "section.decide textarea", "same_shop_again is looked at in shadow first")
    _click(desk, "Submit")
    desk.shows("Another person, with the role approver or admin")
    address = desk.ask("location.pathname + location.search")
    assert desk.ask("document.querySelector('.decide button.primary')") is None, "may approve"
    desk.sign_in("art")
    desk.open(address)
    _fill(desk, ".decide textarea", "agreed")
    _click(desk, "Approve and put in place")
    desk.until("document.querySelector('article .state')?.innerText === 'approved'")
    desk.shows("The server runs it.")
    desk.until("document.querySelector('button[aria-label^=\"Compare with\"]') !== null")
    desk.ask("document.querySelector('button[aria-label^=\"Compare with\"]').click()")
    desk.shows("-    mode: shadow")
    _fill(desk, "[aria-label='Roll back'] textarea", "it is needed after all")
    _click(desk, "Roll back")
    desk.until("document.querySelector('article h2')?.innerText.includes('Roll back')")
    desk.until("document.querySelector('article .state')?.innerText === 'approved'")


def _cells(desk: Desk, region: str, columns: list[int]) -> dict[str, list[str]]:
    """Rule -> the texts of these columns, of rules that are live."""
    rows = f"[...document.querySelectorAll('[aria-label={json.dumps(region)}] tbody tr')]"
    desk.until(f"{rows}.length > 3")
    found = desk.ask(f"{rows}.map(r => [...r.cells].map(c => c.innerText.trim()))")
    return {row[0]: [row[column] for column in columns] for row in found if "shadow" not in row[0] + row[1]}


def check_rules_figures(desk: Desk) -> None:
    """The list of rules has the figures of Performance, over the same days; the range is in the address."""
    desk.sign_in("amy")
    desk.open("/rules")
    desk.shows("No day of the range is mature yet")
    desk.open("/performance?mature=0")
    expected = _cells(desk, "By rule", [1, 5, 7, 9])
    desk.open("/rules?mature=0")
    desk.until("document.querySelector('.presets') !== null")
    listed = _cells(desk, "Rules", [3, 4, 5, 6])
    assert sum(int(cells[0].replace(",", "")) for cells in listed.values()) > 0, "no rule fired"
    for rule, cells in listed.items():
        wanted = expected.get(rule, ["0", "–", "–", "–"])
        assert cells == wanted, f"{rule}: {cells}, and Performance says {wanted}"
    assert set(expected) <= set(listed), f"not listed: {set(expected) - set(listed)}"
    desk.ask("[...document.querySelectorAll('.presets button')].find(b => b.innerText === '7 days').click()")
    desk.until("location.pathname === '/rules' && new URLSearchParams(location.search).get('mature') === '0'"
               " && location.search.includes('from=')")  # fmt: skip
    desk.open("/rules?from=2001-01-01&until=2001-01-02&mature=0")
    fires = "[...document.querySelectorAll('[aria-label=Rules] tbody tr')].map(r => r.cells[3].innerText)"
    desk.until(f"{fires}.length > 3 && {fires}.every(t => t === '0')")


CHECKS = [check_rules_figures, check_rules_author, check_rules_completion, check_rules_four_eyes]
