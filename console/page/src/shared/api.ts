// The calls of the console's server. Every value that comes back is shown as text, never as markup.

export type Verdict = "approve" | "review" | "challenge" | "decline";
export const ROLES = ["viewer", "analyst", "author", "approver", "admin"] as const;
export type Role = (typeof ROLES)[number];

/** Each role may what the roles before it may. The server checks it again. */
export function isAtLeast(role: Role | undefined, least: Role): boolean {
  return role !== undefined && ROLES.indexOf(role) >= ROLES.indexOf(least);
}

export interface Session {
  person: string | null;
  role?: Role;
  csrf?: string;
  zone?: string; // "": the browser's
  theme?: string;
  sso: boolean; // a proxy says who asks
  sso_logout?: string;
  exposed: boolean; // other machines reach it without TLS
}

export interface Reason {
  rule: string;
  text: string;
  score: number;
  shadow?: boolean;
}

export interface Row {
  position: number;
  id: string;
  time: string;
  received: string;
  amount: string;
  currency: string;
  verdict: Verdict;
  score: number;
  reasons: Reason[];
  entities: Record<string, string>;
}

export interface Minute {
  at: string;
  approve: number;
  review: number;
  challenge: number;
  decline: number;
}

export interface Live {
  now: string;
  rows: Row[];
  skipped: boolean;
  last: number;
  since?: string;
  minutes: Minute[];
  archive: { position: number; problem: string };
  open: number;
  claimed: number;
  unreported: number;
  alerts_today: number;
  alerts_a_day: number; // 0: nobody said
  latency: Latency | null;
}

export interface Latency {
  requests: number | null;
  seconds?: number;
  p50_us?: number | null;
  p99_us?: number | null;
  problem: string;
}

export interface Review {
  position: number;
  id: string;
  time: string;
  received: string;
  amount_minor: number;
  amount: string;
  currency: string;
  score: number;
  reasons: Reason[];
  entities: Record<string, string>;
  claimed_by: string;
  claimed_until?: string;
  label: string;
  note: string;
  decided_by: string;
  decided?: string;
  reported: boolean;
  problem: string;
}

export interface Reviews {
  now: string;
  reviews: Review[];
  open: number;
  claimed: number;
  unreported: number;
  unsure: number;
  at_risk: { currency: string; amount: string; open: number }[];
}

export interface Found {
  label: string;
  amended: boolean;
  row: Row;
}

export interface Part {
  depth: number;
  text: string;
  kind: string;
  value?: unknown;
  error?: string;
  reached?: boolean;
  decides?: boolean;
}

export interface ExplainedRule {
  name: string;
  about?: string;
  file?: string;
  line?: number;
  mode: string;
  fate: string;
  verdict?: string;
  score?: number;
  reason?: string;
  parts?: Part[];
}

/** What a policy said that judged beside the one that decided. */
export interface Shadow {
  name: string;
  snapshot_id: string;
  verdict?: string;
  score: number;
  rules: string[];
  arm?: string;
}

export interface ExplainedPolicy {
  name: string;
  snapshot_id: string;
  refusal?: string;
  decision: { verdict: Verdict; score: number };
  fields: Record<string, unknown>;
  features: Record<string, unknown>;
  rules: ExplainedRule[];
  models?: { name: string; margin: number; inputs: { name: string; value: unknown; contribution: number }[] }[];
  cutoffs?: { verdict: string; score: number }[];
  shadows?: Shadow[];
  other_arm?: Shadow; // of an experiment: what its other side said
}

export interface Amended {
  voided: boolean;
  amount_minor: number;
  refunded_minor: number;
}

export interface Explanation {
  transaction: Record<string, unknown> & { id: string; attributes?: Record<string, unknown> };
  position: number;
  receive_time: string;
  archived: { verdict: Verdict; score: number; reasons?: Reason[]; snapshot_id: string; degraded?: string };
  equal: boolean;
  difference?: string;
  outcomes?: { receive_time: string; known_time: string; label: string; previous?: string; source?: string }[];
  amendments?: { receive_time: string; previous?: Amended; now: Amended; source?: string }[];
  notes?: string[];
  then: ExplainedPolicy;
  now?: ExplainedPolicy; // another policy that was asked about
}

export interface Status {
  version: string;
  state: string;
  state_reason: string;
  started: string;
  policy: string;
  snapshot: string;
  reload_error: string;
  generation_position: number;
  generation_time?: string;
  position: number;
  synced: number;
  transactions: number;
  outcomes: number;
  overlay_entities: number;
  overlay_bytes: number;
  stale: boolean;
  swap: string;
  swap_reason: string;
  brakes: { rule: string; since: string; reason: string; source: string }[];
}

export interface Person {
  name: string;
  role: Role;
  disabled: boolean;
  created: string;
  sessions: number;
}

export interface AuditEntry {
  id: number;
  at: string;
  person: string;
  address: string;
  action: string;
  subject: string;
  before: string;
  after: string;
}

export class Failure extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly body: unknown = undefined,
  ) {
    super(message);
  }
}

let csrf = "";
let onSignedOut: () => void = () => undefined;

export function setSession(session: Session): void {
  csrf = session.csrf ?? "";
}

// Called when the server says that nobody is signed in any more.
export function whenSignedOut(call: () => void): void {
  onSignedOut = call;
}

async function call<T>(path: string, init: RequestInit): Promise<T> {
  let answer: Response;
  try {
    answer = await fetch(path, { ...init, credentials: "same-origin" });
  } catch {
    throw new Failure(0, "The console does not answer.");
  }
  const body: unknown = await answer.json().catch(() => ({}));
  if (answer.ok) return body as T;
  const text = (body as { error?: string }).error ?? `status ${answer.status}`;
  if (answer.status === 401 && csrf !== "") onSignedOut();
  throw new Failure(answer.status, text, body);
}

export function get<T>(path: string, query: Record<string, string | number | undefined> = {}, signal?: AbortSignal) {
  const words = new URLSearchParams();
  for (const [name, value] of Object.entries(query))
    if (value !== undefined && value !== "") words.set(name, String(value));
  const text = words.toString();
  return call<T>(text ? `${path}?${text}` : path, signal ? { signal } : {});
}

export function post<T>(path: string, body: unknown): Promise<T> {
  return call<T>(path, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRF-Token": csrf },
    body: JSON.stringify(body),
  });
}
