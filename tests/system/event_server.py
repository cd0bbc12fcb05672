"""What the tests of events have in common: a server with rules of each verdict, and what its events must say."""
import os
import time

from event_receiver import Receiver
from night import SwapTest
from server import WAIT, transaction

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
    reason: "{amount} of {merchant} with {amount} {device}"
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
