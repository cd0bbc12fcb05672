#!/usr/bin/env python3
"""rules/network-edges: it loads, ranks a flood above steady traffic, and its figures equal the
formula's. tests/bench/accuracy measures the same policy on public data."""
import os
import random
import subprocess
import sys
import unittest
from fractions import Fraction

from server import START_US, ServerTest

ROOT = os.environ["HARRIER_ROOT"]
POLICY = os.path.join(ROOT, "rules", "network-edges")
sys.path.insert(0, os.path.join(ROOT, "tests", "bench", "accuracy"))
from ranking import auc  # noqa: E402  (found by the line before)

MINUTE = 60 * 1000000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
BATCH = 500


def naive_burst(seen, now):
    """Of the last 20 minutes in the last 30 days; seen: (time, was it reported as unusual?) of those up to now, now
    included."""
    seen = [(time, unusual) for time, unusual in seen if now - 30 * DAY < time <= now]
    recent = sum(1 for time, _ in seen if now - 20 * MINUTE < time)
    usual = sum(1 for _, unusual in seen if not unusual)
    ticks = Fraction(now - min(time for time, _ in seen) + 20 * MINUTE, 20 * MINUTE)
    expected = usual / ticks
    if recent <= expected:
        return 0.0
    # Pearson's sum over the last tick and all before it.
    before = usual - expected
    return float((recent - expected) ** 2 / expected + (usual - recent - before) ** 2 / before)


def naive_anomalies(edges):
    seen = {}
    for source, destination, time in edges:
        keys = (("source", source), ("destination", destination), (source, destination))
        anomaly = max(naive_burst(seen.setdefault(key, []) + [(time, False)], time) for key in keys)
        for key in keys:
            seen[key].append((time, anomaly >= 30000.0))
        yield anomaly


def steady_traffic(hours):
    """Each client asks each service once an hour, at its own minute."""
    return [(f"client{client}", f"service{service}", hour * HOUR + (7 * client + 13 * service) % 60 * MINUTE)
            for hour in range(hours) for client in range(4) for service in range(3)]


class NetworkEdgesTest(ServerTest):
    def decide(self, edges):
        """The decisions on (source, destination, time) from a server with this policy."""
        with self.server("--policy", POLICY).start().connect() as connection:
            decisions = []
            for start in range(0, len(edges), BATCH):
                batch = [{"id": f"e{start + number}", "event_time_us": START_US + time,
                          "attributes": [{"name": "source_address", "text": source},
                                         {"name": "destination_address", "text": destination}]}
                         for number, (source, destination, time) in enumerate(edges[start:start + BATCH])]
                results = connection.score(batch, return_features=True)
                decisions += [result["decision"] for result in results]
        return decisions

    @staticmethod
    def anomaly(decision):
        return next(feature for feature in decision["features"] if feature["name"] == "anomaly")["number"]

    def test_checks(self):
        done = subprocess.run([os.environ["HARRIER"], "check", POLICY], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("network-edges", done.stdout)

    def test_flood_ranks_above_steady_traffic(self):
        steady = steady_traffic(hours=72)
        flood = [("client1", "service2", 71 * HOUR + number * 1500000) for number in range(2000)]
        edges = sorted([(edge, False) for edge in steady] + [(edge, True) for edge in flood],
                       key=lambda pair: pair[0][2])
        decisions = self.decide([edge for edge, _ in edges])
        is_flood = [flooding for _, flooding in edges]
        # Its first few are as many as in any other hour; and while it lasts, who talks to its two ends
        # is in unusual company.
        self.assertGreater(auc(zip(map(self.anomaly, decisions), is_flood)), 0.98)
        before = [d for (edge, _), d in zip(edges, decisions) if edge[2] < 71 * HOUR]
        self.assertEqual({d["verdict"] for d in before}, {"VERDICT_APPROVE"})
        last = next(d for d, flooding in reversed(list(zip(decisions, is_flood))) if flooding)
        self.assertEqual(last["verdict"], "VERDICT_DECLINE")
        self.assertTrue({"unusual_traffic", "flood"} <= {reason["rule"] for reason in last["reasons"]}, last)

    def test_sweep(self):
        """One connection each to many hosts: only the source is busy."""
        steady = steady_traffic(hours=72)
        sweep = [("client1", f"host{number}", 72 * HOUR + number * 1000000) for number in range(200)]
        decisions = self.decide(steady + sweep)
        swept = [any(reason["rule"] == "sweep" for reason in decision.get("reasons", []))
                 for decision in decisions]
        # From a hundred different hosts on; a count of so many is an estimate.
        self.assertFalse(any(swept[:len(steady) + 80]))
        self.assertTrue(all(swept[len(steady) + 120:]))
        self.assertEqual(decisions[-1]["verdict"], "VERDICT_REVIEW")

    def test_values_are_what_the_formula_says(self):
        """Sparse enough for exact windows, so only the last bits may differ."""
        seed = random.Random(3)
        edges = sorted(((f"s{seed.randrange(4)}", f"d{seed.randrange(3)}", seed.randrange(40 * DAY))
                        for _ in range(300)), key=lambda edge: edge[2])
        # Enough to be reported as unusual, and once more hours later: still unusual, because the first time does not count.
        edges += [("s0", "d0", 40 * DAY + number * MINUTE // 60) for number in range(60)]
        edges += [("s0", "d0", 40 * DAY + 5 * HOUR + number * MINUTE // 60) for number in range(20)]
        edges += [("new", "newer", 41 * DAY)]
        anomalies = [self.anomaly(decision) for decision in self.decide(edges)]
        for anomaly, naive in zip(anomalies, naive_anomalies(edges), strict=True):
            self.assertAlmostEqual(anomaly, naive, delta=1e-12 * naive)
        self.assertGreater(max(anomalies[:300]), 100.0)
        self.assertGreater(sum(1 for anomaly in anomalies[300:360] if anomaly >= 30000.0), 10)
        self.assertGreater(max(anomalies[360:380]), 5000.0)
        self.assertEqual(anomalies[-1], 0.0)


class AucTest(unittest.TestCase):
    def test_as_counted_pair_by_pair(self):
        seed = random.Random(5)
        for _ in range(50):
            scored = [(float(seed.randrange(6)), seed.random() < 0.4) for _ in range(40)]
            goods = [score for score, is_bad in scored if not is_bad]
            bads = [score for score, is_bad in scored if is_bad]
            pairs = [(bad > good) + (bad == good) / 2 for bad in bads for good in goods]
            self.assertAlmostEqual(auc(scored), sum(pairs) / len(pairs), places=12)

    def test_needs_both_kinds(self):
        for scored in ([], [(1.0, True)], [(1.0, False)]):
            with self.assertRaises(ValueError):
                auc(scored)


if __name__ == "__main__":
    unittest.main()
