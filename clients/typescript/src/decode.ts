/** From the bytes of an answer to the public types. Only this file, analyst_decode.ts and encode.ts use the generated code. */
import proto, { type harrier } from '../proto/harrier.cjs';
import type { Request } from './encode.js';
import * as errors from './errors.js';
import { ProtocolError, type HarrierError } from './errors.js';
import {
  LABELS,
  type AmendedTransaction,
  type AmendmentAccepted,
  type Decision,
  type Entity,
  type Label,
  type OutcomeAccepted,
  type Reason,
  type Source,
  type Status,
  type Value,
  type Verdict,
} from './types.js';

const pb = proto.harrier.v1;
type Long = Exclude<harrier.v1.Decision['position'], number>;

export const RESPONSE_SIZE_MAX = 8 << 20;

/** A Response that has an error, or the answer to the request. */
export type Response = harrier.v1.Response;

// Indexed by their numbers in the protocol.
export const VERDICT_NUMBERS: readonly (Verdict | undefined)[] = [
  undefined,
  'approve',
  'review',
  'challenge',
  'decline',
];
const ERRORS: readonly (undefined | (new (message: string, field: string, decided: errors.Decided) => HarrierError))[] =
  [
    undefined,
    errors.InvalidError,
    errors.UnsupportedError,
    errors.NotFoundError,
    errors.IdConflictError,
    errors.TooLargeError,
    errors.DeadlineError,
    errors.UnavailableError,
    errors.InternalError,
    errors.DeniedError,
    // Not primary. Never a caller's: calls go to the primary. In the result of a single transaction: nothing happened.
    errors.UnavailableError,
    errors.OverloadedError,
  ];

export const NO_ID = '0'.repeat(16);

/** All of it but what is to be put in. */
export function blankDecision(): Decision {
  return {
    transactionId: '',
    verdict: 'review',
    score: 0,
    reasons: [],
    snapshotId: NO_ID,
    generationId: NO_ID,
    position: 0,
    degraded: false,
    degradedReason: '',
    duplicate: false,
    dryRun: false,
    serverUs: 0,
    ruleErrors: 0,
    failedRules: [],
    arm: '',
    features: {},
    fallback: false,
    fallbackReason: '',
  };
}

export function protocolError(words: string): ProtocolError {
  return new ProtocolError(`the server's answer: ${words}`, '', 'unknown');
}

export function emptyResult(): ProtocolError {
  return protocolError('a result is empty');
}

/** For fields whose values stay below 2^53. */
export function number(value: number | Long): number {
  return typeof value === 'number' ? value : value.toNumber();
}

export function hex(value: number | Long): string {
  if (typeof value === 'number') {
    if (value === 0) {
      return NO_ID;
    }
    // Without the package `long`, protobufjs returns inexact numbers.
    throw new Error('harrier-client: protobufjs has not found its package "long"');
  }
  if (value.high === 0 && value.low === 0) {
    return NO_ID;
  }
  return (value.high >>> 0).toString(16).padStart(8, '0') + (value.low >>> 0).toString(16).padStart(8, '0');
}

/** A number if that is exact, else a bigint. */
export function exact(value: number | Long): number | bigint {
  if (typeof value === 'number') {
    return value;
  }
  const rough = value.toNumber();
  return Number.isSafeInteger(rough) ? rough : (BigInt(value.high) << 32n) | BigInt(value.low >>> 0);
}

export function error(from: harrier.v1.Error.$Properties): HarrierError {
  const Kind = ERRORS[from.code ?? 0] ?? errors.InternalError;
  const made = new Kind(from.message ?? '', from.field ?? '', Kind === errors.InternalError ? 'unknown' : false);
  const verdict = VERDICT_NUMBERS[from.fallback ?? 0];
  if (verdict !== undefined) {
    made.fallback = verdict;
  }
  return made;
}

/** The error of the call as a whole; null: none. */
export function responseError(response: Response): HarrierError | null {
  return response.error ? error(response.error) : null;
}

/** The primary that a standby names, empty if it knows none; null: the answer is not that of a standby. */
export function standbyAnswer(response: Response): string | null {
  const { error } = response;
  return error?.code === pb.ErrorCode.ERROR_NOT_PRIMARY ? (error.primary ?? '') : null;
}

function resultCount(response: Response): number {
  const answer = response.score ?? response.report_outcome ?? response.amend ?? response.change_list;
  return answer?.results?.length ?? 0;
}

/** Throws ProtocolError if it is not an answer to this request. */
export function decodeResponse(bytes: Uint8Array, request: Request): Response {
  let response: Response;
  try {
    response = pb.Response.decode(bytes);
  } catch (error) {
    throw protocolError(error instanceof Error ? error.message : String(error));
  }
  if (response.error) {
    return response;
  }
  const answer = response.answer;
  if (answer !== request.call) {
    throw protocolError(`${answer ?? 'nothing'}; expected ${request.call}`);
  }
  if (request.count > 0) {
    const got = resultCount(response);
    if (got !== request.count) {
      throw protocolError(`${got} results; expected ${request.count}`);
    }
  }
  return response;
}

export function verdict(given: number | null | undefined): Verdict {
  const found = VERDICT_NUMBERS[given ?? 0];
  if (found === undefined) {
    throw protocolError(`verdict ${String(given ?? 0)} is not known`);
  }
  return found;
}

export function optionalVerdict(given: number | null | undefined): Verdict | null {
  return given ? verdict(given) : null;
}

function reason(from: harrier.v1.Reason.$Properties): Reason {
  return {
    rule: from.rule ?? '',
    text: from.text ?? '',
    score: from.score ?? 0,
    verdict: optionalVerdict(from.verdict),
    shadow: from.shadow ?? false,
    suppressed: from.suppressed ?? false,
    tags: from.tags ?? [],
    group: from.group ?? '',
    capped: from.capped ?? 0,
    verdictIfLive: optionalVerdict(from.verdict_if_live),
  };
}

export function value(named: harrier.v1.NamedValue.$Properties): Value {
  switch (named.value) {
    case 'flag':
      return named.flag ?? null;
    case 'integer':
      return exact(named.integer ?? 0);
    case 'number':
      return named.number ?? null;
    case 'text':
      return named.text ?? null;
    case 'timestamp_us':
      return { timestampUs: number(named.timestamp_us ?? 0) };
    case 'duration_us':
      return { durationUs: number(named.duration_us ?? 0) };
    default:
      return null;
  }
}

export function values(named: readonly harrier.v1.NamedValue.$Properties[] | null | undefined): Record<string, Value> {
  return named ? Object.fromEntries(named.map((one) => [one.name ?? '', value(one)])) : {};
}

// A number that this version does not know is no arm: nobody has to understand it to act on the verdict.
const arms = ['', 'champion', 'challenger'] as const;

export function arm(from: harrier.v1.Arm | null | undefined): Decision['arm'] {
  return arms[from ?? 0] ?? '';
}

export function decision(from: harrier.v1.Decision.$Properties): Decision {
  return {
    transactionId: from.transaction_id ?? '',
    verdict: verdict(from.verdict),
    score: from.score ?? 0,
    reasons: from.reasons ? from.reasons.map(reason) : [],
    snapshotId: hex(from.snapshot_id ?? 0),
    generationId: hex(from.generation_id ?? 0),
    position: number(from.position ?? 0),
    degraded: from.degraded ?? false,
    degradedReason: from.degraded_reason ?? '',
    duplicate: from.duplicate ?? false,
    dryRun: from.dry_run ?? false,
    serverUs: from.server_us ?? 0,
    ruleErrors: from.rule_errors ?? 0,
    failedRules: from.failed_rules ?? [],
    arm: arm(from.arm),
    features: values(from.features),
    fallback: false,
    fallbackReason: '',
  };
}

export function decisions(response: Response): (Decision | HarrierError)[] {
  return (response.score?.results ?? []).map((result) => {
    if (result.decision) {
      return decision(result.decision);
    }
    if (result.error) {
      return error(result.error);
    }
    throw emptyResult();
  });
}

export function label(given: number | null | undefined): Label {
  const found = LABELS[given ?? 0];
  if (found === undefined) {
    throw protocolError(`label ${String(given)} is not known`);
  }
  return found;
}

export function outcomes(response: Response): (OutcomeAccepted | HarrierError)[] {
  return (response.report_outcome?.results ?? []).map((result) => {
    if (result.accepted) {
      const { transaction_id, position, changed, previous } = result.accepted;
      return {
        transactionId: transaction_id ?? '',
        position: number(position ?? 0),
        changed: changed ?? false,
        previous: label(previous),
      };
    }
    if (result.error) {
      return error(result.error);
    }
    throw emptyResult();
  });
}

export function amended(from: harrier.v1.AmendedTransaction.$Properties | null | undefined): AmendedTransaction {
  return {
    voided: from?.voided ?? false,
    amountMinor: number(from?.amount_minor ?? 0),
    refundedMinor: number(from?.refunded_minor ?? 0),
  };
}

export function amendments(response: Response): (AmendmentAccepted | HarrierError)[] {
  return (response.amend?.results ?? []).map((result) => {
    if (result.accepted) {
      const { transaction_id, position, changed, previous, now } = result.accepted;
      return {
        transactionId: transaction_id ?? '',
        position: number(position ?? 0),
        changed: changed ?? false,
        previous: amended(previous),
        now: amended(now),
      };
    }
    if (result.error) {
      return error(result.error);
    }
    throw emptyResult();
  });
}

export function entity(response: Response): Entity {
  const from = response.get_entity ?? {};
  return {
    features: values(from.features),
    newestTimeUs: number(from.newest_time_us ?? 0),
    atTimeUs: number(from.at_time_us ?? 0),
    entries: number(from.entries ?? 0),
    stateBytes: number(from.state_bytes ?? 0),
    stateHash: hex(from.state_hash ?? 0),
  };
}

function source(from: harrier.v1.SourceStatus.$Properties): Source {
  return {
    source: from.source ?? '',
    transactions: number(from.transactions ?? 0),
    lastReceiveTimeUs: number(from.last_receive_time_us ?? 0),
    first: number(from.first ?? 0),
    highest: number(from.highest ?? 0),
    gaps: number(from.gaps ?? 0),
    missed: number(from.missed ?? 0),
    late: number(from.late ?? 0),
    repeats: number(from.repeats ?? 0),
    restarts: number(from.restarts ?? 0),
    missing: (from.missing ?? []).map((range) => ({ first: number(range.first ?? 0), last: number(range.last ?? 0) })),
  };
}

export function status(response: Response): Status {
  const from = response.status ?? {};
  return {
    version: from.version ?? '',
    state: from.state ?? '',
    stateReason: from.state_reason ?? '',
    startedTimeUs: number(from.started_time_us ?? 0),
    policyName: from.policy_name ?? '',
    snapshotId: hex(from.snapshot_id ?? 0),
    generationId: hex(from.generation_id ?? 0),
    position: number(from.position ?? 0),
    syncedPosition: number(from.synced_position ?? 0),
    transactions: number(from.transactions ?? 0),
    outcomes: number(from.outcomes ?? 0),
    stateHash: hex(from.state_hash ?? 0),
    stale: from.stale ?? false,
    reloadError: from.reload_error ?? '',
    node: from.node ?? '',
    primary: from.primary ?? '',
    committedPosition: number(from.committed_position ?? 0),
    brakes: (from.brakes ?? []).map((one) => ({
      rule: one.rule ?? '',
      definition: hex(one.definition ?? 0),
      applies: one.applies ?? false,
      pulledTimeUs: number(one.pulled_time_us ?? 0),
      position: number(one.position ?? 0),
      source: one.source ?? '',
      reason: one.reason ?? '',
    })),
    brakeCount: number(from.brake_count ?? 0),
    sources: (from.sources ?? []).map(source),
    otherSourceTransactions: number(from.other_source_transactions ?? 0),
  };
}
