#!/usr/bin/env python3
"""Events of harrierd in bad times: bounded, counted, and never in the way of a decision."""
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import unittest

from event_receiver import Silent
from event_server import VERDICTS, EventTest
from server import WAIT
from small_disk import enter_namespace, is_possible


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


class BadTimesTest(EventTest):
    def test_receivers_that_recover(self):
        """From an error and from a closed connection; both at once, since each waits a second before it repeats."""

        def answer_500(_):
            return 500

        def close(handler):
            handler.connection.close()

        def answer(number, handler, fault):
            if number == 0:
                return fault(handler)
            handler.send_response_only(100)  # which is no answer yet
            handler.end_headers()
            handler.send_response(202)  # and a body without end
            handler.end_headers()
            try:
                for _ in range(64):
                    handler.wfile.write(bytes(1 << 20))
            except OSError:
                pass
            return None

        begun = []
        for fault in (answer_500, close):
            receiver = self.receiver(lambda number, handler, fault=fault: answer(number, handler, fault))
            server = self.server("--node=tester", "--events=" + ",".join(VERDICTS), f"--event_url={receiver.url()}",
                                 f"--data_dir={os.path.join(self.folder, fault.__name__)}", name=fault.__name__).start()
            begun.append((receiver, server, self.score(server, 0, 30)))
        for receiver, server, decisions in begun:
            receiver.await_events(60)
            self.await_that(lambda s=server: self.counted(s, "delivered") == 30, "delivered")
            self.assertEqual(server.metric("harrierd_event_attempts_failed_total"), 1)
            self.assertEqual(receiver.raw[0], receiver.raw[1])
            self.check_verdicts(receiver.bodies[1]["events"], decisions)
            self.assertEqual(server.stop(), 0)
            self.assertEqual(len(receiver.bodies), 2)
            self.assertEqual(receiver.faults, [])

    def put_in_place_of(self, path, text):
        file = self.write(os.path.basename(path), text, 0o644)
        subprocess.run(["mount", "--bind", file, path], check=True, timeout=WAIT)
        self.addCleanup(subprocess.run, ["umount", path], check=True, timeout=WAIT)

    @unittest.skipUnless(is_possible(), "no mount namespace")
    def test_a_silent_resolver(self):
        """No lookup outlives its attempt: each attempt asks for two addresses, and nothing is asked again."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as resolver:
            try:
                resolver.bind(("127.0.0.53", 53))
            except OSError as error:
                self.skipTest(f"port 53: {error}")
            resolver.setblocking(False)
            self.put_in_place_of("/etc/resolv.conf", "nameserver 127.0.0.53\n")
            server = self.begin("--event_url=http://receiver.invalid/", "--event_timeout=200ms", kinds=["state"])
            self.await_that(lambda: server.metric("harrierd_event_attempts_failed_total") >= 1, "an attempt")
            self.assertEqual(server.stop(), 0)  # a second one, and a third for the event of its end
            questions = 0
            with self.assertRaises(BlockingIOError):
                while resolver.recv(512):
                    questions += 1
            self.assertIn(questions, range(4, 7))  # the third attempt may have come too late
        self.assertIn("no answer within event_timeout", server.said())

    @unittest.skipUnless(is_possible(), "no mount namespace")
    def test_names_are_looked_up_anew(self):
        """By a file that is the machine's /etc/hosts, changed between two attempts."""
        self.put_in_place_of("/etc/hosts", "127.0.0.1 localhost\n")
        receiver = self.receiver()
        server = self.begin(f"--event_url={receiver.url('receiver.invalid')}", "--event_timeout=300ms", kinds=["state"])
        self.await_that(lambda: server.metric("harrierd_event_attempts_failed_total") >= 1, "an attempt")
        self.assertEqual(receiver.events(), [])
        self.write("hosts", "127.0.0.1 localhost receiver.invalid\n", 0o644)
        receiver.await_events(1)
        self.assertEqual(server.stop(), 0)
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


if __name__ == "__main__":
    enter_namespace()
    unittest.main()
