"""The JSON of the HTTP door beside protobuf's own, Python's json_format: what it writes is read to the same decisions
as the same message over nng, and what we write is, word for word, what it would have written: tests/system/http/run."""

import http.client
import json
import os
import random
import sys
import unittest

from google.protobuf import json_format

ROOT = os.environ["HARRIER_ROOT"]
sys.path.insert(0, os.path.join(ROOT, "clients", "python", "src", "harrier_client", "_proto"))
import harrier_pb2  # noqa: E402  (found by the line before)
from server import ServerTest, free_port, transaction  # noqa: E402

SEED = int(os.environ.get("HARRIER_SEED", "1"))
STEPS = int(os.environ.get("HARRIER_STEPS", "300"))
TEXTS = ["", "c1", "m2", "é", "日本", '"quoted"', "a\\b", "</script>", "tab\tin it", "𝄞", "x" * 200, "DE", "5411", "EUR", "192.0.2.1"]
NUMBERS = [0, 1, -1, 2**31 - 1, -(2**31), 2**53 + 1, 2**63 - 1, -(2**63), 1767225600000000]
DOUBLES = [0.0, -0.0, 1.5, 1e300, 5e-324, 0.1, 1e22, 123456789012345680.0, float("inf"), float("nan")]


def fill(message, chance):
    """Every field, of anything that its type can hold."""
    for field in message.DESCRIPTOR.fields:
        if chance.random() < 0.5:
            continue
        if field.type == field.TYPE_MESSAGE:
            for _ in range(chance.randrange(4)) if field.is_repeated else [0]:
                fill(getattr(message, field.name).add() if field.is_repeated else getattr(message, field.name), chance)
            continue
        if field.is_repeated:
            of = [one.number for one in field.enum_type.values] if field.type == field.TYPE_ENUM else TEXTS
            getattr(message, field.name).extend(chance.choices(of, k=chance.randrange(4)))
            continue
        if field.type == field.TYPE_STRING:
            value = chance.choice(TEXTS)
        elif field.type == field.TYPE_BOOL:
            value = chance.random() < 0.5
        elif field.type == field.TYPE_DOUBLE:
            value = chance.choice(DOUBLES)
        elif field.type == field.TYPE_ENUM:
            value = chance.choice(field.enum_type.values).number
        else:
            bits = 32 if field.cpp_type in (field.CPPTYPE_INT32, field.CPPTYPE_UINT32) else 64
            value = chance.choice([n for n in NUMBERS if -(2 ** (bits - 1)) <= n < 2 ** (bits - 1)])
            if field.cpp_type in (field.CPPTYPE_UINT32, field.CPPTYPE_UINT64):
                value = abs(value) % 2 ** (bits - 1)
        setattr(message, field.name, value)


def written(message):
    return json_format.MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)


def masked(value):
    """Without what is another one at each call."""
    if isinstance(value, dict):
        return {name: None if name == "server_us" else masked(part) for name, part in value.items()}
    return [masked(part) for part in value] if isinstance(value, list) else value


class JsonFormatTest(ServerTest):
    PATHS = {
        "score": "/v1/score",
        "report_outcome": "/v1/outcomes",
        "get_entity": "/v1/entity",
        "get_list": "/v1/lists",
        "change_list": "/v1/list-changes",
        "change_brake": "/v1/brakes",
        "explain": "/v1/explain",
        "find": "/v1/find",
        "reload": "/v1/reload",
        "backfill": "/v1/backfill",
    }

    def setUp(self):
        super().setUp()
        port = free_port()
        self.write_policy("lists.yaml", "lists:\n  blocked_cards: {about: for tests}\n")
        self.program = self.server(f"--http_listen=127.0.0.1:{port}").start()
        self.door = http.client.HTTPConnection("127.0.0.1", port)
        self.addCleanup(self.door.close)
        self.nng = self.program.connect()
        self.addCleanup(self.nng.socket.close)
        self.nng.score([{**transaction(n), "id": f'"{n}é"'} for n in range(20)])

    def over_nng(self, call, message):
        request = harrier_pb2.Request(protocol=1, **{call: message})
        response = harrier_pb2.Response.FromString(self.nng.exchange(request.SerializeToString()))
        if response.HasField("error"):
            return {"error": written(response.error)}
        return written(getattr(response, response.WhichOneof("answer")))

    def over_http(self, call, message, **form):
        body = json_format.MessageToJson(message, **form)
        self.door.request("POST", self.PATHS[call], body.encode(), {"Content-Type": "application/json"})
        return json.loads(self.door.getresponse().read())

    def assert_same(self, call, message, **form):
        self.assertEqual(masked(self.over_http(call, message, **form)), masked(self.over_nng(call, message)), message)

    def test_random_requests(self):
        """Nothing of what is asked here changes anything, so both can be asked."""
        chance = random.Random(SEED)
        types = {
            "score": harrier_pb2.ScoreRequest,
            "report_outcome": harrier_pb2.ReportOutcomeRequest,
            "get_entity": harrier_pb2.GetEntityRequest,
            "get_list": harrier_pb2.GetListRequest,
            "change_list": harrier_pb2.ChangeListRequest,
            "explain": harrier_pb2.ExplainRequest,
            "change_brake": harrier_pb2.ChangeBrakeRequest,
            "find": harrier_pb2.FindRequest,
            "backfill": harrier_pb2.BackfillRequest,
        }
        for _ in range(STEPS):
            call = chance.choice(list(types))
            message = types[call]()
            fill(message, chance)
            if call == "score":
                message.dry_run = True
            if call in ("report_outcome", "change_list"):  # the first of two would be a change, the other not
                for item in getattr(message, "outcomes" if call == "report_outcome" else "changes"):
                    item.ClearField("transaction_id" if call == "report_outcome" else "list")
            if call == "backfill":  # likewise
                for item in message.items:
                    item.transaction.id = ""
            if call == "change_brake":
                message.rule += "_"  # no such rule
                message.policy = False
                message.definition = 0
            form = {"preserving_proto_field_name": chance.random() < 0.5, "use_integers_for_enums": chance.random() < 0.3}
            self.assert_same(call, message, **form)

    def test_answers_with_something_in_them(self):
        good = [harrier_pb2.Transaction(**{**transaction(n), "id": f"u{n}"}) for n in range(30)]
        request = harrier_pb2.ScoreRequest(transactions=good, dry_run=True, return_features=True)
        self.assert_same("score", request)
        self.assert_same("get_entity", harrier_pb2.GetEntityRequest(entity="card", key=["c1"]))
        self.assert_same("explain", harrier_pb2.ExplainRequest(transaction_id='"3é"'))
        labels = [harrier_pb2.LABEL_NONE, harrier_pb2.LABEL_FRAUD]
        self.assert_same("find", harrier_pb2.FindRequest(labels=labels, score=harrier_pb2.ScoreRange(max=1000)))
        change = harrier_pb2.ListChange(list="blocked_cards", value='"é"', source="a", reason="b")
        self.assertTrue(self.over_http("change_list", harrier_pb2.ChangeListRequest(changes=[change]))["results"][0]["changed"])
        self.assert_same("get_list", harrier_pb2.GetListRequest(list="blocked_cards"))
        self.assert_same("get_list", harrier_pb2.GetListRequest())
        pull = harrier_pb2.ChangeBrakeRequest(rule="many", pull=True, source='"é"')
        self.assertTrue(self.over_http("change_brake", pull)["changed"])
        self.assert_same("change_brake", pull)
        self.assert_same("reload", harrier_pb2.ReloadRequest(wait=True))
        self.door.request("GET", "/v1/status")
        mine, theirs = json.loads(self.door.getresponse().read()), self.over_nng("status", harrier_pb2.StatusRequest())
        self.assertEqual(set(mine), set(theirs))
        self.assertEqual(mine["snapshot_id"], theirs["snapshot_id"])


if __name__ == "__main__":
    unittest.main()
