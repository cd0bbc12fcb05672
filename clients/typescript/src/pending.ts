/**
 * Requests that wait for their answers, by request id. A ring that is indexed with the id's low bits and grows before it
 * is half full: an id whose place is taken by one that waits for long is passed over. (A Map that is filled and emptied
 * all the time is made anew all the time, and what the old ones still point to survives many collections of garbage.)
 */

const SIZE_MIN = 256;
const ID_MASK = 0x7fffffff;

export interface Numbered {
  requestId: number;
}

export class Pending<T extends Numbered> {
  private places: (T | null)[] = new Array<T | null>(SIZE_MIN).fill(null);
  private count = 0;
  private lastId = 0;

  /** Gives it an id. */
  add(one: T): number {
    if (this.count * 2 >= this.places.length) {
      this.grow();
    }
    const mask = this.places.length - 1;
    let id = (this.lastId + 1) & ID_MASK;
    while (this.places[id & mask] !== null) {
      id = (id + 1) & ID_MASK;
    }
    this.lastId = id;
    this.places[id & mask] = one;
    one.requestId = id;
    this.count++;
    return id;
  }

  /** Who waits for this answer; it does not any more. */
  take(id: number): T | null {
    const place = id & (this.places.length - 1);
    const one = this.places[place] ?? null;
    if (one?.requestId !== id) {
      return null;
    }
    this.places[place] = null;
    this.count--;
    return one;
  }

  /** Nothing when it does not wait here. */
  remove(one: T): void {
    const place = one.requestId & (this.places.length - 1);
    if (this.places[place] === one) {
      this.places[place] = null;
      this.count--;
    }
  }

  /** All of them, oldest first; none waits any more. */
  takeAll(): T[] {
    const all = this.places.filter((one) => one !== null);
    this.places.fill(null);
    this.count = 0;
    const age = (one: T): number => (this.lastId - one.requestId) & ID_MASK;
    return all.sort((a, b) => age(b) - age(a));
  }

  private grow(): void {
    const waiting = this.places.filter((one) => one !== null);
    this.places = new Array<T | null>(2 * this.places.length).fill(null);
    // Their low bits differ already, so they do with one more.
    for (const one of waiting) {
      this.places[one.requestId & (this.places.length - 1)] = one;
    }
  }
}
