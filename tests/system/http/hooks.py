"""What schemathesis must not expect."""

import schemathesis


@schemathesis.hook
def filter_case(context, case):
    """A header that nobody knows is no fault: RFC 9110 §5.1 says to ignore it."""
    return "x-schemathesis-unknown-property" not in {name.lower() for name in case.headers or {}}
