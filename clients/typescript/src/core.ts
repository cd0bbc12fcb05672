/** The inside of a client: routes and their connections, the calls in flight, and those that wait for room. */
import { Call } from './call.js';
import { Connection } from './connection.js';
import type { Request } from './encode.js';
import { ClosedError } from './errors.js';
import { Meter } from './meter.js';
import { checkDeadline, type CallOptions, type Options } from './options.js';
import { Probe } from './probe.js';
import type { Operation } from './operation.js';
import { Routes, type Route } from './routes.js';
import { ScoreReader } from './score_reader.js';
import { TimerWheel, now } from './timer_wheel.js';

export class Core {
  readonly meter: Meter;
  readonly routes: Routes;
  readonly timers = new TimerWheel();
  readonly scoreReader = new ScoreReader();
  /** Calls that wait for a connection to any address. */
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
          this.connection(route).releaseUnsent();
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
      // Options that node:tls refuses.
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

  /** Called for each request. Throws what the user's function throws. */
  token(): string {
    return this.options.token === null ? '' : this.options.token();
  }

  /** Why addresses are not connected, for error messages. */
  connectionErrors(): string {
    const errors = new Set(this.connections.map((connection) => connection.lastError).filter((error) => error !== ''));
    return errors.size === 0 ? '' : ` (${[...errors].join('; ')})`;
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

  /** Starts a call. Throws if it cannot begin. */
  call<T>(
    begun: number,
    options: CallOptions,
    operation: Operation<T>,
    resolve: (answer: T) => void,
    reject: (error: unknown) => void,
  ): void {
    const deadlineMs = options.deadlineMs === undefined ? this.options.deadlineMs : checkDeadline(options.deadlineMs);
    const signal = options.signal ?? null;
    signal?.throwIfAborted();
    if (this.closed) {
      const error = new ClosedError('the client is closed');
      this.ended(operation.request, error.code, now() - begun);
      throw error;
    }
    // The call resolves with the result of this operation, so the type is right.
    const call = new Call(this, operation, begun, deadlineMs, signal, resolve as (answer: unknown) => void, reject);
    this.timers.add(call);
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

  /** A call in flight has ended. */
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

  /** Not recursive, because a call may end, and admit others, as soon as it enters. */
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

  removeFromQueue(call: Call): void {
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
      this.timers.add(probe);
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
      await this.waitForCalls(timeoutMs);
    }
    for (const timed of this.timers.all()) {
      if (timed instanceof Call) {
        timed.close();
      }
    }
    this.timers.stop();
    await Promise.all(this.connections.map((connection) => connection.close()));
    this.timers.stop();
  }

  private waitForCalls(timeoutMs: number | undefined): Promise<void> {
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
