// What the calls about rules answer.
import { get, post } from "../shared/api";

export interface PolicyFile {
  path: string;
  size: number;
  editable: boolean;
  change: "" | "added" | "changed" | "removed";
}

export interface Draft {
  id: number;
  base: string;
  revision: number;
  changed: string;
}

export interface Policy {
  files: PolicyFile[];
  draft?: Draft;
  live: string;
  folder: string;
  git: boolean;
  drafts: { id: number; base: string; created: string; changed: string; files: number }[];
}

export interface Diagnostic {
  severity: "error" | "warning";
  file: string;
  line: number;
  column: number;
  length: number;
  message: string;
}

export interface PolicyRule {
  name: string;
  about: string;
  mode: "live" | "shadow" | "off";
  verdict?: string;
  score: number;
  group?: string;
  file: string;
  line: number;
}

export interface PolicyCase {
  name: string;
  rule?: string;
  file: string;
  line: number;
  passed: boolean;
  differences?: string;
}

export interface Report {
  hash?: string;
  sound: boolean;
  error?: string;
  diagnostics?: Diagnostic[];
  rules?: PolicyRule[];
  cases?: PolicyCase[];
  case_count?: number;
  failed?: number;
  names?: { name: string; kind: string }[];
  functions?: { name: string; method: boolean; about: string }[];
}

export type SubmissionState = "open" | "approved" | "rejected" | "withdrawn" | "failed";

export interface Submission {
  id: number;
  kind: "change" | "rollback";
  state: SubmissionState;
  author: string;
  base: string;
  version: string;
  message: string;
  submitted: string;
  decided_by: string;
  decided?: string;
  comment: string;
  result: string;
  backtest: number;
  under_way: boolean;
}

export interface ShownSubmission extends Submission {
  report: string;
  diff: string;
}

export interface Adoption {
  position: number;
  snapshot: string;
  name: string;
  from: string;
  until?: string;
}

// How the saved text of a file becomes the new one: bytes of UTF-8. Large insertions go in parts.
const PART_MAX = 30000;

interface Splice {
  at: number;
  remove: number;
  insert: string;
}

function isInside(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80;
}

export function splicesOf(before: string, after: string): Splice[] {
  const encoder = new TextEncoder();
  const a = encoder.encode(before);
  const b = encoder.encode(after);
  let begin = 0;
  while (begin < a.length && begin < b.length && a[begin] === b[begin]) begin++;
  while (begin > 0 && (isInside(a[begin]) || isInside(b[begin]))) begin--;
  let end = 0;
  while (end < a.length - begin && end < b.length - begin && a[a.length - 1 - end] === b[b.length - 1 - end]) end++;
  while (end > 0 && (isInside(a[a.length - end]) || isInside(b[b.length - end]))) end--;
  const splices: Splice[] = [];
  let at = begin;
  let remove = a.length - end - begin;
  do {
    let cut = Math.min(at + PART_MAX, b.length - end);
    while (cut < b.length - end && isInside(b[cut])) cut--;
    splices.push({ at, remove, insert: new TextDecoder().decode(b.subarray(at, cut)) });
    at = cut;
    remove = 0;
  } while (at < b.length - end);
  return splices;
}

// Saves what a person has typed, and returns the draft's new revision.
export async function saveFile(draft: number, revision: number, path: string, before: string, after: string) {
  let now = revision;
  for (const splice of splicesOf(before, after)) {
    const body = { draft, revision: now, path, ...splice };
    now = (await post<{ revision: number }>("/api/rules/draft/edit", body)).revision;
  }
  return now;
}

export const loadPolicy = (draft: number, signal?: AbortSignal) => get<Policy>("/api/rules", { draft }, signal);

/** Gives a rule a mode in this draft, or in one of the person's own that is begun for it (0). The draft. */
export async function putInMode(draft: number, rule: string, mode: string): Promise<number> {
  const own = draft || (await post<{ draft: number }>("/api/rules/draft/begin", {})).draft;
  const { draft: found } = await loadPolicy(own);
  await post("/api/rules/draft/mode", { draft: own, revision: found?.revision ?? 0, rule, mode });
  return own;
}
export const loadReport = (draft: number, signal?: AbortSignal) => get<Report>("/api/rules/check", { draft }, signal);

export function rulesAddress(view: string, more: Record<string, string | number | undefined>): string {
  const words = new URLSearchParams();
  if (view !== "list") words.set("view", view);
  for (const [name, value] of Object.entries(more))
    if (value !== undefined && value !== "" && value !== 0) words.set(name, String(value));
  const text = words.toString();
  return text ? `/rules?${text}` : "/rules";
}
