/** Between the types of find() and the protocol's messages. */
import type { harrier } from '../proto/harrier.cjs';
import { transaction } from './analyst_decode.js';
import { amended, decision, label, number, protocolError, type Response } from './decode.js';
import { encode, flag, labelNumber, Request, text, UINT32_MAX, unsigned, wholeNumber } from './encode.js';
import { FIND_FIELDS, type Findings, type FindQuery, type FoundTransaction, type Range } from './find_types.js';
import { VERDICTS, type Verdict } from './types.js';

function verdictNumber(given: Verdict): number {
  const index = VERDICTS.indexOf(given);
  if (index < 0) {
    throw new TypeError(`verdicts: expected some of ${VERDICTS.join(', ')}`);
  }
  return index + 1;
}

function keys(given: NonNullable<FindQuery['keys']>): harrier.v1.FindKey.$Properties[] {
  return Object.entries(given).map(([field, value]) => {
    if (!FIND_FIELDS.includes(field as never)) {
      throw new TypeError(`keys: expected some of ${FIND_FIELDS.join(', ')}`);
    }
    return { field, value: text(value, field) };
  });
}

/** 0 is not sent. */
function score(range: Range): harrier.v1.ScoreRange.$Properties {
  const [min, max] = [unsigned(range.min, 'score', UINT32_MAX), unsigned(range.max, 'score', UINT32_MAX)];
  return { ...(min === 0 ? {} : { min }), ...(max === 0 ? {} : { max }) };
}

function amount(range: Range): harrier.v1.AmountRange.$Properties {
  const [min, max] = [wholeNumber(range.min, 'amount'), wholeNumber(range.max, 'amount')];
  return { ...(min === 0 ? {} : { min_minor: min }), ...(max === 0 ? {} : { max_minor: max }) };
}

export function findRequest(query: FindQuery, traceparent: string | null): Request {
  const asked: harrier.v1.FindRequest.$Properties = {};
  const times = [
    ['from_us', query.fromUs],
    ['until_us', query.untilUs],
    ['received_from_us', query.receivedFromUs],
    ['received_until_us', query.receivedUntilUs],
  ] as const;
  for (const [name, time] of times) {
    if (time !== undefined) {
      asked[name] = wholeNumber(time, name);
    }
  }
  const texts = [
    ['currency', query.currency],
    ['rule', query.rule],
    ['transaction_id', query.transactionId],
    ['cursor', query.cursor],
  ] as const;
  for (const [name, value] of texts) {
    if (value !== undefined && text(value, name) !== '') {
      asked[name] = value;
    }
  }
  if (query.verdicts !== undefined) {
    asked.verdicts = query.verdicts.map(verdictNumber);
  }
  if (query.labels !== undefined) {
    asked.labels = query.labels.map(labelNumber);
  }
  if (query.score !== undefined) {
    asked.score = score(query.score);
  }
  if (query.amountMinor !== undefined) {
    asked.amount = amount(query.amountMinor);
  }
  if (query.shadow !== undefined && flag(query.shadow, 'shadow')) {
    asked.shadow = true;
  }
  if (query.keys !== undefined) {
    asked.keys = keys(query.keys);
  }
  if (query.limit !== undefined) {
    asked.limit = unsigned(query.limit, 'limit', UINT32_MAX);
  }
  return new Request('find', 0, encode({ find: asked }), traceparent);
}

function found(from: harrier.v1.FoundTransaction.$Properties): FoundTransaction {
  if (!from.decision) {
    throw protocolError('a found transaction has no decision');
  }
  return {
    transaction: transaction(from.transaction),
    decision: decision(from.decision),
    receiveTimeUs: number(from.receive_time_us ?? 0),
    label: label(from.label),
    outcomeReceiveTimeUs: number(from.outcome_receive_time_us ?? 0),
    outcomeKnownTimeUs: number(from.outcome_known_time_us ?? 0),
    amended: from.amended ? amended(from.amended) : null,
    amendedTimeUs: number(from.amended_time_us ?? 0),
  };
}

export function findings(response: Response): Findings {
  const from = response.find ?? {};
  return {
    transactions: (from.transactions ?? []).map(found),
    cursor: from.cursor ?? '',
    incomplete: from.incomplete ?? false,
  };
}
