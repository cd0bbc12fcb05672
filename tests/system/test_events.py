#!/usr/bin/env python3
"""Events of harrierd in good times: a web hook and a command get each exactly once, with what is documented."""
import json
import os
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "clients"))
from event_receiver import SECRET, documented_kinds  # noqa: E402
from event_server import RULES, EventTest  # noqa: E402
from server import POLICY, WAIT, transaction  # noqa: E402
from small_disk import SmallDisk, enter_namespace, is_possible  # noqa: E402
from tls_scenarios import make_certificate  # noqa: E402

HARRIER = os.environ["HARRIER"]
CARD = "4111111111111111"


class GoodTimesTest(EventTest):
    def test_every_verdict_is_told_once(self):
        receiver = self.receiver(secret=SECRET)
        taken = os.path.join(self.folder, "taken")
        kinds = ("verdict:review", "verdict:decline", "brake", "policy_refused", "policy_adopted", "token_refused", "state")
        server = self.begin(
            f"--event_url={receiver.url()}", f"--event_command={self.command(f'cat >> {taken}; echo >> {taken}')}",
            f"--event_secret={self.write('secret', SECRET.decode() + chr(10))}", kinds=kinds)
        decisions = self.score(server, 0, 600)
        decisions.update(self.score(server, 100, 100))  # again: no news
        with server.connect() as connection:
            connection.score([{**transaction(5000), "amount_minor": 9999}], dry_run=True)  # no decision
        wanted = sum(d["verdict"] in ("VERDICT_REVIEW", "VERDICT_DECLINE") for d in decisions.values())
        decisions = {name: {**decision, "duplicate": False} for name, decision in decisions.items()}
        self.assertGreater(wanted, 200)  # more than two deliveries
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
        (text,) = [reason["text"] for reason in event["reasons"] if reason["rule"] == "huge"]
        self.assertRegex(text, r"^20 of m1 with [2*][0*] \*{12}1111$")  # digits before a number may be hidden, too
        self.assertNotIn(CARD.encode(), receiver.raw[0])
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
        """A night that fails in its last step, and the run that goes on with it."""
        receiver = self.receiver()
        kinds = ["night_done", "night_failed", "generation_adopted", "generation_refused"]
        server = self.begin(f"--event_url={receiver.url()}", kinds=kinds)
        self.score(server, 0, 200)
        self.await_synced(server)
        night = [HARRIER, "night", "--data", self.data, "--quiet"]
        failed = subprocess.run([*night, "--hook", "/bin/false"], capture_output=True, text=True, timeout=WAIT, check=False)
        self.assertNotEqual(failed.returncode, 0)
        (event,) = receiver.await_events(1, "night_failed")
        self.assertEqual(event["step"], "hook")
        self.assertEqual(receiver.events("night_done"), [])
        done = subprocess.run(night, capture_output=True, text=True, timeout=WAIT, check=False)
        self.assertIn(done.returncode, (0, 2), done.stderr)  # 2: a day so short has alerts
        receiver.await_events(1, "night_done")
        (adopted,) = receiver.await_events(1, "generation_adopted")
        self.assertEqual(int(adopted["generation_id"], 16), server.status()["generation_id"])
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
        disk.make_room()
        # While the disk was full, an attempt to go on may have fitted, until the next write: then the outage came twice.
        server.await_ready()
        deadline = time.monotonic() + WAIT
        while True:
            outages = max(int(server.metric("harrierd_recoveries_total")), 1)
            states = [event["state"] for event in receiver.events("state")]
            recovered = receiver.events("archive_recovered")
            if states == ["ready"] + ["unavailable", "ready"] * outages and len(recovered) == outages:
                break
            self.assertLess(time.monotonic(), deadline, (outages, states, recovered))
            time.sleep(0.01)
        failed = receiver.events("archive_failed")
        self.assertGreaterEqual(len(failed), outages)
        for event in failed:
            self.assertIn("No space left on device", event["reason"])
        told = {event["transaction"]["id"] for event in receiver.events("verdict:decline")}
        self.assertEqual(len(told), server.status()["transactions"])  # none that was taken back
        self.assertGreaterEqual(recovered[-1]["position"], failed[0]["position"])

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


if __name__ == "__main__":
    enter_namespace()
    unittest.main()
