#!/usr/bin/env python3
"""harrier doctor: a sound installation, and a staged fault for each check. Every fault must change the result of its
own check, and doctor must leave every file as it was."""
import hashlib
import json
import os
import pty
import resource
import shutil
import signal
import socket
import sqlite3
import stat
import struct
import subprocess
import sys
import tempfile
import time
import unittest

import small_disk

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "clients"))
from server import HARRIERD, POLICY, WAIT, ServerTest, transaction  # noqa: E402
from tls_scenarios import make_certificate, openssl  # noqa: E402
from wire import ENCODER, HELLO_REP  # noqa: E402

HARRIER = os.environ["HARRIER"]
SHIFT = os.environ.get("CLOCK_SHIFT_LIBRARY")
DAY = 86400
# What depends on the machine that the test runs on.
MACHINES = {"clock", "file system", "disk speed", "memory", "overcommit", "huge pages", "cpu governor", "open files", "space",
            "libraries"}


# harrier check has nothing to say about it.
SOUND = {
    "features.yaml": """\
entities:
  card: {key: card}
features:
  card:
    - {name: count_1h, aggregate: count, window: 1h}
""",
    "rules/velocity.yaml": """\
rules:
  - name: many
    about: many
    when: card.count_1h >= 3
    then: {score: 400}
    cases:
      - name: the third
        history: [{at: -8m, repeat: 2, every: 2m}]
        transaction: {card: c, amount: 1.00}
""",
}


def contents(folder):
    """Every file below the folder, with what may not change: content, mode, owner and times of change."""
    found = {}
    for path, _, files in os.walk(folder):
        for name in files:
            full = os.path.join(path, name)
            status = os.lstat(full)
            if not stat.S_ISREG(status.st_mode):
                continue
            with open(full, "rb") as file:
                digest = hashlib.sha256(file.read(1 << 20)).hexdigest()
            found[full] = (digest, status.st_size, status.st_mode, status.st_uid, status.st_mtime_ns)
    return found


class DoctorTest(ServerTest):
    template = None

    @classmethod
    def tearDownClass(cls):
        if DoctorTest.template:
            shutil.rmtree(DoctorTest.template)
            DoctorTest.template = None

    def setUp(self):
        super().setUp()
        for name, text in SOUND.items():
            self.write_policy(name, text)
        self.addCleanup(os.umask, os.umask(0o022))
        self.data = os.path.join(self.folder, "data")
        self.config = os.path.join(self.folder, "harrierd.conf")
        self.tokens = None
        self.options = {"data_dir": self.data, "policy": f"{self.folder}/policy", "admin_listen": "",
                        "listen": f"ipc://{self.folder}/harrierd.sock"}
        self.write_config()
        self.take_data()

    def take_data(self):
        """A data folder with an archive, tables, a night and a backup."""
        if not DoctorTest.template:
            DoctorTest.template = tempfile.mkdtemp(prefix="harrier-doctor-")
            server = self.server().start()
            with server.connect() as connection:
                yesterday_us = (int(time.time()) // DAY * DAY - DAY // 2) * 1000000
                for number in range(20):  # so that the night has no alert
                    connection.score([{**transaction(number), "event_time_us": yesterday_us + number * 1000000}])
            server.stop()
            self.run_harrier("night", "--quiet", "--data", self.data)
            self.run_harrier("backup", "--quiet", self.data, f"{self.folder}/backup")
            os.rename(self.data, os.path.join(DoctorTest.template, "data"))
        shutil.copytree(os.path.join(DoctorTest.template, "data"), self.data, symlinks=True)
        os.chmod(self.data, 0o750)

    def write_config(self, **changes):
        self.options.update(changes)
        with open(self.config, "w", encoding="utf-8") as file:
            file.writelines(f"{name} = {value}\n" for name, value in self.options.items())

    def write_backup(self, **members):
        with open(os.path.join(self.data, "backup.json"), "w", encoding="utf-8") as file:
            json.dump(members, file)

    def run_harrier(self, *arguments, expect=0):
        done = subprocess.run([HARRIER, *arguments], capture_output=True, text=True, timeout=WAIT, check=False)
        self.assertEqual(done.returncode, expect, done.stderr)
        return done.stdout

    def run_doctor(self, *flags, environment=(), limits=(), named=True, measures=False):
        def limit():
            for what, value in limits:
                resource.setrlimit(what, (value, value))

        where = ["--config", self.config, "--harrierd", HARRIERD] if named else []
        where += [] if measures else ["--no-write"]  # fifty syncs a test are long on a busy disk
        return subprocess.run([HARRIER, "doctor", *where, "--deadline", "60s", *flags], capture_output=True, text=True,
                              timeout=WAIT, check=False, env={**os.environ, **dict(environment)}, preexec_fn=limit)

    def doctor(self, *flags, **more):
        """The results by check; what must hold of every run is tested here."""
        runs = any(server.process and server.process.poll() is None for server in self.servers)
        before = None if runs else contents(self.folder)
        done = self.run_doctor("--json", *flags, **more)
        self.assertEqual(None if runs else contents(self.folder), before)
        self.assertEqual(done.stderr, "")
        report = json.loads(done.stdout)
        results = [check["result"] for check in report["checks"]]
        self.assertEqual([report["good"], report["warnings"], report["bad"]],
                         [results.count(word) for word in ("good", "warning", "bad")])
        self.assertEqual(done.returncode, 2 if report["bad"] else 1 if report["warnings"] else 0)
        for check in report["checks"]:
            self.assertEqual("do" in check, check["result"] != "good", check)
        found = {check["check"]: check for check in report["checks"]}
        self.assertEqual(len(found), len(results))
        return found

    def assert_finds(self, check, result, *words, found=None, **more):
        found = found or self.doctor(**more)
        self.assertIn(check, found)
        self.assertEqual(found[check]["result"], result, found[check])
        for word in words:
            self.assertIn(word, found[check]["saw"] + " " + found[check].get("do", ""))

    # ---- a sound installation ----

    def test_sound_while_it_rests(self):
        found = self.doctor(measures=True)
        self.assert_all_good(found, "server")
        self.assertIn("segments, all synced", found["archive"]["saw"])
        self.assertIn("1; the current one is", found["generations"]["saw"])

    def assert_all_good(self, found, *but):
        wrong = {name: check for name, check in found.items()
                 if check["result"] != "good" and name not in MACHINES and name not in but}
        self.assertEqual(wrong, {})

    def test_sound_while_a_server_runs(self):
        server = self.server().start()
        with server.connect() as connection:
            for number in range(100, 120):
                connection.score([transaction(number)])
        found = self.doctor()
        self.assert_all_good(found, "core dumps", "sandbox", "oom killer")
        self.assertIn("is ready", found["server"]["saw"])
        self.assertIn("in force", found["policy"]["saw"])
        self.assertIn("server and command", found["version"]["saw"])
        self.assertIn("the server's", found["open files"]["saw"])
        self.assertEqual(server.stop(), 0)

    def test_text_is_for_people(self):
        plain = self.run_doctor()
        lines = plain.stdout.splitlines()
        self.assertEqual(lines[0], self.data)
        self.assertRegex(lines[-1], r"^\d+ good, \d+ warnings, \d+ bad$")
        self.assertNotIn("\033", plain.stdout)
        for line in lines[1:-1]:  # aligned: a result, a check, what it saw; or what to do
            self.assertRegex(line, r"^((good|warning|bad) +[a-z]|        +→ )")
            self.assertTrue(line.startswith(" ") or line[9:22].strip(), line)
        quiet = self.run_doctor("--quiet").stdout
        self.assertNotIn("good", quiet)
        self.assertIn("warning  server         none is running", quiet)

    def test_a_terminal_has_colours(self):
        try:
            main, side = pty.openpty()
        except OSError as error:  # a root without /dev/pts
            self.skipTest(f"no terminal is available here: {error}")
        subprocess.run([HARRIER, "doctor", "--config", self.config, "--harrierd", HARRIERD], stdout=side, timeout=WAIT,
                       check=False)
        os.close(side)
        shown = b""
        try:
            while got := os.read(main, 65536):
                shown += got
        except OSError:  # the end of a terminal whose other side is closed
            pass
        os.close(main)
        self.assertIn(b"\033[33mwarning\033[0m", shown)

    def test_a_data_folder_alone(self):
        """No configuration is asked for, so none is missing."""
        done = self.run_doctor("--json", self.data, named=False)
        found = {check["check"]: check for check in json.loads(done.stdout)["checks"]}
        self.assertNotIn("configuration", found)
        self.assertNotIn("policy", found)
        self.assert_all_good(found, "server")
        for line in (["--config", self.config, self.data], [self.data, "more"], ["--jso"]):
            done = self.run_doctor(*line, named=False)
            self.assertTrue(done.returncode == 64 or line == ["--jso"], done)

    # ---- configuration and files ----

    def test_configuration(self):
        self.write_config(max_requests="0")
        self.assert_finds("configuration", "bad", "max_requests cannot be")
        self.write_config(max_requests="10", listen="tcp://0.0.0.0:7731")
        self.assert_finds("configuration", "bad", "there are no tokens")
        self.write_config(listen="tcp://127.0.0.1:1", shadow=f"{self.folder}/nowhere")
        self.assert_finds("configuration", "bad", "nowhere")
        found = self.doctor("--harrierd", "/nowhere/harrierd")
        self.assert_finds("configuration", "bad", "/nowhere/harrierd cannot be run", found=found)

    def test_data_folder(self):
        os.chmod(self.data, 0o755)
        self.assert_finds("data folder", "warning", "mode 0755", "chmod 750")
        os.chmod(self.data, 0o777)
        self.assert_finds("data folder", "bad", "every user can change it")
        os.chmod(self.data, 0o750)
        self.write_config(data_dir=f"{self.folder}/none")
        self.assert_finds("data folder", "bad", "No such file or directory")
        self.write_config(data_dir=self.config)
        self.assert_finds("data folder", "bad", "is not a folder")

    def test_who_may_change_what_it_reads(self):
        path = f"{self.folder}/policy/rules/velocity.yaml"
        os.chmod(path, 0o666)
        self.assert_finds("file access", "bad", "velocity.yaml", "every user can change it")
        os.chmod(path, 0o644)
        os.chmod(self.config, 0o602)
        self.assert_finds("file access", "bad", "harrierd.conf")
        os.chmod(self.config, 0o600)
        self.write_config(log_config=f"{self.folder}/kafka")
        self.assert_finds("file access", "bad", "No such file or directory")

    @unittest.skipUnless(os.geteuid() == 0, "needs another user")
    def test_what_the_servers_user_cannot_read(self):
        if is_possible_to_chown(self.data):
            path = f"{self.folder}/policy/rules/velocity.yaml"
            os.chmod(path, 0o600)
            self.assert_finds("file access", "bad", "velocity.yaml", "cannot read it")

    def new_token(self, *more, name="shop"):
        path = f"{self.folder}/tokens"
        self.run_harrier("token", "new", name, "--scopes", "score", "--tokens", path, *more)
        self.write_config(tokens=path)
        return path

    def test_tokens(self):
        path = self.new_token("--for", "1s")
        time.sleep(1.1)
        self.assert_finds("tokens", "bad", "all 1 tokens have expired")
        self.new_token()
        self.assert_finds("tokens", "good", "2, 1 of them expired, the next end never")
        self.new_token("--for", "3d", name="till-7")
        self.assert_finds("tokens", "warning", "1 of 3 tokens end within 14 days", "till-7")
        os.chmod(path, 0o644)
        found = self.doctor()
        self.assert_finds("file access", "bad", "every user can read", found=found)
        self.assert_finds("tokens", "bad", "0644", found=found)
        os.chmod(path, 0o600)
        with open(path, "a", encoding="utf-8") as file:
            file.write("nonsense\n")
        self.assert_finds("tokens", "bad", "tokens:7:")

    def test_certificate(self):
        make_certificate(self.folder, "ca", "server", "DNS:localhost")
        openssl(self.folder, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "90",
                "-subj", "/CN=localhost", "-keyout", "long.key", "-out", "long.pem")
        self.write_config(tls_cert=f"{self.folder}/server.pem", tls_key=f"{self.folder}/server.key")
        self.assert_finds("certificate", "warning", "expires within 14 days")
        self.write_config(tls_cert=f"{self.folder}/long.pem", tls_key=f"{self.folder}/long.key")
        os.chmod(f"{self.folder}/long.key", 0o600)
        self.assert_finds("certificate", "good")
        self.write_config(tls_cert=self.config)
        self.assert_finds("certificate", "bad", "no certificate")
        os.chmod(f"{self.folder}/long.key", 0o644)
        self.assert_finds("file access", "bad", "long.key", "every user can read")

    def test_policy(self):
        self.write_policy("rules/more.yaml", "rules:\n  - name: more\n    about: x\n    when: nothing > 1\n"
                                             "    then: {score: 1}\n")
        self.assert_finds("policy", "bad", "rules/more.yaml:4", "1 errors")
        self.write_policy("rules/more.yaml", "rules:\n  - name: more\n    about: x\n    when: card.count_1h < -1\n"
                                             "    then: {score: 1}\n")
        self.assert_finds("policy", "warning", "warnings, the first")
        os.unlink(f"{self.folder}/policy/rules/more.yaml")
        self.write_config(policy=f"{self.folder}/none")
        self.assert_finds("policy", "bad", "No such file or directory")

    # ---- the server ----

    def test_policy_in_force_is_another(self):
        server = self.server().start()
        self.write_policy("policy.yaml", POLICY["policy.yaml"].replace("review: 300", "review: 301"))
        self.assert_finds("policy", "warning", "but the server decides by", "harrier reload")
        self.write_policy("policy.yaml", "policy: {}\n")
        server.process.send_signal(signal.SIGHUP)
        server.await_said("refused")
        deadline = time.monotonic() + WAIT
        while self.doctor()["server"]["result"] == "good":
            self.assertLess(time.monotonic(), deadline)
        self.assert_finds("server", "warning", "refuses to reload")

    def test_a_server_that_hangs(self):
        server = self.server().start()
        server.process.send_signal(signal.SIGSTOP)
        done = self.run_doctor("--json", "--deadline", "300ms")
        found = {check["check"]: check for check in json.loads(done.stdout)["checks"]}
        self.assert_finds("server", "bad", f"process {server.process.pid} has the archive open", found=found)
        server.process.send_signal(signal.SIGCONT)
        self.assertEqual(server.stop(), 0)

    def test_a_server_that_wants_a_token(self):
        path = self.new_token()
        server = self.server(f"--tokens={path}").start()
        self.assert_finds("server", "warning", "only to clients with a token", "--token-file")
        token = self.run_harrier("token", "new", "doctor", "--scopes", "admin", "--tokens", path).split()[-1]
        with open(f"{self.folder}/token", "w", encoding="utf-8") as file:
            file.write(token)
        os.chmod(f"{self.folder}/token", 0o600)
        deadline = time.monotonic() + WAIT
        while (found := self.doctor("--token-file", f"{self.folder}/token"))["server"]["result"] != "good":
            self.assertLess(time.monotonic(), deadline, found["server"])
        self.assertEqual(server.stop(), 0)

    def test_a_server_that_is_named(self):
        found = self.doctor("--to", f"ipc://{self.folder}/nobody.sock", "--deadline", "300ms")
        self.assert_finds("server", "bad", "does not answer", found=found)

    def status_server(self, **members):
        """A server that answers Status with these members, once."""
        listener = socket.socket(socket.AF_UNIX)
        path = f"{self.folder}/played.sock"
        listener.bind(path)
        listener.listen()
        if os.fork() == 0:
            client, _ = listener.accept()
            client.sendall(HELLO_REP)
            got = client.recv(8, socket.MSG_WAITALL)
            head = client.recv(9, socket.MSG_WAITALL)
            body = client.recv(struct.unpack(">Q", head[1:])[0], socket.MSG_WAITALL)
            answer = body[:4] + ENCODER.message("Response", {"status": {"state": "ready", **members}})
            client.sendall(b"\x01" + struct.pack(">Q", len(answer)) + answer)
            client.recv(1)
            os._exit(0 if got else 1)
        listener.close()
        return f"ipc://{path}"

    def test_version_and_refused_tables(self):
        done = self.run_doctor("--json", "--to", self.status_server(version="0.0.9", swap_state="refused",
                                                                    swap_reason="another archive"))
        os.wait()
        found = {check["check"]: check for check in json.loads(done.stdout)["checks"]}
        self.assert_finds("version", "warning", "the server is 0.0.9", found=found)
        self.assert_finds("generations", "bad", "another archive", found=found)
        os.unlink(f"{self.folder}/played.sock")
        done = self.run_doctor("--json", "--to", self.status_server(version="0.0.9", state="unavailable",
                                                                    state_reason="the disk is full",
                                                                    position=900, synced_position=900))
        os.wait()
        found = {check["check"]: check for check in json.loads(done.stdout)["checks"]}
        self.assert_finds("server", "bad", "is unavailable: the disk is full", found=found)
        self.assert_finds("synced", "bad", "name the data folder of this server", found=found)

    # ---- what is stored ----

    def last_segment(self):
        return max(os.path.join(folder, name) for folder, _, names in os.walk(f"{self.data}/archive")
                   for name in names if name.endswith(".seg"))

    def test_a_torn_end(self):
        with open(self.last_segment(), "ab") as file:
            file.write(b"\x55" * 100)
        self.assert_finds("archive", "warning", "100 bytes", "incomplete", "start the server")
        server = self.server().start()
        self.assertIn("incomplete record", server.said())
        self.assertEqual(server.stop(), 0)
        found = self.doctor()
        self.assert_finds("archive", "good", found=found)
        self.assert_finds("torn ends", "warning", "1 copies", ".seg.torn-1", found=found)

    def test_damage(self):
        with open(self.last_segment(), "r+b") as file:
            file.seek(400)
            file.write(b"\xff" * 16)
        self.assert_finds("archive", "bad", ".seg: byte ", "harrier archive verify")

    def test_not_stopped_in_order(self):
        server = self.server("--lazy_sync_interval=60s").start()
        with server.connect() as connection:
            connection.score([transaction(500)])
        server.kill()
        self.assert_finds("archive", "good", "was not stopped in order")

    def test_nothing_yet(self):
        shutil.rmtree(self.data)
        os.mkdir(self.data, 0o750)
        found = self.doctor()
        self.assert_finds("archive", "warning", "there is no such archive", found=found)
        self.assert_finds("generations", "warning", "no tables yet", found=found)
        self.assert_finds("night", "warning", "there never was one", found=found)
        self.assert_finds("backup", "warning", "no backup is known", found=found)
        self.assertNotIn("sealing", found)

    def test_tables(self):
        root = f"{self.data}/generations"
        manifest = os.path.join(root, os.readlink(f"{root}/current"), "manifest.json")
        with open(manifest, "r+", encoding="utf-8") as file:
            text = file.read()
            file.seek(0)
            file.write(text.replace('"states"', '"stales"'))
        self.assert_finds("generations", "bad", "harrier rebuild")

    def test_tables_of_a_longer_archive(self):
        shutil.rmtree(f"{self.data}/archive")
        generations = f"{self.data}/generations"
        os.rename(generations, f"{self.folder}/kept")
        server = self.server().start()
        self.assertEqual(server.stop(), 0)
        os.rename(f"{self.folder}/kept", generations)
        self.assert_finds("generations", "bad", "but the archive ends with record", "same backup")

    def shifted(self, seconds):
        path = os.path.join(self.folder, "shift")
        with open(path, "wb") as file:
            file.write(struct.pack("=q", int(seconds * 1e6)))
        return {"LD_PRELOAD": SHIFT, "CLOCK_SHIFT": path, "ASAN_OPTIONS": "verify_asan_link_order=0"}.items()

    @unittest.skipUnless(SHIFT, "needs the library that shifts clocks")
    def test_as_days_go_by(self):
        self.assert_finds("clock", "bad", "before the archive's last record", environment=self.shifted(-2 * DAY))
        self.assert_finds("clock", "bad", "long past", environment=self.shifted(-3000 * DAY))
        found = self.doctor(environment=self.shifted(3 * DAY))
        for name, word in (("generations", "old"), ("night", "ago"), ("backup", "lacks")):
            self.assert_finds(name, "warning", word, found=found)
        found = self.doctor(environment=self.shifted(9 * DAY))
        for name in ("generations", "night", "backup"):
            self.assert_finds(name, "bad", "9 d", found=found)
        # Two old segments that are not sealed, and one that is being written.
        for days in (1, 2, 9):
            server = self.server().start(environment=self.shifted(days * DAY))
            with server.connect() as connection:
                connection.score([transaction(1000 + days)])
            self.assertEqual(server.stop(), 0)
        self.assert_finds("sealing", "warning", "older than 3 days and not sealed", "harrier archive seal",
                          environment=self.shifted(9 * DAY))
        self.run_harrier("archive", "seal", "--quiet", self.data)
        self.assert_finds("sealing", "good", environment=self.shifted(9 * DAY))
        # An archive that begins later than at record 1 is as sound.
        later = {**os.environ, **dict(self.shifted(10 * DAY))}
        for command in (["rebuild", "--data", self.data, "--quiet"],
                        ["archive", "prune", self.data, "--quiet", "--before",
                         time.strftime("%Y-%m-%d", time.gmtime(time.time() + 3 * DAY))]):
            done = subprocess.run([HARRIER, *command], env=later, capture_output=True, text=True, timeout=WAIT, check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
        first = min(int(os.path.basename(path).split(".")[0]) for path in self.segments(server, sealed=True))
        self.assertGreater(first, 1)
        self.assert_finds("archive", "good", "all synced", environment=self.shifted(10 * DAY))

    def test_nights(self):
        path = f"{self.data}/nights/latest.json"
        with open(path, encoding="utf-8") as file:
            good = json.load(file)
        for changes, result, words in (
            ({"failed_time_us": 1, "step": "rebuild", "reason": "the disk is full"}, "bad", ["at rebuild: the disk is full"]),
            ({"findings": {**good["findings"], "alert": 2}}, "warning", ["2 alerts", "report.html"]),
            ({"models_failed": True}, "warning", ["train or compare"]),
            ({"last_success_time_us": 0}, "bad", ["infinitely"]),
        ):
            with self.subTest(changes), open(path, "w", encoding="utf-8") as file:
                json.dump({**good, **changes}, file)
                file.flush()
                self.assert_finds("night", result, *words)
        with open(path, "w", encoding="utf-8") as file:
            file.write("{")
        self.assert_finds("night", "bad", "latest.json")

    def test_backups(self):
        """harrier backup made the first."""
        self.assert_finds("backup", "good", "lacks 0 records", "/backup")
        now = int(time.time())
        for hours, result, words in ((1, "good", ["1 h 00 min", "lacks 21 records", "/b"]), (3 * 24, "warning", ["3 d"]),
                                     (30 * 24, "bad", ["30 d", "harrier-backup.timer"])):
            with self.subTest(hours):
                self.write_backup(last_success_time_us=(now - hours * 3600) * 1000000, position=1, folder="/b")
                self.assert_finds("backup", result, *words)
        self.write_backup()
        self.assert_finds("backup", "warning", "no backup is known")
        with open(f"{self.data}/backup.json", "w", encoding="utf-8") as file:
            file.write("no JSON")
        self.assert_finds("backup", "bad", "backup.json")

    # ---- the machine ----

    def test_open_files(self):
        self.assert_finds("open files", "bad", "at most 200 ", "LimitNOFILE", limits=[(resource.RLIMIT_NOFILE, 200)])
        self.assert_finds("open files", "warning", "max_connections needs 4224", limits=[(resource.RLIMIT_NOFILE, 1000)])
        self.write_config(max_connections=300)
        self.assert_finds("open files", "good", "428 are needed", limits=[(resource.RLIMIT_NOFILE, 1000)])

    def test_the_servers_process(self):
        server = self.server()
        old = resource.getrlimit(resource.RLIMIT_CORE)
        server.start()
        resource.prlimit(server.process.pid, resource.RLIMIT_CORE, (min(old[1], 4096) if old[1] >= 0 else 4096, old[1]))
        with open(f"/proc/{server.process.pid}/oom_score_adj", "w", encoding="ascii") as file:
            file.write("500")
        found = self.doctor()
        if old[1] != 0:
            self.assert_finds("core dumps", "warning", "LimitCORE=0", found=found)
        self.assert_finds("oom killer", "warning", "is 500", found=found)
        # The same process, as a unit without a sandbox would show it.
        root = self.fake_root({
            "/proc/locks": self.read("/proc/locks"),
            f"/proc/{server.process.pid}/status": "Seccomp:\t0\nNoNewPrivs:\t1\nVmSwap:\t    2048 kB\nUid:\t4711\n",
            f"/proc/{server.process.pid}/cgroup": "0::/system.slice/harrierd.service\n",
            "/proc/meminfo": "MemTotal: 8000000 kB\nMemAvailable: 4000000 kB\nSwapTotal: 1000 kB\n",
        })
        found = self.doctor("--root", root)
        os.unlink(f"{root}/proc/locks")  # as where it names another device than stat() does
        with open(f"{root}/proc/{server.process.pid}/comm", "w", encoding="ascii") as file:
            file.write("harrierd\n")
        self.assertEqual(self.doctor("--root", root)["sandbox"], found["sandbox"])
        self.assert_finds("sandbox", "warning", "without a filter of system calls", found=found)
        self.write_config(sandbox="off")
        without = self.fake_root({
            "/proc/locks": self.read("/proc/locks"), f"/proc/{server.process.pid}/cgroup": "0::/user.slice\n",
            f"/proc/{server.process.pid}/status": "Seccomp:\t0\nNoNewPrivs:\t0\n"})
        self.assert_finds("sandbox", "warning", "sandbox = off", found=self.doctor("--root", without))
        self.assert_finds("memory", "warning", "2.0 MiB of the server are swapped out", found=found)
        self.assert_finds("data folder", "bad", "the server runs as user 4711", found=found)

    def read(self, path):
        with open(path, encoding="utf-8") as file:
            return file.read()

    def fake_root(self, files):
        root = tempfile.mkdtemp(prefix="harrier-root-")
        self.addCleanup(shutil.rmtree, root)
        for name, text in files.items():
            os.makedirs(os.path.dirname(root + name), exist_ok=True)
            with open(root + name, "w", encoding="utf-8") as file:
                file.write(text)
        return root

    def test_kernel_settings(self):
        huge, governor = "/sys/kernel/mm/transparent_hugepage/enabled", "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"
        overcommit = "/proc/sys/vm/overcommit_memory"
        found = self.doctor("--root", self.fake_root({
            huge: "always madvise [never]\n", governor: "powersave\n", overcommit: "2\n",
            "/proc/meminfo": "MemTotal: 8000000 kB\nMemAvailable: 1000 kB\nSwapTotal: 0 kB\n"}))
        for name in ("huge pages", "cpu governor", "overcommit", "memory"):
            self.assertEqual(found[name]["result"], "warning", found[name])
        found = self.doctor("--root", self.fake_root({
            huge: "always [madvise] never\n", governor: "performance\n", overcommit: "0\n",
            "/proc/meminfo": "MemTotal: 8000000 kB\nMemAvailable: 5000000 kB\nSwapTotal: 0 kB\n"}))
        for name in ("huge pages", "cpu governor", "overcommit", "memory"):
            self.assertEqual(found[name]["result"], "good", found[name])
        found = self.doctor("--root", self.fake_root({"/nothing": ""}))  # a machine that shows nothing
        self.assertFalse({"huge pages", "cpu governor", "overcommit", "memory"} & set(found))

    def test_libraries(self):
        found = self.doctor()
        self.assertRegex(found["libraries"]["saw"], r"nng \d+\.\d+\.\d+, lmdb \d+\.\d+\.\d+,.* zstd \d")
        version = tuple(int(part) for part in found["libraries"]["saw"].split()[1].rstrip(",").split("."))
        self.write_config(listen=f"nng+ipc://{self.folder}/harrierd.sock")
        self.assert_finds("libraries", "warning" if version < (1, 6) else "good")

    def staged(self, **parts):
        """The environment of a machine of which parts are as tests/system/staged_machine.c plays them."""
        return {"LD_PRELOAD": os.environ["STAGED_MACHINE_LIBRARY"], "ASAN_OPTIONS": "verify_asan_link_order=0",
                **{f"STAGED_{name.upper()}": str(value) for name, value in parts.items()}}.items()

    def test_clock(self):
        for state, result, word in (("synchronised", "good", "synchronised"), ("free", "warning", "no program keeps it"),
                                    ("off", "warning", "may be off by 2000 ms"), ("unknown", "warning", "does not say")):
            self.assert_finds("clock", result, word, environment=self.staged(clock=state))

    def test_older_libraries(self):
        self.assert_finds("libraries", "warning", "older than those of the build", "zstd 1.0.1 (built with",
                          environment=self.staged(zstd="1.0.1"))

    def test_slow_disk(self):
        self.assert_finds("disk speed", "warning", "durability = synced every answer", measures=True,
                          environment=self.staged(sync_ms=25))
        self.write_config(durability="synced")
        self.assert_finds("disk speed", "bad", "and answers wait for one", measures=True,
                          environment=self.staged(sync_ms=25))

    def test_disk_is_measured(self):
        found = self.doctor(measures=True)
        self.assertRegex(found["disk speed"]["saw"], r"a sync of 4 KiB takes [\d.]+ (µs|ms|s), one in a hundred ")
        self.assertNotIn("disk speed", self.doctor())

    @unittest.skipUnless(small_disk.is_possible(), "needs a mount namespace")
    def test_full_disk(self):
        self.move_data("16m")
        self.disk.fill()
        found = self.doctor(measures=True)
        self.assert_finds("space", "bad", "make room", found=found)
        self.assert_finds("disk speed", "bad", "No space left", found=found)
        self.assert_finds("file system", "bad", "tmpfs", "everything is lost", found=found)

    @unittest.skipUnless(small_disk.is_possible(), "needs a mount namespace")
    def test_days_left(self):
        self.move_data("400m")
        today = int(time.time()) // DAY

        def grow(days, size):
            day = time.strftime("%Y-%m-%d", time.gmtime((today - days) * DAY))
            os.makedirs(f"{self.data}/archive/{day}", exist_ok=True)
            with open(f"{self.data}/archive/{day}/part", "ab") as file:
                file.write(bytes(size << 20))

        grow(1, 10)
        grow(2, 10)
        self.assert_finds("space", "good", "grows by 10.0 MiB a day")
        grow(1, 8)
        self.assert_finds("space", "warning", "by 14.0 MiB a day (2 days): 26 days are left")
        grow(2, 80)
        self.assert_finds("space", "bad", "(2 days): 5 days are left")

    def move_data(self, size):
        os.rename(self.data, f"{self.folder}/moved")
        self.disk = small_disk.SmallDisk(self.data, size)
        self.addCleanup(self.disk.unmount)
        for name in os.listdir(f"{self.folder}/moved"):
            shutil.move(f"{self.folder}/moved/{name}", self.data)
        os.chmod(self.data, 0o750)

    # ---- the console ----

    def test_console(self):
        folder = f"{self.folder}/console"
        self.assert_finds("console", "bad", "No such file", found=self.doctor("--console", folder))
        os.mkdir(folder, 0o700)
        path = f"{folder}/console.sqlite"
        with open(path, "w", encoding="utf-8") as file:
            file.write("not a database")
        self.assert_finds("console", "bad", "is not a database", found=self.doctor("--console", folder))
        os.unlink(path)
        database = sqlite3.connect(path)
        database.execute("create table t (x)")
        database.commit()
        database.close()
        self.assert_finds("console", "bad", "every user can look", found=self.doctor("--console", folder))
        os.chmod(path, 0o600)
        self.assert_finds("console", "good", found=self.doctor("--console", folder))


def is_possible_to_chown(folder):
    """In a user namespace of the test there may be no other user."""
    try:
        os.chown(folder, 65534, 65534)
        return True
    except OSError:
        return False


if __name__ == "__main__":
    small_disk.enter_namespace()
    unittest.main()
