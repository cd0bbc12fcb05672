#!/usr/bin/env python3
"""The HTTP door with clients that are slow, too many or gone, and its shutdown."""
import http.client
import re
import signal
import socket
import threading
import time
import unittest

from http_door import Door, HttpTest, head, raw_score
from server import WAIT, transaction


class HoldingUpTest(HttpTest):
    """Clients that are slow, many, or gone."""

    def assert_ended(self, connection):
        began = time.monotonic()
        while time.monotonic() - began < WAIT:
            try:
                if not connection.recv(65536):
                    break
            except TimeoutError:
                continue
            except ConnectionResetError:
                break
        else:
            self.fail("was not ended")

    def test_slow_ones_are_ended(self):
        server = self.start("--http_patience=2s")
        stopping = threading.Event()

        def drip(connection, data):
            try:
                for byte in data:
                    connection.sendall(bytes([byte]))
                    if stopping.wait(0.05):
                        return
            except OSError:
                pass

        request = raw_score(transaction(1))
        body_at = request.index(b"\r\n\r\n") + 4
        slow = {
            "idle": b"",
            "headers": b"GET /v1/status HTTP/1.1\r\n" + b"X: y\r\n" * 1000,
            "body": request[:body_at].replace(b"Content-Length: ", b"Content-Length: 9") + b" " * 9000,
        }
        connections = {}
        drippers = []
        for name, data in slow.items():
            connections[name] = socket.create_connection(("127.0.0.1", self.port))
            connections[name].settimeout(0.1)
            drippers.append(threading.Thread(target=drip, args=(connections[name], data)))
            drippers[-1].start()
        busy = self.door()  # asks all the time, and is not ended
        until = time.monotonic() + 1
        while (asked := time.monotonic()) < until:
            try:
                self.assertEqual(busy.call("GET", "/v1/status")[0], 200)
            except (http.client.HTTPException, ConnectionError):
                # Only if this test itself got no turn for so long.
                self.assertGreater(time.monotonic() - asked, 1)
                busy = self.door()
            time.sleep(0.05)
        for connection in connections.values():
            self.assert_ended(connection)
            connection.close()
        stopping.set()
        for dripper in drippers:
            dripper.join()
        self.assertEqual(busy.call("GET", "/v1/status")[0], 200)
        self.assertGreaterEqual(server.metric("harrierd_http_cut_total"), 3)

    def test_one_that_does_not_take_its_answers(self):
        """A client that sends more and more requests and reads no answer: the server neither waits for it nor keeps all
        of them in memory."""
        server = self.start("--http_patience=3s", "--max_message_bytes=64KiB")
        self.door().score(*(transaction(n) for n in range(300)))
        request = head("GET", "/v1/openapi.yaml")
        with socket.create_connection(("127.0.0.1", self.port)) as greedy:
            greedy.settimeout(0.2)
            sent = 0
            try:
                while sent < 400 * 2**20:
                    sent += greedy.send(request * 2000)
            except (TimeoutError, ConnectionError):
                pass
            with open(f"/proc/{server.process.pid}/status", encoding="ascii") as status:
                peak_kib = int(re.search(r"VmHWM:\s+(\d+)", status.read())[1])
            self.assertEqual(self.door().call("GET", "/v1/status")[0], 200)
            deadline = time.monotonic() + WAIT
            while server.metric("harrierd_http_cut_total") < 1:
                self.assertLess(time.monotonic(), deadline)
                time.sleep(0.1)
        self.assertLess(sent, 64 * 2**20)
        self.assertLess(peak_kib, 400 * 1024)

    def test_no_more_connections_than_allowed(self):
        server = self.start("--http_connections=3")
        doors = [self.door() for _ in range(3)]
        for door in doors:
            self.assertEqual(door.call("GET", "/v1/status")[0], 200)
        self.assertEqual(server.metric("harrierd_http_connections"), 3)
        with Door(self.port, timeout=1) as late, self.assertRaises(TimeoutError):
            late.call("GET", "/v1/status")
        self.assertEqual(doors[0].call("GET", "/v1/status")[0], 200)
        late = Door(self.port)
        doors[1].http.close()
        doors[2].http.close()
        self.assertEqual(late.call("GET", "/v1/status")[0], 200)
        late.http.close()

    def test_connections_that_end_at_once(self):
        server = self.start("--http_connections=8")
        for number in range(400):
            with socket.create_connection(("127.0.0.1", self.port)) as connection:
                if number % 2:
                    connection.sendall(raw_score(transaction(number))[: number % 150 + 1])
        door = self.door()
        self.assertEqual(door.call("GET", "/v1/status")[0], 200)
        deadline = time.monotonic() + WAIT
        while server.metric("harrierd_http_connections") > 1:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.1)

    def test_answers_that_wait_for_the_disk(self):
        """The answer comes from another thread; meanwhile the client sends more, or disconnects."""
        server = self.start("--durability=synced", "--sync_interval=300ms")
        self.door().score(transaction(0))
        connections = []
        for number in range(1, 21):
            connection = socket.create_connection(("127.0.0.1", self.port))
            connections.append((number, connection))
            connection.sendall(raw_score(transaction(number)))
            if number % 4 == 1:  # more requests while the first waits
                connection.sendall(raw_score(transaction(number + 100)) + head("GET", "/none"))
            elif number % 4 == 2:  # rubbish while the first waits
                connection.sendall(b"\x00\xff rubbish\r\n\r\n")
            elif number % 4 == 3:
                connection.close()
        for number, connection in connections:
            if number % 4 == 3:
                continue
            expected = {0: [200], 1: [200, 200, 404], 2: [200, 400]}[number % 4]
            got = self.rest(connection, len(expected))[0]
            self.assertEqual(self.statuses(got), expected, number)
            connection.close()
        self.assertEqual(server.status()["transactions"], 26)

    def test_many_at_once(self):
        server = self.start("--max_requests=4", "--durability=synced", "--sync_interval=1ms")
        results, threads = {}, []

        def send(sender):
            with Door(self.port) as door:
                for number in range(sender * 50, sender * 50 + 50):
                    results[number] = door.score(transaction(number))[0]["decision"]

        for sender in range(32):
            threads.append(threading.Thread(target=send, args=(sender,)))
            threads[-1].start()
        for thread in threads:
            thread.join()
        self.assertEqual(len({decision["position"] for decision in results.values()}), 1600)
        self.assertEqual(server.status()["transactions"], 1600)


class EndTest(HttpTest):
    def test_drain(self):
        """Requests in the server are answered; later ones are refused, to be retried."""
        self.holds_with_time(self.drain, "1s", "5s", "10s")

    def drain(self, sync_interval):
        server = self.start("--durability=synced", f"--sync_interval={sync_interval}", "--drain_timeout=1m")
        door = self.door()
        door.score(transaction(0))
        idle = self.door()
        idle.call("GET", "/v1/status")
        with socket.create_connection(("127.0.0.1", self.port)) as waiting:
            waiting.sendall(raw_score(transaction(1)))
            deadline = time.monotonic() + WAIT
            while server.status()["transactions"] < 2:  # it is in there, and waits for the disk
                self.assertLess(time.monotonic(), deadline)
                time.sleep(0.01)
            server.process.send_signal(signal.SIGTERM)
            status = 200
            while status == 200:  # the signal is on its way
                status, answer, headers = idle.call("GET", "/v1/status")
            self.assertEqual((status, answer["error"]["code"]), (503, "ERROR_UNAVAILABLE"))
            self.assertEqual((headers["Retry-After"], headers["Connection"]), ("1", "close"))
            got, closed = self.rest(waiting)
        self.assertEqual((self.statuses(got), closed), ([200], True))
        self.assertIn(b'"decision"', got)
        self.assertEqual(server.wait(), 0)

    def test_not_ready(self):
        """An error of the service is passed on, with its HTTP status."""
        server = self.start("--overlay_limit=1")
        door = self.door()
        door.score(transaction(1))
        status, answer, headers = door.call("POST", "/v1/score", {"transactions": [transaction(2)]})
        self.assertEqual((status, answer["error"]["code"], headers["Retry-After"]), (503, "ERROR_UNAVAILABLE", "1"))
        self.assertEqual(door.call("GET", "/v1/status")[1]["state"], "unavailable")
        self.assertEqual(server.metric('harrierd_http_answers_total{status="503"}'), 1)

    def test_killed_and_started_again_under_load(self):
        """Every transaction is sent until it is answered; none is lost, none is decided twice."""
        server = self.start()
        count, senders = 1200, 6
        first, lock = {}, threading.Lock()

        def send(sender):
            door = Door(self.port)
            for number in range(sender, count, senders):
                while True:
                    try:
                        status, answer, _ = door.call("POST", "/v1/score", {"transactions": [transaction(number)]})
                        if status == 200:
                            break
                    except (OSError, http.client.HTTPException):
                        door.http.close()
                    time.sleep(0.02)
                with lock:
                    first[number] = answer["results"][0]["decision"]["position"]
            door.http.close()

        threads = [threading.Thread(target=send, args=(n,)) for n in range(senders)]
        for thread in threads:
            thread.start()
        for part in (1, 2, 3):
            while len(first) < part * count // 4:
                time.sleep(0.002)
            server.kill()
            server.start()
        for thread in threads:
            thread.join()
        self.assertEqual(server.status()["transactions"], count)
        results = self.door().score(*(transaction(n) for n in range(1000)))
        for number, result in enumerate(results):
            self.assertTrue(result["decision"]["duplicate"])
            self.assertEqual(result["decision"]["position"], first[number])

    def test_addresses(self):
        server = self.start()
        other = self.server(f"--http_listen=127.0.0.1:{self.port}", f"--data_dir={self.folder}/other", name="other")
        self.assert_ends(other.spawn(), 75, f"cannot listen on http://127.0.0.1:{self.port}")
        open_to_all = self.server("--http_listen=0.0.0.0:0", name="open")
        self.assert_ends(open_to_all.spawn(), 78, "http_listen: 0.0.0.0:0 can be reached from other machines")
        allowed = self.server("--http_listen=0.0.0.0:0", "--insecure_listen=yes", f"--data_dir={self.folder}/allowed", name="allowed")
        allowed.start()
        self.assertIn("http://0.0.0.0:0: anyone who can reach it may score transactions", allowed.said())
        self.assertEqual(allowed.stop(), 0)
        wrong = self.server("--http_listen=localhost", name="wrong")
        self.assert_ends(wrong.spawn(), 78, "http_listen", "is not HOST:PORT")
        self.assertEqual(server.stop(), 0)


if __name__ == "__main__":
    unittest.main()
