/* How well the score separates fraud from the rest: ROC and precision–recall curves, histogram. */

import {
  bottomAxis,
  countLogScale,
  drawing,
  linearScale,
  linePath,
  ticksFromZero,
  valueAxis,
} from "./axes.js";
import { hasFraud, listAt, numberAt, sideNames } from "./document.js";
import { choiceButtons, dataBehind, emptyNote, html, legendItem, svg } from "./dom.js";
import { formatCount, formatDecimal, formatShare, formatShort, isNumber } from "./format.js";
import { figure, plot } from "./plot.js";

/** @typedef {"replayed" | "against"} Side */
const SIDES = /** @type {Side[]} */ (["replayed", "against"]);

/**
 * @typedef {object} Curve
 * @property {Side} side
 * @property {string} name
 * @property {[number, number, number][]} points x, y, score
 * @property {[number, number] | null} verdicts where the verdicts stand, x and y
 *
 * @typedef {object} CurveChart
 * @property {string} title
 * @property {string} xName
 * @property {string} yName
 * @property {Curve[]} curves
 * @property {number} xMost right end of the axis
 * @property {(x: number) => number} guess the curve of a random score
 */

/** Points that are three numbers, or two without a score. @param {any[]} list */
function curvePoints(list) {
  return list.filter((point) => Array.isArray(point) && isNumber(point[0]) && isNumber(point[1]));
}

/**
 * @param {any} report
 * @param {Side} side
 */
function verdictShares(report, side) {
  const of = (/** @type {string} */ key) => numberAt(report, "detection", side, key);
  return {
    recall: of("true_positive") / (of("true_positive") + of("false_negative")),
    precision: of("true_positive") / (of("true_positive") + of("false_positive")),
    wrong: of("false_positive") / (of("false_positive") + of("true_negative")),
  };
}

/**
 * @param {any} report
 * @param {"roc" | "pr"} key
 * @returns {Curve[]}
 */
function readCurves(report, key) {
  const names = sideNames(report);
  return SIDES.map((side) => {
    const shares = verdictShares(report, side);
    const point = key === "roc" ? [shares.wrong, shares.recall] : [shares.recall, shares.precision];
    return {
      side,
      name: names[side],
      points: curvePoints(listAt(report, "ranking", side, key)),
      verdicts: point.every(isNumber) ? /** @type {[number, number]} */ (point) : null,
    };
  }).filter((curve) => curve.points.length > 0);
}

/** Where the policy's verdicts stand. @param {Curve} curve @param {number} x @param {number} y */
function verdictMark(curve, x, y) {
  return svg("path", {
    class: `verdict-mark ${curve.side}`,
    d: `M${x} ${y - 6}L${x + 6} ${y}L${x} ${y + 6}L${x - 6} ${y}Z`,
  });
}

/**
 * A line, or where all scores are the same, a dot. One side may lie on the other: it is a ring.
 * @param {Side} side
 * @param {number[][]} points pixels
 */
function curveLine(side, points) {
  if (points.length !== 1)
    return svg("path", { class: `line ${side}`, d: linePath(/** @type {any} */ (points)) });
  const [[x, y]] = points;
  return svg("circle", { class: `dot ${side}`, cx: x, cy: y, r: side === "against" ? 5.5 : 3.5 });
}

/**
 * @param {CurveChart} chart
 * @param {number} width
 */
function drawCurves(chart, width) {
  const height = Math.round(Math.min(width * 0.82, 400));
  const frame = { width, height, left: 48, right: 12, top: 10, bottom: 44 };
  const x = linearScale(0, chart.xMost, frame.left, width - frame.right);
  const y = linearScale(0, 1, height - frame.bottom, frame.top);
  const shares = (/** @type {number[]} */ values) =>
    values.map((value) => ({ value, text: `${formatShort(value * 100)}%` }));
  const inside = (/** @type {number[]} */ point) => point[0] <= chart.xMost * 1.0001;
  const guesses = [0, 0.25, 0.5, 0.75, 1].map((part) => part * chart.xMost);
  const image = drawing(
    frame,
    chart.title,
    valueAxis(frame, shares([0, 0.2, 0.4, 0.6, 0.8, 1]), y),
    bottomAxis(frame, shares(ticksFromZero(chart.xMost, 5)), x, chart.xName),
    svg("path", {
      class: "guess",
      d: linePath(guesses.map((value) => [x(value), y(chart.guess(value))])),
    }),
    [...chart.curves].reverse().map((curve) => {
      const points = cutAt(curve.points, chart.xMost).map((point) => [x(point[0]), y(point[1])]);
      return curveLine(curve.side, points);
    }),
    chart.curves.map(
      ({ verdicts }, i) =>
        verdicts &&
        inside(verdicts) &&
        verdictMark(chart.curves[i], x(verdicts[0]), y(verdicts[1])),
    ),
  );
  const stops = chart.curves.flatMap((curve) => [
    ...curve.points.filter(inside).map((point) => ({
      x: x(point[0]),
      y: y(point[1]),
      text: () => stopText(chart, curve.name, point),
    })),
    ...(curve.verdicts && inside(curve.verdicts)
      ? [
          {
            x: x(curve.verdicts[0]),
            y: y(curve.verdicts[1]),
            text: () => stopText(chart, `${curve.name}: verdicts`, curve.verdicts ?? []),
          },
        ]
      : []),
  ]);
  return { image, stops, top: frame.top, bottom: height - frame.bottom };
}

/**
 * The points up to x, and where the line crosses it.
 * @param {number[][]} points
 * @param {number} most
 */
function cutAt(points, most) {
  const next = points.findIndex((point) => point[0] > most);
  if (next <= 0) return next === 0 ? [] : points;
  const [[x0, y0], [x1, y1]] = [points[next - 1], points[next]];
  return [...points.slice(0, next), [most, y0 + ((most - x0) / (x1 - x0)) * (y1 - y0)]];
}

/** @param {CurveChart} chart @param {string} head @param {number[]} point */
function stopText(chart, head, point) {
  const score = isNumber(point[2]) ? `\nscore from ${formatDecimal(point[2], 0)}` : "";
  const lines = [
    `${chart.xName}: ${formatShare(point[0])}`,
    `${chart.yName}: ${formatShare(point[1])}`,
  ];
  return [head, ...lines].join("\n") + score;
}

/**
 * @param {CurveChart} chart
 * @param {string} measure
 * @param {any} report
 * @param {string} key
 * @param {(Node | string | null)[]} notes
 */
function curveFigure(chart, measure, report, key, notes) {
  const legend = html(
    "span",
    { class: "legend" },
    chart.curves.map((curve) =>
      legendItem(
        curve.side === "against" ? "against dashed" : curve.side,
        `${curve.name}, ${measure} ${formatDecimal(numberAt(report, "ranking", curve.side, key), 4)}`,
      ),
    ),
    chart.curves.some((curve) => curve.verdicts)
      ? legendItem("diamond", "the verdicts")
      : null,
    legendItem("guess-line", "guessing"),
  );
  const place = plot(chart.title, (width) => drawCurves(chart, width));
  const zoom =
    chart.xMost === 1 && key === "auc"
      ? choiceButtons("Part of the horizontal axis", ["All", "First 5%"], (choice) => {
          chart.xMost = choice === 1 ? 0.05 : 1;
          place.redraw();
        })
      : null;
  const rows = () =>
    chart.curves.flatMap((curve) =>
      curve.points.map((point) => [
        curve.name,
        formatDecimal(point[2], 0),
        formatShare(point[0], 2),
        formatShare(point[1], 2),
      ]),
    );
  const data = dataBehind(chart.title, ["Side", "Score from", chart.xName, chart.yName], rows);
  return figure(chart.title, [legend, ...notes], zoom, place, data);
}

/** @param {any} report @param {HTMLElement} place */
export function showRanking(report, place) {
  const roc = readCurves(report, "roc");
  const pr = readCurves(report, "pr");
  if (!hasFraud(report) || (roc.length === 0 && pr.length === 0)) {
    place.append(
      emptyNote("No curves: the range has no transaction that is known to be fraud."),
    );
    return;
  }
  const positive = numberAt(report, "outcomes", "positive");
  // What the confusion counts add up to: transactions without an outcome may count as legit.
  const counted = ["true_positive", "false_positive", "false_negative", "true_negative"]
    .map((key) => numberAt(report, "detection", "replayed", key))
    .reduce((sum, count) => sum + count, 0);
  const share = counted > 0 ? positive / counted : 0;
  place.className = "grid";
  if (roc.length)
    place.append(
      curveFigure(
        {
          title: "ROC curve",
          xName: "False positive rate",
          yName: "Recall",
          curves: roc,
          xMost: 1,
          guess: (x) => x,
        },
        "AUC",
        report,
        "auc",
        [],
      ),
    );
  if (pr.length)
    place.append(
      curveFigure(
        {
          title: "Precision–recall curve",
          xName: "Recall",
          yName: "Precision",
          curves: pr,
          xMost: 1,
          guess: () => share,
        },
        "AP",
        report,
        "average_precision",
        [],
      ),
    );
}

/* -- histogram -- */

/**
 * @typedef {{ key: string, name: string, counts: number[] }} Outcome
 */

/**
 * One row of bars.
 * @param {number[]} bins edges
 * @param {Outcome} outcome
 * @param {boolean} log
 * @param {number} width
 * @param {boolean} last whether the axis of scores goes below
 */
function drawBars(bins, outcome, log, width, last) {
  const frame = {
    width,
    height: last ? 162 : 128,
    left: 52,
    right: 12,
    top: 10,
    bottom: last ? 44 : 10,
  };
  const x = linearScale(bins[0], bins[bins.length - 1], frame.left, width - frame.right);
  const bottom = frame.height - frame.bottom;
  const greatest = Math.max(1, ...outcome.counts);
  const logs = countLogScale(greatest);
  const ticks = log ? logs.ticks : ticksFromZero(greatest, 3, true);
  const top = ticks[ticks.length - 1];
  const y = (/** @type {number} */ count) =>
    bottom - (log ? logs.share(count) : count / top) * (bottom - frame.top);
  const bar = (/** @type {number} */ count, /** @type {number} */ i) =>
    count > 0
      ? svg("rect", {
          class: `bar ${outcome.key}`,
          x: x(bins[i]) + 0.75,
          width: Math.max(1, x(bins[i + 1]) - x(bins[i]) - 1.5),
          // A bar for one of a million is a hairline, but is there.
          y: Math.min(y(count), bottom - 1),
          height: Math.max(1, bottom - y(count)),
        })
      : null;
  const named = bins.filter((_, i) => i % Math.max(1, Math.ceil(bins.length / (width / 56))) === 0);
  const sparse = log && ticks.length > 6 ? ticks.filter((_, i) => i % 2 === 0 || i < 1) : ticks;
  const image = drawing(
    frame,
    `${outcome.name}: transactions by score`,
    valueAxis(
      frame,
      sparse.map((value) => ({ value, text: formatShort(value) })),
      y,
    ),
    outcome.counts.map(bar),
    last
      ? bottomAxis(
          frame,
          named.map((value) => ({ value, text: String(value) })),
          x,
          "Score",
        )
      : null,
  );
  const stops = outcome.counts.map((count, i) => ({
    x: (x(bins[i]) + x(bins[i + 1])) / 2,
    text: () => `Score ${bins[i]} to ${bins[i + 1]}\n${outcome.name}: ${formatCount(count)}`,
  }));
  return { image, stops, top: frame.top, bottom };
}

/** @param {any} report @returns {{ bins: number[], outcomes: Outcome[] }} */
function readScores(report) {
  const bins = listAt(report, "scores", "bins").filter(isNumber);
  const names = { positive: "Fraud", negative: "Legit", unknown: "No outcome" };
  const outcomes = Object.entries(names)
    .map(([key, name]) => ({
      key,
      name,
      counts: listAt(report, "scores", key)
        .slice(0, bins.length - 1)
        .map((count) => (isNumber(count) ? count : 0)),
    }))
    .filter((outcome) => outcome.counts.some((count) => count > 0));
  return { bins, outcomes };
}

/** @param {any} report @param {HTMLElement} place */
export function showScores(report, place) {
  const { bins, outcomes } = readScores(report);
  if (bins.length < 2 || outcomes.length === 0) {
    place.append(emptyNote("No scores to show."));
    return;
  }
  const sum = (/** @type {number[]} */ counts) => counts.reduce((total, count) => total + count, 0);
  const all = outcomes.flatMap((outcome) => outcome.counts).filter((count) => count > 0);
  // Most scores are low: on a straight axis the rest would not be seen.
  let log = Math.max(...all) > 50 * Math.min(...all);
  const plots = outcomes.map((outcome, i) =>
    plot(`${outcome.name}: transactions by score`, (width) =>
      drawBars(bins, outcome, log, width, i === outcomes.length - 1),
    ),
  );
  const choices = log ? ["Logarithmic", "Linear"] : ["Linear", "Logarithmic"];
  const first = log;
  const scale = choiceButtons("Scale of the counts", choices, (choice) => {
    log = choice === 0 ? first : !first;
    plots.forEach((each) => each.redraw());
  });
  const rows = () =>
    bins
      .slice(0, -1)
      .map((bin, i) => [
        `${bin}–${bins[i + 1]}`,
        ...outcomes.map((outcome) => formatCount(outcome.counts[i])),
      ]);
  place.append(
    figure(
      "Scores by outcome",
      [
        `Scores of the ${sideNames(report).replayed} side. Each outcome has its own axis; a good ` +
          "policy scores fraud high and the rest low.",
      ],
      scale,
      ...plots.map((each, i) =>
        html(
          "div",
          { class: "strip" },
          html(
            "h4",
            {},
            legendItem(outcomes[i].key, outcomes[i].name),
            html("span", { class: "muted" }, formatCount(sum(outcomes[i].counts))),
          ),
          each,
        ),
      ),
      dataBehind("Scores by outcome", ["Score", ...outcomes.map((outcome) => outcome.name)], rows),
    ),
  );
}
