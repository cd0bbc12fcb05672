/** Asks an ejected address for its status in the background, so that no call waits for an address that may be dead. */
import { Exchange } from './connection.js';
import type { Core } from './core.js';
import { decodeResponse, responseError } from './decode.js';
import { statusRequest } from './encode.js';
import { ProtocolError } from './errors.js';
import type { Route } from './routes.js';
import { now } from './timer_wheel.js';

const PROBE_MS_MIN = 100;
const REQUEST = statusRequest(false, null);

export class Probe extends Exchange {
  readonly request = REQUEST;

  constructor(
    private readonly core: Core,
    private readonly route: Route,
    at: number,
  ) {
    super(at + Math.max(PROBE_MS_MIN, core.options.deadlineMs));
  }

  token(): string | null {
    try {
      return this.core.token();
    } catch {
      // Calls fail with the same error, and report it.
      this.end(false);
      return null;
    }
  }

  sent(): void {
    // A probe that fails counts the same, sent or not.
  }

  answered(bytes: Buffer, from: number, to: number): void {
    this.end(isInOrder(bytes.subarray(from, to)));
  }

  broke(): void {
    this.end(false);
  }

  notSent(): void {
    this.end(false);
  }

  expired(): void {
    this.core.connection(this.route).forget(this);
    this.end(false);
  }

  private end(lives: boolean): void {
    this.core.timers.remove(this);
    this.core.routes.probed(this.route, lives, now());
  }
}

function isInOrder(payload: Uint8Array): boolean {
  try {
    const response = decodeResponse(payload, REQUEST);
    const state = response.status?.state;
    return responseError(response) === null && (state === 'ready' || state === 'standby');
  } catch (error) {
    if (error instanceof ProtocolError) {
      return false;
    }
    throw error;
  }
}
