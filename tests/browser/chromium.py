"""A headless Chromium, driven over its debugging pipe (Chrome DevTools Protocol) with nothing but
Python's standard library. One browser, one page at a time.

The pipe: the browser reads commands from its file descriptor 3 and writes answers and events to 4,
each a JSON object with a NUL behind it.
"""

import base64
import json
import os
import pathlib
import select
import shutil
import subprocess
import time
from typing import Any

NAMES = ["chromium", "chromium-browser", "google-chrome"]


class Trouble(Exception):
    """The browser refused a command, or a script on the page threw."""


def find_program() -> str | None:
    """The browser: $CHROMIUM, or the first of the usual names."""
    named = os.environ.get("CHROMIUM")
    return named or next((found for name in NAMES if (found := shutil.which(name))), None)


class Browser:
    """Used with `with`; events are kept in order of arrival until they are taken."""

    def __init__(self, program: str, profile: str) -> None:
        self.events: list[dict[str, Any]] = []
        self._last_id = 0
        self._rest = b""
        self._session: str | None = None
        commands, self._to = os.pipe()
        self._from, answers = os.pipe()
        arguments = [
            program,
            "--headless=new",
            "--remote-debugging-pipe",
            f"--user-data-dir={profile}",
            "--no-first-run",
            "--disable-gpu",
            "--hide-scrollbars",
            "--disable-background-networking",
            "--disable-component-update",
            "--force-color-profile=srgb",
        ]
        if os.geteuid() == 0:
            arguments.append("--no-sandbox")  # Chromium's sandbox does not work for root

        def place_pipes() -> None:
            # Above 4 first, so that neither is overwritten by the other.
            high = [os.dup(commands), os.dup(answers)]
            while min(high) <= 4:
                high = [os.dup(each) for each in high]
            os.dup2(high[0], 3)
            os.dup2(high[1], 4)

        self._process = subprocess.Popen(
            arguments,
            preexec_fn=place_pipes,
            close_fds=True,
            pass_fds=(3, 4, commands, answers),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(commands)
        os.close(answers)

    def __enter__(self) -> "Browser":
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        return self

    def __exit__(self, *_: object) -> None:
        self._session = None
        try:
            self.call("Browser.close", seconds=10)
            self._process.wait(10)
        except Trouble:
            self._process.kill()
            self._process.wait()
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._to)
        os.close(self._from)

    def _read(self, until: float) -> None:
        """Waits for bytes and keeps whole messages; answers are events without a method."""
        ready, _, _ = select.select([self._from], [], [], max(0.0, until - time.monotonic()))
        if not ready:
            raise Trouble("the browser does not answer")
        got = os.read(self._from, 1 << 20)
        if not got:
            raise Trouble("the browser has ended; is it able to run here?")
        *whole, self._rest = (self._rest + got).split(b"\0")
        self.events.extend(json.loads(message) for message in whole)

    def call(self, method: str, seconds: float = 60, **parameters: Any) -> dict[str, Any]:
        """One command and its result."""
        self._last_id += 1
        message: dict[str, Any] = {"id": self._last_id, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        until = time.monotonic() + seconds
        while True:
            for number, event in enumerate(self.events):
                if event.get("id") == self._last_id:
                    del self.events[number]
                    if "error" in event:
                        raise Trouble(f"{method}: {event['error']['message']}")
                    return dict(event["result"])
            self._read(until)

    def wait_for(self, method: str, seconds: float = 60) -> None:
        """Until the event was seen; it stays among the events."""
        until = time.monotonic() + seconds
        while not any(event.get("method") == method for event in self.events):
            self._read(until)

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression on the page; promises are awaited."""
        result = self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in result:
            details = result["exceptionDetails"]
            raise Trouble(details.get("exception", {}).get("description", details["text"]))
        return result["result"].get("value")

    def look(self, width: int, height: int, dark: bool = False, media: str = "") -> None:
        """The size of the window, the colour scheme and the medium ("print"), from now on."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", media=media, features=[scheme])

    def open(self, path: pathlib.Path) -> None:
        """Loads a file; events before it are forgotten."""
        self.visit(path.resolve().as_uri())

    def visit(self, url: str) -> None:
        """Loads an address; events before it are forgotten."""
        self.events.clear()
        self.call("Page.navigate", url=url)
        self.wait_for("Page.loadEventFired")
        # Charts are drawn once their place has a size: two frames later they are there.
        self.settle()

    def settle(self) -> None:
        """Until what scripts changed is drawn."""
        self.evaluate(
            "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))"
        )

    def key(self, name: str) -> None:
        """Presses a key such as Tab or ArrowRight where the focus is."""
        codes = {
            "Tab": 9,
            "Enter": 13,
            "Escape": 27,
            "Home": 36,
            "ArrowLeft": 37,
            "ArrowRight": 39,
            "ArrowDown": 40,
        }
        for kind in ("rawKeyDown", "keyUp"):
            self.call(
                "Input.dispatchKeyEvent",
                type=kind,
                key=name,
                code=name,
                windowsVirtualKeyCode=codes[name],
            )

    def press(self, letter: str) -> None:
        """Types a letter where the focus is."""
        code = f"Key{letter.upper()}"
        key = ord(letter.upper())
        for kind, text in (("keyDown", letter), ("keyUp", "")):
            self.call(
                "Input.dispatchKeyEvent",
                type=kind,
                key=letter,
                code=code,
                text=text,
                windowsVirtualKeyCode=key,
            )

    def screenshot(self, path: pathlib.Path, whole: bool = True) -> None:
        """A picture of the whole page, or of the window."""
        picture = self.call("Page.captureScreenshot", captureBeyondViewport=whole, format="png")
        path.write_bytes(base64.b64decode(picture["data"]))

    def print(self, path: pathlib.Path) -> None:
        """The page on A4 paper, as PDF."""
        paper = self.call(
            "Page.printToPDF", paperWidth=8.27, paperHeight=11.69, printBackground=True
        )
        path.write_bytes(base64.b64decode(paper["data"]))
