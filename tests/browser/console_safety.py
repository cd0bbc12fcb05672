"""What the page shows of the console's doors and of its live side: a proxy's single sign-on, a console that is reached
without TLS, and the figures of the day."""

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from console_checks import Desk

HEADER = "X-Forwarded-User"
LEAVE = "https://login.example/out"


@contextmanager
def proxied(desk: Desk, person: list[str]) -> Iterator[None]:
    """Between browser and console: names the person, and speaks as one does that has TLS to browsers."""
    behind = desk.base.removeprefix("http://")

    class Handler(BaseHTTPRequestHandler):
        """One request, passed on."""

        protocol_version = "HTTP/1.1"

        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            sent = {name: value for name, value in self.headers.items() if name != HEADER}
            if "Origin" in sent:
                sent["Origin"] = sent["Origin"].replace("http://", "https://")
            connection = http.client.HTTPConnection(behind, timeout=90)
            connection.request(self.command, self.path, body or None, {**sent, HEADER: person[0]})
            answer = connection.getresponse()
            content = answer.read()
            connection.close()
            self.send_response_only(answer.status)
            for name, value in answer.getheaders():
                # A browser that sees no TLS here would not keep it.
                self.send_header(name, value.replace("; Secure", "").replace("__Host-", ""))
            self.end_headers()
            self.wfile.write(content)

        def do_GET(self) -> None:  # pylint: disable=invalid-name
            """As the base class wants it."""
            self._restore_cookie()
            self._pass_on()

        def do_POST(self) -> None:  # pylint: disable=invalid-name
            """As the base class wants it."""
            self._restore_cookie()
            self._pass_on()

        def _restore_cookie(self) -> None:
            cookie = self.headers.get("Cookie", "")
            if cookie.startswith("harrier_console"):
                self.headers.replace_header("Cookie", "__Host-" + cookie)

        def log_message(self, format: str, *args: object) -> None:  # pylint: disable=redefined-builtin
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    base, desk.base = desk.base, f"http://127.0.0.1:{server.server_port}"
    try:
        yield
    finally:
        desk.base = base
        server.shutdown()
        server.server_close()


def restart(desk: Desk, *flags: str) -> None:
    """The console, with these flags."""
    desk.stop("console")
    desk.flags[:] = flags
    desk.start("console")


def check_sign_on(desk: Desk) -> None:
    """A proxy says who asks: no form, no password, and leaving says what it does."""
    restart(desk, "--behind-proxy", f"--trusted-header={HEADER}", f"--sso-logout={LEAVE}")
    person = ["anna"]
    with proxied(desk, person):
        desk.browser.call("Network.clearBrowserCookies")
        desk.open("/queue")
        desk.until("document.querySelector('header.top') !== null")
        assert not desk.ask("document.querySelector('a[href=\"/password\"]')")
        desk.ask("document.querySelector('header.top > button').click()")
        desk.shows("You have left the console")
        assert desk.ask(f"document.querySelector('a[href=\"{LEAVE}\"]') !== null")
        desk.ask("document.querySelector('main button').click()")
        desk.until("document.querySelector('header.top') !== null")
        person[0] = "stranger"  # the proxy knows somebody else by now
        desk.open("/queue")
        desk.shows("an admin must add this person first")
        assert desk.ask("document.querySelector('input[name=password]') === null")
    restart(desk)


def check_exposed(desk: Desk) -> None:
    """Plain HTTP beyond this machine is said on every screen."""
    port = desk.base.rpartition(":")[2]
    restart(desk, f"--listen=0.0.0.0:{port}", "--insecure-listen")
    desk.sign_in("vera")
    desk.shows("reached without TLS")
    restart(desk)


def check_figures(desk: Desk) -> None:
    """How much of the day's alerts is used, and from when on the stream is counted."""
    restart(desk, "--alerts-a-day=1")
    desk.sign_in("vera")
    desk.open("/live")
    desk.shows("For review today (UTC)")
    desk.shows("of 1, ")
    restart(desk)


CHECKS = [check_sign_on, check_exposed, check_figures]
