// What the operations screen asks for (console/api/operations_calls.c, night_calls.c).

export interface Alert {
  name: string;
  severity: string;
  state: "firing" | "quiet" | "unknown";
  text: string;
  unknown?: string;
}

export interface Seal {
  file: string;
  position: number;
  until: string;
  seal: string;
}

export interface Archive {
  position: number;
  segments: number;
  sealed: number;
  bytes: number;
  stored: number;
  free?: number;
  newest_seal?: Seal;
  days: { day: string; bytes: number; stored: number; records: number }[];
}

export interface Token {
  id: string;
  name: string;
  scopes: string[];
  created: string;
  expires?: string;
}

export interface Tokens {
  now: string;
  tokens: Token[];
  count: number;
  problem: string;
}

export interface Step {
  step: string;
  state: string;
  ms: number;
  reason?: string;
}

export interface Night {
  date: string;
  missing: boolean;
  problem?: string;
  began?: string;
  ended?: string;
  complete?: boolean;
  failed?: boolean;
  models_failed?: boolean;
  steps?: Step[];
  findings?: { note: number; warning: number; alert: number };
  held_back?: number;
  accepted?: string;
  warning?: string;
  verified?: number;
  different?: number;
  sample?: boolean;
  report?: boolean;
}

export interface Nights {
  nights: Night[];
  folder_problem?: string;
}

export interface ThresholdLine {
  name: string;
  samples: number;
  overall_before: number | null;
  overall: number | null;
  groups_before: number;
  groups: number;
  changed: number;
  held: number;
  held_examples: { group: string; value: number | null; computed: number | null }[];
}

export interface CutoffLine {
  verdict: string;
  before: number;
  after: number;
  computed: number;
  sample: number;
  state: string;
}

export interface Held {
  thresholds: {
    date: string;
    thresholds?: ThresholdLine[];
    cutoffs?: CutoffLine[];
    compared?: number;
    flips?: { from: string; to: string; count: number; examples: string[] }[];
    thresholds_reread_because?: string;
  } | null;
  problem?: string;
  acceptance: {
    night: string;
    source: string;
    reason: string;
    at: string;
    thresholds: string[];
    cutoffs: string[];
  } | null;
  acceptance_problem?: string;
  folder_problem?: string;
}

export interface Finding {
  severity: "note" | "warning" | "alert";
  code: string;
  subject: string;
  text: string;
  advice: string;
}

/** Of docs/schema/night-report.json, what is shown; the server has checked it. */
export interface Report {
  date: string;
  day: string;
  position: number;
  currency?: string;
  findings: Finding[];
  days: {
    day: string;
    transactions: number;
    verdicts: { approve: number; review: number; challenge: number; decline: number };
    fraud_found: number;
    fraud_missed: number;
  }[];
  rules: {
    rule: string;
    shadow: boolean;
    fires: number;
    fires_before: number;
    failures: number;
    fraud: number;
    legit: number;
    precision: number | null;
  }[];
  drift: {
    reason?: string;
    rows: number;
    rows_before: number;
    score: { stability_index: number | null; noise: number };
    features: { feature: string; stability_index: number | null; noise: number }[];
  };
  guard: { held_back: number; held: string[]; accepted?: string };
  verify: { sample: boolean; compared: number; different: number };
  growth: { archive_bytes: number; bytes_a_day: number; free_bytes: number; days_left?: number };
  steps: Step[];
}
