/**
 * Writes protobuf backwards, from the end of a message to its beginning, so that the length of a nested message is known when
 * it must be written, and nothing has to be moved. Fields are therefore written in reverse order.
 *
 * Messages are slices of chunks of memory that are never written twice.
 */
import { InvalidError } from './errors.js';

const PIECE_SIZE = 1 << 16;
// Longer strings are worth a call of Buffer's native code.
const LOOP_LENGTH_MAX = 64;
const LONE_SURROGATE = /[\ud800-\udfff]/u;

const enum Wire {
  Varint = 0,
  Fixed64 = 1,
  Bytes = 2,
}

export class Writer {
  private bytes = Buffer.allocUnsafeSlow(PIECE_SIZE);
  /** Where the last written byte is; the chunk is free below. */
  private at = PIECE_SIZE;
  private end = PIECE_SIZE;

  /** Begins a message; an unfinished one is discarded. */
  begin(): void {
    this.at = this.end;
  }

  finish(): Uint8Array {
    const message = this.bytes.subarray(this.at, this.end);
    this.end = this.at;
    return message;
  }

  /** The size of the message so far, as inside() needs it. */
  mark(): number {
    return this.end - this.at;
  }

  /** Makes everything written since the mark the content of this field. */
  inside(field: number, mark: number): void {
    this.varint(this.mark() - mark);
    this.tag(field, Wire.Bytes);
  }

  /** Omitted if empty. */
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
    // Both are mostly one byte.
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

  /** A safe integer. */
  int64(field: number, value: number): void {
    this.varint64(Math.floor(value / 0x1_0000_0000) >>> 0, value >>> 0);
    this.tag(field, Wire.Varint);
  }

  /** A 64-bit integer. */
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

  /** Reserves this many bytes before what is there. */
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
