#!/usr/bin/env python3
"""Client tokens: which call needs which scope, replacement under load, and what a start refuses."""
import os
import shutil
import signal
import subprocess
import threading
import time
import unittest

from server import HARRIERD, WAIT, ServerTest, free_port, transaction

HARRIER = os.environ["HARRIER"]
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

# One request of each call, and the scope that it needs (None: any).
CALLS = {
    "score": ({"transactions": [transaction(1)]}, "score"),
    "report_outcome": ({"outcomes": [{"transaction_id": "t1", "label": "LABEL_FRAUD"}]}, "outcome"),
    "amend": ({"amendments": [{"transaction_id": "t1", "kind": "AMENDMENT_VOID"}]}, "outcome"),
    "backfill": ({"items": [{"transaction": transaction(1)}]}, "backfill"),
    "get_entity": ({"entity": "card", "key": ["c1"]}, "admin"),
    "change_list": ({"changes": [{"list": "l", "value": "v"}]}, "admin"),
    "get_list": ({}, "admin"),
    "change_brake": ({"rule": "many"}, "admin"),
    "reload": ({}, "admin"),
    "explain": ({"transaction_id": "t1"}, "admin"),
    "find": ({}, "find"),
    "status": ({}, None),
}


class TokensTest(ServerTest):
    def setUp(self):
        super().setUp()
        self.tokens = os.path.join(self.folder, "tokens")

    def harrier(self, *arguments, **environment):
        return subprocess.run(
            [HARRIER, *arguments], capture_output=True, text=True, timeout=WAIT, check=False,
            env={**os.environ, **environment},
        )

    def token(self, *arguments):
        """Runs harrier token on this test's file; returns its standard output."""
        done = self.harrier("token", *arguments, "--tokens", self.tokens)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.strip()

    def new(self, scopes, *more, name="shop"):
        return self.token("new", name, "--scopes", scopes, *more)

    def revoke(self, token):
        self.token("revoke", token.split("_")[1])

    def server(self, *flags, **more):
        return super().server(f"--tokens={self.tokens}", *flags, **more)

    def call(self, server, request, token=None):
        if token is not None:
            request = {"token": token, **request}
        with server.connect() as connection:
            return connection.call(request)

    def is_let_in(self, server, token, call="status"):
        return "error" not in self.call(server, {call: CALLS[call][0]}, token)

    def assert_denied(self, answer, words):
        self.assertEqual(set(answer), {"error"})
        self.assertEqual((answer["error"]["code"], answer["error"]["field"]), ("ERROR_DENIED", "token"))
        self.assertIn(words, answer["error"]["message"])

    def denied(self, server, reason):
        return server.metric(f'harrierd_denied_total{{reason="{reason}"}}')

    def await_(self, what, words="never happened"):
        deadline = time.monotonic() + WAIT
        while not what():
            self.assertLess(time.monotonic(), deadline, words)
            time.sleep(0.02)


class ScopesTest(TokensTest):
    def test_each_call_needs_its_scope(self):
        tokens = {scope: self.new(scope, name=scope) for scope in ("score", "outcome", "admin", "backfill", "find")}
        server = self.server().start()
        before = self.call(server, {"status": {}}, tokens["score"])["status"]
        for call, (request, needed) in CALLS.items():
            for scope, token in tokens.items():
                with self.subTest(call=call, scope=scope):
                    answer = self.call(server, {call: request}, token)
                    if needed in (None, scope):
                        code = answer.get("error", {}).get("code")
                        self.assertNotEqual(code, "ERROR_DENIED", answer)
                    else:
                        self.assert_denied(answer, f"{call} needs the scope {needed}")
        self.assertEqual(self.denied(server, "scope"), 4 * (len(CALLS) - 1))
        after = self.call(server, {"status": {}}, tokens["score"])["status"]
        # One transaction was scored and one outcome reported, with the right tokens: nothing else happened.
        self.assertEqual((after["transactions"], after["outcomes"]), (1, 1))
        self.assertGreater(after["position"], before["position"])

    def test_wrong_missing_and_expired(self):
        good, short = self.new("score,outcome,admin"), self.new("score,outcome,admin", "--for", "1s")
        wrong = good[:-1] + ("0" if good[-1] != "0" else "1")
        foreign = "hrr_" + "0" * 8 + good[12:]
        server = self.server().start()
        self.await_(lambda: not self.is_let_in(server, short))
        cases = (
            (None, "the request has no token", "missing"),
            ("", "the request has no token", "missing"),
            ("k1.c2VjcmV0", "malformed token", "malformed"),
            (good + "0", "malformed token", "malformed"),
            (good.upper(), "malformed token", "malformed"),
            ("~" * 256, "malformed token", "malformed"),
            (wrong, "is not known", "unknown"),
            (foreign, "is not known", "unknown"),
            (short, "has expired", "expired"),
        )
        for token, words, reason in cases:
            for call, (request, _) in CALLS.items():
                with self.subTest(token=token, call=call):
                    before = self.denied(server, reason)
                    answer = self.call(server, {call: request}, token)
                    self.assert_denied(answer, words)
                    self.assertNotIn(token or "nothing", str(answer))
                    self.assertEqual(self.denied(server, reason), before + 1)
        status = self.call(server, {"status": {}}, good)["status"]
        self.assertEqual(status.get("transactions", 0), 0)
        self.assertEqual(server.metric('harrierd_tokens'), 1)
        for secret in (good, short, wrong):
            self.assertNotIn(secret[13:], server.said())
            self.assertNotIn(secret[13:], server.http("/metrics")[1])

    def test_the_watchdog_needs_none(self):
        self.new("score")
        self.holds_with_time(self.watch, "50ms", "250ms", "1s", "10s")

    def watch(self, interval):
        server = self.server(f"--watchdog_interval={interval}", f"--listen=tcp://127.0.0.1:{free_port()}").start()
        self.await_(lambda: server.metric('harrierd_requests_total{call="status"}') > 10, "too few probes")
        self.assertEqual(server.metric("harrierd_listener_restarts_total"), 0)
        self.assertEqual(self.denied(server, "missing"), 0)

    def test_uses_are_counted(self):
        first, second = self.new("score"), self.new("score")
        server = self.server().start()
        for _ in range(3):
            self.is_let_in(server, first)
        used = f'harrierd_token_requests_total{{token="%s",name="shop"}}'
        self.assertEqual(server.metric(used % first.split("_")[1]), 3)
        self.assertEqual(server.metric(used % second.split("_")[1]), 0)
        third = self.new("score")
        self.await_(lambda: self.is_let_in(server, third))
        self.assertEqual(server.metric(used % first.split("_")[1]), 3, "forgotten with a new file")

    def test_refused_requests_are_told_of_with_their_trace(self):
        token = self.new("score")
        server = self.server().start()
        self.call(server, {"traceparent": TRACE, "get_list": {}}, token)
        server.await_said("get_list refused: denied, token scope, after ")
        line = next(line for line in server.said().splitlines() if "get_list refused" in line)
        self.assertIn(f"requested by shop ({token.split('_')[1]}), "
                      "trace 4bf92f3577b34da6a3ce929d0e0e4736 span 00f067aa0ba902b7", line)
        self.call(server, {"traceparent": "00-" + "0" * 32 + "-00f067aa0ba902b7-01", "explain": CALLS["explain"][0]}, token)
        server.await_said("explain refused")
        self.assertEqual(server.said().count("trace "), 1, server.said())

    def test_slow_requests_are_told_of_with_their_trace(self):
        token = self.new("score")
        server = self.server("--slow_after=1us").start()
        self.call(server, {"traceparent": TRACE, "score": CALLS["score"][0]}, token)
        server.await_said("score answered: slow, after ")
        self.assertIn("trace 4bf92f3577b34da6a3ce929d0e0e4736 span 00f067aa0ba902b7", server.said())

    def test_a_flood_of_denials_does_not_fill_the_log(self):
        self.new("score")
        server = self.server().start()
        begun = time.monotonic()
        with server.connect() as connection:
            for _ in range(300):
                self.assert_denied(connection.call({"status": {}}), "the request has no token")
        seconds = time.monotonic() - begun
        self.assertLessEqual(server.said().count("status refused"), 10 * (seconds + 2))
        self.assertEqual(self.denied(server, "missing"), 300)


class RotationTest(TokensTest):
    def test_replaced_under_load(self):
        """A client switches to a new token while it scores, and the old one is revoked: none of its calls fails."""
        current = [self.new("score")]
        everlasting = self.new("score,admin", name="other")
        server = self.server().start()
        stopping, failures, done = threading.Event(), [], [0, 0]

        def caller(which, token_of):
            with server.connect() as connection:
                number = which
                while not stopping.is_set():
                    answer = connection.call({"token": token_of(), "score": {"transactions": [transaction(number)]}})
                    if "decision" not in answer.get("score", {}).get("results", [{}])[0]:
                        failures.append(answer)
                    done[which] += 1
                    number += 2

        threads = [threading.Thread(target=caller, args=(0, lambda: current[0])),
                   threading.Thread(target=caller, args=(1, lambda: everlasting))]
        for thread in threads:
            thread.start()
        old = []
        try:
            for way in ("by itself", "SIGHUP", "reload"):
                before = list(done)
                self.await_(lambda: done[0] > before[0] + 50 and done[1] > before[1] + 50)
                new = self.new("score")
                if way == "SIGHUP":
                    server.process.send_signal(signal.SIGHUP)
                if way == "reload":
                    told = self.harrier("reload", "--to", server.address, "--wait", HARRIER_TOKEN=everlasting)
                    self.assertEqual(told.returncode, 0, told.stderr)
                self.await_(lambda: self.is_let_in(server, new))
                old.append(current[0])
                current[0] = new
                before = list(done)  # calls that were under way with the old one
                self.await_(lambda: done[0] > before[0] + 2)
                self.revoke(old[-1])
                self.await_(lambda: not self.is_let_in(server, old[-1]))
        finally:
            stopping.set()
            for thread in threads:
                thread.join()
        self.assertEqual(failures, [])
        self.assertTrue(self.is_let_in(server, current[0]))
        for token in old:
            self.assertFalse(self.is_let_in(server, token))

    def test_a_broken_file_leaves_the_old_tokens(self):
        token = self.new("score,admin")
        server = self.server().start()
        with open(self.tokens, encoding="utf-8") as file:
            good = file.read()

        def assert_refused(words):
            server.await_said(f"tokens file refused, the current tokens stay in force: {words}")
            self.assertEqual(server.metric("harrierd_tokens_refused"), 1)
            self.assertTrue(self.is_let_in(server, token))
            told = self.harrier("status", "--to", server.address, "--deadline", "60s", HARRIER_TOKEN=token)
            self.assertIn(f"refused: tokens: {words}", told.stdout)

        with open(self.tokens, "w", encoding="utf-8") as file:
            file.write(good + "token half\n")
        assert_refused(f"{self.tokens}:5: a token id has 8 hex digits")
        told = self.harrier("reload", "--to", server.address, "--wait", HARRIER_TOKEN=token)
        self.assertIn(f"tokens not adopted: {self.tokens}:5:", told.stderr)
        self.assertEqual(told.returncode, 78)
        os.unlink(self.tokens)
        assert_refused(f"cannot read {self.tokens}: No such file")
        with open(os.open(self.tokens, os.O_CREAT | os.O_WRONLY, 0o644), "w", encoding="utf-8") as file:
            file.write(good)
        os.chmod(self.tokens, 0o644)
        assert_refused(f"{self.tokens} has mode 0644: everybody can")
        os.chmod(self.tokens, 0o600)
        self.await_(lambda: server.metric("harrierd_tokens_refused") == 0)
        told = self.harrier("status", "--to", server.address, "--deadline", "60s", HARRIER_TOKEN=token)
        self.assertNotIn("tokens", told.stdout)


class StartTest(TokensTest):
    def run_server(self, *flags):
        done = subprocess.run(
            [HARRIERD, "--config=/dev/null", f"--policy={self.folder}/policy", f"--data_dir={self.folder}/data", *flags],
            capture_output=True, text=True, timeout=WAIT, check=False,
        )
        return done.returncode, done.stderr

    def test_reachable_from_elsewhere_needs_tokens(self):
        for address in ("tcp://0.0.0.0:0", "tcp://[::]:0", "tcp://*:0", "tcp://10.1.2.3:0",
                        "ws://0.0.0.0:0/x", "tcp://harrier.example:0"):
            with self.subTest(address=address):
                status, words = self.run_server(f"--listen={address}", "--admin_listen=")
                self.assertEqual(status, 78)
                self.assertIn(f"listen: {address} can be reached from other machines, and there are no tokens", words)
        self.assertFalse(os.path.exists(os.path.join(self.folder, "data")))

    def test_with_tokens_it_starts_and_asks_for_them(self):
        token = self.new("score")
        port = free_port()
        server = self.server(f"--listen=tcp://0.0.0.0:{port}").start()
        server.await_said(f"tcp://0.0.0.0:{port} is not encrypted")
        server.address = f"tcp://127.0.0.1:{port}"
        self.assert_denied(self.call(server, {"status": {}}), "the request has no token")
        self.assertTrue(self.is_let_in(server, token))

    def test_said_aloud_when_nobody_is_asked(self):
        port = free_port()
        server = super().server("--tokens=", "--insecure_listen=yes", f"--listen=tcp://0.0.0.0:{port}").start()
        server.await_said("anyone who can reach it may score")

    def test_files_that_are_not_taken(self):
        def refused(words, *flags):
            for more in ((), ("--check",)):
                status, said = self.run_server(f"--tokens={self.tokens}", "--admin_listen=",
                                               f"--listen=ipc://{self.folder}/s", *flags, *more)
                self.assertEqual(status, 78, said)
                self.assertIn(words, said)

        refused(f"cannot read {self.tokens}: No such file")
        secret = self.new("score")
        os.chmod(self.tokens, 0o604)
        refused("has mode 0604: everybody can")
        os.chmod(self.tokens, 0o620)
        refused("its group can change it")
        os.chmod(self.tokens, 0o600)
        with open(self.tokens, "a", encoding="utf-8") as file:
            file.write(f"token {secret} shop\n")
        refused(f"{self.tokens}:5: a token itself does not belong in this file")
        os.unlink(self.tokens)
        os.mkdir(self.tokens, 0o700)
        refused("is not a regular file")

    def test_the_keys_file_of_another_server_is_of_no_use(self):
        token = self.new("score")
        with open(self.tokens, encoding="utf-8") as file:
            line = file.read().splitlines()[-1]
        os.unlink(self.tokens)
        other = self.new("score", name="other")
        with open(self.tokens, encoding="utf-8") as file:
            content = file.read()
        key = content.split("key=")[1].split()[0]
        line = line.replace(line.split("key=")[1].split()[0], key)
        with open(self.tokens, "a", encoding="utf-8") as file:
            file.write(line + "\n")
        server = self.server().start()
        self.assertFalse(self.is_let_in(server, token))
        self.assertTrue(self.is_let_in(server, other))


class CommandsTest(TokensTest):
    """Every command that calls a server sends a token, from a file or the environment and never from argv."""

    def setUp(self):
        super().setUp()
        self.path = os.path.join(self.folder, "mine")
        self.token("new", "shop", "--scopes", "score,outcome,admin,backfill", "--out", self.path)
        self.running = self.server().start()
        self.input = os.path.join(self.folder, "in.csv")
        with open(self.input, "w", encoding="utf-8") as file:
            file.write("id,event_time,amount,currency,card,merchant\na,2026-01-01T00:00:00Z,1.00,EUR,c1,m1\n")

    def commands(self):
        to = ("--to", self.running.address, "--deadline", "60s")
        return [
            (("score", self.input, *to, "--quiet"), 0),
            (("outcome", "a", "fraud", *to), 0),
            (("amend", "a", "void", *to), 0),
            (("backfill", self.input, *to, "--quiet"), 0),
            (("entity", "card", "c1", *to), 0),
            (("brake", "list", *to), 0),
            (("status", *to), 0),
            (("reload", "--wait", *to[:2]), 0),
            (("list", "show", *to), 0),
            (("explain", "--server", self.running.address, "a"), 0),
        ]

    def test_without_one(self):
        for arguments, _ in self.commands():
            with self.subTest(arguments=arguments):
                done = self.harrier(*arguments)
                self.assertEqual(done.returncode, 77, done.stderr)
                self.assertIn("requires one", done.stderr)

    def test_from_a_file_and_the_environment(self):
        self.assertEqual(os.stat(self.path).st_mode & 0o777, 0o600)
        with open(self.path, encoding="utf-8") as file:
            secret = file.read().strip()
        ways = (
            (("--token-file", self.path), {}),
            ((), {"HARRIER_TOKEN": secret}),
            ((), {"HARRIER_TOKEN_FILE": self.path}),
            (("--token-file", self.path), {"HARRIER_TOKEN": "wrong", "HARRIER_TOKEN_FILE": "/nowhere"}),
            ((), {"HARRIER_TOKEN": secret, "HARRIER_TOKEN_FILE": "/nowhere"}),
        )
        for more, environment in ways:
            for arguments, status in self.commands():
                with self.subTest(arguments=arguments, more=more, environment=list(environment)):
                    done = self.harrier(*arguments, *more, **environment)
                    self.assertEqual(done.returncode, status, done.stderr)
                    self.assertNotIn(secret, done.stderr + done.stdout)

    def test_files_that_are_not_taken(self):
        def refused(path, status, words):
            done = self.harrier("status", "--to", self.running.address, "--deadline", "60s", "--token-file", path)
            self.assertEqual((done.returncode, words in done.stderr), (status, True), done.stderr)

        refused(os.path.join(self.folder, "none"), 66, "No such file")
        os.chmod(self.path, 0o644)
        refused(self.path, 77, "everybody can read or change the token in it")
        os.chmod(self.path, 0o600)
        for content, words in (("", "expected a token on one line"), ("a\nb\n", "expected a token on one line"),
                               ("x" * 300, "expected at most 256"), ("caf\u00e9\n", "is a space or not printable ASCII")):
            with open(self.path, "w", encoding="utf-8") as file:
                file.write(content)
            refused(self.path, 64, words)


@unittest.skipUnless(os.getuid() == 0, "only root can change the user")
class SocketTest(TokensTest):
    NOBODY = 65534
    GROUP = 4711

    def connects(self, path, user, group):
        """Whether a process of this user and group can connect to the server."""
        pid = os.fork()
        if pid == 0:
            import socket
            try:
                os.setgroups([])
                os.setgid(group)
                os.setuid(user)
                with socket.socket(socket.AF_UNIX) as one:
                    one.connect(path)
                os._exit(0)
            except BaseException:
                os._exit(1)
        return os.waitpid(pid, 0)[1] == 0

    def test_mode_and_group(self):
        os.chmod(self.folder, 0o755)
        self.new("score")
        server = self.server("--ipc_mode=0660", f"--ipc_group={self.GROUP}").start()
        path = server.address[len("ipc://"):]
        status = os.stat(path)
        self.assertEqual((status.st_mode & 0o777, status.st_gid), (0o660, self.GROUP))
        self.assertTrue(self.connects(path, self.NOBODY, self.GROUP))
        self.assertFalse(self.connects(path, self.NOBODY, self.NOBODY))
        server.stop()
        server = super().server("--tokens=", "--ipc_mode=0666").start()
        self.assertTrue(self.connects(path, self.NOBODY, self.NOBODY))

    def test_it_is_never_open_to_more(self):
        """A user without access keeps trying to connect while servers start and listen."""
        os.chmod(self.folder, 0o755)
        path = os.path.join(self.folder, "harrierd.sock")
        reading, writing = os.pipe()
        watcher = os.fork()
        if watcher == 0:
            import socket
            os.setgroups([])
            os.setgid(self.NOBODY)
            os.setuid(self.NOBODY)
            os.close(reading)
            while os.getppid() != 1:
                try:
                    with socket.socket(socket.AF_UNIX) as one:
                        one.connect(path)
                    os.write(writing, b"c")
                except OSError:
                    pass
            os._exit(0)
        os.close(writing)
        try:
            old = os.umask(0)
            try:
                for number in range(5):
                    server = super().server("--tokens=", f"--ipc_group={self.GROUP}", f"--data_dir={self.folder}/d{number}")
                    server.start()
                    time.sleep(0.05)
                    self.assertEqual(server.stop(), 0)
            finally:
                os.umask(old)
        finally:
            os.kill(watcher, signal.SIGKILL)
            os.waitpid(watcher, 0)
        self.assertEqual(os.read(reading, 100), b"", "a user without access got in")
        os.close(reading)

    def test_a_group_that_it_may_not_give(self):
        os.chmod(self.folder, 0o777)
        os.chmod(os.path.join(self.folder, "policy"), 0o777)
        harrierd = os.path.join(self.folder, "harrierd")  # where every user can run it
        shutil.copy(HARRIERD, harrierd)
        os.chmod(harrierd, 0o755)

        def become_nobody():
            os.setgroups([])
            os.setgid(self.NOBODY)
            os.setuid(self.NOBODY)

        done = subprocess.run(
            [harrierd, "--config=/dev/null", f"--policy={self.folder}/policy", f"--data_dir={self.folder}/data",
             "--admin_listen=", f"--listen=ipc://{self.folder}/s", f"--ipc_group={self.GROUP}"],
            capture_output=True, text=True, timeout=WAIT, check=False, preexec_fn=become_nobody,
        )
        self.assertEqual(done.returncode, 73, done.stderr)
        self.assertIn(f"to group {self.GROUP} (ipc_group)", done.stderr)


if __name__ == "__main__":
    unittest.main()
