/** The errors of calls: one class for each code of the contract (clients/README.md). */

import type { Verdict } from './types.js';

export type ErrorCode =
  | 'invalid'
  | 'unsupported'
  | 'not_found'
  | 'id_conflict'
  | 'too_large'
  | 'denied'
  | 'deadline'
  | 'unavailable'
  | 'busy'
  | 'overloaded'
  | 'closed'
  | 'internal'
  | 'protocol';

/** False: the call certainly did not decide its transactions. `unknown`: it may have; sending the same again settles it. */
export type Decided = false | 'unknown';

/**
 * The base class. `code` is its name in the contract, `field` the field at fault as policies name it (empty if no single
 * one is), `message` one sentence.
 */
export abstract class HarrierError extends Error {
  abstract readonly code: ErrorCode;
  readonly field: string;
  readonly decided: Decided;
  /** The policy's verdict for what there was no time to decide, if the server sent one. */
  fallback?: Verdict;

  constructor(message: string, field = '', decided: Decided = false) {
    super(message);
    this.name = new.target.name;
    this.field = field;
    this.decided = decided;
  }
}

/** The call breaks a rule; the same call will fail again. */
export class InvalidError extends HarrierError {
  readonly code = 'invalid';
}

/** Client and server versions are not compatible. */
export class UnsupportedError extends HarrierError {
  readonly code = 'unsupported';
}

/** No such transaction, entity or list. */
export class NotFoundError extends HarrierError {
  readonly code = 'not_found';
}

/** This transaction id was scored before with other content. */
export class IdConflictError extends HarrierError {
  readonly code = 'id_conflict';
}

/** Over a limit: bytes of a message, items of a call. */
export class TooLargeError extends HarrierError {
  readonly code = 'too_large';
}

/** The token is missing, wrong, or without the scope of this call. */
export class DeniedError extends HarrierError {
  readonly code = 'denied';
}

/** No answer in time. */
export class DeadlineError extends HarrierError {
  readonly code = 'deadline';
}

/** No server took it in time, none is the primary, or the connection broke too often. */
export class UnavailableError extends HarrierError {
  readonly code = 'unavailable';
}

/** `inFlightMax` requests were in flight until the deadline. */
export class BusyError extends HarrierError {
  readonly code = 'busy';
}

/** The server refused it at once, because it would not have answered in time. Nothing happened. */
export class OverloadedError extends HarrierError {
  readonly code = 'overloaded';
}

/** The client is closed, or was closed during the call. */
export class ClosedError extends HarrierError {
  readonly code = 'closed';
}

/** A defect of the server. */
export class InternalError extends HarrierError {
  readonly code = 'internal';
}

/** The answer cannot be decoded, or does not match the request. */
export class ProtocolError extends HarrierError {
  readonly code = 'protocol';
}
