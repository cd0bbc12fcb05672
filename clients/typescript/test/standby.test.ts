/** The client against the servers of a cluster: it finds the primary. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { Client, type ClientOptions, HarrierError, type Transaction, UnavailableError } from '../src/index.js';
import { approve, FakeServer, makeFolder, unavailable, until, type Answer, type Asked } from './fake_server.js';

const LONG_MS = 60_000;

let folder: ReturnType<typeof makeFolder>;
let closing: { close: () => Promise<void> }[] = [];
let reported: string[] = [];
beforeEach(() => {
  folder = makeFolder();
  reported = [];
});
afterEach(async () => {
  for (const one of closing.reverse()) {
    await one.close();
  }
  closing = [];
  folder.remove();
});

async function serve(name: string, answer: FakeServer['answer'] = approve): Promise<FakeServer> {
  const server = await FakeServer.ipc(join(folder.path, `${name}.sock`), answer);
  closing.push(server);
  return server;
}

/** A client that is connected to all of them. */
async function open(servers: FakeServer[], options: Partial<ClientOptions> = {}): Promise<Client> {
  const report = (name: string, value: number, labels: Readonly<Record<string, string>>): void => {
    reported.push(`${name} ${value} ${Object.values(labels).join()}`);
  };
  const metrics = { count: report, observe: report, set: report };
  const addresses = servers.map((server) => server.address);
  const client = new Client({ addresses, deadlineMs: LONG_MS, metrics, ...options });
  closing.push(client);
  await until(() => times('harrier_client_address_up 1') === servers.length, 'connected to all');
  return client;
}

function times(start: string): number {
  return reported.filter((one) => one.startsWith(start)).length;
}

function transaction(number: number): Transaction {
  return { id: `t${number}`, eventTimeUs: 1767225600_000_000 + number };
}

/** It answers itself what only reads, and refuses a dry run, too, as it may. */
function standby(primary = ''): (asked: Asked) => Answer {
  return (asked) => {
    if (asked.status) {
      return { status: { state: 'standby', node: 'n2', primary, committed_position: 41 } };
    }
    return { error: { code: 'ERROR_NOT_PRIMARY', message: 'a standby', primary } };
  };
}

/** A standby that becomes the primary with the n-th score. */
function promotedAt(count: number): (asked: Asked) => Answer {
  let scores = 0;
  return (asked) => (asked.score && ++scores < count ? standby()(asked) : approve(asked));
}

/** The error of a call that finds no primary, with a deadline that leaves time for an answer on this machine. */
async function inVain(client: Client): Promise<HarrierError> {
  for (let deadlineMs = 300; ; deadlineMs *= 2) {
    const begun = performance.now();
    const error: unknown = await client.score(transaction(1), { deadlineMs }).catch((reason: unknown) => reason);
    assert.ok(error instanceof HarrierError, String(error));
    assert.ok(performance.now() - begun >= deadlineMs - 2, 'not until the deadline');
    if (deadlineMs > LONG_MS || (error.code === 'unavailable' && error.message.includes('primary'))) {
      return error;
    }
  }
}

describe('a cluster', () => {
  it('gets its calls at the primary, whichever that is', async () => {
    const [first, second] = [await serve('a'), await serve('b')];
    const client = await open([first, second]);
    first.answer = standby(second.address);
    for (const number of [1, 2, 3]) {
      await client.score(transaction(number));
    }
    assert.deepEqual([first.of('score').length, second.of('score').length], [1, 3]);
    await client.reportOutcome({ transactionId: 't1', label: 'fraud' });
    await client.amend({ transactionId: 't1', kind: 'void' });
    assert.deepEqual([first.of('amend').length, second.of('amend').length], [0, 1]);
    assert.equal((await client.status()).state, 'ready', 'calls that only read go the same way');
    first.answer = approve;
    second.answer = standby(first.address);
    await client.scoreMany([transaction(4), transaction(5)]);
    await client.score(transaction(6));
    assert.deepEqual([first.of('score').length, second.of('score').length], [3, 4]);
  });

  it('is waited for during a take-over, without using up retries', async () => {
    const [first, second] = [await serve('a', standby()), await serve('b', promotedAt(4))];
    const client = await open([first, second], { retriesMax: 0, ejectAfter: 2 });
    await client.score(transaction(1));
    // In turn: either may have become the primary.
    assert.deepEqual([first.of('score').length, second.of('score').length], [4, 4]);
    assert.equal(times('harrier_client_retries_total 1 not_primary'), 7);
    assert.equal(times('harrier_client_ejections_total'), 0);
    await client.score(transaction(2));
    assert.deepEqual([first.of('score').length, second.of('score').length], [4, 5]);
  });

  it('loses the mark of its primary with whatever that answers', async () => {
    const answers: Answer[] = [
      { report_outcome: { results: [{ accepted: { transaction_id: 't1', changed: true } }] } },
      { error: { code: 'ERROR_NOT_FOUND', message: 'no such transaction' } },
      { error: { code: 'ERROR_UNAVAILABLE', message: 'it is not ready' } },
      Buffer.from([0xff]),
    ];
    for (const [index, answer] of answers.entries()) {
      const first = await serve(`a${index}`, standby());
      let asked = 0;
      const second = await serve(`b${index}`, (request) => (++asked < 3 ? standby()(request) : answer));
      reported = [];
      const client = await open([first, second], { retriesMax: 0 });
      const reporting = client.reportOutcome({ transactionId: 't1', label: 'fraud' });
      await reporting.catch((error: unknown) => {
        assert.ok(error instanceof HarrierError && index > 0, String(error));
      });
      const before = first.asked.length;
      second.answer = approve;
      await client.score(transaction(2));
      assert.equal(first.asked.length, before, `the primary is still marked after answer ${index}`);
    }
  });

  it('is found by an amendment, which takes the mark off whoever accepts it', async () => {
    const [first, second] = [await serve('a', standby()), await serve('b')];
    let asked = 0;
    second.answer = (request) => (++asked < 3 ? standby()(request) : approve(request));
    const client = await open([first, second], { retriesMax: 0 });
    const { changed } = await client.amend({ transactionId: 't1', kind: 'refund', amountMinor: 300 });
    assert.ok(changed);
    assert.deepEqual([first.of('amend').length, second.of('amend').length], [3, 3]);
    assert.equal(times('harrier_client_retries_total 1 not_primary'), 5);
    assert.equal(times('harrier_client_calls_total 1 amend,ok'), 1);
    await client.score(transaction(1));
    assert.deepEqual([first.of('score').length, second.of('score').length], [0, 1]);
  });

  it('keeps its marks when a standby answers what only reads', async () => {
    const [first, second] = [await serve('a'), await serve('b')];
    const client = await open([first, second]);
    first.answer = standby(second.address);
    await client.score(transaction(1));
    second.breakConnections();
    await client.status();
    await until(() => times(`harrier_client_address_up 1 ${second.address}`) === 2, 'connected again');
    await client.score(transaction(2));
    assert.equal(first.of('score').length, 1);
  });

  it('without a primary is unavailable at the deadline, and nothing was decided', async () => {
    const elsewhere = await serve('elsewhere');
    const server = await serve('a', standby(elsewhere.address));
    const client = await open([server], { retriesMax: 0 });
    const error = await inVain(client);
    assert.ok(error instanceof UnavailableError);
    assert.equal(error.decided, false);
    assert.ok(error.message.includes(`no server at ${server.address} was the primary`), error.message);
    assert.ok(error.message.includes(`${elsewhere.address}, which is not among the addresses`), error.message);
    assert.equal(elsewhere.connections, 0, 'an address outside of the list gets no connection');
  });

  it('whose primary is not ready is waited for there', async () => {
    const [first, second] = [await serve('a'), await serve('b')];
    const client = await open([first, second]);
    first.answer = standby(second.address);
    await client.score(transaction(1));
    let refused = 0;
    second.answer = (asked) => (++refused <= 2 ? unavailable() : approve(asked));
    await client.score(transaction(2));
    assert.deepEqual([first.of('score').length, second.of('score').length], [1, 4]);
  });

  it('reports who decides in its status', async () => {
    const client = await open([await serve('a', standby('tcp://10.1.0.5:7130'))]);
    const { state, node, primary, committedPosition } = await client.status();
    assert.deepEqual([state, node, primary, committedPosition], ['standby', 'n2', 'tcp://10.1.0.5:7130', 41]);
  });

  it('probes a standby with success', async () => {
    const [first, second] = [await serve('a', () => null), await serve('b')];
    const client = await open([first, second], { ejectAfter: 1 });
    while (times('harrier_client_ejections_total') === 0) {
      await client.score(transaction(1), { deadlineMs: 100 }).catch(() => undefined);
    }
    first.answer = standby(second.address);
    const isUpAgain = (): boolean => times(`harrier_client_address_up 1 ${first.address}`) === 2;
    for (const end = Date.now() + LONG_MS; !isUpAgain() && Date.now() < end;) {
      await client.score(transaction(2)); // probes begin with calls
      await new Promise((done) => setTimeout(done, 20));
    }
    assert.ok(isUpAgain());
    assert.equal(first.of('status').length, 1);
  });

  it('may refuse a single transaction of a call', async () => {
    const refused = { error: { code: 'ERROR_NOT_PRIMARY', message: 'a standby' } };
    const client = await open([await serve('a', () => ({ score: { results: [refused] } }))]);
    const [result] = await client.scoreMany([transaction(1)]);
    assert.ok(result instanceof UnavailableError && result.decided === false);
  });

  it('lets a call be left, and be ended by closing', async () => {
    const server = await serve('a', standby());
    const client = await open([server]);
    const leave = new AbortController();
    const left = client.score(transaction(1), { signal: leave.signal });
    const ended = client.score(transaction(2));
    await until(() => server.of('score').length > 10, 'both search');
    leave.abort(new Error('the customer is gone'));
    await assert.rejects(left, /the customer is gone/);
    const closed = client.close(20);
    await assert.rejects(ended, (error: HarrierError) => error.code === 'closed');
    await closed;
  });
});
