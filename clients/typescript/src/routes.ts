/**
 * The state of each address, and which one a call goes to. The states are those of clients/README.md. Knows no sockets
 * and no clock: time is an argument, in milliseconds.
 */
import type { Search } from './search.js';

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
  /** Marked: it answered that it is not the primary, and nothing has disproved that since. */
  standby = false;

  constructor(
    readonly index: number,
    readonly address: string,
  ) {}

  get up(): boolean {
    return this.connected && !this.ejected;
  }
}

/** The order of the addresses for a call: the lower, the better. */
const enum Rank {
  /** Up, and perhaps the primary. */
  UpUntried,
  /**
   * Named by the last standby that the call asked. Its word is newer than an ejection, and the others refuse the call for
   * certain.
   */
  NamedUntried,
  /** But a standby, or one that has just answered this call as a standby. */
  Up,
  /** But ejected. */
  Connected,
  NotConnected,
}

function rank(route: Route, search: Search | null): Rank {
  const untried = !route.standby && search?.tried(route) !== true;
  if (route.up) {
    return untried ? Rank.UpUntried : Rank.Up;
  }
  if (!route.connected) {
    return Rank.NotConnected;
  }
  return untried && search?.named === route ? Rank.NamedUntried : Rank.Connected;
}

function longerAgo(route: Route, than: Route, search: Search | null): boolean {
  return search !== null && search.last(route) < search.last(than);
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

  /**
   * The best address for a call; null: none is connected. Of equals it is the first; but of those that have answered the
   * call as standbys, the one whose answer is longest ago: any of them may have become the primary.
   */
  choose(search: Search | null): Route | null {
    let chosen: Route | null = null;
    let best = Rank.NotConnected;
    for (const route of this.all) {
      const mine = rank(route, search);
      if (mine === Rank.UpUntried) {
        return route;
      }
      if (mine < best || (mine === best && chosen !== null && longerAgo(route, chosen, search))) {
        chosen = route;
        best = mine;
      }
    }
    return chosen;
  }

  /** There is an address that may be the primary and has not refused the call since its last wait. */
  mayDecide(search: Search): boolean {
    return this.all.some((route) => rank(route, search) <= Rank.NamedUntried);
  }

  /** A call need not wait for this address. A standby is no reason not to: it refuses the call for certain. */
  anotherMayDecide(than: Route): boolean {
    return this.all.some((route) => route !== than && route.up && !route.standby);
  }

  /** The address that is written exactly so; null: none is. */
  find(address: string): Route | null {
    return this.all.find((route) => route.address === address) ?? null;
  }

  /**
   * The address answered as a standby. The one that it names as the primary loses its mark; in this order, a standby that
   * names itself keeps its own.
   */
  refused(route: Route, named: Route | null): void {
    if (named !== null) {
      named.standby = false;
    }
    route.standby = true;
  }

  /** The address answered a call that writes as only the primary does. */
  decides(route: Route): void {
    route.standby = false;
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
