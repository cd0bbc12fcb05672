// The driver of the TypeScript client; driver.py says what it reads and writes. It imports harrier-client from where it
// stands: `run` copies it into a folder in which the package is installed.
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { Client, HarrierError, version } from 'harrier-client';

const CAN = [
  ...['addresses', 'ejection', 'retry_unavailable', 'standbys', 'fallback', 'batcher', 'metrics', 'request_limits'],
  ...['decided', 'close_timeout', 'token', 'token_change', 'traceparent', 'analyst', 'brakes', 'find', 'tls'],
];
const OPTIONS = {
  addresses: 'addresses',
  deadline_ms: 'deadlineMs',
  fallback: 'fallback',
  retries_max: 'retriesMax',
  in_flight_max: 'inFlightMax',
  eject_after: 'ejectAfter',
  token: 'token',
};

function renamed(given, names) {
  return Object.fromEntries(
    Object.entries(given).map(([name, value]) => {
      if (!(name in names)) {
        throw new Error(`${name} is not known to the driver`);
      }
      return [names[name], value];
    }),
  );
}

function toAttribute(given) {
  if ('integer' in given) {
    return [given.name, { integer: BigInt(given.integer) }];
  }
  return [given.name, given.text ?? given.number ?? given.flag];
}

function toTransaction({ event_time_us = 0, amount_minor, attributes = [], ...members }) {
  const transaction = { ...members, eventTimeUs: event_time_us, attributes: Object.fromEntries(attributes.map(toAttribute)) };
  return amount_minor === undefined ? transaction : { ...transaction, amountMinor: amount_minor };
}

function callOptions(command) {
  const options = {};
  if ('deadline_ms' in command) {
    options.deadlineMs = command.deadline_ms;
  }
  if (command.dry_run) {
    options.dryRun = true;
  }
  if ('traceparent' in command) {
    options.traceparent = command.traceparent;
  }
  return options;
}

function errorObject({ code, field, message, decided }) {
  return { error: { code, field, message, decided: decided === 'unknown' ? null : decided } };
}

function decisionObject(result) {
  if (result instanceof HarrierError) {
    return errorObject(result);
  }
  const { transactionId, verdict, score, position, duplicate, fallback, fallbackReason, reasons, failedRules } = result;
  return {
    decision: {
      transaction_id: transactionId,
      verdict,
      score,
      position,
      duplicate,
      fallback,
      fallback_reason: fallbackReason,
      reasons: reasons.map((reason) => reason.rule),
      failed_rules: failedRules,
    },
  };
}

function outcomeObject(result) {
  if (result instanceof HarrierError) {
    return errorObject(result);
  }
  return { accepted: { changed: result.changed, previous: result.previous } };
}

/** Members of an object, by their names in the driver's lines: `at_time_us` is atTimeUs. */
function members(found, ...names) {
  return Object.fromEntries(
    names.map((name) => [name, found[name.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase())]]),
  );
}

const AMENDED = ['voided', 'amount_minor', 'refunded_minor'];

function amendedObjects({ previous, now }) {
  return { previous: members(previous, ...AMENDED), now: members(now, ...AMENDED) };
}

function amendmentObject(result) {
  if (result instanceof HarrierError) {
    return errorObject(result);
  }
  return { accepted: { ...members(result, 'transaction_id', 'position', 'changed'), ...amendedObjects(result) } };
}

function plainValue(value) {
  if (typeof value === 'bigint') {
    return Number(value);
  }
  return typeof value === 'object' && value !== null ? (value.timestampUs ?? value.durationUs) : value;
}

function plainValues(values) {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, plainValue(value)]));
}

function changedObject(result) {
  if (result instanceof HarrierError) {
    return errorObject(result);
  }
  const names = ['list', 'value', 'position', 'changed', 'was_there', 'previous_expiry_time_us', 'in_policy'];
  return { changed: members(result, ...names) };
}

const SUMMARY = ['list', 'type', 'declared', 'runtime', 'policy_entries', 'added_entries', 'used_entries', 'changes'];
const ENTRY = ['value', 'expiry_time_us', 'position', 'source', 'reason'];

function explanationObject(found) {
  const { then } = found;
  return {
    transaction_id: found.transaction.id,
    ...members(found, 'position', 'equal', 'difference'),
    archived: decisionObject(found.archived).decision,
    ...(then.decision && {
      derived: decisionObject(then.decision).decision,
      features: plainValues(then.decision.features),
    }),
    entities: found.entities.map((entity) => members(entity, 'name', 'key', 'entries', 'in_tables')),
    outcomes: found.outcomes.map((outcome) => members(outcome, 'previous', 'label', 'source')),
    amendments: found.amendments.map((one) => ({
      ...members(one, 'position', 'receive_time_us', 'known_time_us', 'source'),
      ...amendedObjects(one),
    })),
    rules: then.rules.map((rule) => ({
      ...members(rule, 'name', 'mode', 'fate', 'score'),
      parts: rule.parts.map((part) => part.text),
    })),
    cutoffs: then.cutoffs.map((cutoff) => members(cutoff, 'verdict', 'score')),
    fields: Object.keys(then.fields),
  };
}

let client = null;
let batcher = null;
let reported = [];
let token = ''; // what one that changes is now

function open(given) {
  const mine = (reported = []);
  const metrics = Object.fromEntries(
    ['count', 'observe', 'set'].map((kind) => [kind, (name, value, labels) => mine.push([kind, name, value, labels])]),
  );
  const { changing_token: changing, tls_ca_file: authorities, ...others } = given;
  const options = { ...renamed(others, OPTIONS), metrics };
  if (authorities !== undefined) {
    options.tls = { ca: readFileSync(authorities) };
  }
  if (changing !== undefined) {
    token = changing;
    options.token = () => token;
  }
  try {
    client = new Client(options);
  } catch (error) {
    if (error instanceof HarrierError) {
      return errorObject(error);
    }
    throw error;
  }
  batcher = client.batcher({ windowMs: 20, sizeMax: 50 });
  return {};
}

const CALLS = {
  async score(command) {
    const results = await client.scoreMany(command.transactions.map(toTransaction), callOptions(command));
    return { results: results.map(decisionObject) };
  },
  async batch(command) {
    try {
      return { results: [decisionObject(await batcher.score(toTransaction(command.transaction), callOptions(command)))] };
    } catch (error) {
      if (error instanceof HarrierError) {
        return { results: [errorObject(error)] }; // a batched call has one transaction
      }
      throw error;
    }
  },
  async outcome(command) {
    const outcomes = command.outcomes.map(({ transaction_id, label }) => ({ transactionId: transaction_id, label }));
    const results = await client.reportOutcomes(outcomes, callOptions(command));
    return { results: results.map(outcomeObject) };
  },
  async amend(command) {
    const names = {
      transaction_id: 'transactionId',
      kind: 'kind',
      amount_minor: 'amountMinor',
      known_time_us: 'knownTimeUs',
      source: 'source',
      currency: 'currency',
    };
    const amendments = command.amendments.map((one) => renamed(one, names));
    const results = await client.amendMany(amendments, callOptions(command));
    return { results: results.map(amendmentObject) };
  },
  async status(command) {
    const names = ['state', 'transactions', 'node', 'primary', 'committed_position'];
    return { status: members(await client.status(callOptions(command)), ...names) };
  },
  async entity(command) {
    const options = { ...callOptions(command), ...('at_time_us' in command && { atTimeUs: command.at_time_us }) };
    const found = await client.getEntity(command.entity, command.key, options);
    const plain = members(found, 'newest_time_us', 'at_time_us', 'entries', 'state_bytes', 'state_hash');
    return { entity: { ...plain, features: plainValues(found.features) } };
  },
  async change_list(command) {
    const changes = command.changes.map(({ expiry_time_us: expiryTimeUs, ...others }) => {
      return expiryTimeUs === undefined ? others : { ...others, expiryTimeUs };
    });
    const results = await client.changeList(changes, callOptions(command));
    return { results: results.map(changedObject) };
  },
  async change_brake({ rule, policy, pull, source, reason, ...command }) {
    const found = await client.changeBrake({ rule, policy, pull, source, reason }, callOptions(command));
    return { results: [members(found, 'changed', 'position')] };
  },
  async get_list(command) {
    const options = { ...callOptions(command), afterPosition: command.after_position, limit: command.limit };
    const { lists, entries, nextPosition } = await client.getList(command.list, options);
    return {
      lists: lists.map((one) => members(one, ...SUMMARY)),
      entries: entries.map((one) => members(one, ...ENTRY)),
      next_position: nextPosition,
    };
  },
  async reload(command) {
    const found = await client.reload({ ...callOptions(command), ...('wait' in command && { wait: command.wait }) });
    const shadows = found.shadows.map((one) => members(one, 'folder', 'result', 'error'));
    return { reload: { ...members(found, 'result', 'policy_name', 'snapshot_id', 'error', 'messages'), shadows } };
  },
  async explain(command) {
    return { explanation: explanationObject(await client.explain(command.transaction_id, callOptions(command))) };
  },
  async find(command) {
    const { verdicts, labels, score, card, rule, shadow, limit, cursor } = command;
    const given = {
      verdicts,
      labels,
      score: score && { min: score[0], max: score[1] },
      keys: card && { card },
      rule,
      shadow,
      limit,
      cursor,
    };
    const query = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
    const page = await client.find(query, callOptions(command));
    const found = page.transactions.map((one) => ({
      transaction_id: one.transaction.id,
      card: one.transaction.card,
      verdict: one.decision.verdict,
      position: one.decision.position,
      label: one.label,
      voided: one.amended && one.amended.voided,
    }));
    return { findings: { cursor: page.cursor, incomplete: page.incomplete, found } };
  },
  async open(command) {
    return open(command.options);
  },
  async token(command) {
    token = command.token;
    return {};
  },
  async metrics() {
    return { metrics: [...reported] };
  },
  async close(command) {
    await batcher.close();
    await client.close(command.timeout_ms);
    return {};
  },
};

function say(answer) {
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}

async function answer(command) {
  const begun = performance.now();
  let answered;
  try {
    answered = await CALLS[command.do](command);
  } catch (error) {
    answered = error instanceof HarrierError ? errorObject(error) : { broken: String(error?.stack ?? error) };
  }
  say({ seq: command.seq, ...answered, ms: performance.now() - begun });
}

say({ driver: 'typescript', version, can: CAN });
const under_way = new Set();
for await (const line of createInterface({ input: process.stdin })) {
  const call = answer(JSON.parse(line)).finally(() => under_way.delete(call));
  under_way.add(call);
}
await Promise.all(under_way);
await client?.close();
