// The same rules in json-rules-engine and zen-engine: checks that they fire for the same rows, and
// prints a line in Harrier's format: name, median and 99th percentile in ns, rules fired per row.
//
// usage: node peers.mjs POLICY ROWS_FILE PEER ROWS
//
// The conditions of the policy are plain comparisons with && and ||, so they can be translated for
// each engine: nested any/all of operators for json-rules-engine, one expression node with an entry
// for each rule for zen-engine.
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

const [policy, rowsFile, peer, most] = process.argv.slice(2);

// ---- the policy's rules: names and conditions from its files

function readRules(folder) {
  const rules = [];
  for (const file of readdirSync(join(folder, "rules")).sort()) {
    let name;
    for (const line of readFileSync(join(folder, "rules", file), "utf8").split("\n")) {
      const [, key, value] = /^\s+-? ?(name|when): (.*)$/.exec(line) ?? [];
      if (key === "name") name = value;
      if (key === "when") rules.push({ name, when: JSON.parse(value) });
    }
  }
  return rules;
}

// ---- conditions: or := and (|| and)*; and := unit (&& unit)*; unit := ! unit | ( or ) | comparison

function parse(source) {
  const tokens = source.match(/&&|\|\||[<>=!]=|[<>!()[\],]|'[^']*'|[\w.]+/g);
  let at = 0;
  const next = () => tokens[at++];
  const operand = () => {
    const token = next();
    if (token === "[") {
      const items = [];
      for (;;) {
        items.push(operand().value);
        if (next() === "]") return { value: items };
      }
    }
    if (token.startsWith("'")) return { value: token.slice(1, -1) };
    if (/^[\d.]+$/.test(token)) return { value: Number(token) };
    return { fact: token };
  };
  const unit = () => {
    if (tokens[at] === "!") {
      next();
      return { left: next(), sign: "==", right: { value: false } };
    }
    if (tokens[at] === "(") {
      next();
      const inner = any();
      next();
      return inner;
    }
    const left = next();
    if (!/^([<>]=?|[=!]=|in)$/.test(tokens[at] ?? "")) return { left, sign: "==", right: { value: true } };
    return { left, sign: next(), right: operand() };
  };
  const chain = (sign, kind, part) => () => {
    const parts = [part()];
    while (tokens[at] === sign) {
      next();
      parts.push(part());
    }
    return parts.length === 1 ? parts[0] : { [kind]: parts };
  };
  const all = chain("&&", "all", unit);
  const any = chain("||", "any", all);
  return any();
}

// ---- json-rules-engine

const operators = {
  "<": "lessThan",
  "<=": "lessThanInclusive",
  ">": "greaterThan",
  ">=": "greaterThanInclusive",
  "==": "equal",
  "!=": "notEqual",
  in: "in",
};

function toJsonRules(node) {
  if (node.all || node.any) {
    const kind = node.all ? "all" : "any";
    return { [kind]: node[kind].map(toJsonRules) };
  }
  const value = node.right.fact ? { fact: node.right.fact } : node.right.value;
  return { fact: node.left, operator: operators[node.sign], value };
}

async function jsonRulesEngine(rules) {
  const { Engine } = await import("json-rules-engine");
  const engine = new Engine();
  for (const { name, when } of rules) {
    const conditions = toJsonRules(parse(when));
    engine.addRule({
      conditions: conditions.all || conditions.any ? conditions : { all: [conditions] },
      event: { type: name },
    });
  }
  return async (facts) => (await engine.run(facts)).events.map((event) => event.type);
}

// ---- zen-engine

function toZen(node) {
  if (node.all) return node.all.map((part) => `(${toZen(part)})`).join(" and ");
  if (node.any) return node.any.map((part) => `(${toZen(part)})`).join(" or ");
  const right = node.right.fact ?? JSON.stringify(node.right.value);
  return `${node.left} ${node.sign} ${right}`;
}

function nested(facts) {
  const result = {};
  for (const [name, value] of Object.entries(facts)) {
    const [entity, feature] = name.split(".");
    if (feature === undefined) result[entity] = value;
    else (result[entity] ??= {})[feature] = value;
  }
  return result;
}

async function zenEngine(rules) {
  const { ZenEngine } = await import("@gorules/zen-engine");
  const node = (id, type, content) => ({ id, name: id, type, position: { x: 0, y: 0 }, content });
  const edge = (id, sourceId, targetId) => ({ id, type: "edge", sourceId, targetId });
  const decision = new ZenEngine().createDecision(
    Buffer.from(
      JSON.stringify({
        nodes: [
          node("in", "inputNode", {}),
          node("rules", "expressionNode", {
            expressions: rules.map(({ name, when }) => ({ id: name, key: name, value: toZen(parse(when)) })),
          }),
          node("out", "outputNode", {}),
        ],
        edges: [edge("a", "in", "rules"), edge("b", "rules", "out")],
      }),
    ),
  );
  return async (facts) => {
    const { result } = await decision.evaluate(facts);
    return rules.filter(({ name }) => result[name] === true).map(({ name }) => name);
  };
}

// ---- the run

const peers = { "json-rules-engine": jsonRulesEngine, "zen-engine": zenEngine };
const judge = await peers[peer](readRules(policy));
const rows = readFileSync(rowsFile, "utf8").trimEnd().split("\n").slice(0, Number(most)).map(JSON.parse);
if (peer === "zen-engine") for (const row of rows) row.facts = nested(row.facts);

let fired = 0;
for (const row of rows) {
  const names = (await judge(row.facts)).sort();
  const expected = [...row.fired].sort();
  fired += names.length;
  if (names.join() !== expected.join()) {
    console.error(`${peer} fires ${names} and Harrier ${expected} for ${JSON.stringify(row.facts)}`);
    process.exit(1);
  }
}
const times = new Float64Array(rows.length);
for (const [i, row] of rows.entries()) {
  const begun = process.hrtime.bigint();
  await judge(row.facts);
  times[i] = Number(process.hrtime.bigint() - begun);
}
times.sort();
const at = (part) => times[Math.floor(times.length * part)];
console.log(`${peer} ${at(0.5)} ${at(0.99)} ${(fired / rows.length).toFixed(3)}`);
