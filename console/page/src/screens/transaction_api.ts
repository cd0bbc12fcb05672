// What is around a transaction: the calls of console/api/related_calls.c.
import type { Explanation, Row } from "../shared/api";

export interface Near {
  step: number; // 0: the transaction itself
  label: string;
  amended: boolean;
  row: Row;
}

/** An entity of the transaction: what else it did, as indices of the transactions, the nearest first. */
export interface Entity {
  entity: string;
  key: string[];
  busy: boolean; // it has so many that it links nothing
  indexed: boolean;
  partial: boolean; // the time was over before all were found
  before: number[];
  after: number[];
  more_before: boolean;
  more_after: boolean;
}

/** An entity that several of the transactions share. */
export interface Link {
  entity: string;
  key: string[];
  transactions: number[];
}

export interface Related {
  position: number;
  policy: string;
  partial: boolean;
  entities: Entity[];
  transactions: Near[];
  links: Link[];
}

export interface Policies {
  policies: { id: string; name: string; use: string; since: string }[];
  drafts: { id: number; changed?: string }[];
}

export type Other = Explanation;

export interface Step {
  at: string;
  person: string;
  label: string;
  note: string;
}

export function keyOf(entity: { key: string[] }): string {
  return entity.key.join(" + ");
}
