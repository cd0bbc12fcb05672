"""The figures of `harrier replay --json`, computed a second time, plainly and from rows.

Nothing here is shared with the program: rows are dicts, sums are Python's integers, curves come from
sorting. docs/CLI.md says what each figure means.

A row: position, id, event_time_us, amount (minor units of the base currency, None: no rate), card
(None: none), label ("none", "legit", …), and for each side, "replayed" and "against", a dict of
verdict, score and rules: a list of dicts as the archive's reasons have them (rule, score, verdict,
group, shadow, suppressed), in the policy's order.
"""

import collections
import datetime
import math

VERDICTS = ["approve", "review", "challenge", "decline"]
Z = 1.959963984540054
DAY_US = 86_400_000_000


def wilson(count, total):
    if total == 0:
        return {"value": None, "low": None, "high": None}
    p = count / total
    middle = (p + Z * Z / (2 * total)) / (1 + Z * Z / total)
    half = Z / (1 + Z * Z / total) * math.sqrt(p * (1 - p) / total + Z * Z / (4 * total * total))
    return {"value": p, "low": max(0.0, middle - half), "high": min(1.0, middle + half)}


def is_alert(verdict):
    return verdict != "approve"


def auc(rows):
    """rows of (score, is_positive); ranks, ties in the middle."""
    rows = sorted(rows)
    positive = sum(y for _, y in rows)
    negative, rank_sum, i = len(rows) - positive, 0.0, 0
    if positive == 0 or negative == 0:
        return None
    while i < len(rows):
        j = i
        while j < len(rows) and rows[j][0] == rows[i][0]:
            j += 1
        rank_sum += sum(y for _, y in rows[i:j]) * (i + 1 + j) / 2
        i = j
    return (rank_sum - positive * (positive + 1) / 2) / (positive * negative)


def steps(rows):
    """(score, true positives, rows) of all rows with at least this score, from above."""
    rows = sorted(rows, reverse=True)
    hit, i = 0, 0
    while i < len(rows):
        j = i
        while j < len(rows) and rows[j][0] == rows[i][0]:
            j += 1
        hit += sum(y for _, y in rows[i:j])
        yield rows[i][0], hit, j
        i = j


def average_precision(rows):
    positive = sum(y for _, y in rows)
    if positive == 0:
        return None
    total, before = 0.0, 0
    for _, hit, seen in steps(rows):
        total += (hit - before) / positive * hit / seen
        before = hit
    return total


def curves(rows):
    positive = sum(y for _, y in rows)
    negative = len(rows) - positive
    roc, pr = [[0.0, 0.0, None]], []
    for score, hit, seen in steps(rows):
        if positive and negative:
            roc.append([(seen - hit) / negative, hit / positive, score])
        if positive:
            pr.append([hit / positive, hit / seen, score])
    return (roc if positive and negative else []), pr


def card_precision(days, side, k):
    """days: day → rows with a card, in order. By day, as the Fraud Detection Handbook has it: the k cards with
    the greatest scores, the earlier seen first; a card that was found is not looked at again."""
    detected, found = set(), {}
    for day in sorted(days):
        cards = {}
        for row in days[day]:
            card = row["card"]
            if card in detected:
                continue
            score, positive = row[side]["score"], row["class"] == "positive"
            score_so_far, positive_so_far = cards.get(card, (score, positive))
            cards[card] = (max(score, score_so_far), positive or positive_so_far)
        top = sorted(cards.items(), key=lambda kv: -kv[1][0])[:k]
        hits = {card for card, (_, positive) in top if positive}
        found[day] = len(hits) / k
        detected |= hits
    return found


def detection(rows, side, price):
    counts = collections.Counter()
    caught = missed = declined = 0
    nets = []
    for row in rows:
        verdict, amount = row[side]["verdict"], row["amount"] or 0
        positive, alert = row["class"] == "positive", is_alert(verdict)
        counts[(positive, alert)] += 1
        net = 0
        if positive and alert:
            caught += amount
            net += amount
        if positive and not alert:
            missed += amount
        if not positive and verdict == "decline":
            declined += amount
            net -= amount
        if verdict == "review":
            net -= price
        nets.append(net)
    reviews = sum(row[side]["verdict"] == "review" for row in rows)
    tp, fp = counts[True, True], counts[False, True]
    fn, tn = counts[True, False], counts[False, False]
    total, squares, n = sum(nets), sum(x * x for x in nets), len(nets)
    spread = Z * math.sqrt((squares * n - total * total) / n) if n else 0.0
    return {
        "true_positive": tp,
        "false_positive": fp,
        "false_negative": fn,
        "true_negative": tn,
        "precision": wilson(tp, tp + fp),
        "recall": wilson(tp, tp + fn),
        "false_positive_ratio": fp / tp if tp else None,
        "money_caught": caught,
        "money_missed": missed,
        "money_declined_wrongly": declined,
        "review_cost": price * reviews,
        "net": total,
        "net_interval": {"low": total - spread, "high": total + spread} if n else None,
    }


# ---- rules ----


def score_of(rules, groups):
    """groups: name → {"score": "sum" or "max", "at_most": int or None}"""
    score = sum(r["score"] for r in rules if not r.get("group"))
    for name, group in groups.items():
        scores = [r["score"] for r in rules if r.get("group") == name]
        if scores:
            part = max(scores) if group["score"] == "max" else sum(scores)
            at_most = group["at_most"]
            score += part if at_most is None else min(part, at_most)
    return min(1000, max(0, score))


def verdict_of(rules, groups, cutoffs):
    """The most severe verdict: those the rules ask for, and the one the score gives."""
    score = score_of(rules, groups)
    asked = [r["verdict"] for r in rules if r["verdict"]]
    asked += [v for v in VERDICTS[1:] if cutoffs.get(v) and score >= cutoffs[v]]
    return max(asked, key=VERDICTS.index, default="approve")


def has_effect(rule):
    return not rule["shadow"] and not rule["suppressed"]


def rule_figures(rule, rows, groups, cutoffs):
    """rule: name, group, mode, verdict."""
    figures = collections.Counter()
    for row in rows:
        fired = row["replayed"]["rules"]
        this = next((r for r in fired if r["rule"] == rule["name"]), None)
        if this is None:
            continue
        figures["fires"] += 1
        if this["suppressed"]:
            figures["suppressed"] += 1
            continue
        effect = [r for r in fired if has_effect(r)]
        others = [r for r in effect if r is not this]
        figures["fires_alone"] += not others
        figures[row["class"]] += 1
        positive, amount = row["class"] == "positive", row["amount"] or 0
        figures["money_caught"] += amount if positive else 0
        alone = verdict_of(others, groups, cutoffs)
        together = verdict_of(others + [this], groups, cutoffs)
        if alone == "approve" and together != "approve":
            figures["added_alerts"] += 1
            figures["added_positive"] += positive
            figures["added_money"] += amount if positive else 0
    negative = figures["negative"] + figures["unknown"]
    return {
        "name": rule["name"],
        "group": rule["group"],
        "mode": rule["mode"],
        "verdict": rule["verdict"],
        "fires": figures["fires"],
        "fires_alone": figures["fires_alone"],
        "suppressed": figures["suppressed"],
        "positive": figures["positive"],
        "negative": negative,
        "precision": wilson(figures["positive"], figures["positive"] + negative),
        "money_caught": figures["money_caught"],
        "added_alerts": figures["added_alerts"],
        "added_positive": figures["added_positive"],
        "added_money_caught": figures["added_money"],
    }


def overlap(rules, rows):
    place = {rule["name"]: i for i, rule in enumerate(rules)}
    counts = [[0] * len(rules) for _ in rules]
    for row in rows:
        fired = [place[r["rule"]] for r in row["replayed"]["rules"]]
        for i in fired:
            for j in fired:
                counts[i][j] += 1
    return counts


# ---- the whole ----


def classify(row, immature_from_us):
    label = row["label"]
    if row["event_time_us"] > immature_from_us:
        return "immature"
    if label in ("fraud", "chargeback"):
        return "positive"
    if label == "legit":
        return "negative"
    if label == "suspected":
        return "suspected"
    return "unknown"


def day_figures(day, rows, found):
    def side_figures(side):
        counts = {
            v: sum(row[side]["verdict"] == v for row in rows)
            for v in ("review", "challenge", "decline")
        }
        return {
            "alert": sum(is_alert(row[side]["verdict"]) for row in rows),
            **counts,
            "caught": sum(
                row["class"] == "positive" and is_alert(row[side]["verdict"]) for row in rows
            ),
            "card_precision": found[side].get(day),
        }

    replayed = side_figures("replayed")
    n = len(rows)
    return {
        "date": (datetime.date(1970, 1, 1) + datetime.timedelta(days=day)).isoformat(),
        "transactions": n,
        "positive": sum(row["class"] == "positive" for row in rows),
        "without_outcome": sum(row["label"] == "none" for row in rows),
        **replayed,
        "alert_rate": wilson(replayed["alert"], n),
        "review_rate": wilson(replayed["review"], n),
        "decline_rate": wilson(replayed["decline"], n),
        "against": side_figures("against"),
    }


def histogram(rows):
    counts = {c: [0] * 20 for c in ("positive", "negative", "unknown")}
    for row in rows:
        if row["class"] in counts:
            counts[row["class"]][min(row["replayed"]["score"] // 50, 19)] += 1
    return {"bins": list(range(0, 1001, 50)), **counts}


def not_blocked(rows, counted, after_days):
    """The rows of cards that have no fraud older than so many days in any earlier row."""
    first, blocked = {}, set()
    for row in sorted(rows, key=lambda row: row["position"]):
        card, day = row["card"], row["event_time_us"] // DAY_US
        if card is None:
            continue
        if card in first and day > first[card] + after_days:
            blocked.add(row["position"])
        if row["class"] == "positive":
            first[card] = min(day, first.get(card, day))
    return [row for row in counted if row["position"] not in blocked]


def figures(
    rows, rules, groups, cutoffs, price=500, k=100, immature_from_us=2**62, history=(), blocked_after_days=None
):
    """All that follows from rows in position order; rules with group, mode and verdict. history:
    rows before them, whose frauds block cards."""
    for row in [*history, *rows]:
        row["class"] = classify(row, immature_from_us)
    counted = [r for r in rows if r["class"] in ("positive", "negative", "unknown")]
    ranked = counted
    if blocked_after_days is not None:
        ranked = not_blocked([*history, *rows], counted, blocked_after_days)
    by_day, ranked_by_day = collections.defaultdict(list), collections.defaultdict(list)
    for row in rows:
        by_day[row["event_time_us"] // DAY_US].append(row)
    for row in ranked:
        if row["card"] is not None:
            ranked_by_day[row["event_time_us"] // DAY_US].append(row)
    found = {}
    ranking = {}
    for side in ("replayed", "against"):
        scored = [(r[side]["score"], r["class"] == "positive") for r in ranked]
        roc, pr = curves(scored)
        found[side] = card_precision(ranked_by_day, side, k)
        values = list(found[side].values())
        ranking[side] = {
            "auc": auc(scored),
            "average_precision": average_precision(scored),
            "card_precision": {
                "k": k,
                "value": sum(values) / len(values) if values else None,
                "days": len(values),
            },
            "roc": roc,
            "pr": pr,
        }
    sides = ("replayed", "against")
    verdicts = {
        side: {v: sum(r[side]["verdict"] == v for r in rows) for v in VERDICTS} for side in sides
    }
    n = len(rows)
    return {
        "verdicts": verdicts,
        "matrix": [
            [
                sum(r["against"]["verdict"] == a and r["replayed"]["verdict"] == b for r in rows)
                for b in VERDICTS
            ]
            for a in VERDICTS
        ],
        "outcomes": {
            c: sum(r["class"] == c for r in rows)
            for c in ("positive", "negative", "unknown", "immature", "suspected")
        },
        "rates": {
            side: {
                "alert": wilson(n - verdicts[side]["approve"], n),
                **{v: wilson(verdicts[side][v], n) for v in VERDICTS[1:]},
            }
            for side in sides
        },
        "detection": {side: detection(counted, side, price) for side in sides},
        "ranking": ranking,
        "blocked": None
        if blocked_after_days is None
        else {"after_days": blocked_after_days, "transactions": len(counted) - len(ranked)},
        "days": [day_figures(day, by_day[day], found) for day in sorted(by_day)],
        "rules": [rule_figures(rule, rows, groups, cutoffs) for rule in rules],
        "overlap": overlap(rules, rows),
        "scores": histogram(counted),
    }
