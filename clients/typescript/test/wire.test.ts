/** The vectors of tests/cases/wire: byte for byte, for the generated code and for what this client makes of it. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import proto from '../proto/harrier.cjs';
import { decodeResponse, decisions, entity, outcomes, responseError, standbyAnswer, status } from '../src/decode.js';
import {
  amendRequest,
  changeRequest,
  entityRequest,
  explainRequest,
  listRequest,
  outcomeRequest,
  reloadRequest,
  scoreRequest,
  statusRequest,
  type Request,
} from '../src/encode.js';
import { HarrierError, InvalidError, ProtocolError, TooLargeError } from '../src/errors.js';
import type { Label, Transaction } from '../src/types.js';
import { encode, makeFolder, RequestType, ResponseType } from './fake_server.js';

const CASES = join(process.cwd(), '../../tests/cases/wire');

interface Case {
  message: string;
  value: Record<string, unknown> | null;
  hex: string;
  unknown?: string;
  error?: string;
}

function load(name: string): Case {
  return JSON.parse(readFileSync(join(CASES, name), 'utf8')) as Case;
}

const names = readdirSync(CASES).filter((name) => /^re(quest|sponse)_.*\.json$/.test(name));

describe('the generated code', () => {
  for (const name of names) {
    const { message, value, hex, unknown = '' } = load(name);
    const type = message === 'Request' ? RequestType : ResponseType;
    const codec = proto.harrier.v1[message as 'Request' | 'Response'];
    it(`reads and writes ${name}`, () => {
      const decoded = codec.decode(Buffer.from(hex, 'hex'));
      assert.deepEqual(type.toObject(decoded as never, { longs: String, enums: String, bytes: String }), value);
      const encoded = codec.encode(type.fromObject(value!)).finish();
      assert.equal(Buffer.from(encoded).toString('hex') + unknown, hex);
    });
  }

  it('is what proto/harrier.proto says', () => {
    const folder = makeFolder();
    try {
      execFileSync(process.execPath, ['generate.mjs', folder.path]);
      for (const name of ['harrier.cjs', 'harrier.d.cts']) {
        assert.ok(
          readFileSync(join(folder.path, name)).equals(readFileSync(join('proto', name))),
          `${name} is old: npm run generate`,
        );
      }
    } finally {
      folder.remove();
    }
  });
});

/** What a client sends when so much time is left. */
function sent(request: Request, leftMs: number, token = ''): string {
  const out = Buffer.alloc(request.sizeMax + 3, 0xee);
  return out.subarray(3, request.write(out, 3, leftMs, token)).toString('hex');
}

interface WireAttribute {
  name: string;
  text?: string;
  integer?: string;
  number?: number | string;
  flag?: boolean;
}

interface WireTransaction {
  event_time_us?: string;
  amount_minor?: string;
  sequence?: string;
  location?: { latitude_e7?: number; longitude_e7?: number };
  attributes?: WireAttribute[];
}

function toTransaction(given: WireTransaction): Transaction {
  const { event_time_us = '0', amount_minor, sequence, location, attributes = [], ...rest } = given;
  const made: Transaction = { ...(rest as Transaction), eventTimeUs: Number(event_time_us) };
  if (amount_minor !== undefined) {
    made.amountMinor = Number(amount_minor);
  }
  if (sequence !== undefined) {
    made.sequence = Number(sequence);
  }
  if (location) {
    made.location = { latitude: (location.latitude_e7 ?? 0) / 1e7, longitude: (location.longitude_e7 ?? 0) / 1e7 };
  }
  if (attributes.length > 0) {
    made.attributes = Object.fromEntries(
      attributes.map(({ name, text, integer, number, flag }) => {
        return [name, text ?? (integer === undefined ? (flag ?? Number(number)) : BigInt(integer))];
      }),
    );
  }
  return made;
}

describe('requests', () => {
  for (const name of names.filter((one) => one.startsWith('request_score_') && !one.includes('unknown'))) {
    it(`are the bytes of ${name}`, () => {
      const { value, hex } = load(name);
      const { deadline_us = '1', score } = value as {
        deadline_us?: string;
        score: { transactions: WireTransaction[]; dry_run?: boolean; return_features?: boolean };
      };
      const transactions = score.transactions.map(toTransaction);
      const request = scoreRequest(transactions, score.dry_run ?? false, score.return_features ?? false, null);
      // Without a deadline the case has none; a client always has.
      const expected = 'deadline_us' in value! ? hex : hex.replace(/^0801/, '08011001');
      assert.equal(sent(request, Number(deadline_us) / 1000), expected);
    });
  }

  it('are the bytes of request_token_traceparent.json', () => {
    const { value, hex } = load('request_token_traceparent.json');
    const {
      deadline_us = '1',
      token,
      traceparent,
      score,
    } = value as Record<string, string> & {
      score?: { transactions: WireTransaction[] };
    };
    const request = score
      ? scoreRequest(score.transactions.map(toTransaction), false, false, traceparent ?? null)
      : statusRequest(false, traceparent ?? null);
    const expected = 'deadline_us' in value! ? hex : hex.replace(/^0801/, '08011001');
    assert.equal(sent(request, Number(deadline_us) / 1000, token ?? ''), expected);
  });

  it('are the bytes of the other calls', () => {
    const expect = (name: string, request: Request): void => {
      const { value, hex } = load(name);
      const { deadline_us = '1' } = value as { deadline_us?: string };
      const expected = 'deadline_us' in value! ? hex : hex.replace(/^0801/, '08011001');
      assert.equal(sent(request, Number(deadline_us) / 1000), expected, name);
    };
    const reported = load('request_report_outcome.json').value as {
      report_outcome: {
        outcomes: { transaction_id: string; label?: string; known_time_us?: string; source?: string }[];
      };
    };
    const outcomeList = reported.report_outcome.outcomes.map((one) => {
      const label = (one.label ?? 'LABEL_NONE').slice('LABEL_'.length).toLowerCase() as Label;
      return {
        transactionId: one.transaction_id,
        label,
        ...(one.known_time_us === undefined ? {} : { knownTimeUs: Number(one.known_time_us) }),
        ...(one.source === undefined ? {} : { source: one.source }),
      };
    });
    expect('request_report_outcome.json', outcomeRequest(outcomeList, null));
    const asked = load('request_get_entity.json').value as {
      get_entity: { entity: string; key: string[]; at_time_us?: string };
    };
    const { entity: name, key, at_time_us } = asked.get_entity;
    const at = at_time_us === undefined ? undefined : Number(at_time_us);
    expect('request_get_entity.json', entityRequest(name, key, at, null));
    expect('request_status.json', statusRequest(false, null));
    expect('request_status_hash.json', statusRequest(true, null));
  });

  const good: Transaction = { id: 't', eventTimeUs: 1 };
  const request = (transaction: Transaction): Request => scoreRequest([transaction], false, false, null);

  it('refuses what a field cannot hold, with the field', () => {
    const wrong: [Partial<Transaction>, string][] = [
      [{ eventTimeUs: 1.5 }, 'event_time_us'],
      [{ eventTimeUs: 2 ** 53 }, 'event_time_us'],
      [{ eventTimeUs: NaN }, 'event_time_us'],
      [{ amountMinor: 12.99 }, 'amount_minor'],
      [{ amountMinor: Infinity }, 'amount_minor'],
      [{ card: '\ud800' }, 'card'],
      [{ location: { latitude: 300, longitude: 0 } }, 'location'],
      [{ location: { latitude: NaN, longitude: 0 } }, 'location'],
      [{ attributes: { items: 2n ** 63n } }, 'items'],
      [{ attributes: { items: -(2n ** 63n) - 1n } }, 'items'],
      [{ attributes: { items: { integer: 1.5 } } }, 'items'],
      [{ attributes: { since: new Date(NaN) } }, 'since'],
      [{ attributes: { note: '\udfff' } }, 'note'],
    ];
    for (const [part, field] of wrong) {
      assert.throws(
        () => request({ ...good, ...part }),
        (error: HarrierError) => error instanceof InvalidError && error.field === field && error.decided === false,
        field,
      );
    }
  });

  it('refuses wrong types as the language does', () => {
    for (const wrong of [
      { ...good, id: 7 },
      { ...good, eventTimeUs: '1' },
      { ...good, amountMinor: '12.99' },
      { ...good, card: null },
      { ...good, attributes: { a: null } },
      { ...good, attributes: { a: {} } },
    ]) {
      assert.throws(() => request(wrong as unknown as Transaction), TypeError, JSON.stringify(wrong));
    }
    assert.throws(() => scoreRequest('t' as unknown as Transaction[], false, false, null), TypeError);
    assert.throws(() => outcomeRequest([{ transactionId: 't', label: 'good' as Label }], null), TypeError);
  });

  it('write, or not: a standby answers the others itself', () => {
    const write = [request(good), outcomeRequest([{ transactionId: 't', label: 'fraud' }], null)];
    write.push(changeRequest([{ list: 'l', value: 'v' }], null));
    write.push(amendRequest([{ transactionId: 't', kind: 'void' }], null));
    const read = [scoreRequest([good], true, false, null), statusRequest(false, null), reloadRequest(true, null)];
    read.push(entityRequest('card', 'c', undefined, null), listRequest('', undefined, undefined, null));
    read.push(explainRequest('t', null));
    assert.ok(write.every((one) => one.writes));
    assert.ok(read.every((one) => !one.writes));
  });

  it('refuses too few, too many and too much', () => {
    assert.throws(() => scoreRequest([], false, false, null), InvalidError);
    assert.throws(() => scoreRequest(new Array<Transaction>(1001).fill(good), false, false, null), TooLargeError);
    const large = { ...good, attributes: { note: 'x'.repeat(2 << 20) } };
    assert.throws(() => request(large), TooLargeError);
  });

  it('sends attributes by their type, never by their value', () => {
    const attributes = { double: 3, int: 3n, counted: { integer: 3 }, at: new Date(1), flag: false, text: '' };
    const decoded = RequestType.toObject(RequestType.decode(request({ ...good, attributes }).body), {
      longs: String,
    }) as {
      score: { transactions: { attributes: WireAttribute[] }[] };
    };
    assert.deepEqual(decoded.score.transactions[0]!.attributes, [
      { name: 'double', number: 3 },
      { name: 'int', integer: '3' },
      { name: 'counted', integer: '3' },
      { name: 'at', integer: '1000' },
      { name: 'flag', flag: false },
      { name: 'text', text: '' },
    ]);
  });
});

function answer(name: string): Buffer {
  return Buffer.from(load(name).hex, 'hex');
}

const anyScore = (count: number): Request => {
  return scoreRequest(
    Array.from({ length: count }, (_, index) => ({ id: `t${index}`, eventTimeUs: 1 })),
    false,
    false,
    null,
  );
};

/** A field of a JSON value, for comparison. */
function camel(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

for (const file of ['response_score.json', 'response_score_failed_rules.json', 'response_score_arm.json']) {
  it(`answers are the values of ${file}`, () => {
    const { value } = load(file) as unknown as {
      value: { score: { results: { decision?: Record<string, unknown>; error?: Record<string, unknown> }[] } };
    };
    const results = value.score.results;
    const got = decisions(decodeResponse(answer(file), anyScore(results.length)));
    for (const [index, expected] of results.entries()) {
      const result = got[index]!;
      if (result instanceof HarrierError) {
        assert.deepEqual(
          [`ERROR_${result.code.toUpperCase()}`, result.field, result.message],
          [expected.error?.code, expected.error?.field ?? '', expected.error?.message ?? ''],
        );
        continue;
      }
      const decision = expected.decision!;
      assert.equal(result.arm, ((decision.arm as string | undefined) ?? 'ARM_').slice('ARM_'.length).toLowerCase());
      for (const name of [
        'transaction_id',
        'score',
        'degraded',
        'degraded_reason',
        'duplicate',
        'dry_run',
        'server_us',
      ]) {
        if (name in decision) {
          assert.equal(result[camel(name) as keyof typeof result], decision[name], name);
        }
      }
      assert.equal(result.verdict.toUpperCase(), String(decision.verdict).slice('VERDICT_'.length));
      assert.equal(result.position, Number(decision.position ?? 0));
      for (const [mine, name] of [
        ['snapshotId', 'snapshot_id'],
        ['generationId', 'generation_id'],
      ] as const) {
        // Exact where a number would not be.
        assert.equal(BigInt(`0x${result[mine]}`), BigInt((decision[name] as string | undefined) ?? 0));
        assert.equal(result[mine].length, 16);
      }
      const reasons = (decision.reasons ?? []) as { rule: string; text?: string; score?: number; verdict?: string }[];
      assert.deepEqual(
        result.reasons.map(({ rule, text, score, verdict }) => [rule, text, score, verdict]),
        reasons.map(({ rule, text = '', score = 0, verdict }) => {
          return [rule, text, score, verdict?.slice('VERDICT_'.length).toLowerCase() ?? null];
        }),
      );
      const features = (decision.features ?? []) as Record<string, unknown>[];
      assert.deepEqual(
        Object.keys(result.features),
        features.map((one) => one.name),
      );
      assert.deepEqual(result.failedRules, decision.failed_rules ?? []);
    }
  });
}

describe('answers', () => {
  it('keep whole numbers exact', () => {
    const features = [
      { name: 'small', integer: '-3' },
      { name: 'great', integer: '9223372036854775807' },
      { name: 'least', integer: '-9223372036854775808' },
      { name: 'edge', integer: '9007199254740991' },
      { name: 'over', integer: '9007199254740993' },
      { name: 'when', timestamp_us: '1767225600123456' },
      { name: 'long', duration_us: '-5' },
      { name: 'absent' },
      { name: '__proto__', flag: true },
    ];
    const decision = { transaction_id: 't', verdict: 1, snapshot_id: '18446744073709551615', features };
    const bytes = ResponseType.encode(ResponseType.fromObject({ score: { results: [{ decision }] } })).finish();
    const [got] = decisions(decodeResponse(bytes, anyScore(1)));
    assert.ok(got && !(got instanceof HarrierError));
    assert.equal(got.snapshotId, 'f'.repeat(16));
    assert.deepEqual(Object.entries(got.features), [
      ['small', -3],
      ['great', 9223372036854775807n],
      ['least', -9223372036854775808n],
      ['edge', 9007199254740991],
      ['over', 9007199254740993n],
      ['when', { timestampUs: 1767225600123456 }],
      ['long', { durationUs: -5 }],
      ['absent', null],
      ['__proto__', true],
    ]);
  });

  it('are the values of the other calls', () => {
    const accepted = load('response_report_outcome.json').value as unknown as {
      report_outcome: { results: { accepted?: { transaction_id: string; position?: string; changed?: boolean } }[] };
    };
    const asked = outcomeRequest(
      accepted.report_outcome.results.map(() => ({ transactionId: 't', label: 'fraud' as const })),
      null,
    );
    const got = outcomes(decodeResponse(answer('response_report_outcome.json'), asked));
    for (const [index, { accepted: expected }] of accepted.report_outcome.results.entries()) {
      const one = got[index]!;
      assert.equal(one instanceof HarrierError, expected === undefined);
      if (!(one instanceof HarrierError) && expected) {
        assert.equal(one.transactionId, expected.transaction_id);
        assert.equal(one.position, Number(expected.position ?? 0));
        assert.equal(one.changed, expected.changed ?? false);
      }
    }
    const found = load('response_get_entity.json').value as unknown as {
      get_entity: { features: { name: string }[]; newest_time_us: string; state_hash: string; entries: string };
    };
    const entityGot = entity(
      decodeResponse(answer('response_get_entity.json'), entityRequest('card', 'c', undefined, null)),
    );
    assert.equal(entityGot.newestTimeUs, Number(found.get_entity.newest_time_us));
    assert.equal(BigInt(`0x${entityGot.stateHash}`), BigInt(found.get_entity.state_hash));
    assert.equal(entityGot.entries, Number(found.get_entity.entries));
    assert.equal(Object.keys(entityGot.features).length, found.get_entity.features.length);
    const said = load('response_status.json').value as unknown as { status: Record<string, unknown> };
    const statusGot = status(decodeResponse(answer('response_status.json'), statusRequest(false, null)));
    for (const [mine, theirs] of Object.entries(said.status)) {
      const key = camel(mine) as keyof typeof statusGot;
      if (key in statusGot && key !== 'brakes' && key !== 'sources' && !/_(id|hash)$/.test(mine)) {
        assert.equal(String(statusGot[key]), String(theirs), mine);
      }
    }
    assert.equal(BigInt(`0x${statusGot.snapshotId}`), BigInt(said.status.snapshot_id as string));
    const counted = status(decodeResponse(answer('response_status_sources.json'), statusRequest(false, null)));
    assert.equal(counted.otherSourceTransactions, 12);
    const none = { gaps: 0, missed: 0, late: 0, repeats: 0, restarts: 0, missing: [] };
    assert.deepEqual(counted.sources, [
      {
        source: 'checkout-3',
        transactions: 2000,
        lastReceiveTimeUs: 1767225600200000,
        first: 1,
        highest: 2004,
        gaps: 2,
        missed: 4,
        late: 1,
        repeats: 3,
        restarts: 1,
        missing: [
          { first: 5, last: 6 },
          { first: 9, last: 9 },
        ],
      },
      { source: 'shop', transactions: 1, lastReceiveTimeUs: 0, first: 0, highest: 0, ...none },
    ]);
    const braked = status(decodeResponse(answer('response_status_brakes.json'), statusRequest(false, null)));
    assert.equal(braked.brakeCount, 2);
    assert.deepEqual(braked.brakes, [
      {
        rule: 'night_spree',
        definition: '0102030405060708',
        applies: true,
        pulledTimeUs: 1,
        position: 17,
        source: '',
        reason: '12 of 400 decisions, at_most 2% per 10m',
      },
      {
        rule: '',
        definition: '0000000000000007',
        applies: false,
        pulledTimeUs: 2,
        position: 18,
        source: 'analyst:7',
        reason: 'a sale',
      },
    ]);
    const node = { node: 'harrier-2', primary: 'tcp://10.1.0.5:7130', committed_position: 2 ** 52 };
    const nodeGot = status(decodeResponse(encode({ status: node }), statusRequest(false, null)));
    assert.deepEqual([nodeGot.node, nodeGot.primary, nodeGot.committedPosition], Object.values(node));
  });

  it('are those of a standby only with its code', () => {
    const refused = (error: Record<string, unknown>): string | null => {
      return standbyAnswer(decodeResponse(encode({ error }), anyScore(1)));
    };
    assert.equal(refused({ code: 'ERROR_NOT_PRIMARY' }), '');
    assert.equal(refused({ code: 'ERROR_UNAVAILABLE', primary: 'tcp://10.1.0.5:7130' }), null);
    assert.equal(standbyAnswer(decodeResponse(answer('response_status.json'), statusRequest(false, null))), null);
  });

  for (const name of names.filter((one) => one.startsWith('response_error_'))) {
    it(`are the error of ${name}`, () => {
      const { value } = load(name) as unknown as {
        value: { error: { code: string; field?: string; message?: string; primary?: string } };
      };
      const response = decodeResponse(answer(name), anyScore(1));
      const error = responseError(response)!;
      const isStandby = value.error.code === 'ERROR_NOT_PRIMARY';
      assert.equal(standbyAnswer(response), isStandby ? value.error.primary : null);
      // All that a caller may see of a standby.
      const code = isStandby ? 'ERROR_UNAVAILABLE' : value.error.code;
      assert.equal(`ERROR_${error.code.toUpperCase()}`, code);
      assert.equal(error.field, value.error.field ?? '');
      assert.equal(error.message, value.error.message ?? '');
      assert.equal(error.decided, error.code === 'internal' ? 'unknown' : false);
      assert.ok(error instanceof Error && error.name.endsWith('Error') && error.stack);
    });
  }

  it('that are none are refused', () => {
    const refused = (bytes: Buffer): void => {
      assert.throws(
        () => decisions(decodeResponse(bytes, anyScore(1))),
        (error: HarrierError) => error instanceof ProtocolError && error.decided === 'unknown',
      );
    };
    refused(answer('refused_response_verdict.json'));
    refused(answer('refused_response_empty.json'));
    refused(answer('response_status.json'));
    refused(answer('response_explain.json'));
    const whole = answer('response_score.json');
    for (let length = 0; length < whole.length; length++) {
      refused(whole.subarray(0, length));
    }
  });
});
