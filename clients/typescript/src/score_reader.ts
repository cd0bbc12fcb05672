/**
 * A fast decoder for the usual answer to a score, straight into decisions, without messages of the generated code. Anything
 * else (unknown fields, features, errors, numbers that are not exact) is left to the generated code, and so is anything
 * invalid: then it returns null and reports nothing.
 */
import { blankDecision, NO_ID, VERDICT_NUMBERS } from './decode.js';
import type { Decision, Reason, Transaction, Verdict } from './types.js';

const UINT32_MAX = 0xffffffff;
// Limits of the cache of strings that repeat, such as the texts of rules.
const TEXT_SIZE_MAX = 128;
const TEXTS = 512;

// Keys of fields, here and below: number and wire type, in one byte.
const SCORE_TAG = 0x52;
const RESULTS_TAG = 0x0a;
const DECISION_TAG = 0x0a;

export class ScoreReader {
  private bytes: Buffer = Buffer.alloc(0);
  private at = 0;
  private end = 0;
  /** Set if the generated code must decode the answer. */
  private odd = false;
  private readonly texts = new Array<string>(TEXTS).fill('');
  private idHigh = 0;
  private idLow = 0;
  private idText = NO_ID;

  /** One decision for each transaction; null: the answer is anything else. */
  read(bytes: Buffer, from: number, to: number, transactions: readonly Transaction[]): Decision[] | null {
    this.bytes = bytes;
    this.at = from;
    this.end = to;
    this.odd = false;
    this.expect(SCORE_TAG);
    if (this.inside() !== to) {
      return null;
    }
    const decisions: Decision[] = [];
    while (this.at < to && !this.odd) {
      decisions.push(this.result(transactions[decisions.length]?.id ?? ''));
    }
    return this.odd || this.at !== to || decisions.length !== transactions.length ? null : decisions;
  }

  private result(expectedId: string): Decision {
    this.expect(RESULTS_TAG);
    const end = this.inside();
    this.expect(DECISION_TAG);
    if (this.inside() !== end) {
      this.odd = true;
    }
    const decision = this.decision(end, expectedId);
    if (this.at !== end) {
      this.odd = true;
    }
    return decision;
  }

  private decision(end: number, expectedId: string): Decision {
    const made = blankDecision();
    let decided = false;
    while (this.at < end && !this.odd) {
      switch (this.byte()) {
        case 0x0a: // transaction_id
          made.transactionId = this.text(expectedId);
          break;
        case 0x10: // verdict
          made.verdict = this.verdict();
          decided = true;
          break;
        case 0x18: // score
          made.score = this.uint32();
          break;
        case 0x22: // reasons
          made.reasons.push(this.reason());
          break;
        case 0x29: // snapshot_id
          made.snapshotId = this.hex();
          break;
        case 0x31: // generation_id
          made.generationId = this.hex();
          break;
        case 0x38: // position
          made.position = this.varint();
          break;
        case 0x40: // degraded
          made.degraded = this.bool();
          break;
        case 0x4a: // degraded_reason
          made.degradedReason = this.remembered();
          break;
        case 0x50: // duplicate
          made.duplicate = this.bool();
          break;
        case 0x58: // dry_run
          made.dryRun = this.bool();
          break;
        case 0x60: // server_us
          made.serverUs = this.uint32();
          break;
        case 0x68: // rule_errors
          made.ruleErrors = this.uint32();
          break;
        case 0x7a: // failed_rules
          made.failedRules.push(this.remembered());
          break;
        default:
          this.odd = true;
      }
    }
    this.odd ||= !decided;
    return made;
  }

  private reason(): Reason {
    const end = this.inside();
    const made: Reason = {
      rule: '',
      text: '',
      score: 0,
      verdict: null,
      shadow: false,
      suppressed: false,
      tags: [],
      group: '',
      capped: 0,
      verdictIfLive: null,
    };
    while (this.at < end && !this.odd) {
      switch (this.byte()) {
        case 0x0a: // rule
          made.rule = this.remembered();
          break;
        case 0x12: // text
          made.text = this.remembered();
          break;
        case 0x18: // score
          made.score = this.sint32();
          break;
        case 0x20: // verdict
          made.verdict = this.verdict();
          break;
        case 0x28: // shadow
          made.shadow = this.bool();
          break;
        case 0x30: // suppressed
          made.suppressed = this.bool();
          break;
        case 0x3a: // tags
          made.tags.push(this.remembered());
          break;
        case 0x42: // group
          made.group = this.remembered();
          break;
        case 0x48: // capped
          made.capped = this.sint32();
          break;
        case 0x50: // verdict_if_live
          made.verdictIfLive = this.verdict();
          break;
        default:
          this.odd = true;
      }
    }
    this.odd ||= this.at !== end;
    return made;
  }

  // ------------------------------------------------------------------------------------------

  private byte(): number {
    if (this.at >= this.end) {
      this.odd = true;
      return 0;
    }
    return this.bytes[this.at++] ?? 0;
  }

  private expect(tag: number): void {
    if (this.byte() !== tag) {
      this.odd = true;
    }
  }

  /** Where the current message ends. */
  private inside(): number {
    const end = this.varint() + this.at;
    if (end > this.end) {
      this.odd = true;
      return this.at;
    }
    return end;
  }

  private varint(): number {
    const first = this.byte();
    if (first < 0x80) {
      return first;
    }
    let value = first - 0x80;
    // Up to 49 bits, which a number holds exactly.
    for (let unit = 0x80; unit <= 2 ** 42; unit *= 0x80) {
      const byte = this.byte();
      if (byte < 0x80) {
        return value + byte * unit;
      }
      value += (byte - 0x80) * unit;
    }
    this.odd = true;
    return 0;
  }

  private uint32(): number {
    const value = this.varint();
    this.odd ||= value > UINT32_MAX;
    return value;
  }

  private sint32(): number {
    const value = this.uint32();
    return (value >>> 1) ^ -(value & 1);
  }

  private bool(): boolean {
    const value = this.varint();
    this.odd ||= value > 1;
    return value === 1;
  }

  private verdict(): Verdict {
    const found = VERDICT_NUMBERS[this.varint()];
    if (found === undefined) {
      this.odd = true;
      return 'review';
    }
    return found;
  }

  /** The id of a snapshot or a generation, which rarely changes: cached. */
  private hex(): string {
    if (this.at + 8 > this.end) {
      this.odd = true;
      return NO_ID;
    }
    const low = this.bytes.readUInt32LE(this.at);
    const high = this.bytes.readUInt32LE(this.at + 4);
    this.at += 8;
    if (high === 0 && low === 0) {
      return NO_ID;
    }
    if (high !== this.idHigh || low !== this.idLow) {
      this.idHigh = high;
      this.idLow = low;
      this.idText = high.toString(16).padStart(8, '0') + low.toString(16).padStart(8, '0');
    }
    return this.idText;
  }

  /** Returns the expected string itself if the bytes are equal to it. */
  private text(expected: string): string {
    const size = this.inside() - this.at;
    const from = this.at;
    this.at += size;
    return this.equals(from, size, expected) ? expected : this.fresh(from, size);
  }

  /** A string that is likely to come again: cached. */
  private remembered(): string {
    const size = this.inside() - this.at;
    const from = this.at;
    this.at += size;
    if (size === 0 || size > TEXT_SIZE_MAX) {
      return this.fresh(from, size);
    }
    const { bytes } = this;
    const ends = (bytes[from] ?? 0) + 7 * (bytes[from + size - 1] ?? 0);
    const place = (31 * size + 131 * ends + 17 * (bytes[from + (size >> 1)] ?? 0)) & (TEXTS - 1);
    const known = this.texts[place] ?? '';
    if (this.equals(from, size, known)) {
      return known;
    }
    return (this.texts[place] = this.fresh(from, size));
  }

  private equals(from: number, size: number, text: string): boolean {
    if (text.length !== size) {
      return false;
    }
    const { bytes } = this;
    for (let index = 0; index < size; index++) {
      const code = text.charCodeAt(index);
      if (bytes[from + index] !== code || code >= 0x80) {
        return false;
      }
    }
    return true;
  }

  private fresh(from: number, size: number): string {
    const { bytes } = this;
    for (let index = from; index < from + size; index++) {
      if ((bytes[index] ?? 0) >= 0x80) {
        const text = bytes.toString('utf8', from, from + size);
        // It stands for what is not UTF-8. If it was sent, it is odd too.
        this.odd ||= text.includes('\ufffd');
        return text;
      }
    }
    return bytes.toString('latin1', from, from + size);
  }
}
