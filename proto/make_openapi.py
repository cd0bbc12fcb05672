#!/usr/bin/env python3
"""Writes openapi.yaml, the description of the HTTP door, from harrier.proto and the table of paths below.

Schemas and their descriptions come from the messages and their comments, so that there is one text for each
field. The schema of a request states what the request as a whole must fulfil (names, types, number of items);
the rules for single transactions are in the descriptions, because an invalid transaction fails alone, in an
answer with status 200.

usage: make_openapi.py            write openapi.yaml beside this file
       make_openapi.py --check    exit status 1 when it is not what would be written, or PATHS lacks a
                                  path that the server has
"""

import json
import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent

INT32 = (-(2**31), 2**31 - 1)
INT64 = (-(2**63), 2**63 - 1)
# Unsigned 64-bit numbers up to int64's greatest, beyond that as strings. 18 digits are in every range.
NUMBERS = {
    "int64": (INT64, "^-?(0|[1-9][0-9]{0,17})$"),
    "sint64": (INT64, "^-?(0|[1-9][0-9]{0,17})$"),
    "uint64": ((0, INT64[1]), "^(0|[1-9][0-9]{0,17})$"),
    "fixed64": ((0, INT64[1]), "^(0|[1-9][0-9]{0,17})$"),
    "sint32": (INT32, "^-?(0|[1-9][0-9]{0,8})$"),
    "uint32": ((0, 2**32 - 1), "^(0|[1-9][0-9]{0,8})$"),
}
SPECIAL_DOUBLES = ["NaN", "Infinity", "-Infinity"]
WORD = "^[ -~]{1,128}$"

# What a request as a whole is refused for, beyond the types: (message, field) → schema.
REQUEST_RULES = {
    ("ScoreRequest", "transactions"): {"minItems": 1, "maxItems": 1000},
    ("ReportOutcomeRequest", "outcomes"): {"minItems": 1, "maxItems": 1000},
    ("AmendRequest", "amendments"): {"minItems": 1, "maxItems": 1000},
    ("BackfillRequest", "items"): {"minItems": 1, "maxItems": 1000},
    ("ChangeListRequest", "changes"): {"minItems": 1, "maxItems": 1000},
    ("GetEntityRequest", "entity"): {"type": "string", "pattern": WORD},
    ("GetEntityRequest", "key"): {
        "type": "array",
        "minItems": 1,
        "maxItems": 16,
        "items": {"type": "string", "pattern": "^[ -~]{0,1024}$"},
    },
    ("GetEntityRequest", "at_time_us"): {"minimum": 0, "maximum": 253402300799999999, "pattern": "^(0|[1-9][0-9]{0,16})$"},
    ("GetListRequest", "list"): {"pattern": "^[ -~]{0,128}$"},
    ("GetListRequest", "limit"): {"maximum": 1000, "pattern": "^(0|[1-9][0-9]{0,2})$"},
    ("ExplainRequest", "transaction_id"): {"type": "string", "pattern": WORD},
    ("ChangeBrakeRequest", "rule"): {"pattern": "^[!-~]{0,64}$"},
    ("ChangeBrakeRequest", "source"): {"pattern": "^[ -~]{0,128}$"},
    ("ChangeBrakeRequest", "reason"): {"pattern": "^[ -~]{0,512}$"},
    **{("FindRequest", name): {"minimum": 0, "maximum": 253402300799999999, "pattern": "^(0|[1-9][0-9]{0,16})$"}
       for name in ("from_us", "until_us", "received_from_us", "received_until_us")},
    ("FindRequest", "verdicts"): {"items": {"type": "string", "enum": [
        "VERDICT_APPROVE", "VERDICT_REVIEW", "VERDICT_CHALLENGE", "VERDICT_DECLINE"]}},
    ("FindRequest", "labels"): {"items": {"type": "string", "enum": [
        "LABEL_NONE", "LABEL_LEGIT", "LABEL_FRAUD", "LABEL_CHARGEBACK", "LABEL_SUSPECTED"]}},
    ("FindRequest", "keys"): {"maxItems": 12},
    ("FindRequest", "limit"): {"maximum": 1000, "pattern": "^(0|[1-9][0-9]{0,2})$"},
    ("ScoreRange", "min"): {"maximum": 1000, "pattern": "^(0|[1-9][0-9]{0,2})$"},
    ("ScoreRange", "max"): {"maximum": 1000, "pattern": "^(0|[1-9][0-9]{0,2})$"},
    ("FindKey", "field"): {"type": "string", "enum": [
        "card", "customer", "account", "merchant", "terminal", "device", "ip", "country", "mcc", "channel", "email", "phone"]},
    ("FindKey", "value"): {"type": "string", "pattern": WORD},
}
REQUIRED = {
    "ScoreRequest": ["transactions"],
    "ReportOutcomeRequest": ["outcomes"],
    "AmendRequest": ["amendments"],
    "BackfillRequest": ["items"],
    "ChangeListRequest": ["changes"],
    "GetEntityRequest": ["entity", "key"],
    "ExplainRequest": ["transaction_id"],
    "FindKey": ["field", "value"],
}

# And what depends on several fields.
EITHER = {
    "ChangeBrakeRequest": [
        {"required": ["rule"], "properties": {"rule": {"type": "string", "minLength": 1}, "policy": {"enum": [False, None]}}},
        {"required": ["policy"], "properties": {"rule": {"enum": ["", None]}, "policy": {"const": True}}},
    ],
}

# path, operation, request message (none: GET), response message, summary
PATHS = [
    ("/v1/score", "score", "ScoreRequest", "ScoreResponse", "Decide about transactions."),
    ("/v1/outcomes", "reportOutcomes", "ReportOutcomeRequest", "ReportOutcomeResponse",
     "Report what transactions turned out to be."),
    ("/v1/amendments", "amend", "AmendRequest", "AmendResponse",
     "Report that transactions were voided, captured with another amount, or refunded."),
    ("/v1/backfill", "backfill", "BackfillRequest", "BackfillResponse",
     "Bring history that comes late into the archive of the running server."),
    ("/v1/entity", "getEntity", "GetEntityRequest", "GetEntityResponse", "The features of one card, customer, …"),
    ("/v1/explain", "explain", "ExplainRequest", "ExplainResponse", "Derive a decision again, with everything that went into it."),
    ("/v1/find", "find", "FindRequest", "FindResponse", "Find transactions of the archive, the newest first."),
    ("/v1/lists", "getLists", "GetListRequest", "GetListResponse", "The policy's lists, and the entries added to one."),
    ("/v1/list-changes", "changeLists", "ChangeListRequest", "ChangeListResponse", "Add entries to lists, and remove them."),
    ("/v1/brakes", "changeBrake", "ChangeBrakeRequest", "ChangeBrakeResponse", "Pull the brake of a rule, and lift it."),
    ("/v1/reload", "reload", "ReloadRequest", "ReloadResponse",
     "Load the policy and the shadow policies again from their folders."),
    ("/v1/status", "status", None, "StatusResponse", "The state of the server."),
]

ERRORS = {
    400: ("NotUnderstood", "The request is not valid HTTP, or its body is not a JSON object (ERROR_INVALID)."),
    401: ("NoToken", "The server requires a token and the request has none (ERROR_DENIED)."),
    403: ("Denied", "The token is unknown, or lacks the scope of this call (ERROR_DENIED)."),
    404: ("NotFound", "No such path, transaction, entity or list (ERROR_NOT_FOUND)."),
    405: ("WrongMethod", "The method is not allowed here; the header Allow names those that are (ERROR_UNSUPPORTED)."),
    409: ("IdConflict", "The id was scored before with other content (ERROR_ID_CONFLICT)."),
    411: ("LengthRequired", "A body needs a Content-Length; chunked is not supported (ERROR_UNSUPPORTED)."),
    413: ("TooLarge", "Over a limit of bytes, items or memory (ERROR_TOO_LARGE)."),
    415: ("WrongType", "The body is not application/json, or is compressed (ERROR_UNSUPPORTED)."),
    421: ("NotPrimary", "The server is a standby: `primary` has the address of the server that decides (ERROR_NOT_PRIMARY)."),
    422: ("Invalid", "The JSON does not fit the message: `field` says where (ERROR_INVALID)."),
    500: ("Internal", "A defect of the server (ERROR_INTERNAL)."),
    501: ("Unsupported", "A call that this server does not have (ERROR_UNSUPPORTED)."),
    503: ("Unavailable", "The server cannot answer now: try again after Retry-After seconds, with the same ids (ERROR_UNAVAILABLE)."),
    504: ("Deadline", "The deadline passed and nothing was kept (ERROR_DEADLINE)."),
}
WITHOUT_BODY = {411, 413, 415, 422, 504, 409}

ABOUT = """\
Harrier over HTTP/1.1, for clients without nng: the messages of harrier.proto in protobuf's JSON mapping.

Names are those of harrier.proto; lowerCamelCase is read as well. An unknown name is refused. 64-bit numbers are
written as strings and read as numbers or strings; numbers beyond 9223372036854775807 as strings only. null means that
the field is absent. Texts must not contain U+0000.

If a request fails as a whole, the status is 4xx or 5xx and the body is an Error. If one item of a request fails (one
invalid transaction of many), the status is 200 and that item's result is an Error.

Responses are never cached (Cache-Control: no-store), and there is no CORS: this is for servers, not for browsers.
"""


# ---- harrier.proto ----


def parse():
    """{message: (comment, [field])}, {enum: (comment, [(name, number, comment)])}; in the file's order"""
    messages, enums = {}, {}
    kind = name = oneof = None
    comment = []
    for line in (HERE / "harrier.proto").read_text(encoding="utf-8").splitlines():
        line = line.strip()
        if line.startswith("//"):
            comment.append(line[2:].strip())
            continue
        begins = re.fullmatch(r"(message|enum|oneof) (\w+) \{(\})?", line)
        about = " ".join(comment) if comment and not comment[0].startswith("---") else ""
        if begins:
            if begins[1] == "oneof":
                oneof = begins[2]
            else:
                kind, name = begins[1], begins[2]
                (messages if kind == "message" else enums)[name] = (about, [])
                if begins[3]:
                    kind = None
        elif line == "}":
            if oneof:
                oneof = None
            else:
                kind = None
        elif kind == "enum":
            member = re.fullmatch(r"(\w+) = (\d+);", line)
            if member:
                enums[name][1].append((member[1], int(member[2]), about))
        elif kind == "message":
            field = re.fullmatch(r"(repeated )?(\w+) (\w+) = \d+;", line)
            if field:
                messages[name][1].append((field[3], field[2], bool(field[1]), oneof, about))
            elif line:
                raise SystemExit(f"harrier.proto: not understood: {line}")
        comment = []
    return messages, enums


def closure(messages, roots):
    found, todo = set(), list(roots)
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo += [kind for _, kind, _, _, _ in messages[name][1] if kind in messages]
    return found


# ---- schemas ----


class Schemas:
    def __init__(self):
        self.messages, self.enums = parse()
        self.sent = closure(self.messages, [p[2] for p in PATHS if p[2]])
        self.answered = closure(self.messages, [p[3] for p in PATHS] + ["Error"])

    def name(self, message, sent):
        return f"Answered{message}" if not sent and message in self.sent else message

    def sent_value(self, kind, optional):
        null = ["null"] if optional else []
        if kind == "string":
            return {"type": ["string", *null] if null else "string"}
        if kind == "bool":
            return {"type": ["boolean", *null]}
        if kind == "double":
            return {
                "anyOf": [
                    {"type": ["number", *null]},
                    {"type": "string", "enum": SPECIAL_DOUBLES},
                ]
            }
        if kind in NUMBERS:
            (least, most), pattern = NUMBERS[kind]
            return {"type": ["integer", "string", *null], "minimum": least, "maximum": most, "pattern": pattern}
        if kind in self.enums:
            forms = [{"type": "string", "enum": [m[0] for m in self.enums[kind][1]]}]
            forms.append({"type": ["integer", *null], "minimum": INT32[0], "maximum": INT32[1]})
            return {"anyOf": forms}
        reference = {"$ref": f"#/components/schemas/{self.name(kind, True)}"}
        return {"anyOf": [reference, {"type": "null"}]} if optional else reference

    def answered_value(self, kind):
        if kind == "string":
            return {"type": "string"}
        if kind == "bool":
            return {"type": "boolean"}
        if kind == "double":
            return {"anyOf": [{"type": "number"}, {"type": "string", "enum": SPECIAL_DOUBLES}]}
        if kind in ("int64", "sint64"):
            return {"type": "string", "pattern": "^-?[0-9]{1,19}$"}
        if kind in ("uint64", "fixed64"):
            return {"type": "string", "pattern": "^[0-9]{1,20}$"}
        if kind in NUMBERS:
            (least, most), _ = NUMBERS[kind]
            return {"type": "integer", "minimum": least, "maximum": most}
        if kind in self.enums:
            return {"type": "string", "enum": [member[0] for member in self.enums[kind][1]]}
        return {"$ref": f"#/components/schemas/{self.name(kind, False)}"}

    def field(self, message, field, sent):
        name, kind, repeated, _, about = field
        if repeated:
            items = self.sent_value(kind, False) if sent else self.answered_value(kind)
            schema = {"type": ["array", "null"] if sent and name not in REQUIRED.get(message, []) else "array"}
            schema["items"] = items
        elif sent:
            schema = self.sent_value(kind, True)
        else:
            schema = self.answered_value(kind)
        if sent:
            schema.update(REQUEST_RULES.get((message, name), {}))
        return {"description": about, **schema} if about else schema

    def message(self, message, sent):
        about, fields = self.messages[message]
        schema = {"type": "object"}
        if about:
            schema["description"] = about
        if sent:
            schema["additionalProperties"] = False
            required = REQUIRED.get(message, [])
        else:
            required = [f[0] for f in fields if not f[3] and (f[2] or f[1] not in self.messages)]
        if required:
            schema["required"] = required
        if fields:
            schema["properties"] = {field[0]: self.field(message, field, sent) for field in fields}
        if sent and message in EITHER:
            schema["oneOf"] = EITHER[message]
        members = [f[0] for f in fields if f[3]]
        if members and sent:
            pairs = [[a, b] for i, a in enumerate(members) for b in members[i + 1 :]]
            given = {"not": {"type": "null"}}
            schema["allOf"] = [{"not": {"required": pair, "properties": dict.fromkeys(pair, given)}} for pair in pairs]
        elif members:
            schema["description"] = (schema.get("description", "") + f" At most one of: {', '.join(members)}.").strip()
        return schema

    def all(self):
        schemas = {}
        for message in self.messages:
            if message in self.sent:
                schemas[message] = self.message(message, True)
            if message in self.answered:
                schemas[self.name(message, False)] = self.message(message, False)
        schemas["Failure"] = {
            "type": "object",
            "required": ["error"],
            "properties": {"error": {"$ref": "#/components/schemas/Error"}},
        }
        return schemas


# ---- the document ----


def answers(response, has_body):
    out = {"200": {"description": "Done.", "content": {"application/json": {"schema": {"$ref": response}}}}}
    for status, (name, _) in ERRORS.items():
        if has_body or status not in WITHOUT_BODY:
            out[str(status)] = {"$ref": f"#/components/responses/{name}"}
    return out


EXAMPLES = {
    "ScoreRequest": {
        "transactions": [
            {
                "id": "order-1001",
                "event_time_us": "1767225600000000",
                "amount_minor": 4999,
                "currency": "EUR",
                "card": "card-17",
                "merchant": "shop-3",
            }
        ]
    },
    "ReportOutcomeRequest": {"outcomes": [{"transaction_id": "order-1001", "label": "LABEL_FRAUD", "source": "feed"}]},
    "AmendRequest": {"amendments": [{"transaction_id": "order-1001", "kind": "AMENDMENT_REFUND", "amount_minor": 1500}]},
    "BackfillRequest": {"items": [{
        "transaction": {"id": "order-1", "event_time_us": "1751328000000000", "amount_minor": 4999, "currency": "EUR", "card": "card-17"},
        "outcome": {"label": "LABEL_FRAUD", "known_time_us": "1753920000000000", "source": "chargeback-feed"},
    }]},
    "GetEntityRequest": {"entity": "card", "key": ["card-17"]},
    "ExplainRequest": {"transaction_id": "order-1001"},
    "FindRequest": {"verdicts": ["VERDICT_DECLINE"], "keys": [{"field": "card", "value": "card-17"}], "limit": 10},
    "ReloadRequest": {"wait": True},
    "GetListRequest": {"list": "blocked_cards"},
    "ChangeBrakeRequest": {"rule": "night_spree", "source": "analyst:7", "reason": "the sale is over"},
    "ChangeListRequest": {"changes": [{"list": "blocked_cards", "value": "card-17", "source": "analyst:7"}]},
}


def operation(request, response, operation_id, summary, messages):
    out = {"operationId": operation_id, "summary": summary}
    about = messages[request][0] if request else ""
    if about:
        out["description"] = about
    # With a token or, where the server asks for none, without.
    out["security"] = [{"token": []}, {}]
    names = ["Deadline", "Traceparent"] if request else ["Traceparent"]
    out["parameters"] = [{"$ref": f"#/components/parameters/{name}"} for name in names]
    if request:
        media = {"schema": {"$ref": f"#/components/schemas/{request}"}, "example": EXAMPLES[request]}
        out["requestBody"] = {"required": True, "content": {"application/json": media}}
    out["responses"] = answers(f"#/components/schemas/{response}", bool(request))
    return out


def document():
    schemas = Schemas()
    paths = {}
    for path, operation_id, request, response, summary in PATHS:
        made = operation(request, schemas.name(response, False), operation_id, summary, schemas.messages)
        paths[path] = {"post" if request else "get": made}
    paths["/v1/openapi.yaml"] = {
        "get": {
            "operationId": "openapi",
            "summary": "This description.",
            "security": [],
            "responses": {
                "200": {"description": "Done.", "content": {"application/yaml": {"schema": {"type": "string"}}}},
                **{str(s): {"$ref": f"#/components/responses/{ERRORS[s][0]}"} for s in (400, 405)},
            },
        }
    }
    failure = {"application/json": {"schema": {"$ref": "#/components/schemas/Failure"}}}
    responses = {name: {"description": about, "content": failure} for name, about in ERRORS.values()}
    responses["Unavailable"]["headers"] = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}}
    responses["WrongMethod"]["headers"] = {"Allow": {"schema": {"type": "string"}}}
    responses["NoToken"]["headers"] = {"WWW-Authenticate": {"schema": {"type": "string"}}}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Harrier",
            "version": "1",
            "description": ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "parameters": {
                "Deadline": {
                    "name": "Harrier-Deadline-Us",
                    "in": "header",
                    "description": "How long the caller will wait, in microseconds from when the server has the "
                    "request; 0 or absent: no limit.",
                    "schema": {"type": "integer", "minimum": 0, "maximum": INT64[1]},
                },
                "Traceparent": {
                    "name": "traceparent",
                    "in": "header",
                    "description": "The caller's trace, as in W3C Trace Context version 00. Anything else is ignored.",
                    "schema": {"type": "string"},
                },
            },
            "responses": responses,
            "schemas": schemas.all(),
        },
    }


# ---- YAML ----


def scalar(value):
    if isinstance(value, str) and re.fullmatch(r"[A-Za-z/][A-Za-z0-9_/.-]*", value) and value not in ("null", "true", "false"):
        return value
    return json.dumps(value)  # a JSON text is a YAML one; ASCII


def is_flat(value):
    return isinstance(value, list) and all(not isinstance(item, (dict, list)) for item in value)


def write(value, indent, out):
    pad = "  " * indent
    entries = value.items() if isinstance(value, dict) else [(None, item) for item in value]
    for key, item in entries:
        head = f"{pad}- " if key is None else f"{pad}{scalar(key)}:"
        if isinstance(item, str) and "\n" in item:
            out.append(f"{head} |-" if key is None else f"{head} |")
            out += [f"{pad}  {line}".rstrip() for line in item.splitlines()]
        elif is_flat(item):
            out.append(f"{head.rstrip()} [{', '.join(scalar(part) for part in item)}]")
        elif isinstance(item, (dict, list)):
            if not item:
                out.append(f"{head.rstrip()} {{}}")
            elif key is None:
                inner = []
                write(item, indent + 1, inner)
                out.append(f"{pad}- {inner[0].lstrip()}")
                out += inner[1:]
            else:
                out.append(head)
                write(item, indent + 1, out)
        else:
            out.append(f"{head.rstrip()} {scalar(item)}")


def path_faults():
    """PATHS against the server's table of routes."""
    source = (HERE.parent / "server" / "front" / "http_request.c").read_text(encoding="utf-8")
    served = {path: body == "true" for path, body in re.findall(r'\{"(/v1/[^"]+)", CALL_\w+, (\w+)\}', source)}
    described = {path: request is not None for path, _, request, _, _ in PATHS}
    described["/v1/openapi.yaml"] = False
    return [
        f"{path}: PATHS of proto/make_openapi.py and routes of server/front/http_request.c differ"
        for path in sorted(set(served) | set(described))
        if served.get(path) != described.get(path)
    ]


def main(arguments):
    out = ["# Made by make_openapi.py from harrier.proto; do not edit.", ""]
    write(document(), 0, out)
    text = "\n".join(out) + "\n"
    target = HERE / "openapi.yaml"
    if arguments == ["--check"]:
        faults = path_faults()
        print(*faults, sep="\n", end="\n" if faults else "")
        if target.read_text(encoding="utf-8") != text:
            print("proto/openapi.yaml is not what proto/make_openapi.py writes; run it")
            return 1
        return 1 if faults else 0
    target.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
