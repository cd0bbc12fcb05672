// The driver of the TypeScript client; driver.py says what it reads and writes. It imports harrier-client from where it
// stands: `run` copies it into a folder in which the package is installed.
import { createInterface } from 'node:readline';
import { Client, HarrierError, version } from 'harrier-client';

const CAN = [
  ...['addresses', 'ejection', 'retry_unavailable', 'fallback', 'batcher', 'metrics', 'request_limits', 'decided'],
  ...['close_timeout', 'token', 'token_change', 'traceparent'],
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
  const { transactionId, verdict, score, position, duplicate, fallback, fallbackReason, reasons } = result;
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
    },
  };
}

function outcomeObject(result) {
  if (result instanceof HarrierError) {
    return errorObject(result);
  }
  return { accepted: { changed: result.changed, previous: result.previous } };
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
  const { changing_token: changing, ...others } = given;
  const options = { ...renamed(others, OPTIONS), metrics };
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
  async status(command) {
    const { state, transactions } = await client.status(callOptions(command));
    return { status: { state, transactions } };
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
