/**
 * The state of each address, and which one a call goes to. The states are those of clients/README.md. Knows no sockets
 * and no clock: time is an argument, in milliseconds.
 */

const EJECT_MS_MIN = 1000;
const EJECT_MS_MAX = 30_000;
const EJECT_JITTER = 0.2;

export class Route {
  connected = false;
  /** Failures in a row. */
  failures = 0;
  /** Ejections without a success in between. */
  ejections = 0;
  ejected = false;
  probing = false;
  probeAt = 0;

  constructor(
    readonly index: number,
    readonly address: string,
  ) {}

  get up(): boolean {
    return this.connected && !this.ejected;
  }
}

export interface RouteEvents {
  /** Its `up` changed. */
  changed(route: Route): void;
  ejected(route: Route): void;
}

export class Routes {
  readonly all: readonly Route[];
  anyEjected = false;

  constructor(
    addresses: readonly string[],
    private readonly ejectAfter: number,
    private readonly events: RouteEvents,
    private readonly random: () => number = Math.random,
  ) {
    this.all = addresses.map((address, index) => new Route(index, address));
  }

  setConnected(route: Route, connected: boolean): void {
    const before = route.up;
    route.connected = connected;
    if (route.up !== before) {
      this.events.changed(route);
    }
  }

  /** The first that is up, else the first that is connected; null: none is. */
  choose(): Route | null {
    let connected: Route | null = null;
    for (const route of this.all) {
      if (route.up) {
        return route;
      }
      if (route.connected && connected === null) {
        connected = route;
      }
    }
    return connected;
  }

  anotherIsUp(than: Route): boolean {
    return this.all.some((route) => route !== than && route.up);
  }

  succeeded(route: Route): void {
    if (route.failures === 0 && !route.ejected) {
      return;
    }
    // The answer to a call ends an ejection, too.
    const changed = route.ejected && route.connected;
    route.failures = route.ejections = 0;
    route.ejected = route.probing = false;
    this.anyEjected = this.all.some((other) => other.ejected);
    if (changed) {
      this.events.changed(route);
    }
  }

  failed(route: Route, at: number): void {
    if (this.all.length === 1) {
      return;
    }
    route.failures++;
    if (!route.ejected && route.failures >= this.ejectAfter) {
      const wasUp = route.up;
      this.eject(route, at);
      if (wasUp) {
        this.events.changed(route);
      }
      this.events.ejected(route);
    }
  }

  /** An address to probe now; the caller must report the result with probed(). */
  takeProbe(at: number): Route | null {
    for (const route of this.all) {
      if (route.ejected && route.connected && !route.probing && at >= route.probeAt) {
        route.probing = true;
        return route;
      }
    }
    return null;
  }

  probed(route: Route, lives: boolean, at: number): void {
    if (lives) {
      this.succeeded(route);
    } else if (route.probing) {
      // otherwise a call has succeeded meanwhile
      this.eject(route, at);
      this.events.ejected(route);
    }
  }

  private eject(route: Route, at: number): void {
    const length = Math.min(EJECT_MS_MAX, EJECT_MS_MIN * 2 ** route.ejections);
    route.ejections = Math.min(route.ejections + 1, 10);
    route.failures = 0;
    route.ejected = this.anyEjected = true;
    route.probing = false;
    route.probeAt = at + length * (1 - EJECT_JITTER + 2 * EJECT_JITTER * this.random());
  }
}
