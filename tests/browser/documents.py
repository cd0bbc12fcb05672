"""Report documents to look at: one as replays make them, and those at the edges.

Nothing known, one day, two years, very many rules, names that look like HTML. Made by a seeded
generator; figures of one document agree with each other as far as the page shows them, but no
policy was replayed for them.
"""

import datetime
import math
import random
from typing import Any

Document = dict[str, Any]

VERDICTS = ["approve", "review", "challenge", "decline"]
RULES = [
    ("card_testing", "velocity", "decline"),
    ("many_declines", "velocity", "review"),
    ("unusual_amount", "amount", None),
    ("beyond_all_habit", "amount", None),
    ("expensive_resale_goods", "amount", None),
    ("device_many_cards_1h", "shared_device", "review"),
    ("device_many_cards_1d", "shared_device", None),
    ("impossible_travel", None, "challenge"),
    ("address_of_a_third_country", "network", None),
    ("new_device_at_night", None, None),
    ("gift_cards_in_a_row", None, "review"),
    ("trusted_habit", None, None),
]


def share(count: int, total: int) -> Document:
    """A share with Wilson's interval; nulls of nothing."""
    if total == 0:
        return {"value": None, "low": None, "high": None}
    z, value = 1.959963984540054, count / total
    scale = 1 + z * z / total
    middle = (value + z * z / (2 * total)) / scale
    half = z / scale * math.sqrt(value * (1 - value) / total + z * z / (4 * total * total))
    return {"value": value, "low": max(0, middle - half), "high": min(1, middle + half)}


class Maker:
    """Draws what a document needs; the same seed, the same document."""

    def __init__(self, days: int, a_day: int, rules: int, listed: int) -> None:
        self.random = random.Random(20260401)
        self.days = days
        self.a_day = a_day
        self.listed = listed
        self.rules = [self._rule(number) for number in range(rules)]

    def _rule(self, number: int) -> tuple[str, str | None, str | None]:
        name, group, verdict = RULES[number % len(RULES)]
        return (name if number < len(RULES) else f"{name}_{number}", group, verdict)

    def _day(self, number: int) -> Document:
        chance = self.random
        date = datetime.date(2024, 4, 1) + datetime.timedelta(days=number)
        season = 1 + 0.3 * math.sin(number / 58) + (2 if number % 97 in (11, 12) else 0)
        transactions = int(self.a_day * (0.8 + 0.4 * chance.random()))
        positive = int(transactions * 0.006 * season * (0.7 + 0.6 * chance.random()))

        def side(level: float) -> Document:
            counts = {
                verdict: int(transactions * rate * level * season * (0.8 + 0.4 * chance.random()))
                for verdict, rate in (("review", 0.009), ("challenge", 0.002), ("decline", 0.003))
            }
            return {
                "alert": sum(counts.values()),
                **counts,
                "caught": int(positive * min(1, 0.6 * level + 0.2 * chance.random())),
                "card_precision": round(chance.random() * 0.2, 2),
            }

        replayed, against = side(1.1), side(1.0)
        return {
            "date": date.isoformat(),
            "transactions": transactions,
            "positive": positive,
            "without_outcome": transactions // 2,
            **replayed,
            **{
                f"{kind}_rate": share(replayed[kind], transactions)
                for kind in ("alert", "review", "decline")
            },
            "against": against,
        }

    def _curves(self, power: float) -> Document:
        steps = [i / 50 for i in range(51)]
        recall = [step**power for step in steps]
        return {
            "auc": 1 / (power + 1),
            "average_precision": 0.55,
            "card_precision": {"k": 100, "value": 0.0877, "days": self.days},
            "roc": [
                [x, y, None if i == 0 else 1000 - 20 * i]
                for i, (x, y) in enumerate(zip(steps, recall, strict=True))
            ],
            "pr": [
                [y, max(0.006, 0.95 - 0.9 * x**2 - 0.03 * (i % 3)), 1000 - 20 * i]
                for i, (x, y) in enumerate(zip(steps, recall, strict=True))
            ],
        }

    def _rule_row(self, rule: tuple[str, str | None, str | None], number: int) -> Document:
        fires = int(20000 / (number + 1) ** 1.2) if number % 17 != 16 else 0
        positive = int(fires * min(0.6, 0.01 * (number + 1)) * self.random.random())
        negative = int((fires - positive) * 0.9)
        return {
            "name": rule[0],
            "group": rule[1],
            "mode": "shadow" if number % 11 == 10 else "live",
            "verdict": rule[2],
            "fires": fires,
            "fires_alone": fires // 2,
            "suppressed": fires // 12,
            "positive": positive,
            "negative": negative,
            "precision": share(positive, positive + negative),
            "money_caught": positive * 21437,
            "added_alerts": fires // 20,
            "added_positive": positive // 4,
            "added_money_caught": positive // 4 * 21437,
        }

    @staticmethod
    def _model(name: str, inputs: int) -> Document:
        """Inputs that are stable, have moved and have shifted; the last one has too few decisions."""
        return {
            "model": name,
            "rows": 123456,
            "rows_in_training": 8000000,
            "trained_from": "2025-01-01T00:00:00Z",
            "trained_until": "2025-07-01T00:00:00Z",
            "score": {"stability_index": 0.31, "noise": 0.0001},
            "inputs": [
                {
                    "input": f"input_with_a_long_name_{i}" if i % 2 else "<img src=x onerror=alert(1)>",
                    "stability_index": i / 60 if i + 1 < inputs else None,
                    "noise": 0.0001 if i + 1 < inputs else None,
                    "missing": i / 100,
                    "missing_in_training": 0.01,
                }
                for i in range(inputs)
            ],
        }

    def _overlap(self, rows: list[Document]) -> list[list[int]]:
        counts = [[0] * len(rows) for _ in rows]
        for i, one in enumerate(rows):
            counts[i][i] = one["fires"]
            for j in range(i):
                both = int(min(one["fires"], rows[j]["fires"]) * self.random.random() ** 3)
                counts[i][j] = counts[j][i] = both
        return counts

    def _change(self, number: int) -> Document:
        chance = self.random
        was, now = chance.sample(VERDICTS, 2)
        fired = chance.sample(self.rules, min(3, len(self.rules)))

        def told(verdict: str, rules: list[Any]) -> Document:
            reasons = [{"rule": name, "text": f"why {name} fired"} for name, _, _ in rules]
            score = 250 * VERDICTS.index(verdict) + chance.randrange(200)
            return {"verdict": verdict, "score": score, "reasons": reasons}

        time = datetime.datetime(2024, 4, 1) + datetime.timedelta(
            minutes=number * self.days * 1440 // max(1, self.listed)
        )
        return {
            "position": 100 + number * 7,
            "id": f"t{number:07}",
            "event_time": time.isoformat() + "Z",
            "amount": chance.randrange(100, 90000),
            "currency": "EUR",
            "against": told(was, fired[1:]),
            "replayed": told(now, fired),
            "outcome": chance.choice(["none", "legit", "fraud", "chargeback", "suspected"]),
        }

    def _detection(self, days: list[Document], side: str) -> Document:
        of = [day if side == "replayed" else day["against"] for day in days]
        caught, alerts = sum(day["caught"] for day in of), sum(day["alert"] for day in of)
        fraud = sum(day["positive"] for day in days)
        rest = sum(day["transactions"] for day in days) - fraud
        wrong = max(0, alerts - caught)
        money = {"money_caught": caught * 26600, "money_missed": (fraud - caught) * 24100}
        cost = sum(day["review"] for day in of) * 500
        net = money["money_caught"] - wrong * 1200 - cost
        return {
            "true_positive": caught,
            "false_positive": wrong,
            "false_negative": fraud - caught,
            "true_negative": rest - wrong,
            "precision": share(caught, caught + wrong),
            "recall": share(caught, fraud),
            "false_positive_ratio": wrong / caught if caught else None,
            **money,
            "money_declined_wrongly": wrong * 1200,
            "review_cost": cost,
            "net": net,
            "net_interval": {"low": net * 0.8 - 1, "high": net * 1.2 + 1},
        }

    def document(self) -> Document:
        """All of it."""
        days = [self._day(number) for number in range(self.days)]
        rules = [self._rule_row(rule, number) for number, rule in enumerate(self.rules)]
        total = sum(day["transactions"] for day in days)
        fraud = sum(day["positive"] for day in days)
        verdicts: Document = {}
        for side in ("replayed", "against"):
            of = [day if side == "replayed" else day["against"] for day in days]
            counts = {verdict: sum(day[verdict] for day in of) for verdict in VERDICTS[1:]}
            verdicts[side] = {"approve": total - sum(counts.values()), **counts}
        changed = [self._change(number) for number in range(self.listed)]
        return {
            "harrier": "0.6.0",
            "command": "replay",
            "policy": {
                "name": "card-payments",
                "snapshot": "9f3c2a7be1d04c55",
                "folder": "rules/card-payments",
            },
            "against": {"kind": "archived"},
            "archive": {
                "from": f"{days[0]['date']}T00:00:03.25Z",
                "to": f"{days[-1]['date']}T23:59:16.8Z",
                "transactions": total,
                "outcomes": total // 2,
                "amendments": {
                    "void": {"count": 12, "amount": 41200},
                    "capture": {"count": 3, "amount": -950},
                    "refund": {"count": 40, "amount": 120000},
                    "restore": {"count": 0, "amount": 0},
                    "without_amount": 1,
                },
                "refused": 0,
                "against_refused": 0,
                "position": total + 4040,
            },
            "clock": "known_then",
            "counterfactual": False,
            "walk_forward": False,
            "caveats": [
                {
                    "code": "warm_up",
                    "text": "The archive begins 12 days before the range, and the longest "
                    "window of the policy is 90 days: features over longer windows than that have "
                    "less history than they would have had live.",
                },
                {"code": "rollout", "text": "1 rule is rolled out to a part of the keys only."},
            ],
            "currency": "EUR",
            "currency_digits": 2,
            "price_per_review": 500,
            "verdicts": verdicts,
            "matrix": matrix(verdicts),
            "outcomes": {
                "positive": fraud,
                "negative": total // 2 - fraud,
                "unknown": total - total // 2,
                "immature": 0,
                "suspected": 0,
            },
            "rates": {
                side: {
                    "alert": share(total - counts["approve"], total),
                    **{verdict: share(counts[verdict], total) for verdict in VERDICTS[1:]},
                }
                for side, counts in verdicts.items()
            },
            "detection": {side: self._detection(days, side) for side in ("replayed", "against")},
            "ranking": {"replayed": self._curves(0.08), "against": self._curves(0.12)},
            "card_entity": "card",
            "blocked": {"after_days": 7, "transactions": 12},
            "days": days,
            "rules": rules,
            "overlap": self._overlap(rules),
            "scores": {
                "bins": list(range(0, 1001, 50)),
                "positive": [20 + 3 * (10 - abs(10 - i)) for i in range(20)],
                "negative": [int(total / 3**i) for i in range(20)],
                "unknown": [int(total / 4**i) for i in range(20)],
            },
            "models": [self._model("fraud", 30), self._model("</script><b>x</b>", 2)] if rules else [],
            "changed": {
                "total": len(changed) * 3,
                "other_scores": len(changed) * 5,
                "sampled": bool(changed),
                "listed": changed,
            },
            "seconds": {"scan": 0.41, "replay": 1.92},
            "transactions_per_second": 712345,
        }


def matrix(verdicts: Document) -> list[list[int]]:
    """One that has the sums of both sides: what differs goes to and from approve."""
    rows = [[0] * 4 for _ in range(4)]
    for i in range(1, 4):
        was, now = verdicts["against"][VERDICTS[i]], verdicts["replayed"][VERDICTS[i]]
        same = min(was, now) * 9 // 10
        rows[i][i], rows[i][0], rows[0][i] = same, was - same, now - same
    rows[0][0] = verdicts["against"]["approve"] - sum(rows[0][1:])
    return rows


def emptied(value: Any) -> Any:
    """The same keys, but null instead of every value that is not an object."""
    if isinstance(value, dict):
        return {key: emptied(each) for key, each in value.items()}
    return None


def without_outcomes(document: Document) -> Document:
    """As replays tell it when nobody knows anything: counts of zero, shares of nothing."""
    document["outcomes"] = {**document["outcomes"], "positive": 0, "negative": 0}
    for side in ("replayed", "against"):
        detection = document["detection"][side]
        for key, value in detection.items():
            detection[key] = 0 if isinstance(value, int) else None
        detection.update(precision=share(0, 9), recall=share(0, 0), net=-4200)
        document["ranking"][side].update(auc=None, average_precision=None, roc=[], pr=[])
        document["ranking"][side]["card_precision"]["value"] = None
    for day in document["days"]:
        day.update(positive=0, caught=0, card_precision=None)
        day["against"].update(caught=0, card_precision=None)
    document["scores"]["positive"] = [0] * 20
    for rule in document["rules"]:
        rule.update(positive=0, money_caught=0, added_positive=0)
        rule["precision"] = share(0, 0)
    return document


def one_score(document: Document) -> Document:
    """All transactions have the same score: a ROC curve from corner to corner, and one point."""
    for side in ("replayed", "against"):
        document["ranking"][side].update(
            auc=0.5,
            average_precision=0.006,
            roc=[[0, 0, None], [1, 1, 0]],
            pr=[[1, 0.006, 0]],
        )
    return document


def hostile(document: Document) -> Document:
    """Texts that would do harm if anybody took them for HTML, or for the end of the script."""
    evil = "</script><script>window.evil=1</script><!--<img src=x onerror=window.evil=1>"
    evil += "\u2028\u2029&amp;"
    document["policy"]["name"] = evil
    document["against"] = {"kind": "policy", "name": evil, "snapshot": "<b>"}
    document["caveats"] = [{"code": "<i>", "text": evil}]
    document["currency"] = "<b>"
    document["card_entity"] = evil
    document["harrier"] = evil
    for rule in document["rules"]:
        rule.update(name=evil + rule["name"], group=evil, mode=evil)
    for change in document["changed"]["listed"]:
        change.update(id=evil, outcome=evil, currency="<b>")
        for side in ("replayed", "against"):
            change[side]["reasons"] = [{"rule": evil, "text": evil}]
    document["days"][0]["date"] = evil
    return document


def large() -> Document:
    """Two years, 300 rules with names of 60 characters, 1000 changes, sums of 14 digits."""
    maker = Maker(days=730, a_day=40000, rules=300, listed=1000)
    maker.rules = [(f"{name}_".ljust(60, "x"), group, to) for name, group, to in maker.rules]
    document = maker.document()
    for side in ("replayed", "against"):
        for key, value in document["detection"][side].items():
            if key.startswith("money") or key in ("net", "review_cost"):
                document["detection"][side][key] = value * 100000
    return document


# These are as replays may tell it; the others are what a page has to bear.
VALID = ["usual", "no_outcomes", "one_day", "one_score", "no_rules", "yen", "large"]


def all_documents() -> dict[str, Document]:
    """By name; the first is the usual one."""
    usual = Maker(days=30, a_day=2000, rules=12, listed=100).document()
    no_rules = Maker(days=3, a_day=50, rules=0, listed=0).document()
    yen = Maker(days=14, a_day=900, rules=5, listed=40).document()
    yen.update(currency="JPY", currency_digits=0, card_entity=None, blocked=None, clock="known_now")
    yen["against"] = {
        "kind": "policy",
        "name": "card-payments-next",
        "snapshot": "11ab09cf3d2e8a70",
    }
    return {
        "usual": usual,
        "empty": {},
        "nulls": emptied(usual),
        "no_outcomes": without_outcomes(Maker(days=30, a_day=2000, rules=12, listed=30).document()),
        "one_day": Maker(days=1, a_day=900, rules=3, listed=2).document(),
        "one_score": one_score(Maker(days=7, a_day=900, rules=0, listed=0).document()),
        "no_rules": no_rules,
        "yen": yen,
        "large": large(),
        "hostile": hostile(Maker(days=5, a_day=500, rules=4, listed=6).document()),
    }
