import * as analyst from './analyst_decode.js';
import type {
  BrakeChange,
  BrakeChanged,
  Explanation,
  ListChange,
  ListChanged,
  ListPage,
  Reload,
} from './analyst_types.js';
import { Batcher, type BatcherOptions } from './batcher.js';
import { Core } from './core.js';
import * as decode from './decode.js';
import * as encode from './encode.js';
import { InvalidError, type HarrierError } from './errors.js';
import * as fallback from './fallback.js';
import { findings, findRequest } from './find_codec.js';
import type { Findings, FindQuery } from './find_types.js';
import { checkOptions, type CallOptions, type ClientOptions, type ScoreOptions } from './options.js';
import { PlainOperation, Score, Scores } from './operation.js';
import type {
  Amendment,
  AmendmentAccepted,
  Decision,
  Entity,
  Outcome,
  OutcomeAccepted,
  Status,
  Transaction,
} from './types.js';
import { now } from './timer_wheel.js';

const NO_OPTIONS: ScoreOptions = Object.freeze({});

export interface EntityOptions extends CallOptions {
  /** As of this event time. Default: its newest transaction. */
  atTimeUs?: number;
}

export interface StatusOptions extends CallOptions {
  /** Also hash the states of all entities, which reads all of them: set a long deadline. */
  stateHash?: boolean;
}

export interface ListOptions extends CallOptions {
  /** Only entries after this position: `nextPosition` of the page before. */
  afterPosition?: number;
  /** The most entries, up to 1,000. Default 1,000. */
  limit?: number;
}

export interface ReloadOptions extends CallOptions {
  /** Wait until the reload is done, which can take seconds: set a long deadline. */
  wait?: boolean;
}

/**
 * Asks a Harrier server, or the best of several. The constructor does not wait: connections are made in the background. Any
 * number of calls may be in flight at once. An open client keeps the process alive: close it.
 */
export class Client {
  // Private, so that printing a client does not show the token in its options.
  readonly #core: Core;

  constructor(options: ClientOptions) {
    this.#core = new Core(checkOptions(options));
  }

  score(transaction: Transaction, options: ScoreOptions = NO_OPTIONS): Promise<Decision> {
    return new Promise((resolve, reject) => {
      const begun = now();
      const core = this.#core;
      const operation = new Score(transaction, options, core.options.fallback, core.meter);
      core.call(begun, options, operation, resolve, reject);
    });
  }

  /** Scores 1 to 1,000 transactions, in their order. Resolves with a decision or an error for each; rejects only if the call failed as a whole. */
  scoreMany(
    transactions: readonly Transaction[],
    options: ScoreOptions = NO_OPTIONS,
  ): Promise<(Decision | HarrierError)[]> {
    return new Promise((resolve, reject) => {
      const begun = now();
      const core = this.#core;
      const operation = new Scores(transactions, options, core.options.fallback, core.meter);
      core.call(begun, options, operation, resolve, reject);
    });
  }

  /** Reporting one again changes nothing. */
  async reportOutcome(outcome: Outcome, options: CallOptions = NO_OPTIONS): Promise<OutcomeAccepted> {
    return fallback.only(await this.reportOutcomes([outcome], options));
  }

  /** Reports 1 to 1,000 outcomes. Resolves with a result or an error for each, in their order. */
  async reportOutcomes(
    outcomes: readonly Outcome[],
    options: CallOptions = NO_OPTIONS,
  ): Promise<(OutcomeAccepted | HarrierError)[]> {
    const begun = now();
    const request = encode.outcomeRequest(outcomes, encode.checkTraceparent(options.traceparent));
    return this.#ask(begun, options, request, decode.outcomes);
  }

  /**
   * Reports that a transaction was voided, captured with another amount than was scored, or refunded. Its features follow, at
   * the transaction's own event time. Amounts are totals, and the last one holds: reporting it again changes nothing.
   */
  async amend(amendment: Amendment, options: CallOptions = NO_OPTIONS): Promise<AmendmentAccepted> {
    return fallback.only(await this.amendMany([amendment], options));
  }

  /** Reports 1 to 1,000 amendments, applied in their order. Resolves with a result or an error for each. */
  async amendMany(
    amendments: readonly Amendment[],
    options: CallOptions = NO_OPTIONS,
  ): Promise<(AmendmentAccepted | HarrierError)[]> {
    const begun = now();
    const request = encode.amendRequest(amendments, encode.checkTraceparent(options.traceparent));
    return this.#ask(begun, options, request, decode.amendments);
  }

  /** `key`: one string for each field of the entity's key, mostly one. */
  async getEntity(entity: string, key: string | readonly string[], options: EntityOptions = {}): Promise<Entity> {
    const begun = now();
    const trace = encode.checkTraceparent(options.traceparent);
    const request = encode.entityRequest(entity, key, options.atTimeUs, trace);
    return this.#ask(begun, options, request, decode.entity);
  }

  async status(options: StatusOptions = {}): Promise<Status> {
    const begun = now();
    const trace = encode.checkTraceparent(options.traceparent);
    return this.#ask(begun, options, encode.statusRequest(options.stateHash ?? false, trace), decode.status);
  }

  /** Makes 1 to 1,000 changes of the policy's lists. Resolves with a result or an error for each, in their order. */
  async changeList(
    changes: readonly ListChange[],
    options: CallOptions = NO_OPTIONS,
  ): Promise<(ListChanged | HarrierError)[]> {
    const begun = now();
    const request = encode.changeRequest(changes, encode.checkTraceparent(options.traceparent));
    return this.#ask(begun, options, request, analyst.changes);
  }

  /** The list and a page of the entries that were added to it. Without a name: all lists, without their entries. */
  async getList(list = '', options: ListOptions = {}): Promise<ListPage> {
    const begun = now();
    const trace = encode.checkTraceparent(options.traceparent);
    const request = encode.listRequest(list, options.afterPosition, options.limit, trace);
    return this.#ask(begun, options, request, analyst.listPage);
  }

  /** Lifts or pulls the brake of a rule. Doing it again changes nothing. `status()` has the brakes. */
  async changeBrake(change: BrakeChange, options: CallOptions = NO_OPTIONS): Promise<BrakeChanged> {
    const begun = now();
    const request = encode.brakeRequest(change, encode.checkTraceparent(options.traceparent));
    return this.#ask(begun, options, request, analyst.brakeChanged);
  }

  /** Makes the server load its policy and shadow policies again. A refused policy is a result, not an error. */
  async reload(options: ReloadOptions = {}): Promise<Reload> {
    const begun = now();
    const request = encode.reloadRequest(options.wait ?? false, encode.checkTraceparent(options.traceparent));
    return this.#ask(begun, options, request, analyst.reload);
  }

  /**
   * Derives a decision again from the archive. That can take long if the archive is large: set a deadline of about a
   * minute. A server for which several explanations are waiting answers UnavailableError.
   */
  async explain(transactionId: string, options: CallOptions = NO_OPTIONS): Promise<Explanation> {
    const begun = now();
    const request = encode.explainRequest(transactionId, encode.checkTraceparent(options.traceparent));
    return this.#ask(begun, options, request, analyst.explanation);
  }

  /** Transactions of the server's archive, the newest first: a page of them. */
  async find(query: FindQuery = {}, options: CallOptions = NO_OPTIONS): Promise<Findings> {
    const begun = now();
    const request = findRequest(query, encode.checkTraceparent(options.traceparent));
    return this.#ask(begun, options, request, findings);
  }

  #ask<T>(
    begun: number,
    options: CallOptions,
    request: encode.Request,
    decoded: (response: decode.Response) => T,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#core.call(begun, options, new PlainOperation(request, decoded), resolve, reject);
    });
  }

  /** Groups calls of score() made within a short time into one message. */
  batcher(options: BatcherOptions = {}): Batcher {
    return new Batcher(this, this.#core.options.deadlineMs, options);
  }

  /** Waits at most this long for calls in flight, then fails them with ClosedError. Closing again does nothing. */
  async close(timeoutMs?: number): Promise<void> {
    if (timeoutMs !== undefined && !(timeoutMs >= 0)) {
      throw new InvalidError(`${timeoutMs} ms; expected at least 0`, 'timeoutMs');
    }
    await this.#core.close(timeoutMs);
  }

  /** For `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
