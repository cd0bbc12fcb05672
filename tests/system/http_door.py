"""The HTTP door as tests reach it: through Python's http.client, and as raw bytes where no client would send them
like that."""
import http.client
import json
import re
import socket

from server import ServerTest, free_port

JSON = {"Content-Type": "application/json"}


def head(method, path, *headers, version="HTTP/1.1"):
    return "\r\n".join([f"{method} {path} {version}", "Host: a", *headers, "", ""]).encode()


def raw_score(*transactions, headers=()):
    body = json.dumps({"transactions": transactions}).encode()
    return head("POST", "/v1/score", "Content-Type: application/json", f"Content-Length: {len(body)}", *headers) + body


class Door:
    """A connection to the HTTP door that stays open."""

    def __init__(self, port, timeout=10):
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

    def raw(self, data, timeout=10):
        """Everything that comes back until the server closes, or until nothing more comes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=timeout) as connection:
            connection.sendall(data)
            return self.rest(connection)

    def rest(self, connection, quiet=0.5):
        """(bytes, whether the server closed)"""
        got = b""
        connection.settimeout(quiet)
        try:
            while piece := connection.recv(65536):
                got += piece
        except TimeoutError:
            return got, False
        except ConnectionResetError:
            pass
        return got, True

    def statuses(self, got):
        return [int(status) for status in re.findall(rb"HTTP/1\.[01] (\d{3}) ", got)]
