/** From the public types to the bytes of a request. Only this file, decode.ts and analyst_decode.ts use the generated code. */
import proto, { type harrier } from '../proto/harrier.cjs';
import type { BrakeChange, ListChange } from './analyst_types.js';
import { InvalidError, TooLargeError } from './errors.js';
import { TOKEN_SIZE_MAX } from './token.js';
import {
  AMENDMENT_KINDS,
  LABELS,
  type Amendment,
  type AmendmentKind,
  type AttributeValue,
  type Label,
  type Location,
  type Outcome,
  type Transaction,
} from './types.js';
import { Writer } from './writer.js';

const pb = proto.harrier.v1;
type Long = Exclude<harrier.v1.Brake['definition'], number>;

// Keys of the fields of Request: number and wire type, in one byte.
const PROTOCOL_TAG = 0x08;
const DEADLINE_TAG = 0x10;
const TOKEN_TAG = 0x1a;
const TRACEPARENT_TAG = 0x22;
const SCORE_FIELD = 10;

const PROTOCOL = 1;
export const ITEMS_MAX = 1000;
const REQUEST_SIZE_MAX = 2 << 20;
// The most bytes that are written anew at each sending: protocol, deadline, token, traceparent.
const HEAD_SIZE_MAX = 2 + 6;
const TOKEN_HEAD_SIZE = 3;
const TRACE_SIZE = 57;

const TRACEPARENT = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;
const LONE_SURROGATE = /[\ud800-\udfff]/u;
const INT32_MAX = 0x7fffffff;
export const UINT32_MAX = 0xffffffff;
const INT64_MAX = 2n ** 63n - 1n;

// Fields of Transaction, by their numbers in the protocol.
const enum Field {
  Id = 1,
  EventTimeUs = 2,
  AmountMinor = 3,
  Currency = 4,
  Card = 5,
  Customer = 6,
  Account = 7,
  Merchant = 8,
  Terminal = 9,
  Device = 10,
  Ip = 11,
  Country = 12,
  Mcc = 13,
  Channel = 14,
  Email = 15,
  Phone = 16,
  Source = 17,
  Sequence = 18,
  Location = 20,
  Attributes = 30,
}

const enum Attribute {
  Name = 1,
  Text = 2,
  Integer = 3,
  Number = 4,
  Flag = 5,
}

const LABEL_NUMBERS: Readonly<Record<Label, harrier.v1.Label>> = {
  none: pb.Label.LABEL_NONE,
  legit: pb.Label.LABEL_LEGIT,
  fraud: pb.Label.LABEL_FRAUD,
  chargeback: pb.Label.LABEL_CHARGEBACK,
  suspected: pb.Label.LABEL_SUSPECTED,
};

const KIND_NUMBERS: Readonly<Record<AmendmentKind, harrier.v1.AmendmentKind>> = {
  void: pb.AmendmentKind.AMENDMENT_VOID,
  capture: pb.AmendmentKind.AMENDMENT_CAPTURE,
  refund: pb.AmendmentKind.AMENDMENT_REFUND,
  restore: pb.AmendmentKind.AMENDMENT_RESTORE,
};

export type CallName =
  | 'score'
  | 'report_outcome'
  | 'amend'
  | 'get_entity'
  | 'status'
  | 'change_list'
  | 'get_list'
  | 'change_brake'
  | 'reload'
  | 'explain'
  | 'find';

/** Calls that only the primary answers; score is one, too, unless it is a dry run. */
const WRITING: readonly CallName[] = ['report_outcome', 'amend', 'change_list', 'change_brake'];

/** Returns it if it is well-formed; else it is ignored. */
export function checkTraceparent(text: unknown): string | null {
  return typeof text === 'string' && TRACEPARENT.test(text) ? text : null;
}

/** An encoded request. What comes before the body is written anew at each sending. */
export class Request {
  /** The most bytes that it takes, with any token. */
  readonly sizeMax: number;

  constructor(
    readonly call: CallName,
    /** Results that the answer must have; 0 for calls without results. */
    readonly count: number,
    readonly body: Uint8Array,
    private readonly traceparent: string | null,
    private readonly dryRun = false,
  ) {
    this.sizeMax = HEAD_SIZE_MAX + TOKEN_HEAD_SIZE + TOKEN_SIZE_MAX + body.length;
    if (traceparent !== null) {
      this.sizeMax += TRACE_SIZE;
    }
    if (this.sizeMax > REQUEST_SIZE_MAX) {
      const most = REQUEST_SIZE_MAX.toString();
      throw new TooLargeError(`a request of ${this.sizeMax} bytes; expected at most ${most}`);
    }
  }

  /** Only the primary answers it. A standby answers what only reads, and may answer a dry run. */
  get writes(): boolean {
    const { call } = this;
    return call === 'score' ? !this.dryRun : WRITING.includes(call);
  }

  /**
   * Returns where it ends. Head and body are parts of one message, so they are simply concatenated.
   */
  write(out: Buffer, from: number, leftMs: number, token: string): number {
    let at = from;
    out[at++] = PROTOCOL_TAG;
    out[at++] = PROTOCOL;
    out[at++] = DEADLINE_TAG;
    // The maximum, an hour, is below 2^32.
    let left = Math.max(1, Math.floor(leftMs * 1000));
    while (left >= 0x80) {
      out[at++] = (left & 0x7f) | 0x80;
      left >>>= 7;
    }
    out[at++] = left;
    if (token !== '') {
      at = writeAscii(out, at, TOKEN_TAG, token);
    }
    if (this.traceparent !== null) {
      at = writeAscii(out, at, TRACEPARENT_TAG, this.traceparent);
    }
    out.set(this.body, at);
    return at + this.body.length;
  }
}

/** A field of at most 256 bytes. */
function writeAscii(out: Buffer, from: number, tag: number, value: string): number {
  let at = from;
  out[at++] = tag;
  if (value.length >= 0x80) {
    out[at++] = (value.length & 0x7f) | 0x80;
    out[at++] = value.length >>> 7;
  } else {
    out[at++] = value.length;
  }
  return at + out.write(value, at, 'latin1');
}

function string(value: unknown, field: string): string {
  if (typeof value !== 'string') {
    throw new TypeError(`${field}: expected a string, not ${typeof value}`);
  }
  return value;
}

export function text(value: unknown, field: string): string {
  const checked = string(value, field);
  if (LONE_SURROGATE.test(checked)) {
    throw new InvalidError('half a surrogate pair; expected text that can be written as UTF-8', field);
  }
  return checked;
}

export function wholeNumber(value: unknown, field: string): number {
  if (typeof value !== 'number') {
    throw new TypeError(`${field}: expected a number, not ${typeof value}`);
  }
  if (!Number.isSafeInteger(value)) {
    throw new InvalidError(`${value}; expected a whole number below 2^53`, field);
  }
  return value;
}

// ------------------------------------------------------------------------------------------
// Scores, which are most of what a client sends, are encoded without the generated code, which would need a copy of everything
// in its own messages first. The tests compare the bytes of both.

// One for all clients, because it keeps nothing between two messages.
const writer = new Writer();

function writeInteger(value: unknown, field: string): void {
  const whole = typeof value === 'bigint' ? value : BigInt(wholeNumber(value, field));
  if (whole > INT64_MAX || whole < -INT64_MAX - 1n) {
    throw new InvalidError(`${whole}; expected a whole number of 64 bits`, field);
  }
  writer.sint64(Attribute.Integer, whole);
}

function writeAttribute(name: string, value: AttributeValue): void {
  const mark = writer.mark();
  switch (typeof value) {
    case 'string':
      writer.textEvenEmpty(Attribute.Text, value, name);
      break;
    case 'number':
      writer.double(Attribute.Number, value);
      break;
    case 'boolean':
      writer.bool(Attribute.Flag, value);
      break;
    case 'bigint':
      writeInteger(value, name);
      break;
    default:
      if (value instanceof Date) {
        writeInteger(value.getTime() * 1000, name);
      } else if (typeof value === 'object' && value !== null && 'integer' in value) {
        writeInteger(value.integer, name);
      } else {
        throw new TypeError(`attribute ${name}: expected a string, number, boolean, bigint, Date or { integer }`);
      }
  }
  writer.text(Attribute.Name, name, 'attributes');
  writer.inside(Field.Attributes, mark);
}

function degreesE7(degrees: number): number {
  const value = Math.round(degrees * 1e7);
  if (!(Math.abs(value) <= INT32_MAX)) {
    throw new InvalidError('expected latitude and longitude in degrees', 'location');
  }
  return value;
}

function writeLocation({ latitude, longitude }: Location): void {
  const mark = writer.mark();
  const [latitudeE7, longitudeE7] = [degreesE7(latitude), degreesE7(longitude)];
  if (longitudeE7 !== 0) {
    writer.sint32(2, longitudeE7);
  }
  if (latitudeE7 !== 0) {
    writer.sint32(1, latitudeE7);
  }
  writer.inside(Field.Location, mark);
}

function writeText(field: number, value: string | undefined, name: string): void {
  if (value !== undefined) {
    writer.text(field, string(value, name), name);
  }
}

function writeNumber(field: number, value: number, name: string): void {
  if (wholeNumber(value, name) !== 0) {
    writer.int64(field, value);
  }
}

function writeTransaction(given: Transaction): void {
  const mark = writer.mark();
  if (given.attributes !== undefined) {
    for (const [name, value] of Object.entries(given.attributes).reverse()) {
      writeAttribute(name, value);
    }
  }
  if (given.location !== undefined) {
    writeLocation(given.location);
  }
  if (given.sequence !== undefined) {
    writeNumber(Field.Sequence, given.sequence, 'sequence');
  }
  writeText(Field.Source, given.source, 'source');
  writeText(Field.Phone, given.phone, 'phone');
  writeText(Field.Email, given.email, 'email');
  writeText(Field.Channel, given.channel, 'channel');
  writeText(Field.Mcc, given.mcc, 'mcc');
  writeText(Field.Country, given.country, 'country');
  writeText(Field.Ip, given.ip, 'ip');
  writeText(Field.Device, given.device, 'device');
  writeText(Field.Terminal, given.terminal, 'terminal');
  writeText(Field.Merchant, given.merchant, 'merchant');
  writeText(Field.Account, given.account, 'account');
  writeText(Field.Customer, given.customer, 'customer');
  writeText(Field.Card, given.card, 'card');
  writeText(Field.Currency, given.currency, 'currency');
  if (given.amountMinor !== undefined) {
    writeNumber(Field.AmountMinor, given.amountMinor, 'amount_minor');
  }
  writeNumber(Field.EventTimeUs, given.eventTimeUs, 'event_time_us');
  writer.text(Field.Id, string(given.id, 'id'), 'id');
  writer.inside(1, mark);
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
  writer.begin();
  if (returnFeatures) {
    writer.bool(3, true);
  }
  if (dryRun) {
    writer.bool(2, true);
  }
  for (let index = transactions.length - 1; index >= 0; index--) {
    const transaction = transactions[index];
    if (transaction === undefined) {
      throw new TypeError(`transactions: there is none at ${index}`);
    }
    writeTransaction(transaction);
  }
  writer.inside(SCORE_FIELD, 0);
  return new Request('score', transactions.length, writer.finish(), traceparent, dryRun);
}

// ------------------------------------------------------------------------------------------
// Other calls

export function encode(message: harrier.v1.Request.$Properties): Uint8Array {
  return pb.Request.encode(message).finish();
}

export function labelNumber(given: Label): harrier.v1.Label {
  if (!LABELS.includes(given)) {
    throw new TypeError(`label: expected one of ${LABELS.join(', ')}`);
  }
  return LABEL_NUMBERS[given];
}

function outcome(given: Outcome): harrier.v1.Outcome.$Properties {
  const label = labelNumber(given.label);
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
  if (given.unlessLabelled === true) {
    made.unless_labelled = true;
  }
  return made;
}

export function outcomeRequest(outcomes: readonly Outcome[], traceparent: string | null): Request {
  checkCount(outcomes, 'outcomes');
  return new Request(
    'report_outcome',
    outcomes.length,
    encode({ report_outcome: { outcomes: outcomes.map(outcome) } }),
    traceparent,
  );
}

function amendment(given: Amendment): harrier.v1.Amendment.$Properties {
  if (!AMENDMENT_KINDS.includes(given.kind)) {
    throw new TypeError(`kind: expected one of ${AMENDMENT_KINDS.join(', ')}`);
  }
  const made: harrier.v1.Amendment.$Properties = {
    transaction_id: text(given.transactionId, 'transaction_id'),
    kind: KIND_NUMBERS[given.kind],
  };
  if (given.amountMinor !== undefined) {
    made.amount_minor = wholeNumber(given.amountMinor, 'amount_minor');
  }
  if (given.knownTimeUs !== undefined) {
    made.known_time_us = wholeNumber(given.knownTimeUs, 'known_time_us');
  }
  if (given.source !== undefined) {
    made.source = text(given.source, 'source');
  }
  if (given.currency !== undefined) {
    made.currency = text(given.currency, 'currency');
  }
  return made;
}

export function amendRequest(amendments: readonly Amendment[], traceparent: string | null): Request {
  checkCount(amendments, 'amendments');
  const body = encode({ amend: { amendments: amendments.map(amendment) } });
  return new Request('amend', amendments.length, body, traceparent);
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
  return new Request('get_entity', 0, encode({ get_entity: asked }), traceparent);
}

export function statusRequest(stateHash: boolean, traceparent: string | null): Request {
  return new Request('status', 0, encode({ status: stateHash ? { state_hash: true } : {} }), traceparent);
}

export function flag(value: unknown, field: string): boolean {
  if (typeof value !== 'boolean') {
    throw new TypeError(`${field}: expected a boolean, not ${typeof value}`);
  }
  return value;
}

export function unsigned(value: unknown, field: string, most: number): number {
  const whole = wholeNumber(value, field);
  if (whole < 0 || whole > most) {
    throw new InvalidError(`${whole}; expected 0 to ${most}`, field);
  }
  return whole;
}

function listChange(given: ListChange): harrier.v1.ListChange.$Properties {
  const made: harrier.v1.ListChange.$Properties = { list: text(given.list, 'list'), value: text(given.value, 'value') };
  if (given.remove !== undefined && flag(given.remove, 'remove')) {
    made.remove = true;
  }
  if (given.expiryTimeUs !== undefined) {
    made.expiry_time_us = wholeNumber(given.expiryTimeUs, 'expiry_time_us');
  }
  if (given.source !== undefined) {
    made.source = text(given.source, 'source');
  }
  if (given.reason !== undefined) {
    made.reason = text(given.reason, 'reason');
  }
  return made;
}

export function changeRequest(changes: readonly ListChange[], traceparent: string | null): Request {
  checkCount(changes, 'changes');
  const body = encode({ change_list: { changes: changes.map(listChange) } });
  return new Request('change_list', changes.length, body, traceparent);
}

export function listRequest(
  list: string,
  afterPosition: number | undefined,
  limit: number | undefined,
  traceparent: string | null,
): Request {
  const asked: harrier.v1.GetListRequest.$Properties = {};
  if (text(list, 'list') !== '') {
    asked.list = list;
  }
  if (afterPosition !== undefined) {
    asked.after_position = unsigned(afterPosition, 'after_position', Number.MAX_SAFE_INTEGER);
  }
  if (limit !== undefined) {
    asked.limit = unsigned(limit, 'limit', UINT32_MAX);
  }
  return new Request('get_list', 0, encode({ get_list: asked }), traceparent);
}

/** A 64-bit number from its 16 hexadecimal digits. */
function id(given: unknown, field: string): Long {
  const digits = text(given, field);
  if (!/^[0-9a-f]{16}$/.test(digits)) {
    throw new InvalidError(`"${digits}"; expected 16 hexadecimal digits`, field);
  }
  const halves: unknown = {
    low: parseInt(digits.slice(8), 16),
    high: parseInt(digits.slice(0, 8), 16),
    unsigned: true,
  };
  return halves as Long; // all that the generated code reads of one
}

export function brakeRequest(change: BrakeChange, traceparent: string | null): Request {
  const asked: harrier.v1.ChangeBrakeRequest.$Properties = {};
  if (change.rule !== undefined && text(change.rule, 'rule') !== '') {
    asked.rule = change.rule;
  }
  if (change.policy !== undefined && flag(change.policy, 'policy')) {
    asked.policy = true;
  }
  if (change.pull !== undefined && flag(change.pull, 'pull')) {
    asked.pull = true;
  }
  if (change.definition !== undefined) {
    asked.definition = id(change.definition, 'definition');
  }
  if (change.source !== undefined) {
    asked.source = text(change.source, 'source');
  }
  if (change.reason !== undefined) {
    asked.reason = text(change.reason, 'reason');
  }
  return new Request('change_brake', 0, encode({ change_brake: asked }), traceparent);
}

export function reloadRequest(wait: boolean, traceparent: string | null): Request {
  return new Request('reload', 0, encode({ reload: flag(wait, 'wait') ? { wait: true } : {} }), traceparent);
}

export function explainRequest(transactionId: string, traceparent: string | null): Request {
  const asked = { transaction_id: text(transactionId, 'transaction_id') };
  return new Request('explain', 0, encode({ explain: asked }), traceparent);
}
