/** Fallback decisions: what scoring returns if there is no decision in time. */
import { blankDecision } from './decode.js';
import { HarrierError, type ErrorCode } from './errors.js';
import type { Meter } from './meter.js';
import type { Fallback } from './options.js';
import { VERDICTS, type Decision, type Transaction } from './types.js';

const OF_A_CALL: ReadonlySet<ErrorCode> = new Set(['deadline', 'unavailable', 'busy', 'overloaded', 'internal', 'protocol']);
const OF_A_TRANSACTION: ReadonlySet<ErrorCode> = new Set(['deadline', 'unavailable', 'overloaded', 'internal']);

function decide(fallback: Fallback, transaction: Transaction, error: HarrierError): Decision {
  // The policy's verdict, if the server sent one, knows more than the client's.
  const verdict = typeof fallback === 'function' ? fallback(transaction, error) : (error.fallback ?? fallback);
  if (!VERDICTS.includes(verdict)) {
    throw new TypeError(`the fallback function returned ${verdict as string}; expected one of ${VERDICTS.join(', ')}`);
  }
  const made = blankDecision();
  made.transactionId = transaction.id;
  made.verdict = verdict;
  made.fallback = true;
  made.fallbackReason = error.code;
  return made;
}

/** Throws the error of the call if there is no fallback for it. */
export function forCall(
  fallback: Fallback | null,
  transactions: readonly Transaction[],
  error: unknown,
  meter: Meter,
): Decision[] {
  if (fallback === null || !(error instanceof HarrierError) || !OF_A_CALL.has(error.code)) {
    throw error;
  }
  const made = transactions.map((transaction) => decide(fallback, transaction, error));
  meter.fellBack(error.code, made.length);
  return made;
}

export function forResults(
  fallback: Fallback | null,
  transactions: readonly Transaction[],
  results: (Decision | HarrierError)[],
  meter: Meter,
): (Decision | HarrierError)[] {
  if (fallback === null) {
    return results;
  }
  return results.map((result, index) => {
    const transaction = transactions[index];
    if (!(result instanceof HarrierError) || !OF_A_TRANSACTION.has(result.code) || transaction === undefined) {
      return result;
    }
    const made = decide(fallback, transaction, result);
    meter.fellBack(result.code, 1);
    return made;
  });
}

/** The decision of a call with one transaction. */
export function only<T extends object>(results: readonly (T | HarrierError)[]): T {
  const result = results[0];
  if (result === undefined || result instanceof HarrierError) {
    throw result ?? new Error('no result');
  }
  return result;
}
