/** What a client is made of: routes and their connections, the calls under way, and those that wait for room. */
import { Call } from './call.js';
import { Connection } from './connection.js';
import type { Request } from './encode.js';
import { ClosedError } from './errors.js';
import { Meter } from './meter.js';
import { checkDeadline, type CallOptions, type Options } from './options.js';
import { Probe } from './probe.js';
import type { Question } from './question.js';
import { Routes, type Route } from './routes.js';
import { ScoreReader } from './score_reader.js';
import { Wheel, now } from './wheel.js';

export class Core {
  readonly meter: Meter;
  readonly routes: Routes;
  readonly wheel = new Wheel();
  readonly scoreReader = new ScoreReader();
  /** Calls that wait for a connection, whichever. */
  readonly waiting = new Set<Call>();
  private readonly connections: Connection[] = [];
  private inFlight = 0;
  private readonly queue = new Set<Call>();
  private admitting = false;
  private closed = false;
  private empty: (() => void) | null = null;
  private end: Promise<void> | null = null;

  constructor(readonly options: Options) {
    const meter = (this.meter = new Meter(options.metrics));
    this.routes = new Routes(
      options.addresses.map((address) => address.text),
      options.ejectAfter,
      {
        changed: (route) => {
          meter.routeChanged(route.address, route.up);
        },
        ejected: (route) => {
          meter.routeEjected(route.address);
          this.connection(route).giveBack();
        },
      },
    );
    try {
      for (const [index, address] of options.addresses.entries()) {
        const changed = (up: boolean): void => {
          this.connected(index, up);
        };
        this.connections.push(new Connection(address, options.tls, changed));
      }
    } catch (error) {
      // Options that node:tls does not take.
      void this.close(0);
      throw error;
    }
  }

  connection(route: Route): Connection {
    const found = this.connections[route.index];
    if (found === undefined) {
      throw new RangeError(`there is no connection ${route.index}`);
    }
    return found;
  }

  /** Asked for each request. Throws what the function throws. */
  token(): string {
    return this.options.token === null ? '' : this.options.token();
  }

  /** Of addresses without a connection, for a message. */
  faults(): string {
    const faults = new Set(this.connections.map((connection) => connection.fault).filter((fault) => fault !== ''));
    return faults.size === 0 ? '' : ` (${[...faults].join('; ')})`;
  }

  private connected(index: number, up: boolean): void {
    const route = this.routes.all[index];
    if (route === undefined) {
      return;
    }
    this.routes.setConnected(route, up);
    if (up) {
      const waiting = [...this.waiting];
      this.waiting.clear();
      for (const call of waiting) {
        call.dispatch();
      }
    }
  }

  // ------------------------------------------------------------------------------------------
  // Calls

  /** Throws when it cannot begin. */
  call<T>(
    begun: number,
    options: CallOptions,
    question: Question<T>,
    resolve: (answer: T) => void,
    reject: (error: unknown) => void,
  ): void {
    const deadlineMs = options.deadlineMs === undefined ? this.options.deadlineMs : checkDeadline(options.deadlineMs);
    const signal = options.signal ?? null;
    signal?.throwIfAborted();
    if (this.closed) {
      const error = new ClosedError('the client is closed');
      this.ended(question.request, error.code, now() - begun);
      throw error;
    }
    // A call hands its question's answer to whom it got with the question.
    const call = new Call(this, question, begun, deadlineMs, signal, resolve as (answer: unknown) => void, reject);
    this.wheel.add(call);
    if (this.inFlight >= this.options.inFlightMax) {
      this.queue.add(call);
    } else {
      this.enter(call);
    }
  }

  private enter(call: Call): void {
    this.inFlight++;
    if (this.meter.on) {
      this.meter.inFlight(this.inFlight);
    }
    if (this.routes.anyEjected) {
      this.probe(now());
    }
    call.enter();
  }

  /** A call under way has ended. */
  leave(): void {
    this.inFlight--;
    if (this.meter.on) {
      this.meter.inFlight(this.inFlight);
    }
    this.admit();
    if (this.inFlight === 0 && this.empty !== null) {
      this.empty();
    }
  }

  /** One after the other, not one within the other: a call may end as soon as it enters. */
  private admit(): void {
    if (this.admitting || this.queue.size === 0) {
      return;
    }
    this.admitting = true;
    for (const next of this.queue) {
      if (this.inFlight >= this.options.inFlightMax) {
        break;
      }
      this.queue.delete(next);
      this.enter(next);
    }
    this.admitting = false;
  }

  leaveQueue(call: Call): void {
    this.queue.delete(call);
  }

  ended(request: Request, result: string, ms: number): void {
    this.meter.called(request.call, result, ms);
    if (request.call === 'score') {
      this.meter.scored(request.count);
    }
  }

  private probe(at: number): void {
    const route = this.routes.takeProbe(at);
    if (route !== null) {
      const probe = new Probe(this, route, at);
      this.wheel.add(probe);
      this.connection(route).send(probe);
    }
  }

  // ------------------------------------------------------------------------------------------
  // The end

  close(timeoutMs: number | undefined): Promise<void> {
    this.end ??= this.finish(timeoutMs);
    return this.end;
  }

  private async finish(timeoutMs: number | undefined): Promise<void> {
    this.closed = true;
    for (const call of [...this.queue]) {
      call.close();
    }
    if (this.inFlight > 0) {
      await this.lastCall(timeoutMs);
    }
    for (const timed of this.wheel.all()) {
      if (timed instanceof Call) {
        timed.close();
      }
    }
    this.wheel.stop();
    await Promise.all(this.connections.map((connection) => connection.close()));
    this.wheel.stop();
  }

  private lastCall(timeoutMs: number | undefined): Promise<void> {
    return new Promise((done) => {
      const timer = timeoutMs === undefined ? null : setTimeout(done, timeoutMs);
      this.empty = () => {
        if (timer !== null) {
          clearTimeout(timer);
        }
        done();
      };
    });
  }
}
