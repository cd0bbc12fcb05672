/** The client against a server on a socket. What all clients share is in tests/system/clients. */
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { after, afterEach, beforeEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect, promisify } from 'node:util';
import {
  Client,
  type ClientOptions,
  type Decision,
  type ErrorCode,
  HarrierError,
  type Transaction,
} from '../src/index.js';
import { approve, FakeServer, GREETING_REP, makeFolder, unavailable, until, type Asked } from './fake_server.js';

const LONG_MS = 20_000;
const TRACE = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

// A promise that nobody waits for, of whichever test.
const unhandled: unknown[] = [];
process.on('unhandledRejection', (reason) => unhandled.push(reason));
after(() => {
  assert.deepEqual(unhandled, []);
});

let folder: ReturnType<typeof makeFolder>;
let closing: { close: () => Promise<void> }[] = [];
beforeEach(() => {
  folder = makeFolder();
});
afterEach(async () => {
  for (const one of closing.reverse()) {
    await one.close();
  }
  closing = [];
  folder.remove();
});

async function serve(answer?: FakeServer['answer'], name = 'server'): Promise<FakeServer> {
  const server = await FakeServer.ipc(join(folder.path, `${name}.sock`), answer);
  closing.push(server);
  return server;
}

function open(addresses: ClientOptions['addresses'], options: Partial<ClientOptions> = {}): Client {
  const client = new Client({ addresses, deadlineMs: LONG_MS, ...options });
  closing.push(client);
  return client;
}

function transaction(number: number): Transaction {
  return { id: `t${number}`, eventTimeUs: 1767225600_000_000 + number, amountMinor: 100, currency: 'EUR', card: 'c1' };
}

async function fails(
  promise: Promise<unknown>,
  code: ErrorCode,
  decided: false | 'unknown' = false,
): Promise<HarrierError> {
  const error: unknown = await promise.then(
    () => assert.fail('it does not fail'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof HarrierError, String(error));
  assert.deepEqual([error.code, error.decided], [code, decided], error.message);
  return error;
}

function nothing(): null {
  return null;
}

describe('transports', () => {
  async function speaks(server: FakeServer, options: Partial<ClientOptions> = {}): Promise<void> {
    closing.push(server);
    const client = open(server.address, options);
    const decisions = await Promise.all(Array.from({ length: 300 }, (_, number) => client.score(transaction(number))));
    assert.deepEqual(
      decisions.map((decision) => decision.transactionId),
      Array.from({ length: 300 }, (_, number) => `t${number}`),
    );
    assert.equal(server.connections, 1);
    assert.equal(server.asked[0]!.protocol, 1);
  }

  it('ipc', async () => {
    await speaks(await FakeServer.ipc(join(folder.path, 's.sock')));
  });

  it('tcp', async () => {
    await speaks(await FakeServer.tcp());
  });

  it('tls, with certificates of both sides', async () => {
    const at = (name: string): string => join(folder.path, name);
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
    const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
    execFileSync('openssl', ['req', '-x509', ...newKey, '-keyout', at('key'), '-out', at('cert'), ...subject], {
      stdio: 'ignore',
    });
    const [key, cert] = [readFileSync(at('key')), readFileSync(at('cert'))];
    const server = await FakeServer.tcp(approve, { key, cert, ca: cert, requestCert: true, rejectUnauthorized: true });
    await speaks(server, { tls: { ca: cert, key, cert } });
    // A server that is not trusted gets nothing.
    const asked = server.asked.length;
    const error = await fails(open(server.address, { deadlineMs: 300 }).score(transaction(1)), 'unavailable');
    assert.match(error.message, /self.signed certificate/);
    assert.equal(server.asked.length, asked);
  });

  it('answers that come byte by byte', async () => {
    const server = await serve();
    server.dribble = 1;
    const client = open(server.address);
    const results = await client.scoreMany([transaction(1), transaction(2)]);
    assert.deepEqual(
      results.map((result) => (result as Decision).transactionId),
      ['t1', 't2'],
    );
  });

  it('requests larger than a socket takes at once', async () => {
    const server = await serve();
    const client = open(server.address);
    const attributes = { note: 'x'.repeat(1000) };
    const large = Array.from({ length: 1000 }, (_, number) => ({ ...transaction(number), attributes }));
    const results = await Promise.all([1, 2, 3, 4, 5, 6].map(() => client.scoreMany(large)));
    assert.ok(results.every((one) => one.length === 1000));
    assert.equal(
      server.asked.reduce((sum, asked) => sum + asked.score!.transactions.length, 0),
      6000,
    );
  });
});

describe('what is no server', () => {
  async function answers(bytes: Buffer, words: RegExp): Promise<void> {
    const path = join(folder.path, 'odd.sock');
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined).write(bytes);
    });
    await new Promise<void>((done) => server.listen(path, done));
    const client = open(`ipc://${path}`, { deadlineMs: 200 });
    const error = await client.score(transaction(1)).catch((reason: unknown) => reason);
    assert.ok(error instanceof HarrierError && error.code === 'unavailable');
    assert.match(error.message, words);
    assert.ok(sockets.size > 1, 'it tries again');
    await client.close();
    for (const socket of sockets) {
      socket.destroy();
    }
    await new Promise((done) => server.close(done));
  }

  it('greets otherwise', async () => {
    await answers(Buffer.from('HTTP/1.1 400 Bad Request'), /greets with/);
  });

  it('announces more than an answer can have', async () => {
    await answers(Buffer.concat([GREETING_REP, Buffer.from('01000000ffffffffff', 'hex')]), /broke|announces a message/);
  });
});

describe('a call', () => {
  it('has its own deadline, and a late answer is nobody’s', async () => {
    const server = await serve(async (asked: Asked) => {
      await sleep(asked.score?.transactions[0]!.id === 't0' ? 120 : 0);
      return approve(asked);
    });
    const client = open(server.address);
    await client.status();
    const begun = performance.now();
    await fails(client.score(transaction(0), { deadlineMs: 50 }), 'deadline', 'unknown');
    const took = performance.now() - begun;
    assert.ok(took >= 49 && took < 60_000, `${took} ms`);
    for (let number = 1; number < 50; number++) {
      assert.equal((await client.score(transaction(number))).transactionId, `t${number}`);
      await sleep(4);
    }
  });

  it('goes on from a connection that breaks under a hundred of them', async () => {
    const server = await serve(nothing);
    const client = open(server.address);
    const calls = Array.from({ length: 100 }, (_, number) => client.score(transaction(number)));
    await until(() => server.asked.length === 100, 'all are sent');
    server.answer = approve;
    server.breakConnections();
    const decisions = await Promise.all(calls);
    assert.deepEqual(
      decisions.map((one) => one.transactionId),
      calls.map((_, number) => `t${number}`),
    );
    const left = server.asked.map((asked) => Number(asked.deadline_us));
    assert.ok(
      Math.max(...left.slice(100)) < Math.min(...left.slice(0, 100)),
      'the server learns the time that is left',
    );
  });

  it('is not sent again once it was answered, or its time is over', async () => {
    const server = await serve(nothing);
    const client = open(server.address, { deadlineMs: 600 });
    await fails(client.score(transaction(1)), 'deadline', 'unknown');
    server.breakConnections();
    await sleep(100);
    assert.equal(server.asked.length, 1);
  });

  it('can be left', async () => {
    const server = await serve(nothing);
    const client = open(server.address, { fallback: 'review', inFlightMax: 1 });
    const leave = new AbortController();
    const first = client.score(transaction(1), { signal: leave.signal });
    const second = client.score(transaction(2), { signal: leave.signal });
    await until(() => server.asked.length === 1, 'the first is sent');
    leave.abort(new Error('the customer is gone'));
    await assert.rejects(first, /the customer is gone/);
    await assert.rejects(second, /the customer is gone/);
    await assert.rejects(client.score(transaction(3), { signal: leave.signal }), /the customer is gone/);
    assert.equal(server.asked.length, 1);
    server.answer = approve;
    assert.equal((await client.score(transaction(4))).fallback, false, 'its room is free again');
  });

  it('waits for room, in order, until its deadline', async () => {
    let open_gate: () => void = nothing;
    const gate = new Promise<void>((done) => (open_gate = done));
    const server = await serve(async (asked: Asked) => {
      await gate;
      return approve(asked);
    });
    const client = open(server.address, { inFlightMax: 2 });
    const calls = [1, 2, 3, 4, 5].map((number) => client.score(transaction(number)));
    await fails(client.score(transaction(6), { deadlineMs: 30 }), 'busy');
    assert.equal(server.asked.length, 2);
    open_gate();
    await Promise.all(calls);
    assert.deepEqual(
      server.asked.map((asked) => asked.score!.transactions[0]!.id),
      ['t1', 't2', 't3', 't4', 't5'],
    );
  });

  it('goes to no second address as its first is ejected under it', async () => {
    // The first takes the connection and then nothing: not a byte is read, so what is sent stays in the client.
    const path = join(folder.path, 'deaf.sock');
    const deaf = createServer((socket) => {
      socket.write(GREETING_REP);
      socket.pause();
      socket.on('error', () => undefined);
      closing.push({
        close: () => {
          socket.destroy();
          return new Promise((done) =>
            deaf.close(() => {
              done();
            }),
          );
        },
      });
    });
    await new Promise<void>((done) => deaf.listen(path, done));
    const second = await serve();
    const client = open([`ipc://${path}`, second.address], { ejectAfter: 2, deadlineMs: 300 });
    await sleep(100);
    const attributes = { note: 'x'.repeat(1500) };
    const large = Array.from({ length: 1000 }, (_, number) => ({ ...transaction(number), attributes }));
    const codes: unknown[] = [];
    await Promise.all(
      [100, 150, LONG_MS, LONG_MS].map((deadlineMs) =>
        client.scoreMany(large, { deadlineMs }).then(
          (results) => codes.push(results.length),
          (error: unknown) => codes.push((error as HarrierError).code),
        ),
      ),
    );
    // Two fail; with the second failure the address is ejected, and what had not been sent goes to the other one.
    assert.deepEqual(codes.slice(0, 2), ['deadline', 'unavailable']);
    assert.deepEqual(codes.slice(2), [1000, 1000]);
    assert.equal(second.of('score').length, 2);
  });

  it('passes well-formed traces through, and no others', async () => {
    const server = await serve();
    const client = open(server.address);
    const none = [
      TRACE.toUpperCase(),
      TRACE.slice(0, -1),
      `${TRACE}\n`,
      `01${TRACE.slice(2)}`,
      '',
      TRACE.replace(/4bf\w+/, '0'.repeat(32)),
    ];
    for (const traceparent of [TRACE, ...none]) {
      await client.score(transaction(1), { traceparent });
    }
    await client.status({ traceparent: TRACE });
    await client.reportOutcome({ transactionId: 't1', label: 'fraud' }, { traceparent: TRACE });
    assert.deepEqual(
      server.asked.map((asked) => asked.traceparent),
      [TRACE, ...none.map(() => undefined), TRACE, TRACE],
    );
  });

  it('is refused by the client what would break the connection', async () => {
    const server = await serve();
    const client = open(server.address, { fallback: 'approve' });
    await fails(client.scoreMany([]), 'invalid');
    await fails(client.score({ ...transaction(1), amountMinor: 1.5 }), 'invalid');
    await fails(client.score(transaction(1), { deadlineMs: 0 }), 'invalid');
    await fails(client.score(transaction(1), { deadlineMs: 3_600_001 }), 'invalid');
    await assert.rejects(client.score({} as Transaction), TypeError);
    assert.equal(server.asked.length, 0);
  });
});

describe('tokens', () => {
  it('go with every request, and are asked for each time', async () => {
    const server = await serve((asked) => (asked.token === 'k2' ? approve(asked) : unavailable()));
    let asked = 0;
    const client = open(server.address, { token: () => (++asked < 3 ? 'k1' : 'k2') });
    await client.score(transaction(1));
    assert.deepEqual(
      server.asked.map((one) => one.token),
      ['k1', 'k1', 'k2'],
    );
  });

  it('are not shown', async () => {
    const client = open('tcp://127.0.0.1:1', { token: 'sesame-8731', deadlineMs: 30 });
    const error = await fails(client.score(transaction(1)), 'unavailable');
    const shown = [inspect(client, { depth: 20, showHidden: true }), JSON.stringify(client), inspect(client.batcher())];
    for (const text of [...shown, inspect(error, { depth: 20 })]) {
      assert.ok(!text.includes('8731'), text);
    }
  });

  it('that cannot be had fail the call, and nothing else', async () => {
    const server = await serve();
    let token: () => unknown = () => {
      throw new Error('the vault is shut');
    };
    const client = open(server.address, { token: () => token() as string, fallback: 'approve', inFlightMax: 1 });
    // Each of those that wait for room ends as soon as it has it: not one within the other.
    const many = Array.from({ length: 20_000 }, (_, number) => client.score(transaction(number)));
    for (const call of await Promise.allSettled(many)) {
      assert.ok(call.status === 'rejected' && String(call.reason).includes('the vault is shut'));
    }
    token = () => Promise.resolve('k1');
    await assert.rejects(client.score(transaction(1)), /not a promise/);
    token = () => 'two\nlines';
    await fails(client.score(transaction(1)), 'invalid');
    token = () => 'k1';
    await client.score(transaction(2));
    assert.equal(server.asked.length, 1);
  });
});

describe('fallback', () => {
  it('is a function of the transaction and the error', async () => {
    const server = await serve(nothing);
    const client = open(server.address, {
      deadlineMs: 500,
      fallback: (one, error) => ((one.amountMinor ?? 0) > 1000 || error.code !== 'deadline' ? 'review' : 'approve'),
    });
    await client.status().catch(() => undefined);
    const results = await client.scoreMany([transaction(1), { ...transaction(2), amountMinor: 5000 }]);
    assert.deepEqual(
      results.map((one) => [(one as Decision).verdict, (one as Decision).fallbackReason]),
      [
        ['approve', 'deadline'],
        ['review', 'deadline'],
      ],
    );
  });

  it('that throws fails the call with that, once', async () => {
    const server = await serve(unavailable);
    let asked = 0;
    const rethrow = (_: Transaction, error: HarrierError): never => {
      asked++;
      throw error;
    };
    const client = open(server.address, { fallback: rethrow, retriesMax: 0 });
    await fails(client.score(transaction(1)), 'unavailable');
    assert.equal(asked, 1);
    const odd = open(server.address, { fallback: () => 'perhaps' as 'review', retriesMax: 0 });
    await assert.rejects(odd.score(transaction(1)), /perhaps/);
  });

  it('may end other calls, which end once', async () => {
    for (const breaks of [false, true]) {
      const server = await serve(nothing, `server-${breaks.toString()}`);
      const controller = new AbortController();
      const asked: string[] = [];
      const inFlight: number[] = [];
      const client = open(server.address, {
        deadlineMs: breaks ? LONG_MS : 1000,
        retriesMax: 0,
        fallback: (one) => {
          asked.push(one.id);
          controller.abort(new Error('gone'));
          return 'review';
        },
        metrics: {
          count: () => undefined,
          observe: () => undefined,
          set: (_, value) => inFlight.push(value),
        },
      });
      // Whichever ends first, the other one's call is ended by its fallback, and not asked for again.
      const calls = [1, 2].map((number) => client.score(transaction(number), { signal: controller.signal }));
      const results = Promise.allSettled(calls);
      await until(() => server.asked.length === 2, 'both are sent');
      if (breaks) {
        server.breakConnections();
      } else {
        const end = Date.now() + 200; // both are over when the loop comes to look
        while (Date.now() < end);
      }
      const statuses = (await results).map((result) => result.status).sort();
      assert.deepEqual(statuses, ['fulfilled', 'rejected']);
      assert.equal(asked.length, 1);
      assert.equal(inFlight.at(-1), 0);
    }
  });
});

describe('batchers', () => {
  it('isolate what cannot be sent', async () => {
    const server = await serve();
    const batcher = open(server.address).batcher({ windowMs: 5 });
    const results = await Promise.allSettled([
      batcher.score(transaction(1)),
      batcher.score({ ...transaction(2), amountMinor: 0.5 }),
      batcher.score({ id: 3 } as unknown as Transaction),
      batcher.score(transaction(4), { traceparent: TRACE }),
    ]);
    assert.deepEqual(
      results.map((one) => one.status),
      ['fulfilled', 'rejected', 'rejected', 'fulfilled'],
    );
    assert.ok(server.asked.every((asked) => asked.traceparent === TRACE));
  });

  it('are closed with what they hold', async () => {
    const server = await serve();
    const client = open(server.address);
    const batcher = client.batcher({ windowMs: 1000, sizeMax: 3 });
    const calls = [1, 2, 3, 4].map((number) => batcher.score(transaction(number)));
    await Promise.all(calls.slice(0, 3));
    await batcher.close();
    assert.equal((await calls[3]!).transactionId, 't4');
    await fails(batcher.score(transaction(5)), 'closed');
    assert.deepEqual(
      server.asked.map((asked) => asked.score!.transactions.length),
      [3, 1],
    );
    await client.score(transaction(6));
  });

  it('check their options', () => {
    const client = open('tcp://127.0.0.1:1');
    for (const options of [{ windowMs: -1 }, { windowMs: 1001 }, { sizeMax: 0 }, { sizeMax: 1001 }, { sizeMax: 1.5 }]) {
      assert.throws(() => client.batcher(options), HarrierError);
    }
  });
});

describe('metrics', () => {
  it('that throw change nothing', async () => {
    const broken = (): never => {
      throw new Error('no such counter');
    };
    const warned: string[] = [];
    process.once('warning', (warning) => warned.push(warning.message));
    const server = await serve();
    const client = open(server.address, { metrics: { count: broken, observe: broken, set: broken } });
    await client.score(transaction(1));
    await client.close();
    assert.equal(warned.length, 1);
    assert.match(warned[0]!, /no such counter/);
  });
});

describe('closing', () => {
  it('ends calls wherever they are', async () => {
    const server = await serve(nothing);
    const client = open(server.address, { inFlightMax: 2 });
    const sent = [1, 2].map((number) => fails(client.score(transaction(number)), 'closed', 'unknown'));
    const waiting = fails(client.score(transaction(3)), 'closed');
    await until(() => server.asked.length === 2, 'two are sent');
    const nowhere = open('tcp://127.0.0.1:1');
    const unsent = fails(nowhere.score(transaction(4)), 'closed');
    await Promise.all([client.close(20), client.close(), nowhere.close(0)]);
    await Promise.all([...sent, waiting, unsent]);
    await fails(client.score(transaction(5)), 'closed');
    await client.close();
    await until(() => server.sockets.size === 0, 'its connection is closed');
  });

  it('is for scopes too', async () => {
    const server = await serve();
    const client = new Client({ addresses: server.address });
    await client.score(transaction(1), { deadlineMs: LONG_MS });
    await client[Symbol.asyncDispose]();
    await fails(client.score(transaction(1)), 'closed');
  });

  it('lets the process end, and calls keep it until then', async () => {
    const server = await serve();
    const program = `
      import { Client } from ${JSON.stringify(join(process.cwd(), 'dist/esm/index.js'))};
      const [address, nobody] = process.argv.slice(-2);
      const client = new Client({ addresses: [address, nobody], deadlineMs: 20000 });
      await client.score({ id: 't', eventTimeUs: 1 });
      const lost = new Client({ addresses: nobody, deadlineMs: 300 });
      const code = await lost.score({ id: 't', eventTimeUs: 1 }).catch((error) => error.code);
      await Promise.all([client.close(), lost.close()]);
      console.log(code);
    `;
    const run = promisify(execFile);
    const begun = performance.now();
    const given = [
      '--input-type=module',
      '--unhandled-rejections=strict',
      '-e',
      program,
      server.address,
      `ipc://${folder.path}/nobody`,
    ];
    const { stdout } = await run(process.execPath, given, { timeout: 120_000 });
    assert.equal(stdout, 'unavailable\n');
    assert.ok(performance.now() - begun < 10_000, 'something keeps it');
  });
});

describe('options', () => {
  it('are checked when a client is made', () => {
    const wrong: [Record<string, unknown>, string | typeof TypeError][] = [
      [{ addresses: [] }, 'addresses'],
      [{ addresses: 'nowhere' }, 'addresses'],
      [{ addresses: ['tcp://a:1', 'tcp://a:1'] }, 'addresses'],
      [{ addresses: 7 }, TypeError],
      [{ deadlineMs: 0 }, 'deadlineMs'],
      [{ deadlineMs: NaN }, 'deadlineMs'],
      [{ deadlineMs: '100' }, TypeError],
      [{ retriesMax: -1 }, 'retriesMax'],
      [{ inFlightMax: 0 }, 'inFlightMax'],
      [{ inFlightMax: 1.5 }, 'inFlightMax'],
      [{ ejectAfter: 0 }, 'ejectAfter'],
      [{ fallback: 'perhaps' }, 'fallback'],
      [{ metrics: {} }, TypeError],
      [{ token: 7 }, TypeError],
      [{ token: 'x'.repeat(257) }, 'token'],
    ];
    for (const [options, expected] of wrong) {
      assert.throws(
        () => new Client({ addresses: 'tcp://127.0.0.1:1', ...options }),
        (error: unknown) =>
          typeof expected === 'string'
            ? error instanceof HarrierError && error.code === 'invalid' && error.field === expected
            : error instanceof expected,
        JSON.stringify(options),
      );
    }
  });

  it('that node:tls does not take leave nothing behind', async () => {
    const server = await serve();
    const addresses = [server.address, 'tls+tcp://127.0.0.1:1'];
    assert.throws(() => open(addresses, { tls: { minVersion: 'TLSv9' as 'TLSv1.3' } }), /TLSv9/);
    await sleep(50);
    await until(() => server.sockets.size === 0, 'no connection is left');
  });
});
