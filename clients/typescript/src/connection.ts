/**
 * One connection to one address, made again when it breaks, with any number of requests in flight on it. Requests of one
 * turn of the event loop go out in few writes; requests that a full socket does not take wait here.
 */
import { connect as connectPlain, isIP, type OnReadOpts, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Address } from './address.js';
import type { Request } from './encode.js';
import { FrameError, FrameReader, GREETING, ID_SIZE, headerSize, writeHeader, type Stream } from './frame.js';
import type { TlsOptions } from './options.js';
import { RESPONSE_SIZE_MAX } from './decode.js';
import { Pending } from './pending.js';
import { Timed, now } from './timer_wheel.js';

const AGAIN_MS_MIN = 10;
const AGAIN_MS_MAX = 500;
// To connect, until the server's greeting.
const GREETED_MS_MAX = 5000;
// After a connection that lasted this long, the back-off starts anew.
const LASTED_MS = 1000;
const KEEP_ALIVE_MS = 10_000;
const READ_SIZE = 1 << 16;
const OUT_SIZE_MIN = 1 << 14;
const OUT_SIZE_KEPT = 1 << 18;
// From this size on, bytes are not held back: the server can begin while the rest is written.
const OUT_SIZE_HELD = 1 << 12;

/** A request on a connection, and what happens when it is answered or not. */
export abstract class Exchange extends Timed {
  /** Its id on the connection that it was sent on. */
  requestId = 0;
  abstract readonly request: Request;
  /** Called when it is sent; null if it has ended instead. */
  abstract token(): string | null;
  abstract sent(): void;
  /** The bytes of the payload are valid until this returns. */
  abstract answered(bytes: Buffer, from: number, to: number): void;
  /** The connection broke after it was sent, and before the answer. */
  abstract broke(): void;
  /** It was not sent, and will not be sent on this connection. */
  abstract notSent(): void;
}

export class Connection {
  up = false;
  /** Why there is no connection. */
  lastError = '';
  private readonly stream: Stream;
  private socket: Socket | null = null;
  private timer: NodeJS.Timeout | null = null;
  private attempts = 0;
  private upSince = 0;
  private gone: (() => void) | null = null;

  private readonly pending = new Pending<Exchange>();
  private readonly waiting = new Set<Exchange>();
  private out = Buffer.allocUnsafeSlow(OUT_SIZE_MIN);
  private outSize = 0;
  private flushing = false;
  private blocked = false;

  constructor(
    private readonly address: Address,
    private readonly tls: TlsOptions,
    private readonly changed: (up: boolean) => void,
  ) {
    this.stream = address.kind === 'ipc' ? 'ipc' : 'tcp';
    this.open();
  }

  // ------------------------------------------------------------------------------------------
  // Requests

  /** Sends it, or keeps it until the socket takes more. Only while `up`. */
  send(exchange: Exchange): void {
    if (this.blocked) {
      this.waiting.add(exchange);
    } else {
      this.write(exchange);
    }
  }

  /** Its answer, if one comes, will be ignored. */
  forget(exchange: Exchange): void {
    if (!this.waiting.delete(exchange)) {
      this.pending.remove(exchange);
    }
  }

  /** Releases what was not sent yet, so that it can go to another address. */
  releaseUnsent(): void {
    const waiting = [...this.waiting];
    this.waiting.clear();
    for (const exchange of waiting) {
      exchange.notSent();
    }
  }

  private write(exchange: Exchange): void {
    const token = exchange.token();
    if (token === null) {
      return;
    }
    const { request } = exchange;
    const header = headerSize(this.stream) + ID_SIZE;
    this.makeRoom(header + request.sizeMax);
    const from = this.outSize + header;
    const to = request.write(this.out, from, exchange.ends - now(), token);
    writeHeader(this.out, this.outSize, this.stream, this.pending.add(exchange), to - from);
    this.outSize = to;
    exchange.sent();
    if (this.outSize >= OUT_SIZE_HELD) {
      this.flush();
    } else if (!this.flushing) {
      this.flushing = true;
      process.nextTick(this.flushRest);
    }
  }

  private makeRoom(size: number): void {
    if (this.outSize + size > this.out.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(this.outSize + size, 2 * this.out.length));
      this.out.copy(larger, 0, 0, this.outSize);
      this.out = larger;
    }
  }

  private readonly flushRest = (): void => {
    this.flushing = false;
    this.flush();
  };

  private flush(): void {
    const { socket } = this;
    if (socket === null || this.outSize === 0) {
      return;
    }
    const taken = socket.write(this.out.subarray(0, this.outSize));
    this.outSize = 0;
    // The kernel mostly takes all of it at once, so the buffer can be reused.
    if (socket.writableLength > 0 || this.out.length > OUT_SIZE_KEPT) {
      this.out = Buffer.allocUnsafeSlow(OUT_SIZE_MIN);
    }
    if (!taken) {
      this.blocked = true;
    }
  }

  private readonly drained = (): void => {
    this.blocked = false;
    for (const exchange of this.waiting) {
      // write() may fill the socket again, and flush() sets blocked.
      if (this.isBlocked()) {
        break;
      }
      this.waiting.delete(exchange);
      this.write(exchange);
    }
  };

  private isBlocked(): boolean {
    return this.blocked;
  }

  private readonly answer = (id: number, bytes: Buffer, from: number, to: number): void => {
    // null: its request has ended.
    this.pending.take(id)?.answered(bytes, from, to);
  };

  // ------------------------------------------------------------------------------------------
  // The connection

  private open(): void {
    const reader = new FrameReader(this.stream, ID_SIZE + RESPONSE_SIZE_MAX, this.greeted, this.answer);
    const socket = this.connect((bytes) => {
      this.received(socket, reader, bytes);
    });
    this.socket = socket;
    socket.setNoDelay(true);
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    socket.on('drain', this.drained);
    socket.on('error', (error) => {
      this.lastError = error.message || String((error as NodeJS.ErrnoException).code);
    });
    socket.once('close', () => {
      reader.stop();
      this.lost();
    });
    socket.once(this.address.kind === 'tls' ? 'secureConnect' : 'connect', () => {
      socket.write(GREETING);
    });
    this.timer = setTimeout(() => {
      this.lastError = `no greeting within ${GREETED_MS_MAX} ms`;
      socket.destroy();
    }, GREETED_MS_MAX);
  }

  private connect(read: (bytes: Buffer) => void): Socket {
    const { address } = this;
    if (address.kind === 'tls') {
      const { host, port } = address;
      const names = isIP(host) === 0 ? { servername: host } : {};
      return connectTls({ ...names, ...this.tls, host, port }).on('data', read);
    }
    // One buffer for all reads, bypassing Node's streams.
    const buffer = Buffer.allocUnsafeSlow(READ_SIZE);
    const onread: OnReadOpts = {
      buffer,
      callback: (size) => {
        read(buffer.subarray(0, size));
        return true;
      },
    };
    if (address.kind === 'ipc') {
      return connectPlain({ path: address.path, onread });
    }
    return connectPlain({ host: address.host, port: address.port, onread });
  }

  private received(socket: Socket, reader: FrameReader, bytes: Buffer): void {
    try {
      reader.push(bytes);
    } catch (error) {
      if (!(error instanceof FrameError)) {
        throw error;
      }
      this.lastError = error.message;
      reader.stop();
      socket.destroy();
    }
  }

  private readonly greeted = (): void => {
    this.stopTimer();
    this.up = true;
    this.upSince = now();
    this.changed(true);
  };

  /** The socket was closed, by either side, or never opened. */
  private lost(): void {
    this.stopTimer();
    this.socket = null;
    this.outSize = 0;
    this.blocked = false;
    const wasUp = this.up;
    this.up = false;
    if (wasUp) {
      this.attempts = now() - this.upSince >= LASTED_MS ? 0 : this.attempts;
      this.lastError ||= 'the connection was closed by the other side';
      this.changed(false);
    }
    for (const exchange of this.pending.takeAll()) {
      exchange.broke();
    }
    this.releaseUnsent();
    if (this.gone !== null) {
      this.gone();
    } else {
      this.again();
    }
  }

  private again(): void {
    const most = Math.min(AGAIN_MS_MAX, AGAIN_MS_MIN * 2 ** this.attempts);
    this.attempts = Math.min(this.attempts + 1, 10);
    this.timer = setTimeout(
      () => {
        this.open();
      },
      AGAIN_MS_MIN + Math.random() * (most - AGAIN_MS_MIN),
    );
  }

  private stopTimer(): void {
    if (this.timer !== null) {
      clearTimeout(this.timer);
      this.timer = null;
    }
  }

  /** Closes it for good. No request may be in flight. */
  async close(): Promise<void> {
    this.stopTimer();
    const { socket } = this;
    if (socket !== null && this.gone === null) {
      await new Promise<void>((done) => {
        this.gone = done;
        socket.destroy();
      });
    }
  }
}
