"""What schemathesis must not expect."""

import re

import schemathesis

CURRENCIES = ("EUR", "USD", "JPY")


def is_empty(first, last):
    return bool(last) and int(first or 0) >= int(last)


def is_searchable(body):
    """Rules of FindRequest that no schema can state: ranges that are not empty, and what belongs together."""
    texts = [body.get("rule") or "", body.get("transaction_id") or body.get("transactionId") or ""]
    if any(isinstance(text, str) and not re.fullmatch("[ -~]{0,128}", text) for text in texts):
        return False
    if body.get("cursor") or (body.get("shadow") and not body.get("rule")) or body.get("amount"):
        return False
    if body.get("currency") and body["currency"] not in CURRENCIES:
        return False
    score = body.get("score") or {}
    try:
        return (int(score.get("min") or 0) <= int(score.get("max") or 0)
                and not is_empty(body.get("from_us"), body.get("until_us"))
                and not is_empty(body.get("received_from_us"), body.get("received_until_us")))
    except (AttributeError, TypeError, ValueError):
        return True  # not what the schema says: refused for that


@schemathesis.hook
def filter_case(context, case):
    """A header that nobody knows is no fault: RFC 9110 §5.1 says to ignore it."""
    if case.path == "/v1/find" and isinstance(case.body, dict) and not is_searchable(case.body):
        return False
    return "x-schemathesis-unknown-property" not in {name.lower() for name in case.headers or {}}
