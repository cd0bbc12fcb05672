/** The example in README.md as it is printed, and the web shop: with a server, and without one. */
import assert from 'node:assert/strict';
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { Client } from 'harrier-client';
import { FakeServer, makeFolder, until } from './fake_server.js';

const EXAMPLE = /^```ts\n(.*?)^```$/ms.exec(readFileSync('README.md', 'utf8'))![1]!;

describe('the example in README.md', () => {
  const file = join('build', 'readme', 'example.mjs');
  const folder = makeFolder();
  before(() => {
    mkdirSync(join('build', 'readme'), { recursive: true });
  });
  after(() => {
    folder.remove();
  });

  async function run(address: string, program = EXAMPLE): Promise<string> {
    writeFileSync(file, program);
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [file, address], { timeout: 120_000 });
    assert.equal(stderr, '');
    return stdout;
  }

  it('has at most 30 lines', () => {
    assert.ok(EXAMPLE.split('\n').length - 1 <= 30);
  });

  it('runs', async () => {
    const server = await FakeServer.ipc(join(folder.path, 's.sock'));
    try {
      // A program that was just started on a busy machine may need more than its 100 ms for the connection.
      const patient = EXAMPLE.replace('deadlineMs: 100,', 'deadlineMs: 10_000,');
      assert.equal(await run(server.address, patient), 'approve 0 \n');
      assert.equal(server.of('report_outcome')[0]!.report_outcome!.outcomes[0]!.transaction_id, 'order-4042');
    } finally {
      await server.close();
    }
  });

  it('runs without a server', async () => {
    assert.equal(await run(`ipc://${folder.path}/nobody.sock`), 'review (fallback, no answer: unavailable)\n');
  });
});

interface Shop {
  process: ChildProcess;
  port: string;
  said: string[];
}

async function startShop(...addresses: string[]): Promise<Shop> {
  const process_ = spawn(process.execPath, ['build/examples/web-shop/main.js', '0', ...addresses], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said: string[] = [];
  createInterface({ input: process_.stdout }).on('line', (line) => said.push(line));
  createInterface({ input: process_.stderr }).on('line', (line) => said.push(line));
  await until(() => said.some((line) => line.startsWith('listening')), 'the shop is open');
  return { process: process_, port: said[0]!.split(' ').pop()!, said };
}

async function stopShop(shop: Shop): Promise<void> {
  const ended = new Promise((done) => shop.process.once('exit', done));
  shop.process.kill('SIGTERM');
  assert.equal(await ended, 0);
}

async function post(shop: Shop, path: string, body: unknown, headers = {}): Promise<[number, Record<string, unknown>]> {
  const given = typeof body === 'string' ? body : JSON.stringify(body);
  const response = await fetch(`http://127.0.0.1:${shop.port}${path}`, { method: 'POST', body: given, headers });
  return [response.status, (await response.json()) as Record<string, unknown>];
}

function basket(order: string, product = 'lamp'): Record<string, unknown> {
  return { order, product, quantity: 1, card: 'tok_9f3a', email: 'h:5d41402a' };
}

describe('the web shop', () => {
  it('does as the server says, and as it can when the server is gone', async () => {
    const folder = makeFolder();
    let verdict = 'VERDICT_APPROVE';
    const server = await FakeServer.ipc(join(folder.path, 's.sock'), (asked) => {
      if (asked.report_outcome) {
        return { report_outcome: { results: [{ accepted: { changed: true } }] } };
      }
      return { score: { results: [{ decision: { transaction_id: asked.score!.transactions[0]!.id, verdict } }] } };
    });
    const shop = await startShop(server.address);
    for (const [word, status, order] of [
      ['APPROVE', 201, 'paid'],
      ['REVIEW', 202, 'held'],
      ['CHALLENGE', 401, 'confirm with your bank'],
      ['DECLINE', 402, 'declined'],
    ] as const) {
      verdict = `VERDICT_${word}`;
      assert.deepEqual(await post(shop, '/checkout', basket(word)), [status, { order, checked: true }]);
    }
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    await post(shop, '/checkout', basket('5'), { traceparent });
    assert.equal(server.asked.at(-1)!.traceparent, traceparent);
    assert.deepEqual(await post(shop, '/chargebacks', { order: '5' }), [200, { changed: true }]);
    for (const wrong of [
      'no JSON',
      basket('6', 'yacht'),
      basket('6', 'toString'),
      { ...basket('6'), quantity: 0.5 },
      'x'.repeat(20_000),
    ]) {
      assert.equal((await post(shop, '/checkout', wrong))[0], 400);
    }
    await server.close();
    assert.deepEqual(await post(shop, '/checkout', basket('7')), [201, { order: 'paid', checked: false }]);
    assert.deepEqual(await post(shop, '/checkout', basket('8', 'table')), [202, { order: 'held', checked: false }]);
    assert.ok(shop.said.includes('order-8: review without an answer (unavailable)'));
    await stopShop(shop);
    folder.remove();
  });

  const { HARRIERD, HARRIER_ROOT } = process.env;
  const skip = HARRIERD === undefined || HARRIER_ROOT === undefined ? 'HARRIERD and HARRIER_ROOT are not set' : false;

  it('sells with harrierd, and while it stands still', { skip }, async () => {
    const folder = makeFolder();
    const address = `ipc://${folder.path}/harrier.sock`;
    const options = [`--listen=${address}`, '--admin_listen=', `--data_dir=${folder.path}/data`];
    const policy = `--policy=${HARRIER_ROOT!}/rules/card-payments`;
    const harrierd = spawn(HARRIERD!, ['--config=/dev/null', ...options, policy], { stdio: 'ignore' });
    const client = new Client({ addresses: address, deadlineMs: 20_000 });
    assert.equal((await client.status()).state, 'ready');
    const shop = await startShop(address);
    const [status, sold] = await post(shop, '/checkout', basket('1'));
    assert.ok(status < 500);
    assert.equal(sold.checked, true);
    assert.deepEqual(await post(shop, '/chargebacks', { order: '1' }), [200, { changed: true }]);
    assert.equal((await post(shop, '/chargebacks', { order: 'never' }))[0], 404);
    harrierd.kill('SIGSTOP');
    // A signal takes its time.
    await until(() => readFileSync(`/proc/${harrierd.pid!}/stat`, 'utf8').includes(' T '), 'it stands still');
    assert.deepEqual(await post(shop, '/checkout', basket('2', 'table')), [202, { order: 'held', checked: false }]);
    assert.ok(shop.said.includes('order-2: review without an answer (deadline)'));
    harrierd.kill('SIGCONT');
    assert.equal((await client.status()).state, 'ready');
    assert.equal((await post(shop, '/checkout', basket('3')))[1].checked, true);
    await stopShop(shop);
    await client.close();
    const ended = new Promise((done) => harrierd.once('exit', done));
    harrierd.kill('SIGTERM');
    await ended;
    folder.remove();
  });
});
