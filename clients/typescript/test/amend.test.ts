/** Amendments: what is sent, held against a second protobuf implementation (reflection), what is refused, and what answers become. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { amendments as decoded, decodeResponse } from '../src/decode.js';
import { amendRequest } from '../src/encode.js';
import {
  AMENDMENT_KINDS,
  Client,
  HarrierError,
  InvalidError,
  NotFoundError,
  ProtocolError,
  TooLargeError,
  UnavailableError,
  type Amendment,
  type AmendmentAccepted,
  type ClientOptions,
} from '../src/index.js';
import { approve, encode, FakeServer, makeFolder, RequestType, unavailable, type Message } from './fake_server.js';

const LONG_MS = 60_000;
const AMOUNT_MAX = 10 ** 13 - 1;
const VOID: Amendment = { transactionId: 't1', kind: 'void' };

/** What a server reads of them. */
function sent(amendments: Amendment[]): Message[] {
  const request = amendRequest(amendments, null);
  assert.deepEqual([request.call, request.count, request.writes], ['amend', amendments.length, true]);
  const read = RequestType.toObject(RequestType.decode(request.body), { longs: String, enums: String });
  return (read as { amend: { amendments: Message[] } }).amend.amendments;
}

function read(results: Message[]): (AmendmentAccepted | HarrierError)[] {
  const request = amendRequest(new Array<Amendment>(results.length).fill(VOID), null);
  return decoded(decodeResponse(encode({ amend: { results } }), request));
}

describe('amendments that are sent', () => {
  it('have every field, and their order', () => {
    const all: Amendment = {
      transactionId: 'häßlich',
      kind: 'capture',
      amountMinor: AMOUNT_MAX,
      knownTimeUs: 1767312000_000_000,
      source: 'settlement-feed',
    };
    assert.deepEqual(sent([all, VOID, { transactionId: 't2', kind: 'refund', amountMinor: 300 }]), [
      {
        transaction_id: 'häßlich',
        kind: 'AMENDMENT_CAPTURE',
        amount_minor: String(AMOUNT_MAX),
        known_time_us: '1767312000000000',
        source: 'settlement-feed',
      },
      { transaction_id: 't1', kind: 'AMENDMENT_VOID' },
      { transaction_id: 't2', kind: 'AMENDMENT_REFUND', amount_minor: '300' },
    ]);
  });

  it('have a name for every kind', () => {
    const kinds = RequestType.root.lookupEnum('harrier.v1.AmendmentKind').values;
    const known = Object.keys(kinds).filter((name) => name !== 'AMENDMENT_UNSPECIFIED');
    assert.deepEqual(
      sent(AMENDMENT_KINDS.map((kind) => ({ transactionId: 't', kind }))).map(({ kind }) => kind),
      known,
    );
  });

  it('are 1 to 1,000', () => {
    const many = (count: number): Amendment[] => new Array<Amendment>(count).fill(VOID);
    assert.equal(sent(many(1000)).length, 1000);
    for (const [count, kind] of [
      [0, InvalidError],
      [1001, TooLargeError],
    ] as const) {
      assert.throws(
        () => amendRequest(many(count), null),
        (error: HarrierError) => error instanceof kind && error.field === 'amendments' && error.decided === false,
      );
    }
    const long = { ...VOID, source: 'x'.repeat(3000) };
    assert.throws(() => amendRequest(new Array<Amendment>(1000).fill(long), null), TooLargeError);
  });

  it('are refused, with the field, if a field cannot hold it', () => {
    const wrong: [Partial<Amendment>, string][] = [
      [{ transactionId: '\ud800' }, 'transaction_id'],
      [{ amountMinor: 12.99 }, 'amount_minor'],
      [{ amountMinor: NaN }, 'amount_minor'],
      [{ amountMinor: 2 ** 53 }, 'amount_minor'],
      [{ knownTimeUs: 1.5 }, 'known_time_us'],
      [{ source: 'x\udfff' }, 'source'],
    ];
    for (const [part, field] of wrong) {
      assert.throws(
        () => amendRequest([VOID, { ...VOID, ...part }], null),
        (error: HarrierError) => error instanceof InvalidError && error.field === field && error.decided === false,
        field,
      );
    }
    for (const part of [
      { kind: 'none' },
      { kind: undefined },
      { transactionId: 7 },
      { amountMinor: '300' },
      { knownTimeUs: new Date() },
      { source: null },
    ]) {
      const bad = { ...VOID, ...part } as unknown as Amendment;
      assert.throws(() => amendRequest([bad], null), TypeError, JSON.stringify(part));
    }
    assert.throws(() => amendRequest('t1' as unknown as Amendment[], null), TypeError);
  });
});

describe('answers to amendments', () => {
  it('say what changed, or why not', () => {
    const results = read([
      {
        accepted: {
          transaction_id: 't1',
          position: '77',
          changed: true,
          previous: { amount_minor: String(AMOUNT_MAX) },
          now: { amount_minor: '4500', refunded_minor: '300' },
        },
      },
      { accepted: { transaction_id: 't2', previous: { voided: true }, now: { voided: true } } },
      { error: { code: 'ERROR_INVALID', field: 'amount_minor', message: '9000 refunded of 4500' } },
      { accepted: {} },
    ]);
    assert.deepEqual(results[0], {
      transactionId: 't1',
      position: 77,
      changed: true,
      previous: { voided: false, amountMinor: AMOUNT_MAX, refundedMinor: 0 },
      now: { voided: false, amountMinor: 4500, refundedMinor: 300 },
    });
    const voided = { voided: true, amountMinor: 0, refundedMinor: 0 };
    assert.deepEqual(results[1], {
      transactionId: 't2',
      position: 0,
      changed: false,
      previous: voided,
      now: voided,
    });
    const refused = results[2];
    assert.ok(refused instanceof InvalidError);
    assert.deepEqual(
      [refused.field, refused.message, refused.decided],
      ['amount_minor', '9000 refunded of 4500', false],
    );
    const nothing = { voided: false, amountMinor: 0, refundedMinor: 0 };
    assert.deepEqual(results[3], { transactionId: '', position: 0, changed: false, previous: nothing, now: nothing });
  });

  it('are refused if they are none', () => {
    const one = amendRequest([VOID], null);
    const accepted = { accepted: { changed: true } };
    for (const answer of [
      { amend: { results: [{}] } },
      { amend: {} },
      { amend: { results: [accepted, accepted] } },
      { report_outcome: { results: [accepted] } },
    ]) {
      assert.throws(
        () => decoded(decodeResponse(encode(answer), one)),
        (error: HarrierError) => error instanceof ProtocolError && error.decided === 'unknown',
        JSON.stringify(answer),
      );
    }
  });
});

describe('amend()', () => {
  let folder: ReturnType<typeof makeFolder>;
  let server: FakeServer;
  let clients: Client[] = [];
  let counted: string[] = [];
  beforeEach(async () => {
    folder = makeFolder();
    server = await FakeServer.ipc(join(folder.path, 'server.sock'));
    counted = [];
  });
  afterEach(async () => {
    await Promise.all(clients.map((client) => client.close(0)));
    clients = [];
    await server.close();
    folder.remove();
  });
  const open = (options: Partial<ClientOptions> = {}): Client => {
    const metrics = {
      count: (name: string, _: number, labels: object): void => void counted.push(`${name} ${JSON.stringify(labels)}`),
      observe: (): void => undefined,
      set: (): void => undefined,
    };
    const client = new Client({ addresses: server.address, deadlineMs: LONG_MS, metrics, ...options });
    clients.push(client);
    return client;
  };

  it('resolves with what changed, or fails with its error', async () => {
    const client = open();
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    const { transactionId, position, changed } = await client.amend(VOID, { traceparent });
    assert.deepEqual([transactionId, position, changed], ['t1', 8, true]);
    assert.deepEqual(server.asked[0]!.amend, { amendments: [{ transaction_id: 't1', kind: 'AMENDMENT_VOID' }] });
    assert.equal(server.asked[0]!.traceparent, traceparent);
    const missing = { error: { code: 'ERROR_NOT_FOUND', field: 'transaction_id', message: 'not scored' } };
    server.answer = () => ({ amend: { results: [missing] } });
    await assert.rejects(client.amend(VOID), NotFoundError);
    const [result] = await client.amendMany([VOID]);
    assert.ok(result instanceof NotFoundError && result.field === 'transaction_id');
    // An amendment's error is not the call's.
    assert.deepEqual(counted, new Array(3).fill('harrier_client_calls_total {"call":"amend","result":"ok"}'));
  });

  it('sends nothing that it refuses', async () => {
    const client = open();
    await assert.rejects(client.amendMany([]), InvalidError);
    await assert.rejects(client.amendMany(new Array<Amendment>(1001).fill(VOID)), TooLargeError);
    await assert.rejects(client.amend({ ...VOID, kind: 'paid' as 'void' }), TypeError);
    await assert.rejects(client.amend(VOID, { deadlineMs: 0 }), InvalidError);
    assert.equal((await client.amend(VOID)).changed, true);
    assert.equal(server.of('amend').length, 1);
  });

  it('is sent again after a broken connection, and if the server is not available', async () => {
    let asked = 0;
    server.answer = (request) => [(): 'break' => 'break', unavailable, approve][asked++]!(request);
    assert.equal((await open().amend(VOID)).position, 8);
    assert.equal(server.of('amend').length, 3);
    const reasons = counted.filter((one) => one.startsWith('harrier_client_retries_total'));
    assert.deepEqual(reasons, [
      'harrier_client_retries_total {"reason":"connection"}',
      'harrier_client_retries_total {"reason":"unavailable"}',
    ]);
    server.answer = unavailable;
    await assert.rejects(open({ retriesMax: 0 }).amend(VOID), UnavailableError);
  });

  it('goes to another address if the first is not available', async () => {
    const other = await FakeServer.ipc(join(folder.path, 'other.sock'));
    try {
      server.answer = unavailable;
      const client = open({ addresses: [server.address, other.address] });
      assert.equal((await client.amend(VOID)).changed, true);
      assert.equal(other.of('amend').length, 1);
    } finally {
      await Promise.all(clients.splice(0).map((client) => client.close(0)));
      await other.close();
    }
  });

  it('ends at its deadline, and has no fallback', async () => {
    const client = open({ fallback: 'approve' });
    await client.amend(VOID);
    server.answer = () => null;
    const begun = performance.now();
    const error: unknown = await client.amend(VOID, { deadlineMs: 300 }).catch((reason: unknown) => reason);
    assert.ok(error instanceof HarrierError && error.code === 'deadline', String(error));
    assert.equal(error.decided, 'unknown');
    assert.ok(performance.now() - begun >= 298);
  });
});
