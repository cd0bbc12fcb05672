// Peer 2: fastify and ioredis with a rule engine: json-rules-engine or zen-engine.
//
// As in the FastAPI peer, the four entities are hashes of tiles (tiles.lua); one pipeline reads them, another updates them.
//
// usage: node_app.mjs PEERS_FOLDER json-rules-engine|zen-engine PORT REDIS_SOCKET REDIS_DATABASE
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fastify from "fastify";
import Redis from "ioredis";

const [folder, engine, port, path, db] = process.argv.slice(2);
const { rules, cutoffs } = JSON.parse(readFileSync(join(folder, "rules.json"), "utf8"));
const scores = new Map(rules.map(({ name, score, verdict }) => [name, { score, verdict }]));
const entities = ["card", "customer", "merchant", "device"];
const windows = [["10m", 60, 10], ["1h", 300, 12], ["1d", 3600, 24], ["30d", 86400, 30]];
const verdicts = ["approve", "review", "challenge", "decline"];

// ---- the rules for each engine: a function from facts to the names of the rules that fire

async function jsonRulesEngine() {
  const { Engine } = await import("json-rules-engine");
  const operators = { "<": "lessThan", ">": "greaterThan", ">=": "greaterThanInclusive", "==": "equal", "!=": "notEqual" };
  const all = new Engine();
  for (const { name, when } of rules) {
    const conditions = when.map(([fact, sign, value]) => ({ fact, operator: operators[sign], value }));
    all.addRule({ name, conditions: { all: conditions }, event: { type: name } });
  }
  return async (facts) => (await all.run(facts)).events.map(({ type }) => type);
}

async function zenEngine() {
  const { ZenEngine } = await import("@gorules/zen-engine");
  const node = (id, type, content) => ({ id, name: id, type, position: { x: 0, y: 0 }, content });
  const edge = (id, sourceId, targetId) => ({ id, type: "edge", sourceId, targetId });
  const expressions = rules.map(({ name, when }) => ({
    id: name,
    key: name,
    value: when.map(([fact, sign, value]) => `${fact} ${sign} ${JSON.stringify(value)}`).join(" and "),
  }));
  const nodes = [node("in", "inputNode", {}), node("rules", "expressionNode", { expressions }), node("out", "outputNode", {})];
  const decision = new ZenEngine().createDecision(
    Buffer.from(JSON.stringify({ nodes, edges: [edge("a", "in", "rules"), edge("b", "rules", "out")] })),
  );
  return async (facts) => {
    const { result } = await decision.evaluate(facts);
    return rules.filter(({ name }) => result[name] === true).map(({ name }) => name);
  };
}

const judge = await { "json-rules-engine": jsonRulesEngine, "zen-engine": zenEngine }[engine]();

// ---- tiles

const redis = new Redis({ path, db: Number(db), enableAutoPipelining: true });
redis.defineCommand("updateTiles", { numberOfKeys: 4, lua: readFileSync(join(folder, "tiles.lua"), "utf8") });
const names = Object.fromEntries(entities.map((entity) => [entity, windows.map(([name]) => ({ c: `${entity}_count_${name}`, s: `${entity}_sum_${name}` }))]));

// Sums up the tiles of each window; returns the fields of tiles that are too old.
function readTiles(entity, tiles, seconds, facts) {
  const old = [];
  const firsts = windows.map(([, width, count]) => Math.floor(seconds / width) - count);
  for (const { c, s } of names[entity]) facts[c] = facts[s] = 0;
  for (const field in tiles) {
    const [level, tile, what] = field.split(":");
    if (tile <= firsts[level - 1]) old.push(field);
    else facts[names[entity][level - 1][what]] += Number(tiles[field]);
  }
  return old;
}

function decide(fired) {
  let score = 0;
  let least = 0;
  for (const name of fired) {
    const rule = scores.get(name);
    score += rule.score;
    if (rule.verdict) least = Math.max(least, verdicts.indexOf(rule.verdict));
  }
  const byScore = verdicts.slice(1).filter((name) => score >= cutoffs[name]).length;
  return { verdict: verdicts[Math.max(byScore, least)], score: Math.min(score, 1000) };
}

// ---- the service

const string = { type: "string" };
const text = Object.fromEntries(["id", "currency", "card", "customer", "merchant", "device", "country", "mcc", "channel"].map((name) => [name, string]));
const integer = { type: "integer" };
const properties = { ...text, event_time_us: integer, amount_minor: integer, return_features: { type: "boolean" } };
const body = { type: "object", required: [...Object.keys(text), "event_time_us", "amount_minor"], properties };

const app = fastify({ logger: false });
app.post("/score", { schema: { body } }, async ({ body: payment }) => {
  const keys = entities.map((entity) => payment[entity]);
  const seconds = Math.floor(payment.event_time_us / 1e6);
  const found = await redis.pipeline(keys.map((key) => ["hgetall", key])).exec();
  const facts = {};
  const changes = redis.pipeline();
  entities.forEach((entity, i) => {
    if (found[i][0]) throw found[i][0];
    const old = readTiles(entity, found[i][1], seconds, facts);
    if (old.length > 0) changes.hdel(keys[i], ...old);
  });
  const features = payment.return_features ? { ...facts } : undefined;
  const { amount_minor: amount, mcc, channel, country } = payment;
  const { card_count_30d: count, card_sum_30d: sum } = facts;
  const times_usual = count >= 3 && sum > 0 ? (amount * count) / sum : 1;
  const reasons = await judge(Object.assign(facts, { amount, times_usual, mcc, channel, country }));
  changes.updateTiles(...keys, payment.event_time_us, amount);
  for (const [error] of await changes.exec()) if (error) throw error;
  return { id: payment.id, ...decide(reasons), reasons, features };
});
await app.listen({ host: "127.0.0.1", port: Number(port) });
