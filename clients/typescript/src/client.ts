import { Batcher, type BatcherOptions } from './batcher.js';
import { Core } from './core.js';
import * as decode from './decode.js';
import * as encode from './encode.js';
import { InvalidError, type HarrierError } from './errors.js';
import * as fallback from './fallback.js';
import { checkOptions, type CallOptions, type ClientOptions, type ScoreOptions } from './options.js';
import { Plain, Score, Scores } from './question.js';
import type { Decision, Entity, Outcome, OutcomeAccepted, Status, Transaction } from './types.js';
import { now } from './wheel.js';

const NO_OPTIONS: ScoreOptions = Object.freeze({});

export interface EntityOptions extends CallOptions {
  /** As of this event time; left out: of its newest transaction. */
  atTimeUs?: number;
}

export interface StatusOptions extends CallOptions {
  /** Reads the states of all entities: give it time. */
  stateHash?: boolean;
}

/**
 * Asks a Harrier server, or the best of several. It is made without waiting; connections are made in the background.
 * Any number of calls may be under way at once. An open client keeps the process: close it.
 */
export class Client {
  // Not to be seen when a client is printed: there is a token in the options.
  readonly #core: Core;

  constructor(options: ClientOptions) {
    this.#core = new Core(checkOptions(options));
  }

  score(transaction: Transaction, options: ScoreOptions = NO_OPTIONS): Promise<Decision> {
    return new Promise((resolve, reject) => {
      const begun = now();
      const core = this.#core;
      const question = new Score(transaction, options, core.options.fallback, core.meter);
      core.call(begun, options, question, resolve, reject);
    });
  }

  /** 1 to 1,000, decided in their order; as many results. Fails only if the call failed as a whole. */
  scoreMany(
    transactions: readonly Transaction[],
    options: ScoreOptions = NO_OPTIONS,
  ): Promise<(Decision | HarrierError)[]> {
    return new Promise((resolve, reject) => {
      const begun = now();
      const core = this.#core;
      const question = new Scores(transactions, options, core.options.fallback, core.meter);
      core.call(begun, options, question, resolve, reject);
    });
  }

  /** Reporting one again changes nothing. */
  async reportOutcome(outcome: Outcome, options: CallOptions = NO_OPTIONS): Promise<OutcomeAccepted> {
    return fallback.only(await this.reportOutcomes([outcome], options));
  }

  /** 1 to 1,000; as many results in their order. */
  async reportOutcomes(
    outcomes: readonly Outcome[],
    options: CallOptions = NO_OPTIONS,
  ): Promise<(OutcomeAccepted | HarrierError)[]> {
    const begun = now();
    const request = encode.outcomeRequest(outcomes, encode.checkTraceparent(options.traceparent));
    return this.#ask(begun, options, request, decode.outcomes);
  }

  /** `key`: one string for each field that makes up the entity's key, mostly one. */
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

  #ask<T>(
    begun: number,
    options: CallOptions,
    request: encode.Request,
    decoded: (response: decode.Response) => T,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#core.call(begun, options, new Plain(request, decoded), resolve, reject);
    });
  }

  /** Groups calls of score() that are made within a short time into one message. */
  batcher(options: BatcherOptions = {}): Batcher {
    return new Batcher(this, this.#core.options.deadlineMs, options);
  }

  /** Lets calls under way end, for at most so long; then they fail with ClosedError. Closing again does nothing. */
  async close(timeoutMs?: number): Promise<void> {
    if (timeoutMs !== undefined && !(timeoutMs >= 0)) {
      throw new InvalidError(`${timeoutMs} ms; expected at least 0`, 'timeoutMs');
    }
    await this.#core.close(timeoutMs);
  }

  /** For `await using`, where the language has it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
