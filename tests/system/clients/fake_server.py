"""A server that answers late, wrongly or not at all, as a test wants: the REP side of nng's SP protocol on a plain
socket. Messages are encoded from the .proto file."""

import os
import socket
import struct
import threading
import time

from wire import ENCODER, HELLO_REP, HELLO_REQ, IPC_MESSAGE, decode


def approve(request):
    """The answer of a server that finds nothing suspicious."""
    if "status" in request:
        return {"status": {"version": "fake", "state": "ready"}}
    decided = [
        {"decision": {"transaction_id": transaction["id"], "verdict": "VERDICT_APPROVE", "position": number + 1}}
        for number, transaction in enumerate(request["score"]["transactions"])
    ]
    return {"score": {"results": decided}}


def unavailable(_request):
    return {"error": {"code": "ERROR_UNAVAILABLE", "message": "it is not ready"}}


class FakeServer:
    """answer(request) → a Response as a dict, bytes to send as they are, None to stay silent, or a
    ConnectionError to close the connection. It is called by one thread for each request, so it may sleep."""

    def __init__(self, path, answer=approve):
        self.path = path
        self.address = f"ipc://{path}"
        self.answer = answer
        self.requests = []
        self.greeted = 0  # connections so far whose greetings were exchanged
        self._connections = set()
        self._lock = threading.Lock()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(path)
        self._listener.listen(64)
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        # close() alone does not wake the accepting thread.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()
        self.break_connections()
        os.unlink(self.path)

    def break_connections(self):
        with self._lock:
            for connection in self._connections:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def asked(self, call):
        with self._lock:
            return [request for request in self.requests if call in request]

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self._connections.add(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            if _read(connection, len(HELLO_REQ)) != HELLO_REQ:
                return
            connection.sendall(HELLO_REP)
            self.greeted += 1
            writing = threading.Lock()
            while True:
                if _read(connection, 1) != IPC_MESSAGE:
                    return
                (length,) = struct.unpack(">Q", _read(connection, 8))
                payload = _read(connection, length)
                threading.Thread(target=self._handle, args=(connection, writing, payload), daemon=True).start()
        except OSError:
            pass
        finally:
            with self._lock:
                self._connections.discard(connection)
            connection.close()

    def _handle(self, connection, writing, payload):
        request = decode("Request", payload[4:])
        request["received_at"] = time.monotonic()
        with self._lock:
            self.requests.append(request)
        answer = self.answer(request)
        if answer is None:
            return
        try:
            if isinstance(answer, ConnectionError):
                connection.shutdown(socket.SHUT_RDWR)
                return
            body = answer if isinstance(answer, bytes) else ENCODER.message("Response", answer)
            message = payload[:4] + body
            with writing:
                connection.sendall(IPC_MESSAGE + struct.pack(">Q", len(message)) + message)
        except OSError:
            pass


def _read(connection, length):
    data = b""
    while len(data) < length:
        piece = connection.recv(length - len(data))
        if not piece:
            raise ConnectionError("closed")
        data += piece
    return data
