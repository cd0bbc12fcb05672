#!/usr/bin/env python3
"""Events of harrierd: a web hook and a command get each exactly once in good times; in bad times, they are bounded,
counted, and never in the way of a decision."""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "clients"))
from event_receiver import SECRET, Receiver, Silent, documented_kinds  # noqa: E402
from night import SwapTest  # noqa: E402
from server import POLICY, WAIT, transaction  # noqa: E402
from small_disk import SmallDisk, enter_namespace, is_possible  # noqa: E402
from tls_scenarios import make_certificate  # noqa: E402

HARRIER = os.environ["HARRIER"]
CARD = "4111111111111111"
VERDICTS = ("verdict:approve", "verdict:review", "verdict:decline")

RULES = """\
rules:
  - name: big
    about: big
    when: amount_minor >= 1000
    then: {verdict: review}
  - name: huge
    about: huge
    when: amount_minor >= 2000
    reason: "{amount} of {merchant}"
    then: {verdict: decline}
"""


class EventTest(SwapTest):
    def setUp(self):
        super().setUp()
        self.write_policy("rules/velocity.yaml", RULES)

    def receiver(self, *arguments, **more):
        receiver = Receiver(*arguments, **more)
        self.addCleanup(receiver.close)
        return receiver

    def write(self, name, text, mode=0o600):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, mode)
        return path

    def command(self, script):
        return self.write("command", "#!/bin/sh\n" + script, 0o755)

    def begin(self, *flags, kinds=VERDICTS):
        return self.server("--node=tester", "--events=" + ",".join(kinds), *flags).start()

    @staticmethod
    def score(server, first, count, amount=lambda number: 100 + number * 700 % 2400, **more):
        """{id: decision}"""
        decisions = {}
        with server.connect() as connection:
            for start in range(first, first + count, 50):
                batch = [{**transaction(number), "amount_minor": amount(number), **more}
                         for number in range(start, min(start + 50, first + count))]
                for result in connection.score(batch):
                    decisions[result["decision"]["transaction_id"]] = result["decision"]
        return decisions

    @staticmethod
    def lines(path):
        if not os.path.exists(path):
            return []
        with open(path, encoding="utf-8") as file:
            return file.read().splitlines()

    def await_that(self, holds, what):
        deadline = time.monotonic() + WAIT
        while not holds():
            self.assertLess(time.monotonic(), deadline, what)
            time.sleep(0.01)

    def counted(self, server, result):
        return server.metric(f'harrierd_events_total{{result="{result}"}}')

    def check_verdicts(self, events, decisions, kinds=VERDICTS):
        """Exactly those decisions, in their order, and each with what the answer had."""
        expected = sorted(
            (d["position"], name) for name, d in decisions.items()
            if "verdict:" + d["verdict"].removeprefix("VERDICT_").lower() in kinds)
        self.assertEqual([(e["position"], e["transaction"]["id"]) for e in events], expected)
        for event in events:
            decision = decisions[event["transaction"]["id"]]
            verdict = decision["verdict"].removeprefix("VERDICT_").lower()
            self.assertEqual((event["event"], event["verdict"]), ("verdict:" + verdict, verdict))
            self.assertEqual(event["score"], decision.get("score", 0))
            self.assertEqual(event["rules"], [reason["rule"] for reason in decision.get("reasons", [])])
            self.assertRegex(event["time"], r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")
        ids = [event["id"] for event in events]
        self.assertEqual(len(set(ids)), len(ids))

    # ---- good times ----

    def test_every_verdict_is_told_once(self):
        receiver = self.receiver(secret=SECRET)
        taken = os.path.join(self.folder, "taken")
        kinds = ("verdict:review", "verdict:decline", "brake", "policy_refused", "policy_adopted", "token_refused", "state")
        server = self.begin(
            f"--event_url={receiver.url()}", f"--event_command={self.command(f'cat >> {taken}; echo >> {taken}')}",
            f"--event_secret={self.write('secret', SECRET.decode() + chr(10))}", kinds=kinds)
        decisions = self.score(server, 0, 1500)
        decisions.update(self.score(server, 100, 100))  # again: no news
        with server.connect() as connection:
            connection.score([{**transaction(5000), "amount_minor": 9999}], dry_run=True)  # no decision
        wanted = sum(d["verdict"] in ("VERDICT_REVIEW", "VERDICT_DECLINE") for d in decisions.values())
        decisions = {name: {**decision, "duplicate": False} for name, decision in decisions.items()}
        self.assertGreater(wanted, 500)
        receiver.await_events(wanted, "verdict:review", "verdict:decline")
        subprocess.run([HARRIER, "brake", "pull", "big", "--why", "too many", "--to", server.address],
                       check=True, capture_output=True, timeout=WAIT)
        self.write_policy("rules/velocity.yaml", RULES + "  - nonsense\n")
        server.process.send_signal(signal.SIGHUP)
        receiver.await_events(1, "policy_refused")
        self.write_policy("rules/velocity.yaml", RULES + "# another\n")
        self.write_policy("policy.yaml", POLICY["policy.yaml"].replace("for tests", "other"))
        server.process.send_signal(signal.SIGHUP)
        receiver.await_events(1, "policy_adopted")
        self.assertEqual(server.stop(), 0)
        self.assertEqual(receiver.faults, [])
        from_command = [event for line in self.lines(taken) for event in json.loads(line)["events"]]
        for events in (receiver.events(), from_command):
            verdicts = [event for event in events if event["event"].startswith("verdict:")]
            self.check_verdicts(verdicts, decisions, kinds)
            (brake,) = [event for event in events if event["event"] == "brake"]
            self.assertEqual((brake["brake"], brake["rule"], brake["reason"]), ("pulled", "big", "too many"))
            self.assertEqual([e["state"] for e in events if e["event"] == "state"], ["ready", "draining"])
        self.assertEqual(receiver.events(), from_command)
        everything = b"".join(receiver.raw).decode()
        for word in ('"c1"', '"m1"', "EUR", "amount", "merchant"):
            self.assertNotIn(word, everything)

    def test_fields_that_are_asked_for(self):
        self.write_policy("schema.yaml", "fields:\n  device: {card_numbers: allow}\n")
        receiver = self.receiver()
        server = self.begin(f"--event_url={receiver.url()}", "--event_fields=amount,merchant,device,reasons,event_time")
        self.score(server, 1, 1, lambda number: 2000, device=CARD)
        (event,) = receiver.await_events(1)
        told = event["transaction"]
        self.assertEqual(set(told), {"id", "event_time", "amount_minor", "currency", "merchant", "device"})
        self.assertEqual((told["amount_minor"], told["currency"], told["merchant"]), (2000, "EUR", "m1"))
        self.assertEqual(told["device"], {"masked": "************1111"})
        self.assertIn({"rule": "huge", "text": "20 of m1"}, event["reasons"])
        self.assertEqual(receiver.faults, [])

    def test_refused_tokens_are_told_once_a_minute(self):
        receiver = self.receiver()
        tokens = os.path.join(self.folder, "tokens")
        subprocess.run([HARRIER, "token", "new", "till-7", "--scopes", "score", "--tokens", tokens], check=True,
                       capture_output=True, timeout=WAIT)
        server = self.begin(f"--event_url={receiver.url()}", f"--tokens={tokens}", kinds=["token_refused"])
        with server.connect() as connection:
            for _ in range(50):
                connection.call({"score": {"transactions": [transaction(1)]}})
        (event,) = receiver.await_events(1)
        self.assertLessEqual(event["count"], 50)
        self.assertEqual(event["reasons"], {"missing": event["count"]})
        self.assertEqual(server.stop(), 0)
        self.assertEqual(len(receiver.events()), 1)

    def test_nights_and_tables(self):
        receiver = self.receiver()
        kinds = ["night_done", "night_failed", "generation_adopted", "generation_refused"]
        server = self.begin(f"--event_url={receiver.url()}", kinds=kinds)
        self.score(server, 0, 200)
        self.await_synced(server)
        night = [HARRIER, "night", "--data", self.data, "--quiet"]
        done = subprocess.run(night, capture_output=True, text=True, timeout=WAIT, check=False)
        self.assertIn(done.returncode, (0, 2), done.stderr)  # 2: a day so short has alerts
        receiver.await_events(1, "night_done")
        receiver.await_events(1, "generation_adopted")
        (adopted,) = receiver.events("generation_adopted")
        self.assertEqual(int(adopted["generation_id"], 16), server.status()["generation_id"])
        failed = subprocess.run([*night, "--again", "--hook", "/bin/false"], capture_output=True, text=True,
                                timeout=WAIT, check=False)
        self.assertNotEqual(failed.returncode, 0)
        (event,) = receiver.await_events(1, "night_failed")
        self.assertEqual(event["step"], "hook")
        self.assertEqual(server.stop(), 0)

    @unittest.skipUnless(is_possible(), "no mount namespace")
    def test_a_full_disk(self):
        os.makedirs(self.data)
        disk = SmallDisk(os.path.join(self.data, "archive"), "8m")
        self.addCleanup(disk.unmount)
        receiver = self.receiver()
        server = self.begin(f"--event_url={receiver.url()}", "--lazy_sync_interval=5ms",
                            kinds=["archive_failed", "archive_recovered", "state", "verdict:decline"])
        self.score(server, 10**7, 50, lambda number: 9000)
        disk.fill()
        number = 0
        with server.connect() as connection:
            while not receiver.events("archive_failed"):
                number += 100
                batch = [{**transaction(number + n), "amount_minor": 9000} for n in range(100)]
                connection.call({"score": {"transactions": batch}})
                self.assertLess(number, 10**6)
        (failed,) = receiver.events("archive_failed")
        self.assertIn("No space left on device", failed["reason"])
        disk.make_room()
        (recovered,) = receiver.await_events(1, "archive_recovered")
        receiver.await_events(3, "state")
        self.assertEqual([e["state"] for e in receiver.events("state")], ["ready", "unavailable", "ready"])
        told = {event["transaction"]["id"] for event in receiver.events("verdict:decline")}
        self.assertEqual(len(told), server.status()["transactions"])  # none that was taken back
        self.assertGreaterEqual(recovered["position"], failed["position"])

    # ---- bad times ----

    def test_a_receiver_that_recovers(self):
        def answer(number, handler):
            if number == 0:
                return 500
            if number == 1:
                handler.connection.close()
                return None
            handler.send_response(202)  # and a body without end
            handler.end_headers()
            try:
                for _ in range(64):
                    handler.wfile.write(bytes(1 << 20))
            except OSError:
                pass
            return None

        receiver = self.receiver(answer)
        server = self.begin(f"--event_url={receiver.url()}")
        decisions = self.score(server, 0, 30)
        receiver.await_events(90)
        self.await_that(lambda: self.counted(server, "delivered") == 30, "delivered")
        self.assertEqual(server.metric("harrierd_event_attempts_failed_total"), 2)
        self.assertEqual(receiver.raw[0], receiver.raw[1])
        self.assertEqual(receiver.raw[0], receiver.raw[2])
        self.check_verdicts(receiver.bodies[2]["events"], decisions)
        self.assertEqual(server.stop(), 0)
        self.assertEqual(len(receiver.bodies), 3)
        self.assertEqual(receiver.faults, [])

    def test_a_dead_receiver_stops_no_decision(self):
        """The queue stays within its size, what finds no room is counted, and the end does not wait."""
        dead = Silent()
        self.addCleanup(dead.close)
        hanging = self.command("sleep 1000")
        server = self.begin(f"--event_url={dead.url}", f"--event_command={hanging}", "--event_queue=64KiB",
                            "--event_timeout=300s")
        decisions = self.score(server, 0, 3000)
        self.assertEqual(len(decisions), 3000)
        self.await_that(lambda: "found no room in the queue" in server.said(), "the log")
        dropped = self.counted(server, "dropped")
        self.assertGreater(dropped, 4000)
        self.assertEqual(self.counted(server, "delivered"), 0)
        began = time.monotonic()
        self.assertEqual(server.stop(), 0)
        took = time.monotonic() - began
        self.assertLess(took, WAIT)
        if os.environ.get("HARRIER_STRICT"):
            self.assertLess(took, 3)
        said = server.said()
        # Each of them once when it began, and once at the end.
        self.assertLessEqual(said.count("found no room in the queue"), 4)
        lost = [tuple(map(int, pair)) for pair in
                re.findall(r"(\d+) events could not be delivered and (\d+) found no room", said)]
        self.assertEqual(sum(failed + newly for failed, newly in lost), 2 * 3000)
        self.assertEqual(sum(newly for _, newly in lost), dropped)

    @unittest.skipUnless(os.environ.get("HARRIER_STRICT"), "needs an idle machine")
    def test_what_a_dead_receiver_costs(self):
        """CPU time of the process for each decision, least of some rounds that take turns: without events, and with a
        receiver that is dead while 2 % of the decisions are events."""
        dead = Silent()
        self.addCleanup(dead.close)
        arms = {
            "without": ["--events=state"],
            "with": [f"--event_url={dead.url}", "--events=verdict:decline,state", "--event_timeout=300s"],
        }
        least = {}
        for number in range(6):
            for arm, flags in arms.items():
                server = self.server("--node=tester", *flags, name=f"{arm}-{number}")
                server.start()
                before = cpu_of(server)
                self.score(server, 0, 20000, lambda number: 100 if number % 50 else 9000)
                least[arm] = min(least.get(arm, 1e9), (cpu_of(server) - before) / 20000)
                self.assertEqual(server.stop(), 0)
                shutil.rmtree(self.data)
        print(f"ns of CPU for a decision: {least}", file=sys.stderr)
        self.assertLess(least["with"], 1.05 * least["without"])

    def test_a_command_that_hangs_is_killed(self):
        pids = os.path.join(self.folder, "pids")
        seen = os.path.join(self.folder, "seen")
        script = f"""\
cat > /dev/null
if [ ! -e {pids} ]; then
    echo a line for the log
    yes endless >&2 &
    sleep 1000 &
    echo $$ $! > {pids}.new && mv {pids}.new {pids}
    wait
fi
env > {seen}
ls -l /proc/self/fd | sed 's/.*-> //' | grep -v '^/proc/' >> {seen}
pwd >> {seen}
kill -PIPE $$
"""
        server = self.begin(f"--event_command={self.command(script)}", "--event_timeout=1s")
        self.score(server, 0, 1)
        self.await_that(lambda: os.path.exists(pids), "started")
        for pid in self.lines(pids)[0].split():
            self.await_that(lambda pid=pid: not is_alive(int(pid)), "killed")
        self.await_that(lambda: server.metric("harrierd_event_attempts_failed_total") >= 2, "a second attempt")
        self.await_that(lambda: os.path.exists(seen), "its environment")
        self.assertEqual(server.stop(), 0)
        said = server.said()
        self.assertIn("signal 13 ended it", said)  # which the server itself ignores
        environment = [line.split("=")[0] for line in self.lines(seen) if "=" in line]
        self.assertLessEqual(set(environment), {"PATH", "LANG", "HARRIER_EVENTS", "PWD", "OLDPWD", "SHLVL", "_"})
        rest = [line for line in self.lines(seen) if "=" not in line and not line.startswith("total")]
        self.assertEqual(rest.pop(), "/")
        for target in rest:
            self.assertRegex(target, r"^(pipe:|/memfd:harrier-events|/tmp/|.*/seen$)")

    # ---- TLS ----

    def test_certificates(self):
        folder = os.path.join(self.folder, "certificates")
        os.mkdir(folder)
        make_certificate(folder, "ca", "server", "DNS:localhost,IP:127.0.0.1")
        make_certificate(folder, "ca", "other", "DNS:elsewhere.example")
        for name, host, trusts, why in (
            ("server", "127.0.0.1", True, None),
            ("server", "localhost", True, None),
            ("server", "localhost", False, "its certificate was refused: unable to get local issuer certificate"),
            ("other", "localhost", True, "its certificate was refused: hostname mismatch"),
            ("other", "127.0.0.1", True, "its certificate was refused: IP address mismatch"),
        ):
            with self.subTest(name=name, host=host, trusts=trusts):
                receiver = self.receiver(certificate=os.path.join(folder, name), secret=SECRET)
                flags = [f"--event_ca={folder}/ca.pem"] if trusts else []
                secret = self.write("secret", SECRET.decode())
                server = self.begin(f"--event_url={receiver.url(host)}", f"--event_secret={secret}", *flags, kinds=["state"])
                if why is None:
                    receiver.await_events(1)
                    self.assertEqual(receiver.faults, [])
                else:
                    self.await_that(lambda s=server: s.metric("harrierd_event_attempts_failed_total") >= 1, why)
                server.stop()
                if why:
                    self.assertIn(why, server.said())
                    self.assertEqual(receiver.events(), [])

    # ---- what is documented, what a start refuses ----

    def test_every_event_is_documented(self):
        server = self.server("--events=x").spawn()
        self.assertEqual(server.wait(), 78)
        known = server.said().split("expected ")[1].strip().split(", ")
        self.assertEqual(len(known), 16)
        self.assertEqual(sorted(known), sorted(documented_kinds()))
        described = subprocess.run([os.environ["HARRIERD"], "--help"], capture_output=True, text=True, check=True).stdout
        page = os.path.join(os.environ["HARRIER_ROOT"], "docs", "operations", "logs-and-events.md")
        with open(page, encoding="utf-8") as file:
            page = file.read()
        for name in known:
            self.assertIn(f"`{name}`", page)
            self.assertRegex(described, rf"\b{name}\b")

    def test_what_is_refused(self):
        secret = self.write("short", "too short")
        open_secret = self.write("open", SECRET.decode(), 0o644)
        for flags, words in (
            (["--events=verdict:block"], 'events: "verdict:block" is no event; expected verdict:approve,'),
            (["--event_fields=pan"], 'event_fields: "pan" is no field; expected amount,'),
            (["--event_url=ftp://a/"], "event_url is no URL"),
            (["--event_url=https://user:pass@a/"], "event_url has a user name in it"),
            (["--event_url=http://a:70000/"], "event_url is no URL"),
            (["--event_command=notify"], '"notify" is no absolute path'),
            (["--event_command=/nowhere"], "cannot find /nowhere"),
            (["--event_command=" + self.folder], "is no program"),
            (["--event_secret=/x"], "there is none"),
            (["--event_url=http://localhost/", f"--event_secret={secret}"], "has 9 bytes; expected 16 to 4096"),
            (["--event_url=http://localhost/", f"--event_secret={open_secret}"], "chmod 640"),
            (["--event_url=https://localhost/", "--event_ca=/nowhere"], "cannot read CA certificates"),
        ):
            with self.subTest(flags=flags):
                server = self.server(*flags).spawn()
                self.assertEqual(server.wait(), 78, server.said())
                self.assertIn(words, server.said())
                self.assertNotIn("pass@", server.said())


def cpu_of(server):
    """Nanoseconds, of all threads."""
    tasks = f"/proc/{server.process.pid}/task"
    used = 0
    for task in os.listdir(tasks):
        with open(f"{tasks}/{task}/schedstat", encoding="ascii") as file:
            used += int(file.read().split()[0])
    return used


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


if __name__ == "__main__":
    enter_namespace()
    unittest.main()
