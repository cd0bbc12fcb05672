// The calls about jobs, and what a replay's report has of what is shown here.
import type { Verdict } from "../shared/api";

export type JobState = "queued" | "running" | "done" | "failed" | "cancelled" | "interrupted";

export interface Progress {
  step: number;
  steps: number;
  phase: string;
  done: number;
  total: number;
  left_ms?: number;
  ending: boolean;
}

export interface Job {
  id: number;
  kind: "backtest" | "tune";
  person: string;
  state: JobState;
  request: Record<string, string | number>;
  problem: string;
  made: string;
  started?: string;
  ended?: string;
  bytes: number;
  progress?: Progress;
}

export interface Share {
  value: number | null;
  low: number | null;
  high: number | null;
}

export interface Detection {
  true_positive: number;
  false_positive: number;
  false_negative: number;
  precision: Share;
  recall: Share;
  money_caught: number;
  money_missed: number;
  money_declined_wrongly: number;
  review_cost: number;
  net: number;
}

export interface ReportRule {
  name: string;
  mode: string;
  fires: number;
  fires_alone: number;
  positive: number;
  negative: number;
  precision: Share;
  money_caught: number;
  added_alerts: number;
  added_positive: number;
}

export interface Report {
  policy: { name?: string; snapshot?: string };
  against: { kind: "policy" | "archived"; name?: string; snapshot?: string };
  archive: { from: string | null; to: string | null; transactions: number; refused: number; against_refused: number };
  caveats: { code: string; text: string }[];
  currency?: string;
  currency_digits?: number;
  verdicts: { replayed: Record<Verdict, number>; against: Record<Verdict, number> };
  matrix: number[][];
  detection: { replayed: Detection; against: Detection };
  rules: ReportRule[];
  changed: { total: number; other_scores: number; sampled: boolean; count: number };
}

export interface Side {
  verdict: Verdict;
  score: number;
  reasons: { rule: string; text: string; shadow?: boolean; suppressed?: boolean }[];
}

export interface Change {
  position: number;
  id: string;
  event_time: string;
  amount: string | null;
  currency: string | null;
  against: Side;
  replayed: Side;
  outcome: string;
}

export interface TuneFigures {
  alerts: number;
  alerts_per_day: number;
  caught: number;
  missed: number;
  false_alerts: number;
  declined_wrongly: number;
  precision: number | null;
  recall: number | null;
  caught_minor: number;
  missed_minor: number;
}

export interface TuneChange {
  kind: string;
  verdict?: string;
  rule?: string;
  compared?: string;
  file: string;
  line: number;
  from: number;
  to: number;
}

export interface Tuning {
  policy: string;
  aim: string;
  reached: boolean;
  reached_on_test: boolean;
  better: boolean;
  settings_measured: number;
  training: {
    from: string;
    until: string;
    transactions: number;
    frauds: number;
    present: TuneFigures;
    tuned: TuneFigures;
  };
  test: { from: string; until: string; transactions: number; frauds: number; present: TuneFigures; tuned: TuneFigures };
  changes: TuneChange[];
  curve: { changes: TuneChange[]; training: TuneFigures; test: TuneFigures }[];
  cases: number;
  failed_cases: number;
  flips: number;
  diff: string;
}

export interface JobResult {
  now: string;
  job: Job;
  report?: Report;
  tuning?: Tuning;
}

export function isOver(state: JobState): boolean {
  return state !== "queued" && state !== "running";
}

// Minor units of the report's currency, as a text that amountOf() takes.
export function majorOf(minor: number, digits: number): string {
  return (minor / 10 ** digits).toFixed(digits);
}
