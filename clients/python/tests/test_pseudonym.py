"""Pseudonyms against tests/cases/pseudonyms.json."""

from __future__ import annotations

import json
import pathlib

import pytest

from harrier_client import InvalidError, is_pseudonym, pseudonym

CASES = pathlib.Path(__file__).parents[3] / "tests" / "cases" / "pseudonyms.json"
KEY = bytes(32)


@pytest.mark.skipif(not CASES.exists(), reason="not in Harrier's tree")
def test_as_published() -> None:
    cases = json.loads(CASES.read_text(encoding="utf-8"))
    assert len(cases["pseudonyms"]) > 50
    for case in cases["pseudonyms"]:
        made = pseudonym(bytes.fromhex(case["key"]), case["key_id"], case["domain"], case["value"])
        assert made == case["pseudonym"]
        assert is_pseudonym(made)
    for other in cases["not_pseudonyms"]:
        assert not is_pseudonym(other), other


@pytest.mark.parametrize(
    ("key", "key_id", "domain", "value"),
    [
        (KEY[1:], "k1", "card", "a"),
        (KEY, "", "card", "a"),
        (KEY, "K1", "card", "a"),
        (KEY, "k1\n", "card", "a"),
        (KEY, "k1", "", "a"),
        (KEY, "k1", "a\0b", "a"),
        (KEY, "k1", "card", "a" * 1025),
    ],
)
def test_invalid(key: bytes, key_id: str, domain: str, value: str) -> None:
    with pytest.raises(InvalidError):
        pseudonym(key, key_id, domain, value)
