"""How tests reach the HTTP door: through Python's http.client, or with raw bytes that no client would send."""
import http.client
import json
import re
import socket

from server import WAIT, ServerTest, free_port

MOMENT = 0.3  # seconds in which what must not come would come

JSON = {"Content-Type": "application/json"}


def head(method, path, *headers, version="HTTP/1.1"):
    return "\r\n".join([f"{method} {path} {version}", "Host: a", *headers, "", ""]).encode()


def raw_score(*transactions, headers=()):
    body = json.dumps({"transactions": transactions}).encode()
    return head("POST", "/v1/score", "Content-Type: application/json", f"Content-Length: {len(body)}", *headers) + body


class Door:
    """A connection to the HTTP door that stays open."""

    def __init__(self, port, timeout=WAIT):
        self.http = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.http.close()

    def call(self, method, path, body=None, **headers):
        """(status, body as JSON or text, headers)"""
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
        if isinstance(body, str):
            body = body.encode()
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        self.http.request(method, path, body, {**(JSON if body is not None else {}), **given})
        answer = self.http.getresponse()
        text = answer.read().decode()
        is_json = answer.headers.get_content_type() == "application/json"
        return answer.status, json.loads(text) if is_json and text else text, answer.headers

    def score(self, *transactions, **more):
        status, answer, _ = self.call("POST", "/v1/score", {"transactions": transactions, **more})
        assert status == 200, answer
        return answer["results"]


class HttpTest(ServerTest):
    def start(self, *flags, **more):
        self.port = free_port()
        return self.server(f"--http_listen=127.0.0.1:{self.port}", *flags, **more).start()

    def door(self):
        door = Door(self.port)
        self.addCleanup(door.http.close)
        return door

    def raw(self, data, answers=None):
        """Sends on a new connection; returns what rest() does."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=WAIT) as connection:
            connection.sendall(data)
            return self.rest(connection, answers)

    def rest(self, connection, answers=None):
        """(bytes, whether the server closed). answers None: reads to the end of the connection. Otherwise it reads that
        many answers, and what follows within a moment of the last one."""
        got = b""
        connection.settimeout(WAIT)
        try:
            while piece := connection.recv(65536):
                got += piece
                if answers is not None and len(self.statuses(got)) >= answers:
                    connection.settimeout(MOMENT)
        except TimeoutError:
            if answers is None or len(self.statuses(got)) < answers:
                raise
            return got, False
        except ConnectionResetError:
            pass
        return got, True

    def statuses(self, got):
        return [int(status) for status in re.findall(rb"HTTP/1\.[01] (\d{3}) ", got)]
