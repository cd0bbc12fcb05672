/** From the public types to the bytes of a request. This and decode.ts are all that sees the generated code. */
import proto, { type harrier } from '../proto/harrier.cjs';
import { InvalidError, TooLargeError } from './errors.js';
import { TOKEN_SIZE_MAX } from './token.js';
import { LABELS, type AttributeValue, type Label, type Location, type Outcome, type Transaction } from './types.js';

const pb = proto.harrier.v1;

const PROTOCOL = 1;
export const ITEMS_MAX = 1000;
const REQUEST_SIZE_MAX = 2 << 20;
// Of what is written anew each time that a request is sent: protocol, deadline, token, traceparent.
const HEAD_SIZE_MAX = 2 + 11;
const TOKEN_HEAD_SIZE = 3;
const TRACE_SIZE = 57;

const TRACEPARENT = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;
const LONE_SURROGATE = /[\ud800-\udfff]/u;
const INT32_MAX = 0x7fffffff;
const INT64_MAX = 2n ** 63n - 1n;

const TEXTS = [
  ...(['currency', 'card', 'customer', 'account', 'merchant', 'terminal', 'device', 'ip', 'country', 'mcc'] as const),
  ...(['channel', 'email', 'phone'] as const),
];

const LABEL_NUMBERS: Readonly<Record<Label, harrier.v1.Label>> = {
  none: pb.Label.LABEL_NONE,
  legit: pb.Label.LABEL_LEGIT,
  fraud: pb.Label.LABEL_FRAUD,
  chargeback: pb.Label.LABEL_CHARGEBACK,
  suspected: pb.Label.LABEL_SUSPECTED,
};

export type CallName = 'score' | 'report_outcome' | 'get_entity' | 'status';

/** One that is well-formed; else it is left out. */
export function checkTraceparent(text: unknown): string | null {
  return typeof text === 'string' && TRACEPARENT.test(text) ? text : null;
}

/** A call as it is sent. What comes before the body is written anew each time. */
export class Request {
  readonly body: Uint8Array;

  constructor(
    readonly call: CallName,
    /** Items that are to be answered one by one; 0 for other calls. */
    readonly count: number,
    message: harrier.v1.Request.$Properties,
    private readonly traceparent: string | null,
  ) {
    this.body = pb.Request.encode(message).finish();
    const size =
      this.body.length + HEAD_SIZE_MAX + TOKEN_HEAD_SIZE + TOKEN_SIZE_MAX + (traceparent === null ? 0 : TRACE_SIZE);
    if (size > REQUEST_SIZE_MAX) {
      const most = REQUEST_SIZE_MAX.toString();
      throw new TooLargeError(`a request of ${size} bytes; expected at most ${most}`);
    }
  }

  /** Fields with lower numbers than the call's, so that both behind each other are one message. */
  head(leftMs: number, token: string): Uint8Array {
    const head: harrier.v1.Request.$Properties = {
      protocol: PROTOCOL,
      deadline_us: Math.max(1, Math.floor(leftMs * 1000)),
    };
    if (token !== '') {
      head.token = token;
    }
    if (this.traceparent !== null) {
      head.traceparent = this.traceparent;
    }
    return pb.Request.encode(head).finish();
  }
}

function text(value: unknown, field: string): string {
  if (typeof value !== 'string') {
    throw new TypeError(`${field}: expected a string, not ${typeof value}`);
  }
  if (LONE_SURROGATE.test(value)) {
    throw new InvalidError('half a surrogate pair; expected text that can be written as UTF-8', field);
  }
  return value;
}

function wholeNumber(value: unknown, field: string): number {
  if (typeof value !== 'number') {
    throw new TypeError(`${field}: expected a number, not ${typeof value}`);
  }
  if (!Number.isSafeInteger(value)) {
    throw new InvalidError(`${value}; expected a whole number below 2^53`, field);
  }
  return value;
}

function long(value: bigint, field: string): { low: number; high: number; unsigned: boolean } {
  if (value > INT64_MAX || value < -INT64_MAX - 1n) {
    throw new InvalidError(`${value}; expected a whole number of 64 bits`, field);
  }
  return {
    low: Number(BigInt.asIntN(32, value)),
    high: Number(BigInt.asIntN(32, value >> 32n)),
    unsigned: false,
  };
}

function integer(value: unknown, field: string): number {
  // A Long by its parts: what protobufjs takes in the place of one.
  return typeof value === 'bigint' ? (long(value, field) as never) : wholeNumber(value, field);
}

function attribute(name: string, value: AttributeValue): harrier.v1.Attribute.$Properties {
  text(name, 'attributes');
  switch (typeof value) {
    case 'string':
      return { name, text: text(value, name) };
    case 'number':
      return { name, number: value };
    case 'boolean':
      return { name, flag: value };
    case 'bigint':
      return { name, integer: integer(value, name) };
    case 'object':
      if (value instanceof Date) {
        return { name, integer: wholeNumber(value.getTime() * 1000, name) };
      }
      if (value !== null && 'integer' in value) {
        return { name, integer: integer(value.integer, name) };
      }
      break;
    default:
  }
  throw new TypeError(`attribute ${name}: expected a string, number, boolean, bigint, Date or { integer }`);
}

function location(value: Location): harrier.v1.Location.$Properties {
  const parts = { latitude_e7: Math.round(value.latitude * 1e7), longitude_e7: Math.round(value.longitude * 1e7) };
  for (const part of Object.values(parts)) {
    if (!(Math.abs(part) <= INT32_MAX)) {
      throw new InvalidError('expected latitude and longitude in degrees', 'location');
    }
  }
  return parts;
}

function transaction(given: Transaction): harrier.v1.Transaction.$Properties {
  const made: harrier.v1.Transaction.$Properties = {
    id: text(given.id, 'id'),
    event_time_us: wholeNumber(given.eventTimeUs, 'event_time_us'),
  };
  if (given.amountMinor !== undefined) {
    made.amount_minor = wholeNumber(given.amountMinor, 'amount_minor');
  }
  for (const name of TEXTS) {
    const value = given[name];
    if (value !== undefined) {
      made[name] = text(value, name);
    }
  }
  if (given.location !== undefined) {
    made.location = location(given.location);
  }
  if (given.attributes !== undefined) {
    made.attributes = Object.entries(given.attributes).map(([name, value]) => attribute(name, value));
  }
  return made;
}

function checkCount(items: readonly unknown[], what: string): void {
  if (!Array.isArray(items)) {
    throw new TypeError(`${what}: expected an array`);
  }
  if (items.length === 0) {
    throw new InvalidError(`no ${what}; expected 1 to ${ITEMS_MAX}`, what);
  }
  if (items.length > ITEMS_MAX) {
    throw new TooLargeError(`${items.length} ${what}; expected at most ${ITEMS_MAX}`, what);
  }
}

export function scoreRequest(
  transactions: readonly Transaction[],
  dryRun: boolean,
  returnFeatures: boolean,
  traceparent: string | null,
): Request {
  checkCount(transactions, 'transactions');
  const score: harrier.v1.ScoreRequest.$Properties = { transactions: transactions.map(transaction) };
  if (dryRun) {
    score.dry_run = true;
  }
  if (returnFeatures) {
    score.return_features = true;
  }
  return new Request('score', transactions.length, { score }, traceparent);
}

function outcome(given: Outcome): harrier.v1.Outcome.$Properties {
  if (!LABELS.includes(given.label)) {
    throw new TypeError(`label: expected one of ${LABELS.join(', ')}`);
  }
  const label = LABEL_NUMBERS[given.label];
  const made: harrier.v1.Outcome.$Properties = { transaction_id: text(given.transactionId, 'transaction_id') };
  if (label !== pb.Label.LABEL_NONE) {
    made.label = label;
  }
  if (given.knownTimeUs !== undefined) {
    made.known_time_us = wholeNumber(given.knownTimeUs, 'known_time_us');
  }
  if (given.source !== undefined) {
    made.source = text(given.source, 'source');
  }
  return made;
}

export function outcomeRequest(outcomes: readonly Outcome[], traceparent: string | null): Request {
  checkCount(outcomes, 'outcomes');
  return new Request(
    'report_outcome',
    outcomes.length,
    { report_outcome: { outcomes: outcomes.map(outcome) } },
    traceparent,
  );
}

export function entityRequest(
  entity: string,
  key: string | readonly string[],
  atTimeUs: number | undefined,
  traceparent: string | null,
): Request {
  const parts = typeof key === 'string' ? [key] : key;
  const asked: harrier.v1.GetEntityRequest.$Properties = {
    entity: text(entity, 'entity'),
    key: parts.map((part) => text(part, 'key')),
  };
  if (atTimeUs !== undefined) {
    asked.at_time_us = wholeNumber(atTimeUs, 'at_time_us');
  }
  return new Request('get_entity', 0, { get_entity: asked }, traceparent);
}

export function statusRequest(stateHash: boolean, traceparent: string | null): Request {
  return new Request('status', 0, { status: stateHash ? { state_hash: true } : {} }, traceparent);
}
