/** What find() takes and returns. The meaning of every field is in proto/harrier.proto. */
import type { AmendedTransaction, Decision, Label, Transaction, Verdict } from './types.js';

/** Both ends are included. */
export interface Range {
  min: number;
  max: number;
}

/** The text fields of a transaction that can be searched for. */
export const FIND_FIELDS = [
  ...(['card', 'customer', 'account', 'merchant', 'terminal', 'device', 'ip', 'country', 'mcc', 'channel'] as const),
  ...(['email', 'phone'] as const),
] as const;
export type FindField = (typeof FIND_FIELDS)[number];

/** Filters; all that are given must hold. Times are microseconds, from the first on and before the second. */
export interface FindQuery {
  fromUs?: number;
  untilUs?: number;
  receivedFromUs?: number;
  receivedUntilUs?: number;
  verdicts?: readonly Verdict[];
  score?: Range;
  /** Of the amount that was scored; needs `currency`. */
  amountMinor?: Range;
  currency?: string;
  /** A rule that fired and had effect. */
  rule?: string;
  /** With `rule`: it may also have fired in shadow, or been suppressed. */
  shadow?: boolean;
  keys?: Readonly<Partial<Record<FindField, string>>>;
  /** What is known by now; `none`: nothing is. */
  labels?: readonly Label[];
  transactionId?: string;
  /** At most 1,000. Default 100. */
  limit?: number;
  /** Of the page before, with the same filters. */
  cursor?: string;
}

/** A transaction with its decision as archived, and what is known about it by now. */
export interface FoundTransaction {
  transaction: Transaction;
  decision: Decision;
  receiveTimeUs: number;
  /** With `none` the next two are 0. */
  label: Label;
  outcomeReceiveTimeUs: number;
  outcomeKnownTimeUs: number;
  /** null: there was no amendment. */
  amended: AmendedTransaction | null;
  amendedTimeUs: number;
}

/** A page, the newest transaction first. */
export interface Findings {
  transactions: FoundTransaction[];
  /** Of the next page; empty: there is none. */
  cursor: string;
  /** The search took too long, or the page would be too large, before the limit was reached. */
  incomplete: boolean;
}
