/**
 * The deadlines of all calls in flight, on one timer of Node's. Calls are added and removed in constant time, and mostly end
 * before their deadline, so that a timer of their own would be made and cancelled for nothing.
 *
 * A timer wheel: a ring of slots, each a list of what ends within its few milliseconds, now or in later rounds.
 */
import { performance } from 'node:perf_hooks';

const SLOT_MS = 4;
const SLOTS = 256;

/** Milliseconds of a monotonic clock. */
export function now(): number {
  return performance.now();
}

/** Something with a deadline. */
export abstract class Timed {
  /** The neighbours in the list of its slot. */
  previous: Timed | null = null;
  next: Timed | null = null;
  slot = -1;

  constructor(readonly ends: number) {}

  /** Its deadline has passed; it is no longer in the wheel. */
  abstract expired(at: number): void;
}

export class TimerWheel {
  private readonly slots: (Timed | null)[] = new Array<Timed | null>(SLOTS).fill(null);
  private count = 0;
  private swept = Math.floor(now() / SLOT_MS);
  private timer: NodeJS.Timeout | null = null;
  private timerAt = Infinity;

  add(timed: Timed): void {
    const slot = Math.max(Math.floor(timed.ends / SLOT_MS), this.swept) & (SLOTS - 1);
    const first = this.slots[slot] ?? null;
    timed.slot = slot;
    timed.next = first;
    if (first !== null) {
      first.previous = timed;
    }
    this.slots[slot] = timed;
    this.count++;
    if (timed.ends < this.timerAt) {
      this.arm(timed.ends);
    }
  }

  /** Does nothing if it is not in the wheel. */
  remove(timed: Timed): void {
    if (timed.slot < 0) {
      return;
    }
    if (timed.previous !== null) {
      timed.previous.next = timed.next;
    } else {
      this.slots[timed.slot] = timed.next;
    }
    if (timed.next !== null) {
      timed.next.previous = timed.previous;
    }
    timed.previous = timed.next = null;
    timed.slot = -1;
    this.count--;
    // The timer keeps running: the next call will need it.
  }

  all(): Timed[] {
    const found: Timed[] = [];
    for (const first of this.slots) {
      for (let timed = first; timed !== null; timed = timed.next) {
        found.push(timed);
      }
    }
    return found;
  }

  /** Stops the timer, which would keep the process alive. */
  stop(): void {
    if (this.timer !== null) {
      clearTimeout(this.timer);
    }
    this.timer = null;
    this.timerAt = Infinity;
  }

  private arm(ends: number): void {
    this.stop();
    this.timerAt = ends;
    this.timer = setTimeout(
      () => {
        this.timer = null;
        this.timerAt = Infinity;
        this.sweep(now());
      },
      Math.max(1, Math.ceil(ends - now())),
    );
  }

  private sweep(at: number): void {
    const over = this.take(at);
    for (const timed of over) {
      timed.expired(at);
    }
    if (this.count > 0) {
      const earliest = this.earliest(at);
      if (earliest < this.timerAt) {
        this.arm(earliest);
      }
    }
  }

  /** Removes and returns all whose deadline has passed. */
  private take(at: number): Timed[] {
    const until = Math.floor(at / SLOT_MS);
    const over: Timed[] = [];
    for (let tick = Math.max(this.swept, until - SLOTS + 1); tick <= until; tick++) {
      for (let timed = this.slots[tick & (SLOTS - 1)] ?? null; timed !== null;) {
        const next: Timed | null = timed.next;
        if (timed.ends <= at) {
          this.remove(timed);
          over.push(timed);
        }
        timed = next;
      }
    }
    this.swept = until;
    return over;
  }

  private earliest(at: number): number {
    const from = Math.floor(at / SLOT_MS);
    for (let tick = from; tick < from + SLOTS; tick++) {
      let least = Infinity;
      for (let timed = this.slots[tick & (SLOTS - 1)] ?? null; timed !== null; timed = timed.next) {
        if (timed.ends < (tick + 1) * SLOT_MS) {
          least = Math.min(least, timed.ends);
        }
      }
      if (least < Infinity) {
        return least;
      }
    }
    return (from + SLOTS) * SLOT_MS;
  }
}
