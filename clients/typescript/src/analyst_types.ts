/**
 * What the calls of an analyst send and return: changes of lists and brakes, reloads and explanations. The meaning of
 * every field is in proto/harrier.proto. Times are in microseconds, 0 is none; numbers and ids are as in types.ts.
 */
import type { AmendedTransaction, Decision, Label, Transaction, Value, Verdict } from './types.js';

// ------------------------------------------------------------------------------------------
// Lists

/**
 * Adds an entry to a list of the policy while the server runs or, with `remove`, removes an entry that was added. The
 * entries of the policy's own files stay.
 */
export interface ListChange {
  list: string;
  /** For a list of type network an address or a network, for one of type int a whole number or a range ("1000-1999"). */
  value: string;
  remove?: boolean;
  /**
   * Transactions with event times from here on do not match the entry. Default, and 0: it does not expire. Adding an entry
   * that is there changes its expiry.
   */
  expiryTimeUs?: number;
  /** Who makes the change: "analyst:7". */
  source?: string;
  /** Why. */
  reason?: string;
}

/** What became of a change. */
export interface ListChanged {
  list: string;
  /** In the canonical form of the list: "2001:DB8::1" becomes "2001:db8::1". */
  value: string;
  /** Of the change in the archive; 0 if nothing changed. */
  position: number;
  /** False if the entry was there with this expiry already or, for a removal, was not there. */
  changed: boolean;
  /** The entry had been added before and not removed. */
  wasThere: boolean;
  previousExpiryTimeUs: number;
  /** The policy's own entries cover all of it, so it is in the list whatever is removed. */
  inPolicy: boolean;
}

/** A list and the number of its entries. */
export interface ListSummary {
  list: string;
  /** "string", "network" or "int"; empty if the policy does not declare the list. */
  type: string;
  about: string;
  declared: boolean;
  /** It accepts changes. */
  runtime: boolean;
  file: string;
  policyEntries: number;
  /** Added while the server ran, and not removed. */
  addedEntries: number;
  /** Those of them that are valid for the type of the list; the others have no effect. */
  usedEntries: number;
  /** Changes so far, with removals. */
  changes: number;
  lastChangeTimeUs: number;
}

/** An entry that was added while the server ran. */
export interface ListEntry {
  value: string;
  /** 0: it does not expire. */
  expiryTimeUs: number;
  position: number;
  receiveTimeUs: number;
  source: string;
  reason: string;
}

/** The list that was asked for, or all of them, and a page of added entries in the order of their positions. */
export interface ListPage {
  lists: ListSummary[];
  entries: ListEntry[];
  /** The `afterPosition` of the next page; 0: there is none. */
  nextPosition: number;
}

// ------------------------------------------------------------------------------------------
// Brakes

/** Lifts the brake of a rule or, with `pull`, pulls it. */
export interface BrakeChange {
  /** The rule; without it, `policy` is true. */
  rule?: string;
  /** The policy as a whole: each of its rules. */
  policy?: boolean;
  pull?: boolean;
  /** Lifts a brake that is for another declaration of the rule than that of the policy in force: as in Brake. */
  definition?: string;
  /** Who makes the change: "analyst:7". */
  source?: string;
  /** Why. */
  reason?: string;
}

/** What became of it. */
export interface BrakeChanged {
  /** False if it was so already. */
  changed: boolean;
  /** Of the change in the archive; 0 if nothing changed. */
  position: number;
  /** The declaration that the brake is, or was, for. */
  definition: string;
}

// ------------------------------------------------------------------------------------------
// Reload

/** `none`: the call did not wait for it. `unchanged`: the files are those of the policy in force. */
export const RELOAD_RESULTS = ['none', 'adopted', 'unchanged', 'refused'] as const;
export type ReloadResult = (typeof RELOAD_RESULTS)[number];

/** What became of the shadow policy in a folder. */
export interface ShadowReload {
  folder: string;
  result: ReloadResult;
  /** The shadow policy in use from now on; empty, with an id of zeros, if there is none for this folder. */
  policyName: string;
  snapshotId: string;
  /** As in Reload. */
  error: string;
  messages: string;
}

/** What became of the policy and of each shadow policy. Without `wait`, nothing but `result` is set. */
export interface Reload {
  result: ReloadResult;
  /** The policy in force now. */
  policyName: string;
  snapshotId: string;
  /** One sentence that says why it was refused. */
  error: string;
  /** All errors, warnings and failed cases, with line breaks. */
  messages: string;
  /** Features without history until the next rebuild: the first names, and how many there are. */
  warmingFeatures: string[];
  warmingFeatureCount: number;
  /** Rules that use such features. */
  warmingRules: string[];
  warmingRuleCount: number;
  /** In the order of the server's options. */
  shadows: ShadowReload[];
}

// ------------------------------------------------------------------------------------------
// Explain

/** What a part of an expression is. `other`: arithmetic, functions, indexing, and kinds that this client does not know. */
export const EXPLAINED_KINDS = [
  'other',
  'name',
  'has',
  'list',
  'threshold',
  'comparison',
  'and',
  'or',
  'not',
  'conditional',
  'macro',
  'each',
] as const;
export type ExplainedKind = (typeof EXPLAINED_KINDS)[number];

/**
 * Where the value of a threshold comes from. `fallback`: the policy's own value. `overall`, `group`: computed over all
 * groups, or for the transaction's group.
 */
export const THRESHOLD_ORIGINS = ['none', 'fallback', 'overall', 'group'] as const;
export type ThresholdOrigin = (typeof THRESHOLD_ORIGINS)[number];

export const RULE_MODES = ['live', 'shadow', 'off'] as const;
export type RuleMode = (typeof RULE_MODES)[number];

/**
 * What became of a rule. `absent`: its condition depends on something that is absent. `error`: it could not be evaluated.
 * `fired`: with effect. `shadow` and `suppressed`: it fired without effect, as a shadow rule, or because it fired recently
 * for the same entity. `early` and `over`: the transaction is before `fromUs`, or not before `untilUs`. `left_out`: its
 * rollout excludes this key.
 */
export const RULE_FATES = [
  'false',
  'absent',
  'error',
  'fired',
  'shadow',
  'suppressed',
  'off',
  'early',
  'over',
  'left_out',
] as const;
export type RuleFate = (typeof RULE_FATES)[number];

/**
 * A part of an expression. Parts are in the order in which they are written, each followed by its own parts, which are
 * one deeper. Literals are left out.
 */
export interface ExplainedPart {
  /** As written in the policy. */
  text: string;
  /** 0: the whole expression. */
  depth: number;
  kind: ExplainedKind;
  /** "bool", "int", "double", "string", "timestamp", "duration", "list", "map", "absent" or "error". */
  type: string;
  /** A list or map is a string, as printed. */
  value: Value;
  /** Why there is no value: "division by zero". */
  error: string;
  /** It was evaluated: nothing before it had settled the whole. */
  reached: boolean;
  /** The result of the whole follows from it. */
  decides: boolean;
  /** Of kind `list`: the list that is searched. */
  list: string;
  /** Of kind `list`: the value is in it only because it was added at run time. */
  added: boolean;
  /** Of kind `threshold`. */
  origin: ThresholdOrigin;
}

/** How a computed value came about; the value itself is among the features of the decision. */
export interface ExplainedComputed {
  name: string;
  parts: ExplainedPart[];
}

/** A rule of the policy, and what became of it. */
export interface ExplainedRule {
  name: string;
  about: string;
  file: string;
  /** In `file`. */
  line: number;
  mode: RuleMode;
  fate: RuleFate;
  /** What it asks for; null: it only adds to the score. */
  verdict: Verdict | null;
  /** What it asks for if its condition cannot be evaluated; null: nothing. */
  verdictOnError: Verdict | null;
  score: number;
  group: string;
  /** This and the next two are as in Reason, if it fired. */
  reason: string;
  capped: number;
  verdictIfLive: Verdict | null;
  /** It applies to event times from here on; 0: no bound. */
  fromUs: number;
  /** It applies to event times before this; 0: no bound. */
  untilUs: number;
  /** The share of keys that it applies to, in hundredths of a percent: 10,000 is all. */
  rollout: number;
  /** The field whose values are these keys. */
  rolloutKey: string;
  /** In shadow by its brake; live in the policy. */
  braked: boolean;
  /** Of its condition; the first is the whole. */
  parts: ExplainedPart[];
}

export interface ExplainedGroup {
  name: string;
  about: string;
  /** The greatest of its rules' scores counts; else their sum. */
  greatest: boolean;
  /** It adds at most `atMost` to the score. */
  limited: boolean;
  atMost: number;
  /** The greatest or the sum, of the rules that had effect. */
  asked: number;
  /** What was added to the score. */
  counted: number;
}

/** The smallest score with a verdict. */
export interface ExplainedCutoff {
  verdict: Verdict;
  score: number;
  /** By a rebuild from the policy's budget; else stated in the policy. */
  computed: boolean;
}

/** The decision of a shadow policy, or with an `arm` that of the other side of the experiment. */
export interface ExplainedShadow {
  name: string;
  snapshotId: string;
  /** Null: it refuses the transaction. */
  verdict: Verdict | null;
  score: number;
  /** Those that had effect. */
  rules: string[];
  ruleErrors: number;
  /** It lacked features, or read them beyond its lateness. */
  degraded: boolean;
  arm: Decision['arm'];
}

/** An input of a model. */
export interface ExplainedInput {
  /** As the model has it. */
  name: string;
  /** Null: it is missing. */
  value: Value;
  contribution: number;
}

/**
 * What the inputs contributed to a value of a model: SHAP values. Bias and contributions add up to the margin, up to
 * rounding.
 */
export interface ExplainedModel {
  /** As expressions write it: `models.fraud`, or `models.kind.stolen` for a class. */
  name: string;
  /** The greatest contribution first. */
  inputs: ExplainedInput[];
  /** The expected margin before any input is known. */
  bias: number;
  margin: number;
}

/** How a policy decides the transaction. */
export interface ExplainedPolicy {
  name: string;
  snapshotId: string;
  /** Why it refuses the transaction, because of `refusedField`; then nothing after that is set. */
  refusal: string;
  refusedField: string;
  /** With all features and computed values; null if it refuses the transaction. */
  decision: Decision | null;
  /** Of the transaction as expressions read them, with derived ones. */
  fields: Record<string, Value>;
  computed: ExplainedComputed[];
  /** All of them, in the policy's order. */
  rules: ExplainedRule[];
  groups: ExplainedGroup[];
  /** In rising severity. */
  cutoffs: ExplainedCutoff[];
  shadows: ExplainedShadow[];
  /** Features without history in the tables. */
  warmingFeatures: string[];
  /** What each input contributed to each output of each model. */
  models: ExplainedModel[];
}

/** An entity of the transaction. */
export interface ExplainedEntity {
  name: string;
  /** The parts of a key of several fields are separated by ", ". */
  key: string;
  /** Transactions that its state held. */
  entries: number;
  /** Event time of the newest of them. */
  newestTimeUs: number;
  /** Records applied to its state from the tables. */
  applied: number;
  /** The tables had a state of it. */
  inTables: boolean;
}

/** An outcome reported after the decision, which it could not influence. */
export interface ExplainedOutcome {
  position: number;
  receiveTimeUs: number;
  knownTimeUs: number;
  previous: Label;
  label: Label;
  source: string;
}

/** An amendment reported after the decision, which it could not influence. */
export interface ExplainedAmendment {
  position: number;
  receiveTimeUs: number;
  knownTimeUs: number;
  previous: AmendedTransaction;
  now: AmendedTransaction;
  source: string;
}

/** A decision that was derived again from the archive, with everything that went into it. */
export interface Explanation {
  /** As the server received it. Its whole attributes are bigints, and those of type timestamp are in microseconds. */
  transaction: Transaction;
  /** Of its archive record. */
  position: number;
  receiveTimeUs: number;
  /** Without features. */
  archived: Decision;
  /** The derived decision, `then.decision`, is bit for bit the archived one. */
  equal: boolean;
  /** Otherwise how they differ. */
  difference: string;
  /** Of the record of the policy that decided. */
  policyPosition: number;
  /** The tables that it was decided on; all 0: none. */
  generationId: string;
  /** What they were built for. */
  generationPosition: number;
  /** Of the record of their adoption. */
  adoptedPosition: number;
  /** Where the history was folded from. */
  basePosition: number;
  recordsRead: number;
  /** Those of them that concern the transaction's entities. */
  recordsApplied: number;
  entities: ExplainedEntity[];
  outcomes: ExplainedOutcome[];
  amendments: ExplainedAmendment[];
  /** Sentences that the reader should know. */
  notes: string[];
  /** What the policy that was in force makes of the transaction. */
  then: ExplainedPolicy;
  /** The name of the one whose arm the decision names; empty: it names none. */
  experiment: string;
}
