"""A receiver of events over HTTP(S), as strict as one can be about what it gets and as bad as it is told about what it
answers. JSON and signatures are read with Python's own libraries."""
import hashlib
import hmac
import json
import os
import socket
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from server import WAIT

try:
    import jsonschema
except ImportError:
    jsonschema = None

with open(os.path.join(os.environ["HARRIER_ROOT"], "docs", "schema", "events.json"), encoding="utf-8") as schema_file:
    SCHEMA = json.load(schema_file)


def documented_kinds():
    """The names of events, from the schema."""
    found = []
    for part in SCHEMA["$defs"].values():
        event = part.get("properties", {}).get("event", {})
        found += event.get("enum", []) + ([event["const"]] if "const" in event else [])
    return found


def check_schema(body):
    if jsonschema:
        errors = list(jsonschema.Draft202012Validator(SCHEMA).iter_errors(body))
        assert not errors, errors[0]

SECRET = b"0123456789abcdef0123456789abcdef"


class Receiver:
    """answer(number of the request, handler) answers a request itself, or returns a status."""

    def __init__(self, answer=lambda number, handler: 200, certificate=None, secret=None):
        self.answer = answer
        self.secret = secret
        self.bodies = []  # of all requests, as JSON
        self.raw = []
        self.faults = []
        self.released = threading.Event()  # for answers that hang until the test is over
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                receiver.take(self)

            def log_message(self, *_):
                pass

        class Quiet(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass  # the other side went away, or TLS failed

        self.http = Quiet(("127.0.0.1", 0), Handler)
        self.scheme = "http"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(f"{certificate}.pem", f"{certificate}.key")
            self.http.socket = context.wrap_socket(self.http.socket, server_side=True, do_handshake_on_connect=False)
            self.scheme = "https"
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()

    def url(self, host="127.0.0.1", path="/hook?team=fraud%20ops"):
        return f"{self.scheme}://{host}:{self.http.server_port}{path}"

    def close(self):
        self.released.set()
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()

    def take(self, handler):
        body = handler.rfile.read(int(handler.headers["Content-Length"]))
        number = len(self.bodies)
        try:
            self.check(handler, body)
        except (AssertionError, ValueError, KeyError) as fault:
            self.faults.append(repr(fault))
        status = self.answer(number, handler)
        if status:
            handler.send_response(status)
            handler.send_header("Content-Length", "2")
            handler.end_headers()
            handler.wfile.write(b"ok")

    def check(self, handler, body):
        assert handler.path == "/hook?team=fraud%20ops", handler.path
        assert handler.headers["Content-Type"] == "application/json"
        assert handler.headers["Host"].split(":")[1] == str(self.http.server_port)
        told = json.loads(body.decode())
        check_schema(told)
        assert told["schema"] == 1 and told["server"] == "tester" and told["version"]
        assert len(told["events"]) == int(handler.headers["Harrier-Events"]) <= 100
        if self.secret:
            parts = dict(part.split("=") for part in handler.headers["Harrier-Signature"].split(","))
            assert abs(int(parts["t"]) - time.time()) < WAIT
            ours = hmac.new(self.secret, parts["t"].encode() + b"." + body, hashlib.sha256).hexdigest()
            assert hmac.compare_digest(ours, parts["v1"]), parts
        else:
            assert "Harrier-Signature" not in handler.headers
        self.raw.append(body)
        self.bodies.append(told)

    def events(self, *kinds):
        """Of all requests, also of those that were answered badly."""
        found = [event for body in list(self.bodies) for event in body["events"]]
        return [event for event in found if not kinds or event["event"] in kinds]

    def await_events(self, count, *kinds):
        deadline = time.monotonic() + WAIT
        while len(self.events(*kinds)) < count:
            assert time.monotonic() < deadline, (len(self.events(*kinds)), count, self.faults)
            time.sleep(0.01)
        return self.events(*kinds)


class Silent:
    """Accepts connections and reads nothing."""

    def __init__(self):
        self.socket = socket.socket()
        self.socket.bind(("127.0.0.1", 0))
        self.socket.listen(64)
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}/"

    def close(self):
        self.socket.close()
