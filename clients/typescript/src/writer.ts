/**
 * Writes protobuf backwards, from the end of a message to its beginning: so the length of what is inside is known when
 * it is to be written, and nothing is moved. What is written first stands last, so fields are written in the reverse of
 * their order.
 *
 * Messages are cut from pieces of memory that are never written twice.
 */
import { InvalidError } from './errors.js';

const PIECE_SIZE = 1 << 16;
// Longer ones are worth a call into the engine.
const LOOP_LENGTH_MAX = 64;
const LONE_SURROGATE = /[\ud800-\udfff]/u;

const enum Wire {
  Varint = 0,
  Fixed64 = 1,
  Bytes = 2,
}

export class Writer {
  private bytes = Buffer.allocUnsafeSlow(PIECE_SIZE);
  /** What is written last begins here; below it, the piece is free. */
  private at = PIECE_SIZE;
  private end = PIECE_SIZE;

  /** What was begun before and not finished is forgotten. */
  begin(): void {
    this.at = this.end;
  }

  finish(): Uint8Array {
    const message = this.bytes.subarray(this.at, this.end);
    this.end = this.at;
    return message;
  }

  /** Of the message so far: what inside() wants. */
  mark(): number {
    return this.end - this.at;
  }

  /** All that was written since the mark is this field. */
  inside(field: number, mark: number): void {
    this.varint(this.mark() - mark);
    this.tag(field, Wire.Bytes);
  }

  /** Left out when it is empty. */
  text(field: number, value: string, name: string): void {
    if (value !== '') {
      this.textEvenEmpty(field, value, name);
    }
  }

  textEvenEmpty(field: number, value: string, name: string): void {
    const { length } = value;
    if (length > LOOP_LENGTH_MAX || !this.ascii(value, length)) {
      this.utf8(value, name);
      this.tag(field, Wire.Bytes);
      return;
    }
    // Both are one byte mostly.
    this.varint(length);
    this.tag(field, Wire.Bytes);
  }

  bool(field: number, value: boolean): void {
    this.varint(value ? 1 : 0);
    this.tag(field, Wire.Varint);
  }

  /** Below 2^32. */
  uint(field: number, value: number): void {
    this.varint(value);
    this.tag(field, Wire.Varint);
  }

  sint32(field: number, value: number): void {
    this.varint(((value << 1) ^ (value >> 31)) >>> 0);
    this.tag(field, Wire.Varint);
  }

  /** A whole number that is exact. */
  int64(field: number, value: number): void {
    this.varint64(Math.floor(value / 0x1_0000_0000) >>> 0, value >>> 0);
    this.tag(field, Wire.Varint);
  }

  /** Whole, and of 64 bits. */
  sint64(field: number, value: bigint): void {
    const zigzag = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
    this.varint64(Number(zigzag >> 32n), Number(zigzag & 0xffff_ffffn));
    this.tag(field, Wire.Varint);
  }

  double(field: number, value: number): void {
    this.make(8);
    this.bytes.writeDoubleLE(value, this.at);
    this.tag(field, Wire.Fixed64);
  }

  // ------------------------------------------------------------------------------------------

  /** Takes so many bytes in front of what is there. */
  private make(size: number): void {
    if (this.at < size) {
      const used = this.end - this.at;
      const length = Math.max(PIECE_SIZE, 2 * (used + size));
      const larger = Buffer.allocUnsafeSlow(length);
      this.bytes.copy(larger, length - used, this.at, this.end);
      this.bytes = larger;
      this.at = length - used;
      this.end = length;
    }
    this.at -= size;
  }

  /** False, and nothing written, when there is something else in it. */
  private ascii(value: string, length: number): boolean {
    this.make(length);
    const { bytes, at } = this;
    for (let index = 0; index < length; index++) {
      const code = value.charCodeAt(index);
      if (code >= 0x80) {
        this.at += length;
        return false;
      }
      bytes[at + index] = code;
    }
    return true;
  }

  private utf8(value: string, name: string): void {
    if (LONE_SURROGATE.test(value)) {
      throw new InvalidError('half a surrogate pair; expected text that can be written as UTF-8', name);
    }
    const size = Buffer.byteLength(value);
    this.make(size);
    this.bytes.write(value, this.at, size);
    this.varint(size);
  }

  private tag(field: number, wire: Wire): void {
    this.varint((field << 3) | wire);
  }

  private varint(value: number): void {
    if (value < 0x80) {
      this.make(1);
      this.bytes[this.at] = value;
    } else {
      this.varint64(0, value);
    }
  }

  private varint64(high: number, low: number): void {
    this.make(varintSize(high, low));
    const { bytes } = this;
    let to = this.at;
    let left = low;
    let above = high;
    while (above > 0 || left >= 0x80) {
      bytes[to++] = (left & 0x7f) | 0x80;
      left = ((left >>> 7) | (above << 25)) >>> 0;
      above >>>= 7;
    }
    bytes[to] = left;
  }
}

function varintSize(high: number, low: number): number {
  const bits = high === 0 ? 32 - Math.clz32(low) : 64 - Math.clz32(high);
  return Math.max(1, Math.ceil(bits / 7));
}
