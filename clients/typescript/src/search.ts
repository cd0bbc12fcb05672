/** One call's search for the primary of a cluster, once a standby has answered it. */
import type { Route } from './routes.js';

export class Search {
  /** Waits because no address was left that may be the primary. */
  waits = 0;
  /** The primary, as the last standby said; null: none of the client's addresses. */
  named: Route | null = null;
  private readonly answers = new Map<Route, number>();
  private count = 0;
  private waited = 0;

  answered(route: Route, named: Route | null): void {
    this.answers.set(route, ++this.count);
    this.named = named;
  }

  /** Orders addresses by their last answers as standbys: a lower one is longer ago. 0: none. */
  last(route: Route): number {
    return this.answers.get(route) ?? 0;
  }

  /** It has answered since the call last waited. */
  tried(route: Route): boolean {
    return this.last(route) > this.waited;
  }

  /** From here on the call may try all addresses again. */
  waiting(): void {
    this.waited = this.count;
  }
}
