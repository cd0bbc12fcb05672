/* All figures of both sides in one table. */

import { moneyOf, numberAt, rateOf, sideNames, verdictCounts } from "./document.js";
import { plainTable } from "./dom.js";
import {
  formatCount,
  formatDecimal,
  formatPoints,
  formatShare,
  isNumber,
  plural,
  withSign,
} from "./format.js";

/** @typedef {"replayed" | "against"} Side */

/** @param {any} report @param {HTMLElement} place */
export function showAllFigures(report, place) {
  const names = sideNames(report);
  const money = moneyOf(report);
  const rows = [...verdictRows(report), ...detectionRows(report, money), ...rankingRows(report)];
  place.append(
    plainTable(
      "All figures of both sides",
      ["Figure", names.replayed, names.against, "Difference"],
      rows,
    ),
  );
}

/**
 * @param {string} name
 * @param {number} replayed
 * @param {number} against
 * @param {(value: number) => string} format
 * @param {(value: number) => string} [difference]
 */
function row(name, replayed, against, format, difference = (value) => withSign(value, format)) {
  return [name, format(replayed), format(against), difference(replayed - against)];
}

/** @param {any} report */
function verdictRows(report) {
  const sides = {
    replayed: verdictCounts(report, "replayed"),
    against: verdictCounts(report, "against"),
  };
  const names = ["Approved", "Sent to review", "Challenged", "Declined"];
  const counts = names.map((name, i) =>
    row(name, sides.replayed[i], sides.against[i], formatCount),
  );
  const kinds = /** @type {const} */ ([
    ["Alert rate", "alert"],
    ["Review rate", "review"],
    ["Challenge rate", "challenge"],
    ["Decline rate", "decline"],
  ]);
  const shares = kinds.map(([name, kind]) =>
    row(
      name,
      rateOf(report, "replayed", kind).value ?? NaN,
      rateOf(report, "against", kind).value ?? NaN,
      formatShare,
      formatPoints,
    ),
  );
  return [...counts, ...shares];
}

/** @param {any} report @param {ReturnType<typeof moneyOf>} money */
function detectionRows(report, money) {
  const of = (/** @type {Side} */ side, /** @type {string[]} */ ...path) =>
    numberAt(report, "detection", side, ...path);
  const make = (
    /** @type {string} */ name,
    /** @type {string[]} */ path,
    /** @type {any} */ format,
    /** @type {any} */ difference,
  ) => row(name, of("replayed", ...path), of("against", ...path), format, difference);
  return [
    make("Fraud with an alert (true positives)", ["true_positive"], formatCount, undefined),
    make("Legit with an alert (false positives)", ["false_positive"], formatCount, undefined),
    make("Fraud without an alert (false negatives)", ["false_negative"], formatCount, undefined),
    make("Legit without an alert (true negatives)", ["true_negative"], formatCount, undefined),
    make("Precision", ["precision", "value"], formatShare, formatPoints),
    make("Recall", ["recall", "value"], formatShare, formatPoints),
    make(
      "False alerts per true alert",
      ["false_positive_ratio"],
      (/** @type {number} */ value) => formatDecimal(value, 2),
      undefined,
    ),
    make("Money caught", ["money_caught"], money.full, undefined),
    make("Money missed", ["money_missed"], money.full, undefined),
    make("Money wrongly declined", ["money_declined_wrongly"], money.full, undefined),
    make("Cost of reviews", ["review_cost"], money.full, undefined),
    make("Net", ["net"], money.full, undefined),
  ];
}

/** @param {any} report */
function rankingRows(report) {
  const of = (/** @type {Side} */ side, /** @type {string[]} */ ...path) =>
    numberAt(report, "ranking", side, ...path);
  const four = (/** @type {number} */ value) => formatDecimal(value, 4);
  const k = of("replayed", "card_precision", "k");
  const days = of("replayed", "card_precision", "days");
  const cards = isNumber(k)
    ? `Card precision at ${formatCount(k)}, ${plural(isNumber(days) ? days : 0, "day")}`
    : "Card precision";
  return [
    row("Area under the ROC curve (AUC)", of("replayed", "auc"), of("against", "auc"), four),
    row(
      "Average precision (AP)",
      of("replayed", "average_precision"),
      of("against", "average_precision"),
      four,
    ),
    row(
      cards,
      of("replayed", "card_precision", "value"),
      of("against", "card_precision", "value"),
      formatShare,
      formatPoints,
    ),
  ];
}
