/** One call with its retries: which address it goes to, when it is sent again, and how it ends. clients/README.md has a diagram. */
import { Exchange } from './connection.js';
import type { Core } from './core.js';
import { decodeResponse, responseError, standbyAnswer } from './decode.js';
import type { Request } from './encode.js';
import { BusyError, ClosedError, DeadlineError, HarrierError, UnavailableError, type Decided } from './errors.js';
import type { Operation } from './operation.js';
import type { Route } from './routes.js';
import { Search } from './search.js';
import { now } from './timer_wheel.js';

const BACK_OFF_MS_MIN = 10;
const BACK_OFF_MS_MAX = 500;
// A request is not sent again to a standby later than this before the deadline: mostly there would be no answer by then,
// and the call would end as possibly decided although no standby decides anything.
const ANSWER_MS_MIN = 2;

/** The pause before the n-th attempt. */
function backOff(n: number): number {
  return Math.random() * Math.min(BACK_OFF_MS_MAX, BACK_OFF_MS_MIN * 2 ** (n - 1));
}

const enum Stage {
  /** For fewer calls in flight. */
  Room,
  /** For a connection: no address is connected. */
  Connection,
  /** For its connection, whose socket is full. */
  Socket,
  Answer,
  BackOff,
  Ended,
}

export class Call extends Exchange {
  readonly request: Request;
  private stage = Stage.Room;
  private route: Route | null = null;
  private retries = 0;
  private broken = 0;
  private last: HarrierError | null = null;
  /** Once a standby has answered. */
  private search: Search | null = null;
  /** The primary, as the standby said that answered last; null: the last answer was not that of a standby. */
  private primary: string | null = null;
  private timer: NodeJS.Timeout | null = null;
  private readonly aborted: (() => void) | null = null;

  constructor(
    private readonly core: Core,
    private readonly operation: Operation<unknown>,
    private readonly begun: number,
    private readonly deadlineMs: number,
    private readonly signal: AbortSignal | null,
    private readonly resolve: (answer: unknown) => void,
    private readonly reject: (error: unknown) => void,
  ) {
    super(begun + deadlineMs);
    this.request = operation.request;
    if (signal !== null) {
      this.aborted = () => {
        this.end(null);
        reject(signal.reason);
      };
      signal.addEventListener('abort', this.aborted);
    }
  }

  // ------------------------------------------------------------------------------------------
  // Called by the core

  /** There is room for it. */
  enter(): void {
    this.dispatch();
  }

  /** Sends it to the best address at this moment, or lets it wait for one. */
  dispatch(): void {
    if (this.hasEnded()) {
      return;
    }
    const route = this.core.routes.choose(this.search);
    if (route === null) {
      this.search?.waiting();
      this.stage = Stage.Connection;
      this.core.waiting.add(this);
      return;
    }
    this.route = route;
    this.stage = Stage.Socket;
    this.core.connection(route).send(this);
  }

  /** The client is closed. */
  close(): void {
    if (this.stage === Stage.Room) {
      this.fail(new ClosedError('the client is closed'));
    } else {
      const decided = this.stage === Stage.Answer ? 'unknown' : this.decided;
      this.fail(new ClosedError('the client was closed before an answer arrived', '', decided));
    }
  }

  // While several calls are notified one after the other, a function of the user's, such as a fallback, may end others of them:
  // a notification of a call that has ended is ignored.

  override expired(at: number): void {
    if (this.hasEnded()) {
      return;
    }
    if (this.stage === Stage.Room) {
      const most = this.core.options.inFlightMax.toString();
      this.fail(new BusyError(`${most} requests were in flight until the deadline (inFlightMax)`));
    } else if (this.stage === Stage.Answer && this.route !== null) {
      this.core.routes.failed(this.route, at);
      const words = `no answer from ${this.route.address} within ${this.deadlineMs} ms`;
      this.fail(new DeadlineError(words, '', 'unknown'));
    } else {
      if (this.stage === Stage.Socket && this.route !== null) {
        // Before failed(): an ejection of the address would move the call to another one.
        this.core.connection(this.route).forget(this);
      }
      this.fail(this.unavailable(at));
    }
  }

  // ------------------------------------------------------------------------------------------
  // Called by its connection

  token(): string | null {
    try {
      const token = this.core.token();
      return this.hasEnded() ? null : token;
    } catch (error) {
      if (!this.hasEnded()) {
        this.fail(error);
      }
      return null;
    }
  }

  private hasEnded(): boolean {
    return this.stage === Stage.Ended;
  }

  sent(): void {
    this.stage = Stage.Answer;
  }

  answered(bytes: Buffer, from: number, to: number): void {
    const { core, route } = this;
    if (route === null) {
      return;
    }
    const fast = this.operation.readFast(core.scoreReader, bytes, from, to);
    if (fast === null) {
      this.read(route, bytes.subarray(from, to));
      return;
    }
    this.answeredBy(route);
    this.end('ok');
    this.resolve(fast);
  }

  /** It answered, and not as a standby. */
  private answeredBy(route: Route): void {
    this.core.routes.succeeded(route);
    this.unmark(route);
  }

  private unmark(route: Route): void {
    if (route.standby && this.request.writes) {
      this.core.routes.decides(route);
    }
  }

  private read(route: Route, payload: Buffer): void {
    let answer: () => unknown;
    try {
      const response = decodeResponse(payload, this.request);
      const primary = standbyAnswer(response);
      if (primary !== null) {
        this.refused(route, primary, now());
        return;
      }
      const error = responseError(response);
      if (error instanceof UnavailableError) {
        this.notReady(route, error, now());
        return;
      }
      this.answeredBy(route);
      if (error !== null) {
        this.fail(error);
        return;
      }
      answer = this.operation.read(response);
    } catch (error) {
      this.answeredBy(route);
      this.fail(error);
      return;
    }
    this.end('ok');
    this.settle(answer);
  }

  private notReady(route: Route, error: HarrierError, at: number): void {
    this.last = error;
    this.primary = null;
    this.core.routes.failed(route, at);
    this.unmark(route);
    this.again('unavailable', at);
  }

  /**
   * A standby decides nothing: the call goes on to an address that may be the primary, else after a pause to any. Only the
   * deadline ends this.
   */
  private refused(route: Route, primary: string, at: number): void {
    const { routes, meter } = this.core;
    const search = (this.search ??= new Search());
    const named = routes.find(primary);
    routes.refused(route, named);
    routes.succeeded(route); // a standby is as well as a primary is
    search.answered(route, named);
    this.primary = primary;
    if (routes.mayDecide(search)) {
      meter.retried('not_primary');
      this.dispatch();
      return;
    }
    search.waits++;
    const pause = backOff(search.waits);
    if (this.ends - at - pause >= ANSWER_MS_MIN) {
      meter.retried('not_primary');
      this.pause(pause);
    } else {
      this.stage = Stage.BackOff; // until the deadline
    }
  }

  broke(): void {
    if (this.hasEnded()) {
      return;
    }
    const at = now();
    if (this.route !== null) {
      this.core.routes.failed(this.route, at);
    }
    this.broken++;
    this.primary = null;
    this.again('connection', at);
  }

  notSent(): void {
    this.dispatch();
  }

  private again(reason: 'connection' | 'unavailable', at: number): void {
    if (this.retries >= this.core.options.retriesMax) {
      this.fail(this.unavailable(at));
      return;
    }
    this.retries++;
    this.core.meter.retried(reason);
    if (this.route !== null && this.core.routes.anotherMayDecide(this.route)) {
      this.dispatch();
      return;
    }
    // At most half of the time that is left: the answer needs some, too.
    this.pause(Math.min(backOff(this.retries), Math.max(0, this.ends - at) / 2));
  }

  private pause(ms: number): void {
    if (this.hasEnded()) {
      return; // in a function of the user's
    }
    this.search?.waiting();
    this.stage = Stage.BackOff;
    this.timer = setTimeout(() => {
      this.timer = null;
      this.dispatch();
    }, ms);
  }

  // ------------------------------------------------------------------------------------------
  // The end

  private get decided(): Decided {
    return this.broken > 0 ? 'unknown' : false;
  }

  private unavailable(at: number): UnavailableError {
    const { core, route, broken } = this;
    const addresses = core.routes.all.map((one) => one.address).join(', ');
    let words: string;
    if (this.primary !== null) {
      words = this.noPrimary(this.primary, addresses);
    } else if (broken > 0) {
      const times = broken === 1 ? 'once' : `${broken} times`;
      words = `the connection to ${addresses} broke ${times} before an answer arrived`;
    } else if (this.last !== null) {
      words = `${route?.address ?? addresses} says: ${this.last.message}`;
    } else if (this.stage === Stage.Socket && route !== null) {
      core.routes.failed(route, at);
      words = `${route.address} took no request within ${this.deadlineMs} ms`;
    } else {
      words = `no connection to ${addresses} within ${this.deadlineMs} ms${core.connectionErrors()}`;
    }
    return new UnavailableError(words, '', this.decided);
  }

  /** Says what the last standby named, for those who gave too few addresses, or spelled one otherwise. */
  private noPrimary(named: string, addresses: string): string {
    const words = `no server at ${addresses} was the primary within ${this.deadlineMs} ms`;
    if (named === '') {
      return words;
    }
    const known = this.core.routes.find(named) !== null;
    return `${words}; a standby names ${named}${known ? '' : ', which is not among the addresses'}`;
  }

  private fail(error: unknown): void {
    this.end(error instanceof HarrierError ? error.code : null);
    this.settle(() => this.operation.recover(error));
  }

  /** Resolves with what a function returns, which may be the user's fallback; what it throws rejects the call. */
  private settle(answer: () => unknown): void {
    let value: unknown;
    try {
      value = answer();
    } catch (error) {
      this.reject(error);
      return;
    }
    this.resolve(value);
  }

  private end(result: string | null): void {
    const { stage, core } = this;
    this.stage = Stage.Ended;
    core.timers.remove(this);
    if (this.aborted !== null) {
      this.signal?.removeEventListener('abort', this.aborted);
    }
    if (this.timer !== null) {
      clearTimeout(this.timer);
      this.timer = null;
    }
    this.detach(stage);
    if (core.meter.on && result !== null) {
      core.ended(this.request, result, now() - this.begun);
    }
    if (stage === Stage.Room) {
      core.removeFromQueue(this);
    } else {
      core.leave();
    }
  }

  private detach(stage: Stage): void {
    const { core } = this;
    if (stage === Stage.Connection) {
      core.waiting.delete(this);
    } else if (this.route !== null && (stage === Stage.Answer || stage === Stage.Socket)) {
      core.connection(this.route).forget(this);
    }
  }
}
