/** The kinds of calls: what each one sends, and how its answer becomes what its caller gets. */
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

export interface Operation<T> {
  readonly request: Request;
  /** Decodes a plain answer straight from its bytes; null: the generated code must decode it. */
  readFast(reader: ScoreReader, bytes: Buffer, from: number, to: number): T | null;
  /** The result from a decoded answer without an error. Throws ProtocolError if it has unknown values. */
  read(response: Response): () => T;
  /** The fallback for an error; throws the error if there is none. */
  recover(error: unknown): T;
}

/** A call without fallbacks. */
export class PlainOperation<T> implements Operation<T> {
  constructor(
    readonly request: Request,
    private readonly decode: (response: Response) => T,
  ) {}

  readFast(): null {
    return null;
  }

  read(response: Response): () => T {
    const value = this.decode(response);
    return () => value;
  }

  recover(error: unknown): never {
    throw error;
  }
}

export class Scores implements Operation<(Decision | HarrierError)[]> {
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

  readFast(reader: ScoreReader, bytes: Buffer, from: number, to: number): Decision[] | null {
    return reader.read(bytes, from, to, this.transactions);
  }

  read(response: Response): () => (Decision | HarrierError)[] {
    const results = decode.decisions(response);
    return () => fallback.forResults(this.fallback, this.transactions, results, this.meter);
  }

  recover(error: unknown): Decision[] {
    return fallback.forCall(this.fallback, this.transactions, error, this.meter);
  }
}

/** A call with one transaction. */
export class Score implements Operation<Decision> {
  readonly request: Request;
  private readonly scores: Scores;

  constructor(transaction: Transaction, options: ScoreOptions, fallback: Fallback | null, meter: Meter) {
    this.scores = new Scores([transaction], options, fallback, meter);
    this.request = this.scores.request;
  }

  readFast(reader: ScoreReader, bytes: Buffer, from: number, to: number): Decision | null {
    return this.scores.readFast(reader, bytes, from, to)?.[0] ?? null;
  }

  read(response: Response): () => Decision {
    const results = this.scores.read(response);
    return () => fallback.only(results());
  }

  recover(error: unknown): Decision {
    return fallback.only(this.scores.recover(error));
  }
}
