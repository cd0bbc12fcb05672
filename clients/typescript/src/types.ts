/**
 * What is sent and what comes back. The meaning of every field is in proto/harrier.proto.
 *
 * Whole numbers of 64 bits are numbers where no value of theirs can pass 2^53 (times in microseconds until the year
 * 2255, amounts below 10^13, positions and counts), 16 hex digits where they name something (snapshots, generations,
 * hashes), and bigints where they may be anything (attributes).
 */

export const VERDICTS = ['approve', 'review', 'challenge', 'decline'] as const;
export type Verdict = (typeof VERDICTS)[number];

/** `none` withdraws the label reported before. */
export const LABELS = ['none', 'legit', 'fraud', 'chargeback', 'suspected'] as const;
export type Label = (typeof LABELS)[number];

/** Degrees, WGS 84. Sent rounded to 10⁻⁷. */
export interface Location {
  latitude: number;
  longitude: number;
}

/**
 * By the type that the server's policy declares for the attribute: a string; a number for `double`; a boolean; for `int`,
 * and for a decimal in units of its last digit, a bigint or `{ integer: 3 }`; a Date, or microseconds as one of these,
 * for `timestamp`. A number is never taken for an `int` because it happens to be whole.
 */
export type AttributeValue = string | number | boolean | bigint | Date | { integer: number | bigint };

/**
 * What a server decides on. Omitted fields and empty strings are absent.
 *
 * `amountMinor` is in minor units of `currency`: EUR 5.00 is 500, JPY 500 is 500. `card` and the other keys are
 * tokens of your own making: the server refuses card numbers. `attributes` are fields that the server's policy declares.
 */
export interface Transaction {
  id: string;
  /** Microseconds since 1970: `Date.now() * 1000`. */
  eventTimeUs: number;
  amountMinor?: number;
  currency?: string;
  card?: string;
  customer?: string;
  account?: string;
  merchant?: string;
  terminal?: string;
  device?: string;
  ip?: string;
  country?: string;
  mcc?: string;
  channel?: string;
  email?: string;
  phone?: string;
  location?: Location;
  attributes?: Readonly<Record<string, AttributeValue>>;
  /** Who sends it, by a name of its own: "checkout-3". */
  source?: string;
  /**
   * The number that the source gives it: 1, rising by one; 0: none. The server notices numbers that are missing, or
   * come twice.
   */
  sequence?: number;
}

/** A feature's value; null if it is absent. A bigint only if a number would not be exact. */
export type Value = boolean | number | bigint | string | { timestampUs: number } | { durationUs: number } | null;

/** A rule that fired. */
export interface Reason {
  rule: string;
  text: string;
  score: number;
  /** What the rule asks for; null if it only adds to the score. */
  verdict: Verdict | null;
  shadow: boolean;
  suppressed: boolean;
  tags: string[];
  group: string;
  capped: number;
  verdictIfLive: Verdict | null;
}

/** A server's decision or, with `fallback`, the client's own because there was none in time. */
export interface Decision {
  transactionId: string;
  verdict: Verdict;
  score: number;
  reasons: Reason[];
  /** 16 hex digits. */
  snapshotId: string;
  /** 16 hex digits; all 0 before the first rebuild. */
  generationId: string;
  position: number;
  degraded: boolean;
  degradedReason: string;
  duplicate: boolean;
  dryRun: boolean;
  serverUs: number;
  /** Rules whose evaluation failed. */
  ruleErrors: number;
  /** The names of the first 16 of them, in the policy's order. Earlier versions of the server name none. */
  failedRules: string[];
  /** Whose share of a key this is, while a challenger decides for one; else empty. */
  arm: '' | 'champion' | 'challenger';
  /** With `returnFeatures`. */
  features: Record<string, Value>;
  fallback: boolean;
  /** The code of the error that it replaces. */
  fallbackReason: string;
}

/** A label to report for a transaction. Default of `knownTimeUs`: now. */
export interface Outcome {
  transactionId: string;
  label: Label;
  knownTimeUs?: number;
  source?: string;
  /** Changes nothing where the transaction has a label already, which `previous` then is. */
  unlessLabelled?: boolean;
}

/** `changed` is false if the transaction had this label already, or any with `unlessLabelled`; `position` is then 0. */
export interface OutcomeAccepted {
  transactionId: string;
  position: number;
  changed: boolean;
  previous: Label;
}

/**
 * `void`: it never took place, so no feature counts it any more. `capture`: `amountMinor` is what was really taken; it was
 * authorised with another amount. `refund`: `amountMinor` is what has been paid back so far, in total. `restore`: a void was
 * a mistake.
 */
export const AMENDMENT_KINDS = ['void', 'capture', 'refund', 'restore'] as const;
export type AmendmentKind = (typeof AMENDMENT_KINDS)[number];

/** What became known about the money of a transaction that was scored. Default of `knownTimeUs`: now. */
export interface Amendment {
  transactionId: string;
  kind: AmendmentKind;
  /** Only of a capture and a refund, in minor units of the transaction's currency. A total, not a difference. */
  amountMinor?: number;
  knownTimeUs?: number;
  source?: string;
  /** Of the amount, if it is known: the server refuses one that is not the transaction's. */
  currency?: string;
}

/** What a transaction is, with all its amendments. Amounts are in minor units of its currency. */
export interface AmendedTransaction {
  voided: boolean;
  /** What was taken; until a capture, the amount that was scored. */
  amountMinor: number;
  refundedMinor: number;
}

/** `changed` is false if the transaction was this already; then `position` is 0. */
export interface AmendmentAccepted {
  transactionId: string;
  position: number;
  changed: boolean;
  previous: AmendedTransaction;
  now: AmendedTransaction;
}

/** The history of one card, customer, … as the server has it. */
export interface Entity {
  features: Record<string, Value>;
  newestTimeUs: number;
  atTimeUs: number;
  entries: number;
  stateBytes: number;
  /** 16 hex digits. */
  stateHash: string;
}

/** What a server reports of itself; its metrics have more. */
export interface Status {
  version: string;
  state: string;
  stateReason: string;
  startedTimeUs: number;
  policyName: string;
  snapshotId: string;
  generationId: string;
  position: number;
  syncedPosition: number;
  transactions: number;
  outcomes: number;
  /** 16 hex digits; all 0 without `stateHash`. */
  stateHash: string;
  stale: boolean;
  reloadError: string;
  /** Of a server whose archive is replicated: its name in the cluster. */
  node: string;
  /** Likewise: the address of the server that decides, as far as this one knows. */
  primary: string;
  /** Likewise: the last record that is known to be committed. */
  committedPosition: number;
  /** Brakes that were pulled and not lifted: the first 100 of `brakeCount`, in the order of their positions. */
  brakes: Brake[];
  brakeCount: number;
  /** The sources of transactions, at most 256. */
  sources: Source[];
  /** Transactions that had another source. */
  otherSourceTransactions: number;
}

/** What the numbers of a source say, in the whole archive. */
export interface Source {
  source: string;
  /** With and without a number. */
  transactions: number;
  lastReceiveTimeUs: number;
  /** The lowest number and the highest since the numbering last began anew; 0: none. */
  first: number;
  highest: number;
  /** Ranges of numbers that did not come in time. */
  gaps: number;
  /** The numbers in them. */
  missed: number;
  /** Those of them that came after all. */
  late: number;
  /** Numbers that came again, with another transaction. */
  repeats: number;
  /** How often the numbering began anew. */
  restarts: number;
  /** The last ranges that are still missing, at most 10, in rising order. */
  missing: SourceRange[];
}

/** Both ends are included. */
export interface SourceRange {
  first: number;
  last: number;
}

/** A brake that was pulled and not lifted: the rule acts as if in shadow. */
export interface Brake {
  /** Empty: the policy as a whole. */
  rule: string;
  /** A hash of the declaration that it is for. */
  definition: string;
  /** The policy in force declares the rule so. */
  applies: boolean;
  pulledTimeUs: number;
  position: number;
  /** Who pulled it; empty: the server. */
  source: string;
  /** The person's, or what exceeded `at_most`. */
  reason: string;
}
