#!/usr/bin/env python3
"""The JSON Schemas of docs/schema say what the loader says.

- Each mapping of the schema has the keys that the loader takes there, no more and no fewer: a key
  that is unknown to both makes the loader name those it expects.
- What loads, the shipped policies and the one of docs/POLICY.md, passes.
- What the schema refuses, in tests/cases/broken and in policies that were changed at random, the
  loader refuses, too. (Not the other way: a schema knows nothing of names and types.)

usage: test_json_schema.py HARRIER SOURCE_ROOT
"""

import copy
import json
import os
import random
import re
import struct
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

try:
    import jsonschema
    import yaml
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(77)

UNKNOWN = "qqqqqqqqqqqqqqqq"
MUTATIONS = int(os.environ.get("HARRIER_STEPS", 150 // int(os.environ.get("HARRIER_STEPS_PART", 1))))

# The file of a time zone: one offset, no transitions, the same for old and new readers, and the rule.
ZONE_BLOCK = b"TZif2" + bytes(15) + struct.pack(">6Iih", 0, 0, 0, 0, 1, 4, 3600, 0) + b"CET\0"
ZONE = 2 * ZONE_BLOCK + b"\nCET-1CEST,M3.5.0,M10.5.0/3\n"

POLICY = "policy: {name: test, base_currency: EUR}\n"
FEATURES = "entities: {card: {key: card}}\n"
SMALL = Path(sys.argv[2], "tests/cases/broken/models/models/small.json").read_text()
MODEL = "models: [{name: m, file: models/small.json, inputs: {amount: amount, count: 1}, "
RULE = "rules: [{name: r, when: 'true', then: {score: 1}, cases: [{name: c, "
CASE = RULE + "transaction: {card: a}, "

# Where a schema's mapping is met: the files of a policy with an unknown key there.
PROBES = {
    "policy.json": {"policy.yaml": POLICY + f"{UNKNOWN}: 1\n"},
    "policy.json/policy": {"policy.yaml": f"policy: {{{UNKNOWN}: 1}}\n"},
    "policy.json/policy/currency_rates/[]": {
        "policy.yaml": f"policy: {{currency_rates: [{{{UNKNOWN}: 1}}]}}\n"
    },
    "policy.json/policy/cutoffs": {"policy.yaml": f"policy: {{cutoffs: {{{UNKNOWN}: 1}}}}\n"},
    "policy.json/groups/*": {"policy.yaml": POLICY + f"groups: {{a: {{{UNKNOWN}: 1}}}}\n"},
    "schema.json": {"schema.yaml": f"{UNKNOWN}: 1\n"},
    "schema.json/fields/card": {"schema.yaml": f"fields: {{card: {{{UNKNOWN}: 1}}}}\n"},
    "schema.json/attributes/*": {"schema.yaml": f"attributes: {{a: {{{UNKNOWN}: 1}}}}\n"},
    "schema.json/derived/*": {"schema.yaml": f"derived: {{a: {{{UNKNOWN}: 1}}}}\n"},
    "features.json": {"features.yaml": f"{UNKNOWN}: 1\n"},
    "features.json/entities/*": {"features.yaml": f"entities: {{a: {{{UNKNOWN}: 1}}}}\n"},
    "features.json/features/*/[]": {
        "features.yaml": FEATURES + f"features: {{card: [{{{UNKNOWN}: 1}}]}}\n"
    },
    "features.json/values/[]": {"features.yaml": f"values: [{{{UNKNOWN}: 1}}]\n"},
    "lists.json": {"lists.yaml": f"{UNKNOWN}: 1\n"},
    "lists.json/lists/*": {"lists.yaml": f"lists: {{a: {{{UNKNOWN}: 1}}}}\n"},
    "lists.json/lists/*/values/[]": {
        "lists.yaml": f"lists: {{a: {{values: [{{{UNKNOWN}: 1}}]}}}}\n"
    },
    "models.json": {"models.yaml": f"{UNKNOWN}: 1\n"},
    "models.json/models/[]": {"models.yaml": f"models: [{{name: m, {UNKNOWN}: 1}}]\n"},
    "models.json/models/[]/scorecard": {
        "models.yaml": f"models: [{{name: m, scorecard: {{{UNKNOWN}: 1}}}}]\n"
    },
    "models.json/models/[]/scorecard/points/*/[]": {
        "models.yaml": f"models: [{{name: m, scorecard: {{points: {{amount: [{{{UNKNOWN}: 1}}]}}}}}}]\n"
    },
    "models.json#input": {
        "models.yaml": "models: [{name: m, scorecard: {points: {amount: [{points: 1}]}}, "
        f"inputs: {{amount: {{{UNKNOWN}: 1}}}}}}]\n"
    },
    "models.json/models/[]/calibration": {
        "models.yaml": MODEL + f"calibration: {{{UNKNOWN}: 1}}}}]\n",
        "models/small.json": SMALL,
    },
    "models.json/models/[]/calibration/platt": {
        "models.yaml": MODEL + f"calibration: {{platt: {{{UNKNOWN}: 1}}}}}}]\n",
        "models/small.json": SMALL,
    },
    "models.json/models/[]/reasons": {
        "models.yaml": MODEL + f"reasons: {{{UNKNOWN}: 1}}}}]\n",
        "models/small.json": SMALL,
    },
    "models.json/models/[]/train": {
        "models.yaml": MODEL + f"train: {{{UNKNOWN}: 1}}}}]\n",
        "models/small.json": SMALL,
    },
    "thresholds.json": {"thresholds.yaml": f"{UNKNOWN}: 1\n"},
    "thresholds.json/thresholds/[]": {"thresholds.yaml": f"thresholds: [{{{UNKNOWN}: 1}}]\n"},
    "thresholds.json/budgets/[]": {"thresholds.yaml": f"budgets: [{{{UNKNOWN}: 1}}]\n"},
    "rules.json": {"rules/a.yaml": f"{UNKNOWN}: 1\n"},
    "rules.json/rules/[]": {"rules/a.yaml": f"rules: [{{{UNKNOWN}: 1}}]\n"},
    "rules.json/rules/[]/then": {"rules/a.yaml": f"rules: [{{name: r, then: {{{UNKNOWN}: 1}}}}]\n"},
    "rules.json/rules/[]/suppress": {
        "rules/a.yaml": f"rules: [{{name: r, when: 'true', suppress: {{{UNKNOWN}: 1}}}}]\n",
        "features.yaml": FEATURES,
    },
    "rules.json#rollout": {
        "rules/a.yaml": f"rules: [{{name: r, rollout: {{{UNKNOWN}: 1}}}}]\n",
    },
    "cases.json": {"cases/a.yaml": f"{UNKNOWN}: 1\n"},
    "cases.json#case": {"rules/a.yaml": RULE + f"{UNKNOWN}: 1}}]}}]\n"},
    "cases.json#outcome": {
        "rules/a.yaml": CASE + f"history: [{{outcome: fraud, {UNKNOWN}: 1}}]}}]}}]\n"
    },
    "cases.json#amendment": {
        "rules/a.yaml": CASE + f"history: [{{amend: void, {UNKNOWN}: 1}}]}}]}}]\n"
    },
    "cases.json#list_change": {
        "rules/a.yaml": CASE + f"history: [{{list: l, add: x, {UNKNOWN}: 1}}]}}]}}]\n",
        "lists.yaml": "lists: {l: {values: [a]}}\n",
    },
    "cases.json#expect": {"rules/a.yaml": CASE + f"expect: {{{UNKNOWN}: 1}}}}]}}]\n"},
    # Open to attributes of the policy, but with every other key of the loader's.
    "cases.json#past": {"rules/a.yaml": CASE + f"history: [{{at: -1h, {UNKNOWN}: 1}}]}}]}}]\n"},
}

SCHEMAS = {
    "policy.yaml": "policy.json",
    "schema.yaml": "schema.json",
    "features.yaml": "features.json",
    "lists.yaml": "lists.json",
    "models.yaml": "models.json",
    "thresholds.yaml": "thresholds.json",
}


# Of what commands write, not of a policy's files.
REPORTS = {"replay-report.json", "explain.json", "night-report.json", "events.json"}


class Loader(yaml.SafeLoader):
    """YAML as editors read it: version 1.2, where dates are texts and yes is not a bool."""


Loader.yaml_implicit_resolvers = {}
for tag, pattern, first in [
    ("bool", r"^(true|false)$", "tf"),
    ("int", r"^[-+]?[0-9]+$", "-+0123456789"),
    ("float", r"^[-+]?([0-9]+\.[0-9]*|\.[0-9]+|[0-9]+)([eE][-+]?[0-9]+)?$", "-+.0123456789"),
    ("null", r"^(~|null|)$", ["~", "n", ""]),
]:
    Loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(pattern), first)
Loader.add_constructor("tag:yaml.org,2002:int", lambda loader, node: int(node.value))
Loader.add_constructor("tag:yaml.org,2002:float", lambda loader, node: float(node.value))


def schema_of(path):
    if path in SCHEMAS:
        return SCHEMAS[path]
    for folder in ("rules", "cases"):
        if path.startswith(folder + "/") and path.endswith(".yaml"):
            return folder + ".json"
    return None


def load_validators(folder):
    """By file name. References go from one file to another."""
    paths = sorted(p for p in folder.glob("*.json") if p.name not in REPORTS)
    store = {p.name: json.loads(p.read_text()) for p in paths}
    with warnings.catch_warnings():
        # The newer way of resolving references is not in Debian 12.
        warnings.simplefilter("ignore", DeprecationWarning)
        resolver_class = jsonschema.RefResolver
    kind = jsonschema.Draft202012Validator
    validators = {}
    for name, schema in store.items():
        kind.check_schema(schema)
        resolver = resolver_class(base_uri=name, referrer=schema, store=store)
        validators[name] = kind(schema, resolver=resolver)
    return store, validators


def faults_of(validators, path, content):
    """What the schema says against a file; None when it is no YAML or none of ours."""
    name = schema_of(path)
    try:
        document = yaml.load(content, Loader)
    except yaml.YAMLError:
        return None
    if name is None:
        return None
    return [e.message for e in validators[name].iter_errors({} if document is None else document)]


def mappings(schema, where):
    """(where, schema) of every mapping with a fixed set of keys."""
    if schema.get("additionalProperties") is False and "properties" in schema:
        yield where, schema
    for key, value in schema.get("properties", {}).items():
        yield from mappings(value, f"{where}/{key}")
    for key in ("items", "additionalProperties"):
        value = schema.get(key)
        if isinstance(value, dict):
            yield from mappings(value, f"{where}/{'[]' if key == 'items' else '*'}")
    for value in schema.get("anyOf", []):
        yield from mappings(value, where)
    for name, value in schema.get("$defs", {}).items():
        yield from mappings(value, f"{where.split('/')[0]}#{name}")


class Harrier:
    def __init__(self, program, folder):
        self.program, self.folder = program, Path(folder)
        self.count = 0

    def check(self, files):
        """(status, what was said) of a policy."""
        self.count += 1
        root = self.folder / str(self.count)
        for path, content in {"policy.yaml": POLICY, **files}.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(content)
        if any("Europe/Berlin" in content for content in files.values()):
            (root / "zones/Europe").mkdir(parents=True)
            (root / "zones/Europe/Berlin.tzif").write_bytes(ZONE)
        done = subprocess.run(
            [self.program, "check", "-q", root], capture_output=True, text=True, check=False
        )
        return done.returncode, done.stderr


def read_policy(folder):
    return {
        str(p.relative_to(folder)): p.read_text(errors="replace")
        for p in sorted(folder.rglob("*"))
        if p.is_file() and p.name != "expected.txt"
    }


def documented_policy(text):
    blocks = re.findall(r"^```yaml\n# (\S+)\n(.*?)^```", text, re.M | re.S)
    return dict(blocks)


def check_keys(harrier, store):
    failures = []
    found = {}
    for name, schema in store.items():
        found.update(mappings(schema, name))
    found["cases.json#past"] = store["cases.json"]["$defs"]["past"]
    # Every field has one and the same mapping.
    fields = [w for w in found if re.fullmatch(r"schema\.json/fields/.+", w)]
    for where in fields:
        if found[where] != found["schema.json/fields/card"]:
            failures.append(f"{where} differs from that of card")
    for where, schema in found.items():
        if where in fields and where != "schema.json/fields/card":
            continue
        keys = set(schema["properties"])
        if where == "schema.json/fields":
            continue  # names of fields, not keys: below
        if where not in PROBES:
            failures.append(f"{where}: no probe says what the loader takes there")
            continue
        _, said = harrier.check(PROBES[where])
        match = re.search(rf'unknown key "{UNKNOWN}" of .*?; expected (.*)', said)
        if not match:
            failures.append(f"{where}: the loader says nothing of {UNKNOWN}:\n{said}")
            continue
        expected = set(re.split(r", | or ", match[1].strip()))
        if where == "cases.json#past":
            expected.add("event_time") if "event_time" in keys else None
        if expected != keys:
            failures.append(f"{where}: the loader takes {expected}, the schema {keys}")
    for where in PROBES:
        if where not in found:
            failures.append(f"{where}: probed, but not in the schema")
    return failures


def check_sound(validators, policies):
    failures = []
    for name, files in policies.items():
        for path, content in files.items():
            faults = faults_of(validators, path, content)
            if faults:
                failures.append(f"{name}/{path} loads, but the schema says: {faults[0]}")
    return failures


def check_broken(validators, folder):
    failures, refused = [], 0
    for case in sorted(p for p in folder.iterdir() if p.is_dir()):
        expected = (case / "expected.txt").read_text(errors="replace")
        for path, content in read_policy(case).items():
            faults = faults_of(validators, path, content)
            refused += bool(faults)
            if faults and not re.search(rf"^{re.escape(path)}(:\d+:\d+)?: (?!warning)", expected, re.M):
                failures.append(f"{case.name}/{path}: the loader has nothing against: {faults[0]}")
    if refused < 20:
        failures.append(f"the schema refuses only {refused} files of {folder}")
    return failures


def places(node, path=()):
    yield path
    children = node.items() if isinstance(node, dict) else enumerate(node)
    if isinstance(node, (dict, list)):
        for key, value in children:
            yield from places(value, path + (key,)) if isinstance(value, (dict, list)) else [
                path + (key,)
            ]


def mutate(document, chance):
    document = copy.deepcopy(document)
    path = chance.choice([p for p in places(document) if p])
    parent = document
    for key in path[:-1]:
        parent = parent[key]
    what = chance.randrange(5)
    if what == 0:
        del parent[path[-1]]
    elif what == 1 and isinstance(parent, dict):
        parent[UNKNOWN] = parent.pop(path[-1])
    elif what == 2:
        parent[path[-1]] = [parent[path[-1]]]
    else:
        parent[path[-1]] = chance.choice([True, -7, 2.5, "What?", "", {}, [], {"a": 1}, None])
    return document


def check_mutated(harrier, validators, policies):
    failures, refused = [], 0
    chance = random.Random(1)
    for _ in range(MUTATIONS):
        name = chance.choice(sorted(policies))
        files = dict(policies[name])
        path = chance.choice([p for p in files if schema_of(p)])
        document = yaml.load(files[path], Loader)
        if not document:
            continue
        files[path] = yaml.safe_dump(mutate(document, chance), sort_keys=False, width=200)
        faults = faults_of(validators, path, files[path])
        if not faults:
            continue
        refused += 1
        status, said = harrier.check(files)
        if status != 78:
            failures.append(
                f"{name}/{path} loads (status {status}), but the schema says: {faults[0]}\n{files[path]}{said}"
            )
    if refused < MUTATIONS / 4:
        failures.append(f"only {refused} of {MUTATIONS} changed policies are refused by the schema")
    return failures


def main():
    program, root = sys.argv[1], Path(sys.argv[2])
    store, validators = load_validators(root / "docs/schema")
    policies = {
        p.name: read_policy(p) for p in sorted((root / "rules").iterdir()) if p.is_dir()
    }
    policies["docs/POLICY.md"] = documented_policy((root / "docs/POLICY.md").read_text())
    with tempfile.TemporaryDirectory() as folder:
        harrier = Harrier(program, folder)
        failures = check_keys(harrier, store)
        status, said = harrier.check(policies["docs/POLICY.md"])
        if status != 0:
            failures.append(f"the policy of docs/POLICY.md, with its cases, does not check:\n{said}")
        failures += check_sound(validators, policies)
        failures += check_broken(validators, root / "tests/cases/broken")
        failures += check_mutated(harrier, validators, policies)
    for failure in failures:
        print(failure)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
