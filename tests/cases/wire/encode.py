#!/usr/bin/env python3
"""Encodes the cases of this folder a second time, from the .proto files and the JSON alone.

It shares no code with protobuf-c, so a case proves the C code against another reading of the same
schema, and the other way round.

usage: encode.py PROTO_DIR CASES_DIR           compare; exit status 1 names the cases that differ
       encode.py --write PROTO_DIR CASES_DIR   put the computed bytes into the files
"""

import base64
import json
import re
import struct
import sys
from pathlib import Path

VARINTS = {"int64", "uint32", "uint64", "bool", "sint32", "sint64"}


def parse_schema(folder):
    """{message: {field: (number, type, repeated, in_oneof)}}, {enum: {name: number}}"""
    messages, enums = {}, {}
    for path in sorted(Path(folder).glob("*.proto")):
        text = re.sub(r"//[^\n]*", "", path.read_text(encoding="utf-8"))
        for kind, name, body in re.findall(r"\b(message|enum)\s+(\w+)\s*\{((?:[^{}]|\{[^{}]*\})*)\}", text):
            if kind == "enum":
                enums[name] = {n: int(v) for n, v in re.findall(r"(\w+)\s*=\s*(\d+)\s*;", body)}
                continue
            fields = {}
            oneofs = "".join(re.findall(r"oneof\s+\w+\s*\{([^}]*)\}", body))
            for repeated, kind_of, field, number in re.findall(
                r"(repeated\s+)?([\w.]+)\s+(\w+)\s*=\s*(\d+)\s*(?:\[packed = true\])?;", body
            ):
                in_oneof = re.search(rf"\b{field}\s*=\s*{number}\s*;", oneofs) is not None
                fields[field] = (int(number), kind_of.split(".")[-1], bool(repeated), in_oneof)
            messages[name] = fields
    return messages, enums


def varint(value):
    value &= (1 << 64) - 1
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


class Encoder:
    def __init__(self, folder):
        self.messages, self.enums = parse_schema(folder)

    def message(self, name, value):
        fields = self.messages[name]
        for unknown in set(value) - set(fields):
            raise ValueError(f"{name} has no field {unknown}")
        out = b""
        for field, (number, kind, repeated, in_oneof) in sorted(fields.items(), key=lambda f: f[1][0]):
            if field not in value:
                continue
            if repeated and (kind in VARINTS or kind in self.enums):  # packed, as proto3 has them
                body = b"".join(self.payload(kind, item)[1] for item in value[field])
                out += varint(number << 3 | 2) + varint(len(body)) + body if body else b""
                continue
            for item in value[field] if repeated else [value[field]]:
                wire, payload, empty = self.payload(kind, item)
                if empty and not repeated and not in_oneof:
                    continue
                out += varint(number << 3 | wire) + payload
        return out

    def payload(self, kind, item):
        """(wire type, bytes, whether it is the default, which is not sent)"""
        if kind in self.messages:
            body = self.message(kind, item)
            return 2, varint(len(body)) + body, False
        if kind in ("string", "bytes"):
            body = base64.b64decode(item) if kind == "bytes" else item.encode()
            return 2, varint(len(body)) + body, not body
        if kind == "double":
            return 1, struct.pack("<d", item), item == 0
        number = self.enums[kind][item] if kind in self.enums else int(item)
        if kind == "fixed64":
            return 1, struct.pack("<Q", number), number == 0
        if kind in ("sint32", "sint64"):
            return 0, varint(number << 1 if number >= 0 else (-number << 1) - 1), number == 0
        if kind in VARINTS or kind in self.enums:
            return 0, varint(number), number == 0
        raise ValueError(f"no such type: {kind}")


def main(arguments):
    write = arguments[:1] == ["--write"]
    schema, folder = arguments[write:]
    encoder = Encoder(schema)
    paths = sorted(Path(folder).glob("*.json"))
    wrong = 0
    for path in paths:
        case = json.loads(path.read_text(encoding="utf-8"))
        if "error" in case:
            continue  # bytes that no value has
        computed = (encoder.message(case["message"], case["value"]) + bytes.fromhex(case.get("unknown", ""))).hex()
        if write:
            case["hex"] = computed
            path.write_text(json.dumps(case, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        elif case["hex"] != computed:
            print(f"{path}: hex is not what the value encodes to:\n  {computed}")
            wrong += 1
    print(f"{len(paths)} cases, {wrong} wrong")
    return 1 if wrong or not paths else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
