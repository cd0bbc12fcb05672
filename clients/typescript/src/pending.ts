/**
 * Requests that wait for their answers, by request id: an array indexed with the id's low bits, which grows before it is
 * half full. An id whose slot is still in use by a slow request is skipped. (A Map that is constantly filled and emptied is
 * reallocated again and again, and what the old tables point to survives many garbage collections.)
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

  /** Assigns an id, and returns it. */
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

  /** Removes and returns the request with this id; null if none waits. */
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

  /** Does nothing if it does not wait here. */
  remove(one: T): void {
    const place = one.requestId & (this.places.length - 1);
    if (this.places[place] === one) {
      this.places[place] = null;
      this.count--;
    }
  }

  /** Removes and returns all of them, oldest first. */
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
    // Ids that differ in their low bits still do with one bit more.
    for (const one of waiting) {
      this.places[one.requestId & (this.places.length - 1)] = one;
    }
  }
}
