/** What a call asks, and what its caller gets. */
import * as decode from './decode.js';
import type { Response } from './decode.js';
import * as encode from './encode.js';
import type { Request } from './encode.js';
import type { HarrierError } from './errors.js';
import * as fallback from './fallback.js';
import type { Meter } from './meter.js';
import type { Fallback, ScoreOptions } from './options.js';
import type { ScoreReader } from './score_reader.js';
import type { Decision, Transaction } from './types.js';

export interface Question<T> {
  readonly request: Request;
  /** Straight from the bytes; null when they are to be decoded as any others. */
  quick(reader: ScoreReader, bytes: Buffer, from: number, to: number): T | null;
  /** Of an answer that is no error. Throws ProtocolError when there is something in it that is not known. */
  read(response: Response): () => T;
  /** What stands in for an error; throws the error when nothing does. */
  instead(error: unknown): T;
}

/** An answer is all there is to it. */
export class Plain<T> implements Question<T> {
  constructor(
    readonly request: Request,
    private readonly decode: (response: Response) => T,
  ) {}

  quick(): null {
    return null;
  }

  read(response: Response): () => T {
    const value = this.decode(response);
    return () => value;
  }

  instead(error: unknown): never {
    throw error;
  }
}

export class Scores implements Question<(Decision | HarrierError)[]> {
  readonly request: Request;
  private readonly fallback: Fallback | null;

  constructor(
    private readonly transactions: readonly Transaction[],
    options: ScoreOptions,
    fallback: Fallback | null,
    private readonly meter: Meter,
  ) {
    const trace = encode.checkTraceparent(options.traceparent);
    const dryRun = options.dryRun ?? false;
    this.request = encode.scoreRequest(transactions, dryRun, options.returnFeatures ?? false, trace);
    this.fallback = dryRun ? null : fallback;
  }

  quick(reader: ScoreReader, bytes: Buffer, from: number, to: number): Decision[] | null {
    return reader.read(bytes, from, to, this.transactions);
  }

  read(response: Response): () => (Decision | HarrierError)[] {
    const results = decode.decisions(response);
    return () => fallback.forResults(this.fallback, this.transactions, results, this.meter);
  }

  instead(error: unknown): Decision[] {
    return fallback.forCall(this.fallback, this.transactions, error, this.meter);
  }
}

/** Of one transaction. */
export class Score implements Question<Decision> {
  readonly request: Request;
  private readonly scores: Scores;

  constructor(transaction: Transaction, options: ScoreOptions, fallback: Fallback | null, meter: Meter) {
    this.scores = new Scores([transaction], options, fallback, meter);
    this.request = this.scores.request;
  }

  quick(reader: ScoreReader, bytes: Buffer, from: number, to: number): Decision | null {
    return this.scores.quick(reader, bytes, from, to)?.[0] ?? null;
  }

  read(response: Response): () => Decision {
    const results = this.scores.read(response);
    return () => fallback.only(results());
  }

  instead(error: unknown): Decision {
    return fallback.only(this.scores.instead(error));
  }
}
