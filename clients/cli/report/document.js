/* Access to the report document: a missing part reads as an empty one. docs/CLI.md describes it. */

import { isNumber, moneyFormat } from "./format.js";

/** Verdicts from mild to strict: the order of the document's matrix. */
export const VERDICTS = ["approve", "review", "challenge", "decline"];

/**
 * @typedef {Record<string, any>} Document the JSON object, as it is
 * @typedef {{ value: number | null, low: number | null, high: number | null }} Interval
 * @typedef {{ replayed: string, against: string }} SideNames
 */

/**
 * The value at a path, or undefined.
 * @param {any} value
 * @param {...(string | number)} path
 * @returns {any}
 */
export function at(value, ...path) {
  for (const key of path) {
    if (value === null || value === undefined) return undefined;
    value = value[key];
  }
  return value ?? undefined;
}

/**
 * The array at a path; an empty one if there is none.
 * @param {any} value
 * @param {...(string | number)} path
 * @returns {any[]}
 */
export function listAt(value, ...path) {
  const list = at(value, ...path);
  return Array.isArray(list) ? list : [];
}

/**
 * The text at a path, or "".
 * @param {any} value
 * @param {...(string | number)} path
 * @returns {string}
 */
export function textAt(value, ...path) {
  const text = at(value, ...path);
  return typeof text === "string" ? text : "";
}

/**
 * The number at a path, or NaN.
 * @param {any} value
 * @param {...(string | number)} path
 * @returns {number}
 */
export function numberAt(value, ...path) {
  const number = at(value, ...path);
  return isNumber(number) ? number : NaN;
}

/**
 * Wilson's 95 % interval of a share.
 * @param {number} successes
 * @param {number} total
 * @returns {Interval}
 */
export function wilsonInterval(successes, total) {
  if (!isNumber(successes) || !(total > 0)) return { value: null, low: null, high: null };
  const z = 1.959963984540054;
  const share = successes / total;
  const scale = 1 + (z * z) / total;
  const middle = (share + (z * z) / (2 * total)) / scale;
  const half =
    (z / scale) * Math.sqrt((share * (1 - share)) / total + (z * z) / (4 * total * total));
  return { value: share, low: Math.max(0, middle - half), high: Math.min(1, middle + half) };
}

/**
 * @param {Document} report
 * @returns {SideNames} what the two sides are called in legends and tables
 */
export function sideNames(report) {
  const archived = textAt(report, "against", "kind") !== "policy";
  return { replayed: "replayed", against: archived ? "archived" : "other policy" };
}

/**
 * @param {Document} report
 * @returns {boolean} whether any transaction is known to be fraud: without one, nothing can be said
 *   of right and wrong
 */
export function hasFraud(report) {
  return (numberAt(report, "outcomes", "positive") || 0) > 0;
}

/**
 * Counts of verdicts in the order of VERDICTS, zero where missing.
 * @param {Document} report
 * @param {"replayed" | "against"} side
 */
export function verdictCounts(report, side) {
  return VERDICTS.map((verdict) => numberAt(report, "verdicts", side, verdict) || 0);
}

/**
 * The share of transactions with a verdict, or with any but approve, with its interval.
 * @param {Document} report
 * @param {"replayed" | "against"} side
 * @param {"alert" | "review" | "challenge" | "decline"} kind
 * @returns {Interval}
 */
export function rateOf(report, side, kind) {
  const given = at(report, "rates", side, kind);
  if (isNumber(at(given, "value"))) return given;
  const counts = verdictCounts(report, side);
  const total = counts.reduce((sum, count) => sum + count, 0);
  const hits = kind === "alert" ? total - counts[0] : counts[VERDICTS.indexOf(kind)];
  return wilsonInterval(hits, total);
}

/** Formats for amounts in the report's currency. @param {Document} report */
export function moneyOf(report) {
  return moneyFormat(textAt(report, "currency"), numberAt(report, "currency_digits"));
}

/** The compared side in words. @param {Document} report */
export function againstText(report) {
  const name = textAt(report, "against", "name");
  if (textAt(report, "against", "kind") === "policy") return `policy ${name || "without a name"}`;
  return name ? `the archived decisions of ${name}` : "the archived decisions";
}

/** @returns {Document} */
export function readReport() {
  const element = document.getElementById("report");
  const report = JSON.parse(element?.textContent || "{}");
  return report && typeof report === "object" && !Array.isArray(report) ? report : {};
}
