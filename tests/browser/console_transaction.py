"""What must be true of the transaction's screen, of saved views, and of what people choose for themselves."""

import json

from console_checks import Desk

TIME = r"/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/.exec(document.querySelector('.lead').innerText)[0]"


def open_transaction(desk: Desk, identifier: str) -> None:
    """With all that is around it."""
    desk.open(f"/transaction?id={identifier}")
    desk.until("document.querySelector('.timeline') !== null")


def labels(desk: Desk, selector: str) -> list[str]:
    """What the elements are called for those who do not see them."""
    found = desk.ask(
        f"[...document.querySelectorAll({json.dumps(selector)})]"
        ".map(e => e.getAttribute('aria-label'))"
    )
    return list(found)


def check_timeline(desk: Desk) -> None:
    """The drawing and the table of an entity have the same transactions; each is a link."""
    desk.sign_in("vera")
    chosen = desk.rows()[0]
    open_transaction(desk, chosen)
    names = desk.ask("[...document.querySelectorAll('.choices button')].map(b => b.innerText)")
    assert len(names) > 3, names
    for lane in range(len(names)):
        desk.ask(f"document.querySelectorAll('.choices button')[{lane}].click()")
        desk.until(f"document.querySelectorAll('.lane')[{lane}].matches('.lane-chosen')")
        drawn = [text.split(":")[0] for text in labels(desk, ".lane-chosen a")]
        told = desk.ask(
            "[...document.querySelectorAll('[aria-label=Timeline] tbody .id')].map(e => e.innerText)"
        )
        told = [chosen if text == "this transaction" else text for text in told]
        assert drawn == told, (drawn, told)
    shapes = desk.ask(
        "new Set([...document.querySelectorAll('.mark-legend path:first-of-type')]"
        ".map(path => path.getAttribute('d'))).size"
    )
    assert shapes == 4, f"{shapes} shapes for four verdicts"


def check_graph(desk: Desk) -> None:
    """Links lead from this transaction to others, by keyboard, and a table has the same."""
    desk.sign_in("vera")
    found = next(each for each in desk.rows()[:20] if has_links(desk, each))
    nodes = desk.ask("document.querySelectorAll('.graph .mark').length")
    assert 2 <= nodes <= 60, f"{nodes} transactions are drawn"
    drawn = {text.split(":")[0] for text in labels(desk, ".graph a:has(.mark)")[1:]}
    desk.ask(
        "[...document.querySelectorAll('details')]"
        ".find(each => /same as a table/.test(each.innerText)).open = true"
    )
    told = set(desk.ask("[...document.querySelectorAll('.linked a')].map(a => a.innerText)"))
    assert drawn <= told, drawn - told
    desk.ask("document.querySelectorAll('.graph a')[1].focus()")
    assert desk.ask("document.activeElement.closest('.graph') !== null"), "the graph takes no focus"
    other = sorted(drawn)[0]
    desk.ask(
        "[...document.querySelectorAll('.linked a')]"
        f".find(a => a.innerText === {json.dumps(other)}).click()"
    )
    desk.until(f"document.querySelector('h1').innerText.includes({json.dumps(other)})")
    assert other != found


def has_links(desk: Desk, identifier: str) -> bool:
    """Opens it."""
    open_transaction(desk, identifier)
    return bool(desk.ask("document.querySelector('.graph') !== null"))


def check_other_policy(desk: Desk) -> None:
    """The policy that decided says the same again."""
    desk.sign_in("vera")
    open_transaction(desk, desk.rows()[0])
    desk.until("document.querySelectorAll('.policy-choice option').length > 1")
    desk.ask(
        "(s => { s.selectedIndex = s.options.length - 1;"
        " s.dispatchEvent(new Event('change', {bubbles: true})); })"
        "(document.querySelector('.policy-choice select'))"
    )
    desk.until("!document.querySelector('.policy-choice + button').disabled")
    desk.ask("document.querySelector('.policy-choice + button').click()")
    desk.shows("the same as was decided")
    desk.shows("Every rule has the same result")


def check_unsure(desk: Desk) -> None:
    """What one person is unsure about, the next decides, and sees the note."""
    desk.sign_in("anna")
    desk.rows()
    desk.until("document.querySelector('tr.current') !== null")
    chosen = desk.current()
    desk.browser.press("n")
    desk.browser.call("Input.insertText", text="the phone is off")
    desk.browser.key("Escape")
    desk.browser.press("u")
    desk.until(f"!document.querySelector('table').innerText.includes({json.dumps(chosen)})")
    desk.sign_in("ben")
    desk.open("/queue?unsure=1")
    desk.shows("unsure, says anna: “the phone is off”")
    desk.ask(
        "[...document.querySelectorAll('a[data-position]')]"
        f".find(a => a.innerText === {json.dumps(chosen)}).click()"
    )
    desk.until("document.querySelector('.past') !== null")
    desk.browser.press("l")
    desk.shows("reviewed: legit")
    past = str(desk.ask("document.querySelector('.past').innerText"))
    assert past.index("unsure") < past.index("legit"), past
    assert desk.decided()[chosen][0] == "legit"
    desk.open("/queue")
    desk.ask("document.querySelector('details.work > summary').click()")
    desk.until("/ben/.test(document.querySelector('.work table')?.innerText ?? '')")
    work = desk.ask("document.querySelector('.work table').innerText")
    assert "anna" not in work, "others' work is shown"


def check_views(desk: Desk) -> None:
    """Filters are the address; kept under a name they come back, and others have what is shared."""
    desk.sign_in("anna")
    desk.open("/search?verdict=review&score_min=400")
    name = "<b>high</b>"
    desk.ask("document.querySelector('.views > summary').click()")
    desk.fill(".views input[name=name]", name)
    desk.ask("document.querySelector('.views input[name=shared]').click()")
    desk.ask("document.querySelector('.views form button').click()")
    desk.shows(f"View: {name}")
    desk.sign_in("ben")
    desk.open("/search")
    desk.ask("document.querySelector('.views > summary').click()")
    desk.shows("of anna")
    assert desk.ask("document.querySelector('.views li button') === null"), "others may remove it"
    desk.ask("document.querySelector('.views li a').click()")
    desk.until("location.search === '?score_min=400&verdict=review'")
    desk.until("document.querySelector('input[name=score_min]').value === '400'")
    desk.open("/live?verdict=decline&score=700")
    assert desk.ask("document.querySelector('main select').value") == "decline"
    assert desk.ask("document.querySelector('input[type=number]').value") == "700"


def choose(desk: Desk, place: int, value: str) -> None:
    """In one of the lists at the foot of the page."""
    desk.ask(
        f"(s => {{ s.value = {json.dumps(value)};"
        " s.dispatchEvent(new Event('change', {bubbles: true})); })"
        f"(document.querySelectorAll('.foot select')[{place}])"
    )


def check_times_typed(desk: Desk) -> None:
    """In Tehran: times in fields, and those that are typed there, are of the chosen zone, too."""
    shown = desk.ask("location.pathname + location.search")
    field = "document.querySelector('main input[name=from]')"
    desk.open("/search?from=2026-01-01T00:00:00Z")
    desk.until(f"{field} !== null")
    assert desk.ask(f"{field}.value") == "2026-01-01T03:30"
    desk.ask(f"{field}.value = '2026-01-02T03:30'; {field}.form.requestSubmit()")
    desk.until("new URLSearchParams(location.search).get('from') === '2026-01-02T00:00:00.000Z'")
    desk.open(shown)
    desk.until("document.querySelector('.foot select') !== null")


def check_settings(desk: Desk) -> None:
    """Zone and colours are the person's: they come back in another browser."""
    desk.sign_in("vera")
    desk.open(f"/transaction?id={desk.rows()[0]}")
    desk.until("document.querySelector('.lead') !== null")
    before = desk.ask(f"Date.parse({TIME}.replace(' ', 'T') + 'Z')")
    choose(desk, 0, "Asia/Tehran")
    desk.shows("Asia/Tehran, UTC+03:30")
    ahead = "-new Date().getTimezoneOffset()"
    moved = desk.ask(f"(Date.parse({TIME}.replace(' ', 'T') + 'Z') - {before}) / 60000 + ({ahead})")
    assert moved == 210, f"times moved by {moved} minutes"
    check_times_typed(desk)
    choose(desk, 1, "dark")
    desk.until("document.documentElement.dataset.theme === 'dark'")
    dark = desk.ask("getComputedStyle(document.body).backgroundColor")
    desk.ask("localStorage.clear()")
    desk.sign_in("vera")
    desk.until("document.documentElement.dataset.theme === 'dark'")
    desk.shows("Asia/Tehran")
    choose(desk, 1, "light")
    desk.until(f"getComputedStyle(document.body).backgroundColor !== {json.dumps(dark)}")
    choose(desk, 1, "system")
    desk.until("document.documentElement.dataset.theme === undefined")
    choose(desk, 0, "")
    desk.until("!/Tehran, /.test(document.querySelector('.foot span').innerText)")


CHECKS = [
    check_timeline,
    check_graph,
    check_other_policy,
    check_unsure,
    check_views,
    check_settings,
]
SHORT = [check_timeline, check_unsure, check_views, check_settings]
