// What the calls of the entity's screen answer.
import type { Verdict } from "../shared/api";

export interface Bucket {
  from: string;
  verdicts: Record<Verdict, number>;
  amounts: string[]; // in the order of currencies
}

export interface Entity {
  now: string;
  transactions: number;
  all: boolean; // false: of the newest, or what was counted in some seconds (early)
  early: boolean;
  first?: string;
  last?: string;
  verdicts: Record<Verdict, number>;
  labels: Record<string, number>;
  amended: number;
  currencies: { currency: string; transactions: number; amount: string }[];
  other_currencies: number;
  rounded: boolean;
  width_s: number;
  buckets: Bucket[];
}

export interface Features {
  newest?: string;
  at: string;
  entries: number;
  bytes: number;
  features: Record<string, unknown>;
}

export interface ListEntry {
  value: string;
  until?: string;
  since: string;
  source: string;
  reason: string;
}

export interface List {
  name: string;
  type: string;
  about: string;
  declared: boolean;
  runtime: boolean;
  file: string;
  own: number;
  added: number;
  complete: boolean;
  entries: ListEntry[];
}
