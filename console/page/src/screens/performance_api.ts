// What /api/performance and its kin answer (console/api/performance_calls.c).
import type { Verdict } from "../shared/api";

/** A value with its interval of 95 %; null: there is nothing that it could be of. */
export type Figure = { value: number; low: number; high: number } | null;
/** Amounts as text, in the currency of the answer; the interval is value ± half. */
export interface Money {
  value: string;
  half: string;
}

export interface Figures {
  transactions: number;
  verdicts: Record<Verdict, number>;
  with_outcome: number;
  suspected: number;
  fraud: number;
  legit: number;
  caught: number;
  missed: number;
  false_alarms: number;
  precision: Figure;
  recall: Figure;
  alerts: Figure;
  alarms_per_fraud: Figure;
  caught_money: Money;
  missed_money: Money;
  stopped_wrongly: Money;
}

/** How far the archive was read; untracked: decisions whose rules are not all counted. */
export interface Read {
  position: number;
  end: number;
  untracked: number;
  problem: string;
}

/** A day of UTC, as the figures have them. */
export const daysAgo = (days: number) => new Date(Date.now() - days * 86400000).toISOString().slice(0, 10);

export interface View {
  read: Read;
  empty: boolean;
  first: string;
  last: string;
  from: string;
  until: string;
  known: string;
  known_now: boolean;
  currency: string;
  currencies: string[];
  maturity: {
    days: number;
    until: string;
    measured: boolean;
    measured_days: number;
    horizon: number;
    frauds: number;
    share: number;
  };
}

export interface Day extends Figures {
  day: string;
  mature: boolean;
  frauds_known?: number;
}

export interface Rule extends Figures {
  rule: string;
  shadow: boolean;
  young: number;
}

export interface Performance extends View {
  days: Day[];
  mature: Figures;
  young: Figures;
  rules: Rule[];
}

export type Side = Figures & { young?: number };

export interface Experiment {
  phase: number;
  experiment: string;
  key: string;
  share_e4: number;
  champion_id: string;
  challenger_id: string;
  champion_name: string;
  challenger_name: string;
  ended: boolean;
  champion: Side;
  challenger: Side;
  without_key: Side;
  differences: { alerts: Figure; declines: Figure; recall: Figure; precision: Figure; net_each: Figure };
}

export interface Shadow {
  id: string;
  policy?: string;
  refused: number;
  young: number;
  live: Side;
  shadow: Side;
  differences: { alerts: Figure; declines: Figure; recall: Figure; net: Figure };
}

export interface Policies extends View {
  experiments: Experiment[];
  shadows: Shadow[];
}

export interface DriftNight {
  date: string;
  reason: string;
  score: number | null;
  noise: number;
  features: { feature: string; index: number; noise: number }[];
}

export interface Drift {
  nights: DriftNight[];
  folder_problem?: string;
}
