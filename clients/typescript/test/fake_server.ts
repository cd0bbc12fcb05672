/** A server that does what a test wants: nng's REP side of the SP protocol, its messages read by protobufjs' reflection. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import protobuf from 'protobufjs';

const ROOT = new protobuf.Root().loadSync(join(process.cwd(), '../../proto/harrier.proto'), { keepCase: true });
export const RequestType = ROOT.lookupType('harrier.v1.Request');
export const ResponseType = ROOT.lookupType('harrier.v1.Response');

export const GREETING_REQ = Buffer.from('0053500000300000', 'hex');
export const GREETING_REP = Buffer.from('0053500000310000', 'hex');

/** In protobuf's JSON form. */
export type Message = Record<string, unknown>;

export interface Asked {
  score?: { transactions: Message[]; dry_run?: boolean };
  report_outcome?: { outcomes: Message[] };
  amend?: { amendments: Message[] };
  status?: Message;
  get_entity?: Message;
  protocol?: number;
  deadline_us?: string;
  token?: string;
  traceparent?: string;
}

/** A Response, its bytes, nothing at all, or the end of the connection. */
export type Answer = Message | Buffer | null | 'break';

export function approve(asked: Asked): Message {
  if (asked.score) {
    const results = asked.score.transactions.map((one, index) => {
      return { decision: { transaction_id: one.id, verdict: 'VERDICT_APPROVE', position: index + 1 } };
    });
    return { score: { results } };
  }
  if (asked.report_outcome) {
    const results = asked.report_outcome.outcomes.map((one) => {
      return { accepted: { transaction_id: one.transaction_id, position: 7, changed: true } };
    });
    return { report_outcome: { results } };
  }
  if (asked.amend) {
    const results = asked.amend.amendments.map((one) => {
      return { accepted: { transaction_id: one.transaction_id, position: 8, changed: true } };
    });
    return { amend: { results } };
  }
  return { status: { version: 'fake', state: 'ready' } };
}

export function unavailable(): Message {
  return { error: { code: 'ERROR_UNAVAILABLE', message: 'it is not ready' } };
}

export function encode(message: Message): Buffer {
  return Buffer.from(ResponseType.encode(ResponseType.fromObject(message)).finish());
}

export function frame(kind: 'ipc' | 'tcp', body: Uint8Array): Buffer {
  const length = Buffer.alloc(8);
  length.writeUInt32BE(body.length, 4);
  return Buffer.concat([Buffer.from(kind === 'ipc' ? [1] : []), length, body]);
}

export class FakeServer {
  readonly asked: Asked[] = [];
  readonly sockets = new Set<Socket>();
  connections = 0;
  /** What is sent in the place of a greeting. */
  greeting: Buffer = GREETING_REP;
  /** Bytes that are written at a time; 0: all. */
  dribble = 0;

  private constructor(
    private readonly server: Server,
    private readonly kind: 'ipc' | 'tcp',
    readonly address: string,
    public answer: (asked: Asked) => Answer | Promise<Answer>,
  ) {
    const event = address.startsWith('tls+') ? 'secureConnection' : 'connection';
    server.on(event, (socket: Socket) => {
      this.serve(socket);
    });
  }

  static async ipc(path: string, answer: FakeServer['answer'] = approve): Promise<FakeServer> {
    const server = createServer();
    await new Promise<void>((done) => server.listen(path, done));
    return new FakeServer(server, 'ipc', `ipc://${path}`, answer);
  }

  static async tcp(answer: FakeServer['answer'] = approve, tls?: TlsOptions): Promise<FakeServer> {
    const server = tls ? createTlsServer(tls) : createServer();
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const { port } = server.address() as { port: number };
    return new FakeServer(server, 'tcp', `${tls ? 'tls+tcp://localhost' : 'tcp://127.0.0.1'}:${port}`, answer);
  }

  of(call: keyof Asked): Asked[] {
    return this.asked.filter((asked) => asked[call] !== undefined);
  }

  breakConnections(): void {
    for (const socket of this.sockets) {
      socket.destroy();
    }
  }

  async close(): Promise<void> {
    this.breakConnections();
    await new Promise((done) => this.server.close(done));
  }

  private serve(socket: Socket): void {
    this.connections++;
    this.sockets.add(socket);
    socket.on('close', () => this.sockets.delete(socket));
    socket.on('error', () => undefined);
    socket.write(this.greeting);
    let left: Buffer = Buffer.alloc(0);
    let greeted = false;
    socket.on('data', (chunk: Buffer) => {
      left = Buffer.concat([left, chunk]);
      if (!greeted && left.length >= 8) {
        if (!left.subarray(0, 8).equals(GREETING_REQ)) {
          socket.destroy();
          return;
        }
        greeted = true;
        left = left.subarray(8);
      }
      left = greeted ? this.take(socket, left) : left;
    });
  }

  private take(socket: Socket, bytes: Buffer): Buffer {
    const header = this.kind === 'ipc' ? 9 : 8;
    let left = bytes;
    while (left.length >= header) {
      const end = header + left.readUInt32BE(header - 4);
      if (left.length < end) {
        break;
      }
      void this.handle(socket, Buffer.from(left.subarray(header, end)));
      left = left.subarray(end);
    }
    return left;
  }

  private async handle(socket: Socket, body: Buffer): Promise<void> {
    const asked = RequestType.toObject(RequestType.decode(body.subarray(4)), { longs: String, enums: String }) as Asked;
    this.asked.push(asked);
    const answer = await this.answer(asked);
    if (answer === 'break') {
      socket.destroy();
    } else if (answer !== null) {
      const bytes = Buffer.isBuffer(answer) ? answer : encode(answer);
      await this.write(socket, frame(this.kind, Buffer.concat([body.subarray(0, 4), bytes])));
    }
  }

  private async write(socket: Socket, bytes: Buffer): Promise<void> {
    const step = this.dribble || bytes.length;
    for (let at = 0; at < bytes.length; at += step) {
      socket.write(bytes.subarray(at, at + step));
      if (this.dribble) {
        await new Promise((done) => setImmediate(done));
      }
    }
  }
}

/** A folder of the test's own. */
export function makeFolder(): { path: string; remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'harrier-client-'));
  return {
    path,
    remove: () => {
      rmSync(path, { recursive: true });
    },
  };
}

export async function until(what: () => boolean, words: string): Promise<void> {
  const end = Date.now() + 10_000;
  while (!what()) {
    if (Date.now() > end) {
      throw new Error(`not within 10 s: ${words}`);
    }
    await new Promise((done) => setTimeout(done, 2));
  }
}
