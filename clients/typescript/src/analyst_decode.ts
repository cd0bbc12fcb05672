/** From decoded answers to the types of an analyst's calls. */
import type { harrier } from '../proto/harrier.cjs';
import {
  amended,
  arm,
  decision,
  emptyResult,
  error,
  exact,
  hex,
  label,
  number,
  optionalVerdict,
  protocolError,
  value,
  values,
  verdict,
  type Response,
} from './decode.js';
import type { HarrierError } from './errors.js';
import {
  EXPLAINED_KINDS,
  RELOAD_RESULTS,
  RULE_FATES,
  RULE_MODES,
  THRESHOLD_ORIGINS,
  type BrakeChanged,
  type ExplainedAmendment,
  type ExplainedEntity,
  type ExplainedModel,
  type ExplainedOutcome,
  type ExplainedPart,
  type ExplainedPolicy,
  type ExplainedRule,
  type Explanation,
  type ListChanged,
  type ListPage,
  type Reload,
  type ReloadResult,
} from './analyst_types.js';
import type { AttributeValue, Transaction } from './types.js';

/** The name of a number of an enum; the names are in the order of their numbers. */
function member<T>(names: readonly T[], given: number | null | undefined, what: string): T {
  const found = names[given ?? 0];
  if (found === undefined) {
    throw protocolError(`${what} ${String(given)} is not known`);
  }
  return found;
}

function each<From, To>(items: readonly From[] | null | undefined, made: (item: From) => To): To[] {
  return items ? items.map(made) : [];
}

// ------------------------------------------------------------------------------------------
// Lists

export function changes(response: Response): (ListChanged | HarrierError)[] {
  return each(response.change_list?.results, (result) => {
    if (result.changed) {
      const from = result.changed;
      return {
        list: from.list ?? '',
        value: from.value ?? '',
        position: number(from.position ?? 0),
        changed: from.changed ?? false,
        wasThere: from.was_there ?? false,
        previousExpiryTimeUs: number(from.previous_expiry_time_us ?? 0),
        inPolicy: from.in_policy ?? false,
      };
    }
    if (result.error) {
      return error(result.error);
    }
    throw emptyResult();
  });
}

export function listPage(response: Response): ListPage {
  const from = response.get_list ?? {};
  return {
    lists: each(from.lists, (one) => ({
      list: one.list ?? '',
      type: one.type ?? '',
      about: one.about ?? '',
      declared: one.declared ?? false,
      runtime: one.runtime ?? false,
      file: one.file ?? '',
      policyEntries: number(one.policy_entries ?? 0),
      addedEntries: number(one.added_entries ?? 0),
      usedEntries: number(one.used_entries ?? 0),
      changes: number(one.changes ?? 0),
      lastChangeTimeUs: number(one.last_change_time_us ?? 0),
    })),
    entries: each(from.entries, (one) => ({
      value: one.value ?? '',
      expiryTimeUs: number(one.expiry_time_us ?? 0),
      position: number(one.position ?? 0),
      receiveTimeUs: number(one.receive_time_us ?? 0),
      source: one.source ?? '',
      reason: one.reason ?? '',
    })),
    nextPosition: number(from.next_position ?? 0),
  };
}

// ------------------------------------------------------------------------------------------
// Brakes

export function brakeChanged(response: Response): BrakeChanged {
  const from = response.change_brake ?? {};
  return {
    changed: from.changed ?? false,
    position: number(from.position ?? 0),
    definition: hex(from.definition ?? 0),
  };
}

// ------------------------------------------------------------------------------------------
// Reload

function reloadResult(given: number | null | undefined): ReloadResult {
  return member(RELOAD_RESULTS, given, 'reload result');
}

export function reload(response: Response): Reload {
  const from = response.reload ?? {};
  return {
    result: reloadResult(from.result),
    policyName: from.policy_name ?? '',
    snapshotId: hex(from.snapshot_id ?? 0),
    error: from.error ?? '',
    messages: from.messages ?? '',
    warmingFeatures: from.warming_features ?? [],
    warmingFeatureCount: number(from.warming_feature_count ?? 0),
    warmingRules: from.warming_rules ?? [],
    warmingRuleCount: number(from.warming_rule_count ?? 0),
    shadows: each(from.shadows, (one) => ({
      folder: one.folder ?? '',
      result: reloadResult(one.result),
      policyName: one.policy_name ?? '',
      snapshotId: hex(one.snapshot_id ?? 0),
      error: one.error ?? '',
      messages: one.messages ?? '',
    })),
  };
}

// ------------------------------------------------------------------------------------------
// Explain

function attribute(from: harrier.v1.Attribute.$Properties): [string, AttributeValue] {
  const name = from.name ?? '';
  if (from.integer !== undefined && from.integer !== null) {
    return [name, BigInt(exact(from.integer))];
  }
  const found = from.text ?? from.number ?? from.flag;
  if (found === undefined || found === null) {
    throw protocolError(`attribute ${name} has no value`);
  }
  return [name, found];
}

const TEXTS = [
  ...(['currency', 'card', 'customer', 'account', 'merchant', 'terminal', 'device', 'ip', 'country', 'mcc'] as const),
  ...(['channel', 'email', 'phone', 'source'] as const),
];

/** Absent fields are left out, as in a transaction that a caller makes. */
export function transaction(from: harrier.v1.Transaction.$Properties | null | undefined): Transaction {
  if (!from) {
    throw protocolError('the transaction is missing');
  }
  const made: Transaction = { id: from.id ?? '', eventTimeUs: number(from.event_time_us ?? 0) };
  const amount = number(from.amount_minor ?? 0);
  if (amount !== 0) {
    made.amountMinor = amount;
  }
  const sequence = number(from.sequence ?? 0);
  if (sequence !== 0) {
    made.sequence = sequence;
  }
  for (const name of TEXTS) {
    const text = from[name];
    if (text) {
      made[name] = text;
    }
  }
  if (from.location) {
    const { latitude_e7, longitude_e7 } = from.location;
    made.location = { latitude: (latitude_e7 ?? 0) / 1e7, longitude: (longitude_e7 ?? 0) / 1e7 };
  }
  if (from.attributes && from.attributes.length > 0) {
    made.attributes = Object.fromEntries(from.attributes.map(attribute));
  }
  return made;
}

function explainedEntity(from: harrier.v1.ExplainedEntity.$Properties): ExplainedEntity {
  return {
    name: from.name ?? '',
    key: from.key ?? '',
    entries: number(from.entries ?? 0),
    newestTimeUs: number(from.newest_time_us ?? 0),
    applied: number(from.applied ?? 0),
    inTables: from.in_tables ?? false,
  };
}

function explainedOutcome(from: harrier.v1.ExplainedOutcome.$Properties): ExplainedOutcome {
  return {
    position: number(from.position ?? 0),
    receiveTimeUs: number(from.receive_time_us ?? 0),
    knownTimeUs: number(from.known_time_us ?? 0),
    previous: label(from.previous),
    label: label(from.label),
    source: from.source ?? '',
  };
}

function explainedAmendment(from: harrier.v1.ExplainedAmendment.$Properties): ExplainedAmendment {
  return {
    position: number(from.position ?? 0),
    receiveTimeUs: number(from.receive_time_us ?? 0),
    knownTimeUs: number(from.known_time_us ?? 0),
    previous: amended(from.previous),
    now: amended(from.now),
    source: from.source ?? '',
  };
}

function part(from: harrier.v1.ExplainedPart.$Properties): ExplainedPart {
  return {
    text: from.text ?? '',
    depth: from.depth ?? 0,
    // Kinds may be added.
    kind: EXPLAINED_KINDS[from.kind ?? 0] ?? 'other',
    type: from.type ?? '',
    value: from.value ? value(from.value) : null,
    error: from.error ?? '',
    reached: from.reached ?? false,
    decides: from.decides ?? false,
    list: from.list ?? '',
    added: from.added ?? false,
    origin: member(THRESHOLD_ORIGINS, from.origin, 'threshold origin'),
  };
}

function rule(from: harrier.v1.ExplainedRule.$Properties): ExplainedRule {
  return {
    name: from.name ?? '',
    about: from.about ?? '',
    file: from.file ?? '',
    line: from.line ?? 0,
    mode: member(RULE_MODES, from.mode, 'rule mode'),
    fate: member(RULE_FATES, from.fate, 'rule fate'),
    verdict: optionalVerdict(from.verdict),
    verdictOnError: optionalVerdict(from.verdict_on_error),
    score: from.score ?? 0,
    group: from.group ?? '',
    reason: from.reason ?? '',
    capped: from.capped ?? 0,
    verdictIfLive: optionalVerdict(from.verdict_if_live),
    fromUs: number(from.from_us ?? 0),
    untilUs: number(from.until_us ?? 0),
    rollout: from.rollout ?? 0,
    rolloutKey: from.rollout_key ?? '',
    braked: from.braked ?? false,
    parts: each(from.parts, part),
  };
}

function model(from: harrier.v1.ExplainedModel.$Properties): ExplainedModel {
  const contributions = from.contributions ?? [];
  const inputs = from.inputs ?? [];
  if (inputs.length !== contributions.length) {
    throw protocolError('a model has other inputs than contributions');
  }
  return {
    name: from.name ?? '',
    inputs: inputs.map((one, i) => ({ name: one.name ?? '', value: value(one), contribution: contributions[i] ?? 0 })),
    bias: from.bias ?? 0,
    margin: from.margin ?? 0,
  };
}

function policy(from: harrier.v1.ExplainedPolicy.$Properties): ExplainedPolicy {
  const refusal = from.refusal ?? '';
  // If the policy refuses the transaction, the server leaves the rest empty.
  return {
    name: from.name ?? '',
    snapshotId: hex(from.snapshot_id ?? 0),
    refusal,
    refusedField: from.refused_field ?? '',
    decision: refusal === '' ? decision(from.decision ?? {}) : null,
    fields: values(from.fields),
    computed: each(from.computed, (one) => ({ name: one.name ?? '', parts: each(one.parts, part) })),
    rules: each(from.rules, rule),
    groups: each(from.groups, (one) => ({
      name: one.name ?? '',
      about: one.about ?? '',
      greatest: one.greatest ?? false,
      limited: one.limited ?? false,
      atMost: one.at_most ?? 0,
      asked: number(one.asked ?? 0),
      counted: number(one.counted ?? 0),
    })),
    cutoffs: each(from.cutoffs, (one) => ({
      verdict: verdict(one.verdict),
      score: one.score ?? 0,
      computed: one.computed ?? false,
    })),
    shadows: each(from.shadows, (one) => ({
      name: one.name ?? '',
      snapshotId: hex(one.snapshot_id ?? 0),
      verdict: optionalVerdict(one.verdict),
      score: one.score ?? 0,
      rules: one.rules ?? [],
      ruleErrors: one.rule_errors ?? 0,
      degraded: one.degraded ?? false,
      arm: arm(one.arm),
    })),
    warmingFeatures: from.warming_features ?? [],
    models: each(from.models, model),
  };
}

export function explanation(response: Response): Explanation {
  const from = response.explain ?? {};
  return {
    transaction: transaction(from.transaction),
    position: number(from.position ?? 0),
    receiveTimeUs: number(from.receive_time_us ?? 0),
    archived: decision(from.archived ?? {}),
    equal: from.equal ?? false,
    difference: from.difference ?? '',
    policyPosition: number(from.policy_position ?? 0),
    generationId: hex(from.generation_id ?? 0),
    generationPosition: number(from.generation_position ?? 0),
    adoptedPosition: number(from.adopted_position ?? 0),
    basePosition: number(from.base_position ?? 0),
    recordsRead: number(from.records_read ?? 0),
    recordsApplied: number(from.records_applied ?? 0),
    entities: each(from.entities, explainedEntity),
    outcomes: each(from.outcomes, explainedOutcome),
    amendments: each(from.amendments, explainedAmendment),
    notes: from.notes ?? [],
    then: policy(from.then ?? {}),
    experiment: from.experiment ?? '',
  };
}
