/** The options of a client. clients/README.md has the table. */
import type { ConnectionOptions } from 'node:tls';
import { parseAddress, type Address } from './address.js';
import { InvalidError, type HarrierError } from './errors.js';
import { checkToken } from './token.js';
import { VERDICTS, type Transaction, type Verdict } from './types.js';

export const DEADLINE_MS_MAX = 3_600_000;

/** The verdict if there is no decision in time, or a function that returns it. */
export type Fallback = Verdict | ((transaction: Transaction, error: HarrierError) => Verdict);

/** Receives the client's metrics. It must be quick; exceptions are dropped. */
export interface Metrics {
  count(name: string, amount: number, labels: Readonly<Record<string, string>>): void;
  observe(name: string, value: number, labels: Readonly<Record<string, string>>): void;
  set(name: string, value: number, labels: Readonly<Record<string, string>>): void;
}

/** For tls+tcp:// addresses: certificates, keys, versions and names, in the form of node:tls. */
export type TlsOptions = Omit<ConnectionOptions, 'host' | 'port' | 'path' | 'socket' | 'timeout' | 'allowHalfOpen'>;

export interface ClientOptions {
  /** One or more, in the order of preference. */
  addresses: string | readonly string[];
  /** Deadline of one call, counted from the call. Default 100. */
  deadlineMs?: number;
  fallback?: Fallback;
  /** How often a call is sent again. Default 3. */
  retriesMax?: number;
  /** Requests in flight at once. Default 1,024. */
  inFlightMax?: number;
  /** Failures in a row after which an address is ejected. Default 3. */
  ejectAfter?: number;
  metrics?: Metrics;
  /**
   * Identifies the caller; never shown. A function is called for each request and must return at once: fetch a new token in
   * the background, before the old one expires.
   */
  token?: string | (() => string);
  tls?: TlsOptions;
}

/** Options of one call. */
export interface CallOptions {
  deadlineMs?: number;
  /** W3C Trace Context, version 00; a malformed one is ignored. */
  traceparent?: string;
  /** Aborts the call, which fails with the signal's reason; the server may still decide. */
  signal?: AbortSignal;
}

export interface ScoreOptions extends CallOptions {
  dryRun?: boolean;
  returnFeatures?: boolean;
}

export interface Options {
  addresses: readonly Address[];
  deadlineMs: number;
  fallback: Fallback | null;
  retriesMax: number;
  inFlightMax: number;
  ejectAfter: number;
  metrics: Metrics | null;
  token: (() => string) | null;
  tls: TlsOptions;
}

function wholeNumber(value: unknown, name: string, least: number, fallback: number): number {
  if (value === undefined) {
    return fallback;
  }
  if (typeof value !== 'number') {
    throw new TypeError(`${name}: expected a number, not ${typeof value}`);
  }
  if (!Number.isSafeInteger(value) || value < least) {
    throw new InvalidError(`${value}; expected a whole number of at least ${least}`, name);
  }
  return value;
}

export function checkDeadline(value: number): number {
  if (typeof value !== 'number') {
    throw new TypeError(`deadlineMs: expected a number, not ${typeof value}`);
  }
  if (!(value > 0 && value <= DEADLINE_MS_MAX)) {
    const most = DEADLINE_MS_MAX.toString();
    throw new InvalidError(`${String(value)} ms; expected more than 0 and at most ${most}`, 'deadlineMs');
  }
  return value;
}

function checkAddresses(given: string | readonly string[]): readonly Address[] {
  const listed = typeof given === 'string' ? [given] : given;
  if (!Array.isArray(listed) || listed.some((address) => typeof address !== 'string')) {
    throw new TypeError('addresses: expected a string, or several');
  }
  if (listed.length === 0) {
    throw new InvalidError('no address; expected for example tcp://127.0.0.1:7731', 'addresses');
  }
  if (new Set(listed).size !== listed.length) {
    throw new InvalidError('an address stands there twice', 'addresses');
  }
  return listed.map(parseAddress);
}

function checkFallback(given: Fallback | undefined): Fallback | null {
  if (given === undefined) {
    return null;
  }
  if (typeof given !== 'function' && !VERDICTS.includes(given)) {
    throw new InvalidError('expected a verdict, or a function that returns one', 'fallback');
  }
  return given;
}

function checkTokenOption(given: ClientOptions['token']): (() => string) | null {
  if (given === undefined) {
    return null;
  }
  if (typeof given === 'function') {
    return () => checkToken(given());
  }
  checkToken(given);
  return () => given;
}

function checkMetrics(given: Metrics | undefined): Metrics | null {
  if (given === undefined) {
    return null;
  }
  for (const name of ['count', 'observe', 'set'] as const) {
    if (typeof given[name] !== 'function') {
      throw new TypeError(`metrics: expected an object with a function ${name}`);
    }
  }
  return given;
}

/** Validates everything and fills in the defaults. */
export function checkOptions(given: ClientOptions): Options {
  return {
    addresses: checkAddresses(given.addresses),
    deadlineMs: checkDeadline(given.deadlineMs ?? 100),
    fallback: checkFallback(given.fallback),
    retriesMax: wholeNumber(given.retriesMax, 'retriesMax', 0, 3),
    inFlightMax: wholeNumber(given.inFlightMax, 'inFlightMax', 1, 1024),
    ejectAfter: wholeNumber(given.ejectAfter, 'ejectAfter', 1, 3),
    metrics: checkMetrics(given.metrics),
    token: checkTokenOption(given.token),
    tls: given.tls ?? {},
  };
}
