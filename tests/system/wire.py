"""What goes over the wire, without nng and without protobuf: the SP protocol on a plain socket, and
messages from the .proto file itself. A second reading of both, so that the server is not held against
the libraries it is made with."""
import os
import socket
import struct
import sys

ROOT = os.environ["HARRIER_ROOT"]
sys.path.insert(0, os.path.join(ROOT, "tests", "cases", "wire"))
from encode import VARINTS, Encoder  # noqa: E402  (found by the line before)

ENCODER = Encoder(os.path.join(ROOT, "proto"))

WAIT = 300  # seconds for an answer: only there to catch a hang

# REQ0 says hello: zero, "SP", version 0, its protocol number 0x30 big-endian, reserved; REP0 answers 0x31.
HELLO_REQ = bytes.fromhex("0053500000300000")
HELLO_REP = bytes.fromhex("0053500000310000")
IPC_MESSAGE = b"\x01"


def encode(request):
    return ENCODER.message("Request", {"protocol": 1, **request})


def _varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def fields(data):
    """(number, value) of each field of a message, undecoded."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        if key & 7 == 0:
            value, at = _varint(data, at)
        elif key & 7 == 1:
            value, at = data[at : at + 8], at + 8
        elif key & 7 == 2:
            length, at = _varint(data, at)
            value, at = data[at : at + length], at + length
        else:
            raise ValueError(f"wire type {key & 7}")
        yield key >> 3, value


def _value(kind, value):
    if kind in ENCODER.messages:
        return decode(kind, value)
    if kind == "string":
        return value.decode()
    if kind == "double":
        return struct.unpack("<d", value)[0]
    if kind == "fixed64":
        return struct.unpack("<Q", value)[0]
    if kind in ("sint32", "sint64"):
        return value >> 1 ^ -(value & 1)
    if kind == "bool":
        return bool(value)
    if kind in ENCODER.enums:
        return {number: name for name, number in ENCODER.enums[kind].items()}[value]
    return value - (1 << 64) if kind == "int64" and value >> 63 else value


def decode(name, data):
    """The message as a dict, without fields that were not sent."""
    by_number = {number: (field, kind, repeated) for field, (number, kind, repeated, _) in ENCODER.messages[name].items()}
    out = {}
    for number, value in fields(data):
        field, kind, repeated = by_number[number]
        if repeated and kind in VARINTS and isinstance(value, bytes):  # packed
            at = 0
            while at < len(value):
                item, at = _varint(value, at)
                out.setdefault(field, []).append(_value(kind, item))
        elif repeated:
            out.setdefault(field, []).append(_value(kind, value))
        else:
            out[field] = _value(kind, value)
    return out


class Connection:
    """One REQ client. address: tcp://HOST:PORT or ipc:///PATH."""

    def __init__(self, address, timeout=WAIT):
        self.ipc = address.startswith("ipc://")
        if self.ipc:
            self.socket = socket.socket(socket.AF_UNIX)
        else:
            self.socket = socket.socket(socket.AF_INET)
        self.socket.settimeout(timeout)
        try:
            if self.ipc:
                self.socket.connect(address[len("ipc://") :])
            else:
                host, port = address[len("tcp://") :].rsplit(":", 1)
                self.socket.connect((host, int(port)))
            self._greet()
        except BaseException:
            self.socket.close()
            raise

    @classmethod
    def over(cls, connected):
        """On a socket that is connected already: TLS, for one."""
        connection = cls.__new__(cls)
        connection.ipc = False
        connection.socket = connected
        connection._greet()
        return connection

    def _greet(self):
        self.last_id = 0
        self.socket.sendall(HELLO_REQ)
        hello = self._read(len(HELLO_REP))
        if hello != HELLO_REP:
            raise ConnectionError(f"no REP socket: {hello.hex()}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def _read(self, length):
        data = b""
        while len(data) < length:
            piece = self.socket.recv(length - len(data))
            if not piece:
                raise ConnectionError("the server closed the connection")
            data += piece
        return data

    def send_raw(self, data):
        self.socket.sendall(data)

    def send(self, body):
        """Sends a request without waiting for its answer; returns its id."""
        self.last_id += 1
        payload = struct.pack(">I", self.last_id | 0x80000000) + body
        self.socket.sendall((IPC_MESSAGE if self.ipc else b"") + struct.pack(">Q", len(payload)) + payload)
        return self.last_id

    def receive(self):
        if self.ipc and self._read(1) != IPC_MESSAGE:
            raise ConnectionError("no ipc message")
        (length,) = struct.unpack(">Q", self._read(8))
        payload = self._read(length)
        (number,) = struct.unpack(">I", payload[:4])
        return number & 0x7FFFFFFF, payload[4:]

    def exchange(self, body):
        sent = self.send(body)
        number, answer = self.receive()
        if number != sent:
            raise ConnectionError(f"answer to {number}, expected {sent}")
        return answer

    def call(self, request):
        return decode("Response", self.exchange(encode(request)))

    def status(self, state_hash=False):
        return self.call({"status": {"state_hash": state_hash}})["status"]

    def score(self, transactions, **options):
        return self.call({"score": {"transactions": transactions, **options}})["score"]["results"]

    def report(self, transaction_id, label):
        outcomes = [{"transaction_id": transaction_id, "label": f"LABEL_{label.upper()}"}]
        return self.call({"report_outcome": {"outcomes": outcomes}})["report_outcome"]["results"][0]
