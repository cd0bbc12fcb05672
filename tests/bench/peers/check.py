"""Checks that the peers compute the right results. Each gets the first payments of a small world, one after the other, and its
answers are compared with a straightforward computation over all earlier payments: 32 counts and sums, the rules, the verdict."""

import json
import os
import subprocess
from datetime import UTC, datetime

import ruleset

PAYMENTS, PAST = 400, 200
# 20 cards, 5 merchants; half of the payments are in the 30 days before, the rest follow every 20 s.
WORLD = f"20,5,{PAST},{1767225600 * 1000000},20000000"

judges = {}
exec(ruleset.to_python(), judges)  # noqa: S102


def payments(programs):
    command = [programs.load, "print", "-", WORLD, "1", "1", "0", str(PAYMENTS), "0"]
    return [json.loads(line) for line in subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()]


def by_tiles(entity, payment, past):
    """Counts and sums of the entity's payments before this one, over the windows' whole tiles."""
    own = [(p["event_time_us"] // 1000000, p["amount_minor"]) for p in past if p[entity] == payment[entity]]
    seconds = payment["event_time_us"] // 1000000
    inside = {
        name: [amount for time, amount in own if seconds // width - count < time // width <= seconds // width]
        for name, (width, count) in ruleset.WINDOWS.items()
    }
    return [len(amounts) for amounts in inside.values()] + [sum(amounts) for amounts in inside.values()]


def judge(payment, facts):
    """The score of the rules, the minimum verdict, and the rules that fire."""
    count, total, amount = facts["card_count_30d"], facts["card_sum_30d"], payment["amount_minor"]
    facts["amount"] = amount
    facts["times_usual"] = amount * count / total if count >= 3 and total > 0 else 1
    least, score, reasons = judges["judge"](facts | {name: payment[name] for name in ("mcc", "channel", "country")})
    return score, least, sorted(reasons)


def expect(all_payments):
    """For each payment the features, score of the rules, minimum verdict and reasons."""
    for number, payment in enumerate(all_payments):
        past = all_payments[:number]
        values = [value for entity in ruleset.ENTITIES for value in by_tiles(entity, payment, past)]
        score, least, reasons = judge(payment, dict(zip(ruleset.FEATURES, values, strict=True)))
        yield values, score, least, reasons


def compare(name, expected, answers):
    """answers: for each payment the features, score, verdict, reasons, and the model's part of the score."""
    fired = 0
    for number, (want, got) in enumerate(zip(expected, answers, strict=True)):
        values, score, least, reasons = want
        features, got_score, verdict, got_reasons, by_model = got
        right = (values, min(score + by_model, 1000), ruleset.verdict_of(score + by_model, least), reasons)
        if (list(features), got_score, verdict, sorted(got_reasons)) != right:
            raise SystemExit(f"{name}: payment {number} expected {right}, got {got}")
        fired += len(reasons)
    print(f"  {name:<24} {len(expected)} payments, {len(expected) * len(ruleset.FEATURES):,} features, {fired} rules that fired: as expected")


def web(server, expected, all_payments):
    answers = []
    for answer in server.ask([p | {"return_features": True} for p in all_payments]):
        features = answer["features"]
        if isinstance(features, dict):
            features = [features[name] for name in ruleset.FEATURES]
        answers.append((features, answer["score"], answer["verdict"], answer["reasons"], answer.get("by_model", 0)))
    compare(server.name, expected, answers)


def redis_script(store, name, expected, all_payments):
    sha, answers = store.load_script(name), []
    for p in all_payments:
        keys = [p[entity] for entity in ruleset.ENTITIES]
        reply = store.client.evalsha(sha, 4, *keys, p["event_time_us"], p["amount_minor"], p["channel"], p["country"], p["mcc"], 1)
        verdict, score, reasons, *features = reply
        answers.append((features, score, verdict.decode(), [reason.decode() for reason in reasons], 0))
    compare(name, expected, answers)


def postgres(server, expected, all_payments):
    calls = []
    for p in all_payments:
        texts = "', '".join(p[entity] for entity in ruleset.ENTITIES)
        calls.append(
            f"SELECT row_to_json(s) FROM score('{texts}', {p['event_time_us']}, {p['amount_minor']},"
            f" '{p['channel']}', '{p['country']}', '{p['mcc']}') s;"
        )
    answers = []
    for line in server.sql("\n".join(calls)).splitlines():
        answer = json.loads(line)
        features = [answer["f"][name] for name in ruleset.FEATURES]
        answers.append((features, answer["score"], answer["verdict"], answer["reasons"], 0))
    compare("postgres", expected, answers)


SHIPPED = (  # of rules/card-payments: name, entity, window in seconds, whether the payment itself counts
    ("card.count_10m", "card", 600, True),
    ("card.count_30d", "card", 30 * 86400, False),
    ("customer.count_30d", "customer", 30 * 86400, False),
    ("device.count_1h", "device", 3600, True),
    ("device.count_30d", "device", 30 * 86400, False),
    ("device.sum_1h", "device", 3600, True),
)
SAME = tuple(
    (f"{entity}.{what}_{window}", entity, width * count, False)
    for entity in ruleset.ENTITIES
    for what in ("count", "sum")
    for window, (width, count) in ruleset.WINDOWS.items()
)


def slid(all_payments, number, feature, beside=0.0):
    """The feature over a sliding window; `beside`: the fraction by which the window is longer."""
    name, entity, seconds, with_itself = feature
    payment = all_payments[number]
    after = payment["event_time_us"] - seconds * 1000000 * (1 + beside)
    past = all_payments[: number + with_itself]
    inside = [p["amount_minor"] for p in past if p[entity] == payment[entity] and p["event_time_us"] > after]
    return sum(inside) if ".sum_" in name else len(inside)


def harrier(server, programs, folder, all_payments, features):
    """Windows of an entity with many payments may be up to a 64th longer or shorter than stated. For the peers' policy, the
    rules are checked against the feature values that harrierd itself reported."""
    exact = 0
    for number, (payment, decision) in enumerate(zip(all_payments, decide(server, programs, folder, all_payments), strict=True)):
        facts = {}
        for feature in features:
            name = feature[0]
            facts[name.replace(".", "_")] = got = round(decision["features"][name] * (100 if ".sum_" in name else 1))
            least, most = (slid(all_payments, number, feature, beside) for beside in (-1 / 64, 1 / 64))
            if not least <= got <= most:
                raise SystemExit(f"{server.name}: payment {number} expected {name} from {least} to {most}, got {got}")
            exact += got == slid(all_payments, number, feature)
        if features is SAME:
            compare_decision(server.name, number, judge(payment, facts), decision)
    cells = len(all_payments) * len(features)
    print(f"  {server.name:<24} {len(all_payments)} payments, {cells:,} features, {exact:,} of them exact: as expected")


def compare_decision(name, number, want, decision):
    score, least, reasons = want
    got = (decision["score"], decision["verdict"], sorted(reason["rule"] for reason in decision["reasons"]))
    if got != (min(score, 1000), ruleset.verdict_of(score, least), reasons):
        raise SystemExit(f"{name}: payment {number} expected {want}, got {got}")


def decide(server, programs, folder, all_payments):
    source, target = os.path.join(folder, "payments.jsonl"), os.path.join(folder, "decisions.jsonl")
    with open(source, "w", encoding="ascii") as file:
        for p in all_payments:
            time = datetime.fromtimestamp(p["event_time_us"] / 1e6, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
            row = {name: value for name, value in p.items() if name != "event_time_us"}
            file.write(json.dumps(row | {"event_time": time}) + "\n")
    command = [programs.harrier, "score", "--to", server.address, "-q", "--features", "--decisions=jsonl", "--out", target, source]
    subprocess.run(command, check=True)
    with open(target, encoding="utf-8") as file:
        return [json.loads(line) for line in file]
