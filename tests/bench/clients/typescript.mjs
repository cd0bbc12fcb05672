// The time of one score from Node with 1 and with 64 requests in flight, beside the same bytes over Node's net sockets.
// Rounds of all kinds take turns in one run, so that other load on the machine affects all of them alike.
//
//   echo                bare frames over a net socket, one write each → an echo on net sockets in a separate process
//   at once             the same with one write for all requests of a turn of the event loop
//   client → echo       Client.score() → that echo, which answers a decision's bytes: the cost of the client
//   bare → harrierd     bare frames of requests encoded in advance → harrierd: the cost of the server alone
//   client → harrierd   Client.score() → harrierd
//
// The bare side only does what the client does on the wire: a promise for each request, and parsing the frames of answers.
// All kinds make a transaction for each call, which is the caller's work. Each score is of a new transaction of one of 10,000
// cards. Figures are medians of the rounds; a ratio is followed by the smallest and largest of a round. CPU is this process's.
//
// usage: node typescript.mjs ECHO_ADDRESS HARRIERD_ADDRESS [ROUNDS [CALLS]]
//        node typescript.mjs --echo ADDRESS                 the echo, until its standard input ends
import { randomBytes } from 'node:crypto';
import { createServer, connect } from 'node:net';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { Client } from 'harrier-client';

const IN_FLIGHT = [1, 64];
// Calls of each kind before the timing: the engine first compiles hot functions.
const WARM_UP = 20000;
const TARGET = 1.3;
// Answers of harrierd to choose the echo's from.
const SAMPLE = 1001;
const RUN = randomBytes(4).toString('hex'); // part of the ids, different in every run
const GREETING_SIZE = 8;

function target(address) {
  if (address.startsWith('ipc://')) {
    return { header: 9, at: { path: address.slice(6) } };
  }
  const [host, port] = address.slice('tcp://'.length).split(':');
  return { header: 8, at: { host, port: Number(port) } };
}

function greeting(protocol) {
  return Buffer.from([0, 0x53, 0x50, 0, 0, protocol, 0, 0]);
}

/** An SP frame of a body that begins with the request id. */
function frame(header, body) {
  const message = Buffer.alloc(header + body.length);
  message[0] = header === 9 ? 1 : 0;
  message.writeUInt32BE(body.length, header - 4);
  body.copy(message, header);
  return message;
}

/** Returns a parser of chunks that calls `each` with the offset and length of each body, and keeps incomplete frames. */
function bodies(header, each) {
  let left = Buffer.alloc(0);
  return (chunk) => {
    const bytes = left.length === 0 ? chunk : Buffer.concat([left, chunk]);
    let at = 0;
    while (at + header <= bytes.length) {
      const length = bytes.readUInt32BE(at + header - 4);
      if (at + header + length > bytes.length) {
        break;
      }
      each(bytes, at + header, length);
      at += header + length;
    }
    left = Buffer.from(bytes.subarray(at));
  };
}

/** The first message is the answer to all later ones, each with the id of its request. */
function serveEcho(address) {
  const { header, at } = target(address);
  let answer = null;
  const server = createServer({ noDelay: true }, (socket) => {
    const out = [];
    let greeted = false;
    const take = bodies(header, (bytes, from, length) => {
      if (answer === null) {
        answer = frame(header, bytes.subarray(from, from + length));
      }
      const message = Buffer.from(answer);
      bytes.copy(message, header, from, from + 4);
      out.push(message);
    });
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      take(greeted ? chunk : chunk.subarray(GREETING_SIZE));
      if (!greeted) {
        greeted = true;
        out.unshift(greeting(0x31));
      }
      if (out.length > 0) {
        socket.write(out.length === 1 ? out[0] : Buffer.concat(out));
        out.length = 0;
      }
    });
  });
  server.listen(at.path ?? at);
  process.stdin.on('end', () => process.exit(0)).resume();
}

/** Bare frames over a socket, with a promise for each request; `keeps`: the promises resolve to the answers. */
class Bare {
  constructor(address, { atOnce, keeps = false }) {
    const { header, at } = target(address);
    this.header = header;
    this.atOnce = atOnce;
    this.waiting = new Map();
    this.out = Buffer.alloc(1 << 16);
    this.outSize = 0;
    this.lastId = 0;
    this.take = bodies(header, (bytes, from, length) => {
      const id = bytes.readUInt32BE(from);
      const done = this.waiting.get(id);
      this.waiting.delete(id);
      done(keeps ? Buffer.from(bytes.subarray(from, from + length)) : undefined);
    });
    this.socket = connect(at).setNoDelay(true);
    this.ready = new Promise((done, failed) => {
      this.socket.once('error', failed);
      this.socket.once('data', (chunk) => {
        this.take(chunk.subarray(GREETING_SIZE));
        this.socket.on('data', this.take);
        done(this);
      });
    });
    this.socket.write(greeting(0x30));
  }

  call(body) {
    return new Promise((done) => {
      const id = (this.lastId = (this.lastId + 1) & 0x7fffffff) + 0x80000000;
      const { out, outSize: at, header } = this;
      out[at] = header === 9 ? 1 : 0;
      out.writeUInt32BE(0, at + header - 8);
      out.writeUInt32BE(body.length, at + header - 4);
      out.set(body, at + header);
      out.writeUInt32BE(id, at + header);
      this.outSize += header + body.length;
      this.waiting.set(id, done);
      if (!this.atOnce) {
        this.flush();
      } else if (at === 0) {
        process.nextTick(() => this.flush());
      }
    });
  }

  flush() {
    this.socket.write(this.out.subarray(0, this.outSize));
    this.outSize = 0;
    if (this.socket.writableLength > 0) {
      this.out = Buffer.alloc(1 << 16);
    }
  }

  close() {
    this.socket.destroy();
  }
}

function card(number) {
  const mixed = Number((BigInt(number) * 0x9e3779b97f4a7c15n >> 24n) & 0xffffffffn);
  return {
    amountMinor: 100 + (mixed >>> 18),
    currency: 'EUR',
    card: `card_${String(number).padStart(5, '0')}`,
    customer: `cust_${String(number >> 1).padStart(5, '0')}`,
    merchant: `merchant_${String((mixed >>> 8) % 500).padStart(3, '0')}`,
    device: `device_${String(number).padStart(5, '0')}`,
    ip: `198.18.${Math.floor(number / 250)}.${number % 250}`,
    country: 'DE',
    mcc: '5411',
    channel: 'ecom',
  };
}

// Made once, so that they are old objects during the measurement and cost no garbage collection.
const CARDS = Array.from({ length: 10000 }, (_, number) => card(number));
let last = 0;
function transaction() {
  last++;
  const of = CARDS[(last * 7919) % CARDS.length];
  // Written out: a spread (`...of`) makes objects that are slow to read and survive many garbage collections.
  return {
    id: `b${RUN}-${String(last).padStart(10, '0')}`,
    eventTimeUs: Date.now() * 1000,
    amountMinor: of.amountMinor,
    currency: of.currency,
    card: of.card,
    customer: of.customer,
    merchant: of.merchant,
    device: of.device,
    ip: of.ip,
    country: of.country,
    mcc: of.mcc,
    channel: of.channel,
  };
}

/** Records what the client sends, so that the bare side can send the same bytes. Returns a function for the next request. */
async function recordRequests(count) {
  const path = `${tmpdir()}/harrier-record-${process.pid}.sock`;
  const bytes = Buffer.alloc(count * 256);
  const ends = [0];
  const server = createServer((connection) => {
    let greeted = false;
    const take = bodies(9, (from, at, length) => {
      const to = ends[ends.length - 1];
      from.copy(bytes, to, at, at + length);
      ends.push(to + length);
    });
    connection.write(greeting(0x31));
    connection.on('data', (chunk) => {
      take(greeted ? chunk : chunk.subarray(GREETING_SIZE));
      greeted = true;
    });
  });
  await new Promise((done) => server.listen(path, done));
  const client = new Client({ addresses: `ipc://${path}`, deadlineMs: 60000, inFlightMax: count });
  const calls = Array.from({ length: count }, () => client.score(transaction()).catch(() => {}));
  while (ends.length <= count) {
    await new Promise((done) => setTimeout(done, 5));
  }
  await client.close(0);
  await Promise.all(calls);
  server.close();
  let next = 0;
  return () => {
    next++;
    return bytes.subarray(ends[next - 1], ends[next]);
  };
}

async function timed(inFlight, calls, { call, expected }) {
  const waits = new Float64Array(calls);
  let next = 0;
  const cpu = process.cpuUsage();
  const begun = performance.now();
  async function work() {
    while (next < calls) {
      const at = next++;
      const item = transaction();
      const from = performance.now();
      const got = await call(item);
      waits[at] = performance.now() - from;
      if (expected !== undefined && got.position !== expected.position) {
        throw new Error(`the decision is at ${got.position}; the echo's is at ${expected.position}`);
      }
    }
  }
  await Promise.all(Array.from({ length: inFlight }, work));
  const { user, system } = process.cpuUsage(cpu);
  return { waits, ms: performance.now() - begun, cpuUs: user + system };
}

function median(values) {
  return Float64Array.from(values).sort()[values.length >> 1];
}

class Figures {
  rounds = [];

  add({ waits, ms, cpuUs }) {
    waits.sort();
    const [p50, p99] = [0.5, 0.99].map((part) => waits[Math.floor(waits.length * part)] * 1000);
    this.rounds.push({ p50, p99, rate: (waits.length / ms) * 1000, cpuUs: cpuUs / waits.length });
  }

  row(name) {
    const middle = (what) => median(this.rounds.map((round) => round[what]));
    const columns = [middle('p50').toFixed(1), middle('p99').toFixed(1), middle('rate').toFixed(0), middle('cpuUs').toFixed(1)];
    console.log(name.padEnd(34) + columns.map((text) => text.padStart(10)).join(''));
  }

  /** Ratios, round by round: the median for p50, and a text with all of them. */
  over(other) {
    const ratiosOf = ['p50', 'p99', 'rate'].map((what) => {
      const ratios = this.rounds.map((round, index) => round[what] / other.rounds[index][what]);
      const [least, middle, greatest] = [Math.min(...ratios), median(ratios), Math.max(...ratios)];
      const name = what === 'rate' ? 'calls/s' : what;
      return { middle, text: `${name} ${middle.toFixed(2)} (${least.toFixed(2)}–${greatest.toFixed(2)})` };
    });
    return { middle: ratiosOf[0].middle, text: ratiosOf.map(({ text }) => text).join(', ') };
  }
}

/** Gives the echo one of harrierd's answers: of a sample the one of median length, which has a typical number of reasons. */
async function teach(echoAddress, address) {
  const recorded = await recordRequests(SAMPLE);
  const harrierd = await new Bare(address, { atOnce: false, keeps: true }).ready;
  const echo = await new Bare(echoAddress, { atOnce: false }).ready;
  const answers = [];
  while (answers.length < SAMPLE) {
    answers.push(await harrierd.call(recorded()));
  }
  answers.sort((one, other) => one.length - other.length);
  const answer = answers[SAMPLE >> 1];
  await echo.call(answer);
  harrierd.close();
  echo.close();
  return answer.length - 4; // without the request id
}

async function bench(echoAddress, address, inFlight, rounds, calls) {
  const options = { deadlineMs: 5000 };
  const [echo, atOnce, bare] = await Promise.all([
    new Bare(echoAddress, { atOnce: false }).ready,
    new Bare(echoAddress, { atOnce: true }).ready,
    new Bare(address, { atOnce: true }).ready,
  ]);
  const echoed = new Client({ ...options, addresses: echoAddress });
  const served = new Client({ ...options, addresses: address });
  await served.status({ deadlineMs: 5000 });
  const recorded = await recordRequests(rounds * calls + WARM_UP + 1);
  const request = recorded();
  const kinds = [
    { name: 'echo', call: () => echo.call(request) },
    { name: 'at once', call: () => atOnce.call(request) },
    { name: 'client → echo', call: (one) => echoed.score(one) },
    { name: 'bare → harrierd', call: () => bare.call(recorded()) },
    { name: 'client → harrierd', call: (one) => served.score(one) },
  ].map((kind) => ({ ...kind, figures: new Figures() }));
  kinds[2].expected = await echoed.score(transaction());
  for (const kind of kinds) {
    await timed(inFlight, WARM_UP, kind);
  }
  for (let round = 0; round < rounds; round++) {
    for (const kind of kinds) {
      kind.figures.add(await timed(inFlight, calls, kind));
    }
  }
  console.log(`${inFlight} in flight`);
  for (const kind of kinds) {
    kind.figures.row(`  ${kind.name}`);
  }
  const [base, least, added, server, took] = kinds.map((kind) => kind.figures);
  const ratio = added.over(base);
  console.log(`  client of the echo: ${ratio.text}${ratio.middle <= TARGET ? '' : `; over ${TARGET}`}`);
  console.log(`  client of at once: ${added.over(least).text}`);
  console.log(`  at harrierd, of bare: ${took.over(server).text}`);
  console.log(`  at harrierd, of the echo: ${took.over(base).text}`);
  await Promise.all([echoed.close(), served.close()]);
  for (const one of [echo, atOnce, bare]) {
    one.close();
  }
  return ratio.middle;
}

async function main() {
  if (process.argv[2] === '--echo') {
    serveEcho(process.argv[3]);
    return;
  }
  if (process.argv.length < 4) {
    console.error(readFileSync(new URL(import.meta.url), 'utf8').split('\nimport')[0]);
    process.exitCode = 64;
    return;
  }
  const [echoAddress, address, rounds = 5, calls = 5000] = process.argv.slice(2);
  const size = await teach(echoAddress, address);
  console.log(`the echo answers ${size} bytes; ${rounds} rounds of ${calls} calls, four times as many with 64 in flight; Node ${process.version}`);
  console.log(''.padEnd(34) + ['p50 µs', 'p99 µs', 'calls/s', 'CPU µs'].map((text) => text.padStart(10)).join(''));
  for (const inFlight of IN_FLIGHT) {
    const ratio = await bench(echoAddress, address, inFlight, Number(rounds), Number(calls) * (inFlight > 1 ? 4 : 1));
    if (ratio > TARGET) {
      process.exitCode = 1;
    }
  }
}

await main();
