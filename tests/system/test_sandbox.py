#!/usr/bin/env python3
"""harrierd in its sandbox: every door, every file that it reads again, and nothing of it denied. What is denied is shown by
tests/unit/server/sandbox, and by what a SIGHUP names here."""
import os
import re
import shutil
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "clients"))
from confinement import elsewhere, has_landlock, status_of  # noqa: E402
from event_server import VERDICTS, EventTest  # noqa: E402
from http_door import Door  # noqa: E402
from server import HARRIERD, WAIT, free_port, is_sanitized, transaction  # noqa: E402
from tls_scenarios import make_certificate  # noqa: E402

HARRIER = os.environ["HARRIER"]
os.environ.pop("HARRIERD_SANDBOX", None)  # tests/threads/reports turns it off
# What a denial looks like in the log or in an answer.
DENIED = re.compile("Permission denied|Operation not permitted|Function not implemented|not supported by protocol")


class SandboxTest(EventTest):
    def setUp(self):
        super().setUp()
        self.tokens = self.path("tokens")
        self.certificates = self.path("certificates")
        os.mkdir(self.certificates)
        make_certificate(self.certificates, "ca", "server", "DNS:localhost,IP:127.0.0.1")
        self.out = self.path("out")

    def path(self, name):
        return os.path.join(self.folder, name)

    def harrier(self, *arguments):
        done = subprocess.run([HARRIER, *arguments], capture_output=True, text=True, timeout=WAIT, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.strip()

    def new_token(self):
        return self.harrier("token", "new", "shop", "--scopes", "score,outcome,find,admin", "--tokens", self.tokens)

    def asks(self, server, token):
        with server.connect() as connection:
            return "error" not in connection.call({"token": token, "get_list": {}})

    def scores_over_tls(self):
        return subprocess.run(
            [HARRIER, "status", "--to", f"tls+tcp://127.0.0.1:{self.tls_port}", "--tls-ca", f"{self.certificates}/ca.pem",
             "--token-file", self.write("token", self.token), "--deadline", "60s"],
            capture_output=True, text=True, timeout=WAIT, check=False).returncode == 0

    def begin_with_all(self):
        """Every door, and every kind of file; the policy is a symbolic link, and one of its files leads elsewhere."""
        self.token = self.new_token()
        rules = f"{elsewhere(self)}/rules.yaml"
        shutil.move(self.path("policy/rules/velocity.yaml"), rules)
        os.symlink(rules, self.path("policy/rules/velocity.yaml"))
        os.rename(self.path("policy"), self.path("policy-1"))
        os.symlink("policy-1", self.path("policy"))
        self.http_port, self.tls_port, self.tcp_port = free_port(), free_port(), free_port()
        self.web_hook = self.receiver()
        # nng leaks at its end, which a sanitizer reports.
        self.nng = [] if is_sanitized() else [f"--listen=nng+ipc://{self.folder}/nng.sock"]
        command = self.command(f"cat >> {self.out}; echo >> {self.out}; sh -c 'exit 0'\n")
        return self.server(
            f"--listen=tcp://127.0.0.1:{self.tcp_port}", f"--listen=tls+tcp://127.0.0.1:{self.tls_port}",
            *self.nng, f"--http_listen=127.0.0.1:{self.http_port}",
            f"--tls_cert={self.certificates}/server.pem", f"--tls_key={self.certificates}/server.key",
            f"--tokens={self.tokens}", f"--rejects={self.path('rejects')}", "--watch_policy=yes", "--watchdog_interval=50ms",
            "--node=tester", "--events=" + ",".join(VERDICTS), f"--event_url={self.web_hook.url()}",
            f"--event_command={command}").start()

    def send(self, server, first, count):
        with server.connect() as connection:
            answer = connection.call({"token": self.token, "score": {
                "transactions": [transaction(number) for number in range(first, first + count)]}})
        self.assertNotIn("error", answer)
        return answer

    def is_synced(self, server):
        with server.connect() as connection:
            status = connection.call({"token": self.token, "status": {}})["status"]
        return status.get("synced_position") == status["position"]

    def test_everything_still_works(self):
        server = self.begin_with_all()
        status = status_of(server.process.pid)
        self.assertEqual(status["NoNewPrivs"], "1")
        if not is_sanitized():
            self.assertEqual(status["Seccomp"], "2")
        self.assertRegex(server.said(), r"sandbox: (files \(Landlock \d+\), )?.*no new privileges")
        for task in os.listdir(f"/proc/{server.process.pid}/task"):
            self.assertEqual(status_of(task)["NoNewPrivs"], "1")
        # doors
        self.send(server, 0, 20)
        with Door(self.http_port) as door:
            self.assertEqual(door.call("GET", "/v1/status", Authorization="Bearer " + self.token)[0], 200)
        self.assertTrue(self.scores_over_tls())
        for address in (f"tcp://127.0.0.1:{self.tcp_port}", *(flag.partition("nng+")[2] for flag in self.nng)):
            self.harrier("status", "--to", address, "--token-file", self.path("token"))
        self.assertEqual(server.http("/readyz")[0], 200)
        # what is sent: the command runs a program of its own
        self.web_hook.await_events(20)
        self.await_that(lambda: os.path.exists(self.out) and "t19" in "".join(self.lines(self.out)), "events for the command")
        # a refused transaction
        with server.connect() as connection:
            connection.call({"token": self.token, "score": {"transactions": [{**transaction(1), "id": "x", "currency": ""}]}})
        self.await_that(lambda: os.path.exists(self.path("rejects")) and os.path.getsize(self.path("rejects")) > 0, "a reject")
        # tables
        self.await_that(lambda: self.is_synced(server), "what is scored on disk")
        self.rebuild()
        server.process.send_signal(signal.SIGHUP)
        server.await_said("adopted")
        # another token, other certificates, another policy: each replaced by another file
        second = self.new_token()
        server.process.send_signal(signal.SIGHUP)
        self.await_that(lambda: self.asks(server, second), "the new token")
        make_certificate(self.certificates, "ca2", "server2", "DNS:localhost,IP:127.0.0.1")
        for name in ("pem", "key"):
            os.rename(f"{self.certificates}/server2.{name}", f"{self.certificates}/server.{name}")
        os.rename(f"{self.certificates}/ca2.pem", f"{self.certificates}/ca.pem")
        server.process.send_signal(signal.SIGHUP)
        self.await_that(self.scores_over_tls, "the new certificate")
        shutil.copytree(self.path("policy-1"), self.path("policy-2"))
        with open(self.path("policy-2/policy.yaml"), "a", encoding="utf-8") as file:
            file.write("# another one\n")
        os.symlink("policy-2", self.path("next"))
        os.rename(self.path("next"), self.path("policy"))
        server.process.send_signal(signal.SIGHUP)
        server.await_said("policy")
        # what reads the archive again; then the end
        with server.connect() as connection:
            answer = connection.call({"token": self.token, "explain": {"transaction_id": "t3"}})
            self.assertNotIn("error", answer)
            self.assertNotIn("error", connection.call({"token": self.token, "status": {}}))
        self.send(server, 20, 20)
        self.assertEqual(server.stop(), 0)
        self.assertNotRegex(server.said(), DENIED)
        self.assertEqual(server.start().stop(), 0)  # finds its lock files and stale sockets
        self.assertNotRegex(server.said(), DENIED)

    def test_what_a_reload_may_name(self):
        """A policy outside of the folders that were named at start; with sandbox_read it is found."""
        if not has_landlock():
            self.skipTest("the kernel has no Landlock")
        folder = elsewhere(self)
        shutil.copytree(self.path("policy"), f"{folder}/policy")
        config = self.path("harrierd.conf")

        def begin(*more):
            self.write("harrierd.conf", f"listen = ipc://{self.folder}/s.sock\nadmin_listen =\ndata_dir = {self.path('data')}\n"
                       f"policy = {self.path('policy')}\n" + "\n".join(more))
            process = subprocess.Popen([HARRIERD, "--config", config], stderr=subprocess.PIPE, text=True)
            self.addCleanup(process.kill)
            for line in process.stderr:
                if "listening" in line:
                    break
            with open(config, encoding="utf-8") as file:
                text = file.read()
            self.write("harrierd.conf", text.replace(f"policy = {self.path('policy')}", f"policy = {folder}/policy"))
            process.send_signal(signal.SIGHUP)
            said = ""
            for line in process.stderr:
                said += line
                if "policy refused" in line or re.search(r"info policy \S+ [0-9a-f]+ ", line):
                    break
            process.terminate()
            said += process.stderr.read()
            process.wait(timeout=WAIT)
            process.stderr.close()
            return said

        said = begin()
        self.assertIn(f"policy: {folder}/policy is outside of what the sandbox lets the server read", said)
        self.assertIn("Permission denied", said)
        for lifted in (f"sandbox_read = {folder}", "sandbox = off"):
            said = begin(lifted)
            self.assertNotRegex(said, "is outside of|Permission denied")

    def test_off(self):
        before = status_of("self")["Seccomp"]
        server = self.server("--sandbox=off").start()
        self.assertEqual(status_of(server.process.pid)["Seccomp"], before)
        self.assertIn("sandbox: off", server.said())

    @unittest.skipIf(os.geteuid() != 0, "starts a server as another user")
    def test_its_memory_is_hidden(self):
        if is_sanitized():
            self.skipTest("a sanitizer looks at the memory")
        os.chmod(self.folder, 0o777)
        for flag, owner in (("no", 0), ("yes", 65534)):
            address = f"ipc://{self.folder}/dumps-{flag}.sock"
            with subprocess.Popen([HARRIERD, "--config=/dev/null", f"--listen={address}", "--admin_listen=",
                                   f"--policy={self.path('policy')}", f"--data_dir={self.path('data-' + flag)}",
                                   f"--core_dumps={flag}"], user=65534, stderr=subprocess.PIPE, text=True) as process:
                for line in process.stderr:
                    if "listening" in line:
                        break
                self.assertEqual(os.stat(f"/proc/{process.pid}/mem").st_uid, owner)
                process.terminate()
                process.communicate(timeout=WAIT)

    def test_the_command_outlives_nothing(self):
        """The process that starts the command ends with the server, however that ends."""
        pids = self.path("pids")
        command = self.command(f"cat > /dev/null; echo $$ $PPID >> {pids}; sleep 1000\n")
        server = self.server("--events=" + ",".join(VERDICTS), f"--event_command={command}").start()
        self.score(server, 0, 1)
        self.await_that(lambda: self.lines(pids), "the command")
        run, launcher = (int(pid) for pid in self.lines(pids)[0].split())
        self.assertEqual(status_of(launcher)["Name"], "harrierd-events")
        self.assertEqual(status_of(launcher)["NoNewPrivs"], status_of("self")["NoNewPrivs"])
        os.kill(launcher, signal.SIGTERM)  # as systemd does to all of a unit's processes
        server.kill()
        self.await_that(lambda: not os.path.exists(f"/proc/{launcher}"), "the end of the launcher")
        self.await_that(lambda: not os.path.exists(f"/proc/{run}"), "the end of the command")

    def test_a_command_without_its_launcher(self):
        server = self.server("--events=" + ",".join(VERDICTS), f"--event_command={self.command(f'cat >> {self.out}')}").start()
        children = f"/proc/{server.process.pid}/task/{server.process.pid}/children"
        with open(children, encoding="ascii") as file:
            launcher = int(file.read().split()[0])
        os.kill(launcher, signal.SIGKILL)
        self.score(server, 0, 3)
        self.await_that(lambda: server.metric("harrierd_event_attempts_failed_total") >= 1, "a failure")
        self.assertEqual(server.stop(), 0)
        self.assertIn("the process that starts it (harrierd-events) has ended; restart the server", server.said())


if __name__ == "__main__":
    unittest.main()
