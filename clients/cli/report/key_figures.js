/* The key figures as cards, each with its interval and the compared side. */

import { at, hasFraud, moneyOf, numberAt, rateOf, sideNames, textAt } from "./document.js";
import { html, part } from "./dom.js";
import { formatPoints, formatShare, formatShareRange, isNumber, withSign } from "./format.js";

/** @typedef {"replayed" | "against"} Side */

/**
 * @typedef {object} Figure one number of both sides
 * @property {string} name
 * @property {string} about what it is, in a few words
 * @property {Record<Side, { value: number, low: number, high: number }>} sides
 * @property {(value: number) => string} format
 * @property {(difference: number) => string} difference
 * @property {(low: number, high: number) => string} range
 * @property {-1 | 0 | 1} better which direction is good; 0: neither is
 */

/**
 * @param {any} interval
 * @returns {{ value: number, low: number, high: number }}
 */
function readInterval(interval) {
  return {
    value: numberAt(interval, "value"),
    low: numberAt(interval, "low"),
    high: numberAt(interval, "high"),
  };
}

/**
 * @param {any} report
 * @returns {Figure[]}
 */
function keyFigures(report) {
  const money = moneyOf(report);
  // Where no fraud is known, a precision of 0 would say something that nobody knows.
  const known = hasFraud(report);
  const of = (/** @type {Side} */ side, /** @type {string} */ key) =>
    known ? at(report, "detection", side, key) : undefined;
  const share = { format: formatShare, difference: formatPoints, range: formatShareRange };
  const amount = {
    format: money.full,
    difference: (/** @type {number} */ difference) => withSign(difference, money.full),
    range: (/** @type {number} */ low, /** @type {number} */ high) =>
      `${money.bare(Math.round(low))} to ${money.bare(Math.round(high))}`,
  };
  const both = (/** @type {(side: Side) => any} */ read) => ({
    replayed: readInterval(read("replayed")),
    against: readInterval(read("against")),
  });
  const sum = (/** @type {string} */ key) => both((side) => ({ value: of(side, key) }));
  const net = both((side) => ({
    value: of(side, "net"),
    low: at(of(side, "net_interval"), "low"),
    high: at(of(side, "net_interval"), "high"),
  }));
  return [
    {
      name: "Alert rate",
      about: "of all transactions are reviewed, challenged or declined",
      sides: both((side) => rateOf(report, side, "alert")),
      ...share,
      better: 0,
    },
    {
      name: "Precision",
      about: "of the alerts are fraud",
      sides: both((side) => of(side, "precision")),
      ...share,
      better: 1,
    },
    {
      name: "Recall",
      about: "of known fraud gets an alert",
      sides: both((side) => of(side, "recall")),
      ...share,
      better: 1,
    },
    {
      name: "Money caught",
      about: "amount of fraud with an alert",
      sides: sum("money_caught"),
      ...amount,
      better: 1,
    },
    {
      name: "Wrongly declined",
      about: "amount declined, but legit or without an outcome",
      sides: sum("money_declined_wrongly"),
      ...amount,
      better: -1,
    },
    {
      name: "Net",
      about: "caught, minus wrongly declined and reviews",
      sides: net,
      ...amount,
      better: 1,
    },
  ];
}

/**
 * Two bars from zero with their intervals, on one scale.
 * @param {Figure} figure
 * @param {{ replayed: string, against: string }} names
 */
function cardBars(figure, names) {
  const { replayed, against } = figure.sides;
  const ends = [replayed, against]
    .flatMap((side) => [side.value, side.low, side.high])
    .filter(isNumber);
  const low = Math.min(0, ...ends);
  const span = Math.max(0, ...ends) - low || 1;
  const percent = (/** @type {number} */ value) => `${(((value - low) / span) * 100).toFixed(2)}%`;
  const width = (/** @type {number} */ from, /** @type {number} */ to) =>
    `${((Math.abs(to - from) / span) * 100).toFixed(2)}%`;
  const row = (/** @type {Side} */ side) => {
    const { value, low: from, high: to } = figure.sides[side];
    if (!isNumber(value)) return null;
    const whisker =
      isNumber(from) && isNumber(to)
        ? html("i", { class: "whisker", style: { left: percent(from), width: width(from, to) } })
        : null;
    return html(
      "div",
      { class: "card-row" },
      html("span", { class: "card-side" }, names[side]),
      html(
        "span",
        { class: "card-track" },
        html("i", {
          class: `card-bar ${side}`,
          style: { left: percent(Math.min(0, value)), width: width(0, value) },
        }),
        whisker,
      ),
      html("span", { class: "card-number" }, figure.format(value)),
    );
  };
  return html("div", { class: "card-bars" }, row("replayed"), row("against"));
}

/**
 * Whether each side's value lies in the other's interval: too little to call better or worse.
 * @param {Figure} figure
 */
function withinIntervals({ sides: { replayed, against } }) {
  return (
    against.value >= replayed.low &&
    against.value <= replayed.high &&
    replayed.value >= against.low &&
    replayed.value <= against.high
  );
}

/** @param {Figure} figure @param {string} other */
function differenceText(figure, other) {
  const difference = figure.sides.replayed.value - figure.sides.against.value;
  if (!isNumber(difference)) return html("p", { class: "difference" }, `No value to compare with.`);
  const text = figure.difference(difference);
  const unsure = difference !== 0 && withinIntervals(figure);
  const judged =
    difference === 0 || figure.better === 0 || unsure
      ? ""
      : difference * figure.better > 0
        ? "good"
        : "bad";
  const word = unsure ? "within the intervals" : { good: "better", bad: "worse", "": "" }[judged];
  return html(
    "p",
    { class: "difference" },
    html("b", { class: judged }, difference === 0 ? "no difference" : text),
    ` to ${other}`,
    word ? html("span", { class: "muted" }, `, ${word}`) : null,
  );
}

/** @param {Figure} figure @param {{ replayed: string, against: string }} names */
function card(figure, names) {
  const { value, low, high } = figure.sides.replayed;
  const shown = figure.format(value);
  const interval =
    isNumber(low) && isNumber(high)
      ? `95% interval ${figure.range(low, high)}`
      : "a sum, without an interval";
  return html(
    "article",
    { class: "card" },
    html("h3", {}, figure.name),
    html("p", { class: shown.length > 15 ? "card-value long" : "card-value" }, shown),
    html("p", { class: "card-about" }, figure.about),
    isNumber(value)
      ? [
          html("p", { class: "interval" }, interval),
          cardBars(figure, names),
          differenceText(figure, names.against),
        ]
      : html("p", { class: "interval" }, "Cannot be computed without known fraud."),
  );
}

/**
 * One sentence of what the figures say.
 * @param {Figure[]} figures
 * @param {any} report
 */
function findingSentence(figures, report) {
  const [alerts, , recall, , declined, net] = figures;
  const value = (/** @type {Figure} */ figure, against = "") => {
    const difference = figure.sides.replayed.value - figure.sides.against.value;
    const change = difference === 0 ? "no difference" : figure.difference(difference);
    return [
      html("b", {}, figure.format(figure.sides.replayed.value)),
      isNumber(difference) ? ` (${change}${against})` : "",
    ];
  };
  const known = isNumber(recall.sides.replayed.value) && isNumber(net.sides.replayed.value);
  const name = textAt(report, "policy", "name") || "The policy";
  return [
    `${name} would alert on `,
    value(alerts, ` to ${sideNames(report).against}`),
    " of the transactions",
    known
      ? [
          ", find ",
          value(recall),
          " of the known fraud, wrongly decline ",
          value(declined),
          " and net ",
          value(net),
        ]
      : null,
    ".",
  ];
}

/** @param {any} report */
export function showKeyFigures(report) {
  const figures = keyFigures(report);
  const names = sideNames(report);
  if (isNumber(figures[0].sides.replayed.value))
    part("finding").append(html("span", {}, findingSentence(figures, report)));
  part("cards").append(...figures.map((figure) => card(figure, names)));
}
