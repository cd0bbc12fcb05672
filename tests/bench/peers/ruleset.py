"""Generates source code from the twenty rules of rules.json: Python, Lua, SQL, and a policy for Harrier.

Each peer gets the if-statements that one would write by hand, without an interpreter. (Node's rule engines take conditions as
data; they get rules.json.)
"""
import json
import os

with open(os.path.join(os.path.dirname(__file__), "rules.json"), encoding="utf-8") as file:
    POLICY = json.load(file)
RULES, CUTOFFS = POLICY["rules"], POLICY["cutoffs"]
VERDICTS = ["approve", "review", "challenge", "decline"]

ENTITIES = ["card", "customer", "merchant", "device"]
# Window: (seconds of a tile, number of tiles), the current tile and those before it.
WINDOWS = {"10m": (60, 10), "1h": (300, 12), "1d": (3600, 24), "30d": (86400, 30)}
FEATURES = [f"{entity}_{what}_{window}" for entity in ENTITIES for what in ("count", "sum") for window in WINDOWS]


def conditions(rule, join, equal="==", unequal="!=", quote="'", name=str):
    signs = {"==": equal, "!=": unequal}
    return join.join(
        f"{name(left)} {signs.get(sign, sign)} {quote + right + quote if isinstance(right, str) else right}"
        for left, sign, right in rule["when"]
    )


def to_python():
    """The source of judge(f), where f has features and fields. It returns the minimum verdict, the score, and the rules that fired."""
    lines = ["def judge(f):", "    score, at_least, reasons = 0, 0, []"]
    for rule in RULES:
        lines.append("    if " + conditions(rule, " and ", name=lambda left: f"f['{left}']") + ":")
        lines.append(f"        score += {rule['score']}; reasons.append('{rule['name']}')")
        if "verdict" in rule:
            lines.append(f"        at_least = max(at_least, {VERDICTS.index(rule['verdict'])})")
    lines.append("    return at_least, score, reasons")
    return "\n".join(lines)


def to_lua():
    """Statements over card_count[1] etc., numbered like the windows, with the fields as locals."""
    places = {f"_{window}": f"[{number}]" for number, window in enumerate(WINDOWS, 1)}

    def name(left):
        before, line, window = left.rpartition("_")
        return before + places[line + window] if left in FEATURES else left

    lines = []
    for rule in RULES:
        lines.append("if " + conditions(rule, " and ", unequal="~=", name=name) + " then")
        lines.append(f"  score = score + {rule['score']}; reasons[#reasons + 1] = '{rule['name']}'")
        if "verdict" in rule:
            lines.append(f"  at_least = math.max(at_least, {VERDICTS.index(rule['verdict'])})")
        lines.append("end")
    return "\n".join(lines)


def to_sql():
    """PL/pgSQL statements over the record f and the function's arguments."""
    lines = []
    for rule in RULES:
        name = lambda left: f"f.{left}" if left in FEATURES else left
        lines.append("IF " + conditions(rule, " AND ", equal="=", unequal="<>", name=name) + " THEN")
        lines.append(f"  score := score + {rule['score']}; reasons := reasons || '{rule['name']}'::text;")
        if "verdict" in rule:
            lines.append(f"  at_least := greatest(at_least, {VERDICTS.index(rule['verdict'])});")
        lines.append("END IF;")
    return "\n".join(lines)


def to_policy(folder):
    """Writes a policy with which Harrier does exactly the peers' work."""
    features = "\n".join(
        f"  {entity}:\n"
        + "\n".join(
            f"    - {{name: {what}_{window}, aggregate: {what}{', of: amount' * (what == 'sum')}, window: {window}, exclude_current: true}}"
            for what in ("count", "sum")
            for window in WINDOWS
        )
        for entity in ENTITIES
    )
    cutoffs = ", ".join(f"{name}: {score}" for name, score in CUTOFFS.items())
    files = {
        "policy.yaml": f"policy:\n  name: peers\n  about: What the peers do\n  base_currency: EUR\n  lateness: 1h\n  on_error: skip\n"
        f"  cutoffs: {{{cutoffs}}}\n",
        "schema.yaml": "fields:\n" + "".join(f"  {name}: {{required: true}}\n" for name in (*ENTITIES, "country", "mcc", "channel")),
        "features.yaml": "entities:\n" + "".join(f"  {name}: {{key: {name}}}\n" for name in ENTITIES) + f"features:\n{features}\n"
        'values:\n  - {name: times_usual, value: "card.count_30d >= 3 && card.sum_30d > 0.0 ?'
        ' amount * double(card.count_30d) / card.sum_30d : 1.0"}\n',
        "rules/all.yaml": "rules:\n" + "".join(map(policy_rule, RULES)),
    }
    for name, text in files.items():
        os.makedirs(os.path.dirname(os.path.join(folder, name)), exist_ok=True)
        with open(os.path.join(folder, name), "w", encoding="utf-8") as target:
            target.write(text)


def policy_rule(rule):
    """In a policy, sums and amounts are in euros, not in cents."""

    def condition(left, sign, right):
        name = left.replace("_", ".", 1) if left in FEATURES else left
        if left == "amount" or "_sum_" in left or left == "times_usual":
            right = right / (1 if left == "times_usual" else 100)
        return f"{name} {sign} " + (f"'{right}'" if isinstance(right, str) else str(right))

    when = " && ".join(condition(*parts) for parts in rule["when"])
    verdict = f"verdict: {rule['verdict']}, " if "verdict" in rule else ""
    return f"  - name: {rule['name']}\n    about: {rule['name']}\n    when: \"{when}\"\n    then: {{{verdict}score: {rule['score']}}}\n"


def verdict_of(score, at_least):
    by_score = sum(score >= CUTOFFS[name] for name in VERDICTS[1:])
    return VERDICTS[max(by_score, at_least)]
