/** Groups calls made within a short time into one message. */
import type { Client } from './client.js';
import { checkTraceparent, ITEMS_MAX } from './encode.js';
import { ClosedError, HarrierError, InvalidError, TooLargeError } from './errors.js';
import { checkDeadline, type CallOptions } from './options.js';
import type { Decision, Transaction } from './types.js';
import { now } from './timer_wheel.js';

export interface BatcherOptions {
  /** How long after its first call a batch is sent. Default 1. */
  windowMs?: number;
  /** The number of transactions at which it is sent earlier. Default 100, at most 1,000. */
  sizeMax?: number;
}

export type BatchedOptions = Pick<CallOptions, 'deadlineMs' | 'traceparent'>;

interface Batched {
  transaction: Transaction;
  resolve: (decision: Decision) => void;
  reject: (error: unknown) => void;
}

interface Batch {
  calls: Batched[];
  /** The earliest deadline of its calls. */
  ends: number;
  traceparent: string | null;
  timer: NodeJS.Timeout;
}

/** Never 0: a call whose deadline has passed still gets its error, or its fallback decision, from the client. */
function left(ends: number): number {
  return Math.max(ends - now(), 0.001);
}

/** Errors of a whole batch that one transaction causes: it cannot be encoded, or makes the message too large. */
function mayBeOneAtFault(error: unknown): boolean {
  return error instanceof InvalidError || error instanceof TooLargeError || error instanceof TypeError;
}

export class Batcher {
  readonly #client: Client;
  readonly #deadlineMs: number;
  readonly #windowMs: number;
  readonly #sizeMax: number;
  #open: Batch | null = null;
  #closed = false;
  readonly #sending = new Set<Promise<void>>();

  /** @internal Made by Client.batcher(). */
  constructor(client: Client, deadlineMs: number, options: BatcherOptions) {
    const { windowMs = 1, sizeMax = 100 } = options;
    if (!(windowMs >= 0 && windowMs <= 1000)) {
      throw new InvalidError(`${String(windowMs)} ms; expected 0 to 1000`, 'windowMs');
    }
    if (!Number.isInteger(sizeMax) || sizeMax < 1 || sizeMax > ITEMS_MAX) {
      throw new InvalidError(`${String(sizeMax)}; expected 1 to ${ITEMS_MAX}`, 'sizeMax');
    }
    this.#client = client;
    this.#deadlineMs = deadlineMs;
    this.#windowMs = windowMs;
    this.#sizeMax = sizeMax;
  }

  async score(transaction: Transaction, options: BatchedOptions = {}): Promise<Decision> {
    if (this.#closed) {
      throw new ClosedError('the batcher is closed');
    }
    const deadlineMs = options.deadlineMs === undefined ? this.#deadlineMs : checkDeadline(options.deadlineMs);
    return new Promise<Decision>((resolve, reject) => {
      const batch = (this.#open ??= this.#begin(Math.min(this.#windowMs, deadlineMs)));
      batch.calls.push({ transaction, resolve, reject });
      batch.ends = Math.min(batch.ends, now() + deadlineMs);
      batch.traceparent ??= checkTraceparent(options.traceparent);
      if (batch.calls.length === this.#sizeMax) {
        this.#flush();
      }
    });
  }

  #begin(windowMs: number): Batch {
    const timer = setTimeout(() => {
      this.#flush();
    }, windowMs);
    return { calls: [], ends: Infinity, traceparent: null, timer };
  }

  #flush(): void {
    const batch = this.#open;
    this.#open = null;
    if (batch !== null) {
      clearTimeout(batch.timer);
      const sending = this.#send(batch).finally(() => {
        this.#sending.delete(sending);
      });
      this.#sending.add(sending);
    }
  }

  /** Never rejects: each call gets its own result or error. */
  async #send(batch: Batch): Promise<void> {
    const { calls } = batch;
    try {
      const results = await this.#score(batch, calls);
      for (const [index, call] of calls.entries()) {
        const result = results[index];
        if (result instanceof HarrierError || result === undefined) {
          call.reject(result);
        } else {
          call.resolve(result);
        }
      }
    } catch (error) {
      if (calls.length > 1 && mayBeOneAtFault(error)) {
        await this.#sendEach(batch);
        return;
      }
      for (const call of calls) {
        call.reject(error);
      }
    }
  }

  async #sendEach(batch: Batch): Promise<void> {
    for (const call of batch.calls) {
      await this.#send({ ...batch, calls: [call] });
    }
  }

  #score(batch: Batch, calls: readonly Batched[]): Promise<(Decision | HarrierError)[]> {
    const options = { deadlineMs: left(batch.ends) };
    return this.#client.scoreMany(
      calls.map((call) => call.transaction),
      batch.traceparent === null ? options : { ...options, traceparent: batch.traceparent },
    );
  }

  /** Sends the open batch and waits for all answers. The client stays open. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#flush();
    await Promise.all(this.#sending);
  }
}
