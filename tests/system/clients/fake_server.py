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
    if "report_outcome" in request:
        outcomes = request["report_outcome"]["outcomes"]
        accepted = [{"accepted": {"transaction_id": one["transaction_id"], "changed": True}} for one in outcomes]
        return {"report_outcome": {"results": accepted}}
    if "backfill" in request:
        items = request["backfill"]["items"]
        accepted = [{"accepted": {"transaction_id": one["transaction"]["id"], "position": 1}} for one in items]
        return {"backfill": {"results": accepted}}
    if "amend" in request:
        amendments = request["amend"]["amendments"]
        accepted = [{"accepted": {"transaction_id": one["transaction_id"], "changed": True}} for one in amendments]
        return {"amend": {"results": accepted}}
    if "change_list" in request:
        changes = request["change_list"]["changes"]
        changed = [{"changed": {"list": one["list"], "value": one["value"], "changed": True}} for one in changes]
        return {"change_list": {"results": changed}}
    if "change_brake" in request:
        return {"change_brake": {"changed": True, "position": 7}}
    decided = [
        {"decision": {"transaction_id": transaction["id"], "verdict": "VERDICT_APPROVE", "position": number + 1}}
        for number, transaction in enumerate(request["score"]["transactions"])
    ]
    return {"score": {"results": decided}}


def unavailable(_request):
    return {"error": {"code": "ERROR_UNAVAILABLE", "message": "it is not ready"}}


def standby(primary=""):
    """The answers of a standby that knows this primary, or none, as during a take-over."""
    refusal = {"code": "ERROR_NOT_PRIMARY", "message": "this server is a standby", "primary": primary}

    def answer(request):
        if "status" in request:
            return {"status": {"version": "fake", "state": "standby", "primary": primary}}
        return {"error": refusal}

    return answer


class FakeServer:
    """answer(request) → a Response as a dict, bytes to send as they are, None to stay silent, or a
    ConnectionError to close the connection. It is called by one thread for each request, so it may sleep."""

    def __init__(self, path, answer=approve):
        self.path = path
        self.address = f"ipc://{path}"
        self.answer = answer
        self.requests = []
        self.greeted = 0  # connections so far whose greetings were exchanged
        self._accepted = 0
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

    def connections(self):
        """How many have been made so far, with those that still wait to be accepted: it queues up behind them."""
        with socket.socket(socket.AF_UNIX) as last:
            last.connect(self.path)
            last.shutdown(socket.SHUT_WR)
            last.recv(1)
        with self._lock:
            self._accepted -= 1
            return self._accepted

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self._accepted += 1
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
