/** What is read and written without the generated code is what the generated code makes of it, whatever it is. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import proto from '../proto/harrier.cjs';
import { decisions, decodeResponse } from '../src/decode.js';
import { scoreRequest, type Request } from '../src/encode.js';
import { HarrierError } from '../src/errors.js';
import { ScoreReader } from '../src/score_reader.js';
import type { AttributeValue, Decision, Transaction } from '../src/types.js';
import { RequestType, ResponseType, type Message } from './fake_server.js';

const pb = proto.harrier.v1;

/** The same ones in every run (mulberry32). */
class Random {
  constructor(private state: number) {}

  below(end: number): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % end;
  }

  chance(of: number): boolean {
    return this.below(of) === 0;
  }

  of<T>(...list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }

  text(): string {
    const letters = this.of('a', 'card_0123', 'Zürich', '店', '👍', '\u0000', '\ufffd', '\u007f', '\u0080');
    return letters.repeat(this.of(0, 1, 1, 1, 2, 5, 9, 15, 40, 300));
  }

  whole(): number {
    const bits = this.below(54);
    const value = Math.floor((this.below(2 ** 26) / 2 ** 26) * 2 ** bits);
    return this.of(value, value, -value, 2 ** bits - 1, 1 - 2 ** bits) || 0;
  }
}

const TEXTS = [
  'currency',
  'card',
  'customer',
  'account',
  'merchant',
  'terminal',
  'device',
  'ip',
  'country',
  'mcc',
] as const;
const MORE_TEXTS = ['channel', 'email', 'phone', 'source'] as const;

function attribute(random: Random): [AttributeValue, Message] {
  const whole = random.whole();
  switch (random.below(6)) {
    case 0: {
      const text = random.text();
      return [text, { text }];
    }
    case 1: {
      const number = random.of(0, -0, 1.5, -1e300, 5e-324, Infinity, NaN, whole);
      return [number, { number }];
    }
    case 2:
      return [true, { flag: true }];
    case 3:
      return [{ integer: whole }, { integer: String(whole) }];
    case 4: {
      const large = BigInt.asIntN(64, (BigInt(whole) << 11n) ^ BigInt(random.below(2048)));
      return [large, { integer: String(large) }];
    }
    default: {
      const ms = random.below(2 ** 31) * 1000;
      return [new Date(ms), { integer: String(ms * 1000) }];
    }
  }
}

/** One, and the same as protobuf's JSON. */
function transaction(random: Random): [Transaction, Message] {
  const given: Transaction = { id: random.text(), eventTimeUs: random.whole() };
  const message: Message = { id: given.id, event_time_us: String(given.eventTimeUs) };
  for (const name of [...TEXTS, ...MORE_TEXTS]) {
    if (!random.chance(3)) {
      message[name] = given[name] = random.text();
    }
  }
  if (!random.chance(3)) {
    given.amountMinor = random.whole();
    message.amount_minor = String(given.amountMinor);
  }
  if (random.chance(3)) {
    given.sequence = Math.abs(random.whole());
    message.sequence = String(given.sequence);
  }
  if (random.chance(3)) {
    const [latitude_e7, longitude_e7] = [random.below(1.8e9) - 9e8, random.of(0, 2147483647, -2147483647, 1)];
    given.location = { latitude: latitude_e7 / 1e7, longitude: longitude_e7 / 1e7 };
    message.location = { latitude_e7, longitude_e7 };
  }
  if (random.chance(3)) {
    const named = Array.from({ length: random.below(5) }, (_, index): [string, AttributeValue, Message] => {
      return [random.of('', 'é', 'note') + `_${index}`, ...attribute(random)];
    });
    given.attributes = Object.fromEntries(named.map(([name, value]) => [name, value]));
    message.attributes = named.map(([name, , value]) => ({ name, ...value }));
  }
  return [given, message];
}

function sent(request: Request, leftMs: number, token: string): Buffer {
  const out = Buffer.alloc(request.sizeMax);
  return out.subarray(0, request.write(out, 0, leftMs, token));
}

describe('a request to score', () => {
  it('is what the generated code writes', () => {
    const random = new Random(1);
    for (let round = 0; round < 3000; round++) {
      const all = Array.from({ length: random.of(1, 1, 1, 2, 7) }, () => transaction(random));
      const [dry_run, return_features] = [random.chance(4), random.chance(4)];
      const deadline_us = random.of(1, 127, 128, 99_999, 100_000, 3_600_000_000);
      const token = random.of('', 't', 'x'.repeat(127), 'x'.repeat(128), 'x'.repeat(256));
      const traceparent = random.of(null, '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01');
      const score = { transactions: all.map(([, message]) => message), dry_run, return_features };
      const whole = { protocol: 1, deadline_us, token, ...(traceparent && { traceparent }), score };
      const expected = pb.Request.encode(RequestType.fromObject(whole)).finish();
      const request = scoreRequest(
        all.map(([given]) => given),
        dry_run,
        return_features,
        traceparent,
      );
      assert.equal(sent(request, deadline_us / 1000, token).toString('hex'), Buffer.from(expected).toString('hex'));
    }
  });

  it('keeps its bytes, whatever is written after it, or fails to be', () => {
    const random = new Random(2);
    const kept: [Request, string][] = [];
    for (let round = 0; round < 2000; round++) {
      const request = scoreRequest([transaction(random)[0]], false, false, null);
      kept.push([request, Buffer.from(request.body).toString('hex')]);
      if (random.chance(3)) {
        const wrong = { ...transaction(random)[0], id: '\ud800' };
        assert.throws(() => scoreRequest([wrong], false, false, null), HarrierError);
      }
    }
    const large = scoreRequest([{ id: 'x'.repeat(200_000), eventTimeUs: 1 }], false, false, null);
    assert.equal(large.body.length, 200_000 + 2 * 4 + 4 + 2);
    for (const [request, hex] of kept) {
      assert.equal(Buffer.from(request.body).toString('hex'), hex);
    }
  });
});

function reason(random: Random): Message {
  return {
    rule: random.of('velocity', 'new_device', 'Prüfung', random.text()),
    text: random.text(),
    score: random.below(2001) - 1000,
    verdict: random.below(5),
    shadow: random.chance(3),
    suppressed: random.chance(3),
    tags: random.chance(3) ? ['money', random.text()] : [],
    group: random.of('', 'testing'),
    capped: random.of(0, 0, -5, 2147483647, -2147483648),
    verdict_if_live: random.below(5),
  };
}

function decision(random: Random): Message {
  return {
    transaction_id: random.text(),
    verdict: 1 + random.below(4),
    score: random.below(1001),
    reasons: Array.from({ length: random.below(4) }, () => reason(random)),
    snapshot_id: random.of('0', '1', '18446744073709551615', '16045690984833335038'),
    generation_id: random.of('0', '81985529216486895'),
    position: String(Math.abs(random.whole())),
    degraded: random.chance(4),
    degraded_reason: random.of('', 'stale', random.text()),
    duplicate: random.chance(4),
    dry_run: random.chance(4),
    server_us: random.of(0, 5, 300, 4294967295),
    rule_errors: random.of(0, 0, 1),
    failed_rules: random.chance(8) ? ['velocity', random.of('new_device', random.text())] : [],
  };
}

/** As protobuf writes what is no default, and from the generated code. */
function response(results: Message[]): Buffer {
  return Buffer.from(ResponseType.encode(ResponseType.fromObject({ score: { results } })).finish());
}

function asked(count: number): Transaction[] {
  return Array.from({ length: count }, (_, index) => ({ id: index % 2 ? 'card_0123' : 'a', eventTimeUs: 1 }));
}

function ordinary(bytes: Buffer, transactions: Transaction[]): (Decision | HarrierError)[] {
  return decisions(decodeResponse(bytes, scoreRequest(transactions, false, false, null)));
}

describe('an answer to a score', () => {
  const reader = new ScoreReader();
  const read = (bytes: Buffer, transactions: Transaction[]): Decision[] | null => {
    // Amid others, as it comes.
    const around = Buffer.concat([Buffer.alloc(3, 0xff), bytes, Buffer.alloc(20, 0x01)]);
    return reader.read(around, 3, 3 + bytes.length, transactions);
  };

  it('is what the generated code reads', () => {
    const random = new Random(3);
    let fast = 0;
    for (let round = 0; round < 3000; round++) {
      const results = Array.from({ length: random.of(1, 1, 1, 2, 5) }, () => ({ decision: decision(random) }));
      const transactions = asked(results.length);
      const bytes = response(results);
      const got = read(bytes, transactions);
      if (got !== null) {
        fast++;
        assert.deepEqual(got, ordinary(bytes, transactions));
      } else {
        assert.ok(ordinary(bytes, transactions).length === results.length);
      }
    }
    // The others have U+FFFD in them (names of failed rules, too), or positions of over 49 bits.
    assert.ok(fast > 1400, `${fast} of 3000`);
  });

  it('is read so when it is an ordinary one', () => {
    const plain = { transaction_id: 'a', verdict: 2, snapshot_id: '5', position: '12345678', server_us: 9 };
    const why = { rule: 'new_device', text: 'Gerät neu', score: -3, tags: ['x'] };
    for (const one of [plain, { ...plain, reasons: [why, why] }, { ...plain, duplicate: true, dry_run: true }]) {
      const bytes = response([{ decision: one }]);
      assert.deepEqual(read(bytes, asked(1)), ordinary(bytes, asked(1)));
    }
  });

  it('that is another is left to it', () => {
    const one = { transaction_id: 'a', verdict: 2 };
    assert.equal(read(response([{ decision: one }]), asked(2)), null);
    assert.equal(read(response([{ decision: one }, { decision: one }]), asked(1)), null);
    assert.equal(read(response([{ decision: { ...one, features: [{ name: 'f', flag: true }] } }]), asked(1)), null);
    assert.equal(read(response([{ decision: { ...one, verdict: 0 } }]), asked(1)), null);
    assert.equal(read(response([{ error: { code: 1, field: 'id' } }]), asked(1)), null);
    assert.equal(read(response([]), asked(1)), null);
    assert.equal(read(Buffer.alloc(0), asked(1)), null);
  });

  it('is never taken for what the generated code does not read in it', () => {
    const random = new Random(4);
    let fast = 0;
    for (let round = 0; round < 60_000; round++) {
      const bytes = response([{ decision: decision(random) }]);
      const at = random.below(bytes.length);
      let changed = bytes;
      switch (random.below(3)) {
        case 0:
          changed[at] = random.of(0, 1, 0x7f, 0x80, 0xff, bytes[at]! ^ (1 << random.below(8)));
          break;
        case 1:
          changed = bytes.subarray(0, at);
          break;
        default:
          changed = Buffer.concat([bytes.subarray(0, at), Buffer.of(random.below(256)), bytes.subarray(at)]);
      }
      const got = read(changed, asked(1));
      if (got !== null) {
        fast++;
        assert.deepEqual(got, ordinary(changed, asked(1)), changed.toString('hex'));
      }
    }
    assert.ok(fast > 1000, `${fast} were read`);
  });

  it('of the cases of all clients is read the same', () => {
    const folder = join(process.cwd(), '../../tests/cases/wire');
    for (const name of readdirSync(folder).filter((one) => /^(refused_)?response_/.test(one))) {
      const { hex } = JSON.parse(readFileSync(join(folder, name), 'utf8')) as { hex: string };
      const bytes = Buffer.from(hex, 'hex');
      for (const count of [1, 3]) {
        const got = read(bytes, asked(count));
        if (got !== null) {
          assert.deepEqual(got, ordinary(bytes, asked(count)), name);
        }
      }
    }
  });
});
