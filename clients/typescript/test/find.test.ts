/** find(): its bytes, what it refuses to send, and what it makes of answers. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { decodeResponse } from '../src/decode.js';
import { findings, findRequest } from '../src/find_codec.js';
import { InvalidError, ProtocolError, type Findings, type FindQuery, type HarrierError } from '../src/index.js';
import { encode, type Message } from './fake_server.js';

const CASES = join(process.cwd(), '../../tests/cases/wire');
const QUERY: FindQuery = {
  fromUs: 1767225600000000,
  untilUs: 1767312000000000,
  receivedFromUs: 1767225600000001,
  receivedUntilUs: 1767312000000001,
  verdicts: ['review', 'decline'],
  score: { min: 0, max: 1000 },
  amountMinor: { min: 100, max: 9999999999999 },
  currency: 'EUR',
  rule: 'many',
  shadow: true,
  keys: { card: 'c_1', ip: '192.0.2.1' },
  labels: ['none', 'fraud'],
  transactionId: 't-1',
  limit: 1000,
  cursor: '000000000004afb2c941a33c3ba07dca',
};

function hexOf(name: string): string {
  return (JSON.parse(readFileSync(join(CASES, `${name}.json`), 'utf8')) as { hex: string }).hex;
}

function read(bytes: Uint8Array): Findings {
  return findings(decodeResponse(Buffer.from(bytes), findRequest({}, null)));
}

describe('find', () => {
  it('sends the bytes of the case', () => {
    const request = findRequest(QUERY, null);
    const out = Buffer.alloc(request.sizeMax);
    const sent = out.subarray(0, request.write(out, 0, 0.001, '')).toString('hex');
    assert.equal(sent, hexOf('request_find').replace(/^0801/, '08011001'));
    assert.equal(request.writes, false);
  });

  it('refuses what a field cannot hold, with the field', () => {
    const wrong: [FindQuery, string][] = [
      [{ fromUs: 1.5 }, 'from_us'],
      [{ receivedUntilUs: 2 ** 53 }, 'received_until_us'],
      [{ score: { min: -1, max: 1 } }, 'score'],
      [{ amountMinor: { min: 0, max: 2 ** 53 } }, 'amount'],
      [{ rule: '\ud800' }, 'rule'],
      [{ keys: { card: '\ud800' } }, 'card'],
      [{ limit: -1 }, 'limit'],
    ];
    for (const [query, field] of wrong) {
      assert.throws(
        () => findRequest(query, null),
        (error: HarrierError) => error instanceof InvalidError && error.field === field,
        field,
      );
    }
    for (const query of [{ verdicts: ['no'] }, { labels: ['no'] }, { keys: { carte: 'c' } }, { shadow: 'yes' }]) {
      assert.throws(() => findRequest(query as unknown as FindQuery, null), TypeError, JSON.stringify(query));
    }
  });

  it('reads every field of the case', () => {
    const page = read(Buffer.from(hexOf('response_find'), 'hex'));
    const [first, second] = page.transactions;
    assert.deepEqual([page.cursor, page.incomplete], ['0000000000000003c941a33c3ba07dca', true]);
    assert.deepEqual(first!.transaction, {
      id: 't-2',
      eventTimeUs: 1767225600000000,
      amountMinor: 500,
      currency: 'EUR',
      card: 'c_1',
    });
    const { verdict, score, position } = first!.decision;
    assert.deepEqual([verdict, score, position], ['decline', 900, 7]);
    assert.deepEqual([first!.receiveTimeUs, first!.label], [1767225600000100, 'fraud']);
    assert.deepEqual(
      [first!.outcomeReceiveTimeUs, first!.outcomeKnownTimeUs, first!.amendedTimeUs],
      [1767312000000000, 1767311000000000, 1767313000000000],
    );
    assert.deepEqual(first!.amended, { voided: true, amountMinor: 500, refundedMinor: 0 });
    assert.deepEqual([second!.transaction.id, second!.label, second!.amended], ['t-1', 'none', null]);
    assert.deepEqual(read(encode({ find: {} })), { transactions: [], cursor: '', incomplete: false });
  });

  it('does not guess', () => {
    const decision = { transaction_id: 't', verdict: 'VERDICT_APPROVE' };
    const good: Message = { transaction: { id: 't', event_time_us: 1 }, decision };
    for (const part of [{ transaction: null }, { decision: null }, { label: 9 }]) {
      const bytes = encode({ find: { transactions: [{ ...good, ...part }] } });
      assert.throws(() => read(bytes), ProtocolError, JSON.stringify(part));
    }
  });
});
