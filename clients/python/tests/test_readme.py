"""The example in README.md runs as it is printed."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from conftest import FakeServer

README = Path(__file__).resolve().parents[1] / "README.md"
EXAMPLE = re.findall(r"^```python\n(.*?)^```$", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)[0]


def run(address: str, program: str = EXAMPLE) -> str:
    command = [sys.executable, "-W", "error", "-", address]
    done = subprocess.run(command, input=program, capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr == ""
    printed: str = done.stdout
    return printed


def test_example(server: FakeServer) -> None:
    # A program that was just started on a busy machine may need more than its 100 ms for the connection.
    assert run(server.address, EXAMPLE.replace("deadline=0.1", "deadline=10.0")) == "approve 0 []\n"
    assert [one.transaction_id for one in server.asked("report_outcome")[0].report_outcome.outcomes] == ["order-2042"]


def test_example_without_a_server(closed_address: str) -> None:
    assert run(closed_address) == "review (fallback, no answer: unavailable)\n"


def test_length() -> None:
    assert EXAMPLE.count("\n") <= 30
