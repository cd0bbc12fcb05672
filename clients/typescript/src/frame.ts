/**
 * The bytes of nng's REQ/REP on a stream (SP, the Scalability Protocols). Knows no sockets.
 *
 * Each side first sends a greeting of 8 bytes. Then come messages:
 *
 *   tcp, tls   length: 8 bytes, big-endian        | request id: 4 bytes, top bit set | payload
 *   ipc        0x01 | length: 8 bytes, big-endian | request id: 4 bytes, top bit set | payload
 *
 * The length counts the id. An answer has the id of its request.
 */

export type Stream = 'tcp' | 'ipc';

export const GREETING_SIZE = 8;
export const ID_SIZE = 4;
const IPC_MESSAGE = 1;
const LENGTH_SIZE = 8;
const HELD_SIZE_MIN = 4096;
const HELD_SIZE_KEPT = 1 << 18;

/** The greeting of this side, which speaks REQ. */
export const GREETING = Uint8Array.of(0, 0x53, 0x50, 0, 0, 0x30, 0, 0);
const EXPECTED = Uint8Array.of(0, 0x53, 0x50, 0, 0, 0x31, 0, 0);

/** The peer violates the protocol; the connection must be closed. */
export class FrameError extends Error {}

export function headerSize(stream: Stream): number {
  return stream === 'ipc' ? 1 + LENGTH_SIZE : LENGTH_SIZE;
}

/** Writes header and id of a message with this payload size; returns where the payload begins. */
export function writeHeader(out: Buffer, at: number, stream: Stream, id: number, payload: number): number {
  let to = at;
  if (stream === 'ipc') {
    out[to++] = IPC_MESSAGE;
  }
  to = out.writeUInt32BE(0, to);
  to = out.writeUInt32BE(ID_SIZE + payload, to);
  return out.writeUInt32BE((id | 0x80000000) >>> 0, to);
}

/** Splits what a connection reads into messages, however it is fragmented. */
export class FrameReader {
  private greeted = false;
  private held: Buffer = Buffer.alloc(0);
  private heldSize = 0;
  private stopped = false;

  /** `answer` gets the id without its top bit, and where the payload is, which is valid until it returns. */
  constructor(
    private readonly stream: Stream,
    private readonly lengthMax: number,
    private readonly greeting: () => void,
    private readonly answer: (id: number, bytes: Buffer, from: number, to: number) => void,
  ) {}

  /** Reports no further messages. */
  stop(): void {
    this.stopped = true;
  }

  /** Throws FrameError. */
  push(chunk: Buffer): void {
    if (this.heldSize === 0) {
      const used = this.parse(chunk, chunk.length);
      if (used < chunk.length) {
        this.hold(chunk, used);
      }
      return;
    }
    this.hold(chunk, 0);
    const used = this.parse(this.held, this.heldSize);
    this.held.copyWithin(0, used, this.heldSize);
    this.heldSize -= used;
    if (this.heldSize === 0 && this.held.length > HELD_SIZE_KEPT) {
      this.held = Buffer.alloc(0);
    }
  }

  private hold(chunk: Buffer, from: number): void {
    const size = this.heldSize + chunk.length - from;
    if (size > this.held.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(HELD_SIZE_MIN, size, 2 * this.held.length));
      this.held.copy(larger, 0, 0, this.heldSize);
      this.held = larger;
    }
    chunk.copy(this.held, this.heldSize, from);
    this.heldSize = size;
  }

  /** Bytes that it could use. */
  private parse(bytes: Buffer, end: number): number {
    let at = 0;
    if (!this.greeted) {
      if (end < GREETING_SIZE) {
        return 0;
      }
      this.greet(bytes);
      at = GREETING_SIZE;
    }
    while (!this.stopped) {
      const next = this.message(bytes, at, end);
      if (next === at) {
        break;
      }
      at = next;
    }
    return at;
  }

  private greet(bytes: Buffer): void {
    const got = bytes.subarray(0, GREETING_SIZE);
    if (!got.equals(EXPECTED)) {
      const expected = Buffer.from(EXPECTED).toString('hex');
      throw new FrameError(`it greets with ${got.toString('hex')}, not as nng's REP does (${expected})`);
    }
    this.greeted = true;
    this.greeting();
  }

  /** Returns where the next message begins; `at` if this one is incomplete. */
  private message(bytes: Buffer, at: number, end: number): number {
    let from = at;
    if (this.stream === 'ipc') {
      if (from < end && bytes[from] !== IPC_MESSAGE) {
        throw new FrameError('what it sends is no message');
      }
      from++;
    }
    if (from + LENGTH_SIZE > end) {
      return at;
    }
    const length = bytes.readUInt32BE(from) * 0x1_0000_0000 + bytes.readUInt32BE(from + 4);
    from += LENGTH_SIZE;
    if (length > this.lengthMax || length < ID_SIZE) {
      const most = this.lengthMax.toString();
      throw new FrameError(`it announces a message of ${length} bytes; expected 4 to ${most}`);
    }
    if (from + length > end) {
      return at;
    }
    const id = bytes.readUInt32BE(from);
    if (id >= 0x80000000) {
      this.answer(id & 0x7fffffff, bytes, from + ID_SIZE, from + length);
    } // otherwise it answers no request
    return from + length;
  }
}
