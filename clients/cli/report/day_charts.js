/* What happens from day to day: rates of alerts and verdicts, fraud caught, card precision. */

import {
  bottomAxis,
  dayNumber,
  dayTicks,
  drawing,
  linearScale,
  linePath,
  ticksFromZero,
  valueAxis,
} from "./axes.js";
import { at, listAt, numberAt, sideNames } from "./document.js";
import { dataBehind, emptyNote, html, legendItem, svg } from "./dom.js";
import { formatCount, formatDecimal, formatShare, formatShort, isNumber } from "./format.js";
import { figure, plot } from "./plot.js";

/** Beyond so many days single days are drawn faintly, and 7 days together on top. */
const SMOOTH_FROM = 120;

/** Pixels of width from which there is room for names in a chart. */
const NAMED_FROM = 480;

/**
 * @typedef {object} Series one line: the sum of `of` over the sum of `over`, day by day
 * @property {"replayed" | "against" | "fraud" | "neutral"} kind
 * @property {string} name
 * @property {(day: any) => number} of
 * @property {(day: any) => number} over
 *
 * @typedef {object} DayChart
 * @property {string} title
 * @property {Series[]} series
 * @property {boolean} share whether values are shares
 * @property {boolean} [whole] whether values are counts
 * @property {{ value: number, text: string }} [level] a horizontal line
 */

/**
 * The values of a series, each over the last `width` days.
 * @param {any[]} days
 * @param {Series} series
 * @param {number} width
 * @returns {(number | null)[]}
 */
function dayValues(days, series, width) {
  return days.map((_, i) => {
    let of = 0;
    let over = 0;
    for (const day of days.slice(Math.max(0, i - width + 1), i + 1)) {
      const part = series.of(day);
      const whole = series.over(day);
      if (!isNumber(part) || !isNumber(whole)) continue;
      of += part;
      over += whole;
    }
    return over > 0 ? of / over : null;
  });
}

/** @param {DayChart} chart @param {number | null} value */
function formatValue(chart, value) {
  if (!isNumber(value)) return "no value";
  if (chart.share) return formatShare(value);
  return chart.whole ? formatCount(value) : formatDecimal(value, 1);
}

/**
 * Names at the lines' ends, kept apart from each other.
 * @param {{ name: string, kind: string, y: number }[]} ends
 * @param {number} x
 * @param {number} lowest
 */
function endLabels(ends, x, lowest) {
  const sorted = [...ends].sort((a, b) => a.y - b.y);
  for (let i = 1; i < sorted.length; i++) sorted[i].y = Math.max(sorted[i].y, sorted[i - 1].y + 14);
  for (let i = sorted.length - 1; i >= 0; i--)
    sorted[i].y = Math.min(sorted[i].y, lowest - 14 * (sorted.length - 1 - i));
  return sorted.map((end) =>
    svg("text", { class: `end-label ${end.kind}`, x, y: end.y, dy: "0.32em" }, end.name),
  );
}

/**
 * @param {([number, number] | null)[]} points
 * @param {string} classes
 */
function lineWithDots(points, classes) {
  const known = points.filter((point) => point !== null);
  // A point without a neighbour makes no line; few points are worth a dot each.
  const lonely = points.filter((point, i) => point && !points[i - 1] && !points[i + 1]);
  const dots = known.length <= 45 ? known : lonely;
  // One side may lie on the other: it is drawn as a ring around it.
  const radius =
    (known.length <= 7 ? 3.5 : 2.2) + (classes === "against" && known.length <= 7 ? 2 : 0);
  return [
    svg("path", { class: `line ${classes}`, d: linePath(points) }),
    dots.map(
      (dot) => dot && svg("circle", { class: `dot ${classes}`, cx: dot[0], cy: dot[1], r: radius }),
    ),
  ];
}

/**
 * @param {any[]} days
 * @param {DayChart} chart
 * @param {number} width
 * @param {number} height
 */
function drawDays(days, chart, width, height) {
  const labelled = width >= NAMED_FROM && chart.series.length > 1;
  const longest = Math.max(...chart.series.map((series) => series.name.length));
  const frame = {
    width,
    height,
    left: 52,
    right: labelled ? 14 + 7.2 * longest : 14,
    top: 10,
    bottom: 26,
  };
  const numbers = days.map((day) => dayNumber(day.date));
  const first = numbers[0];
  const last = numbers[numbers.length - 1];
  const pad = first === last ? 1 : 0;
  const x = linearScale(first - pad, last + pad, frame.left + 4, width - frame.right - 4);
  const smooth = days.length > SMOOTH_FROM;
  const lines = chart.series.map((series) => ({
    series,
    daily: dayValues(days, series, 1),
    main: smooth ? dayValues(days, series, 7) : dayValues(days, series, 1),
  }));
  const values = lines.flatMap((line) => [...line.daily, chart.level?.value ?? 0]);
  const greatest = values.reduce((most, value) => Math.max(most ?? 0, value ?? 0), 0) ?? 0;
  const ticks = ticksFromZero(greatest, height > 180 ? 5 : 3, chart.whole);
  const top = ticks[ticks.length - 1];
  const y = linearScale(0, top, height - frame.bottom, frame.top);
  const tickText = (/** @type {number} */ value) =>
    chart.share ? `${formatShort(value * 100)}%` : formatShort(value);
  const points = (/** @type {(number | null)[]} */ list) =>
    list.map((value, i) => /** @type {any} */ (value === null ? null : [x(numbers[i]), y(value)]));
  const ends = lines.map(({ series, main }) => {
    const value = main.findLast((each) => each !== null) ?? 0;
    return { name: series.name, kind: series.kind, y: y(value) };
  });
  const image = drawing(
    frame,
    chart.title,
    valueAxis(
      frame,
      ticks.map((value) => ({ value, text: tickText(value) })),
      y,
    ),
    bottomAxis(frame, dayTicks(first, last, Math.max(2, (width - frame.left) / 74)), x),
    smooth
      ? lines.map((line) =>
          svg("path", { class: `line faint ${line.series.kind}`, d: linePath(points(line.daily)) }),
        )
      : null,
    // The replayed side is drawn last, on top.
    [...lines].reverse().map((line) => lineWithDots(points(line.main), line.series.kind)),
    chart.level ? levelLine(frame, chart.level, y) : null,
    labelled ? endLabels(ends, width - frame.right + 4, height - frame.bottom - 4) : null,
  );
  const stops = days.map((day, i) => ({
    x: x(numbers[i]),
    text: () =>
      [
        day.date,
        ...lines.map(({ series, daily, main }) => {
          const week = smooth ? ` (7 days: ${formatValue(chart, main[i])})` : "";
          return `${series.name}: ${formatValue(chart, daily[i])}${week}`;
        }),
      ].join("\n"),
  }));
  return { image, stops, top: frame.top, bottom: height - frame.bottom };
}

/**
 * @param {import("./axes.js").Frame} frame
 * @param {{ value: number, text: string }} level
 * @param {(value: number) => number} y
 */
function levelLine(frame, level, y) {
  const height = y(level.value);
  return [
    svg("line", {
      class: "level",
      x1: frame.left,
      x2: frame.width - frame.right,
      y1: height,
      y2: height,
    }),
    // Between narrow lines it would cover the values.
    frame.width < NAMED_FROM
      ? null
      : svg(
          "text",
          {
            class: "level-label",
            x: frame.width - frame.right - 6,
            y: height - 6,
            "text-anchor": "end",
          },
          level.text,
        ),
  ];
}

/**
 * @param {any[]} days
 * @param {DayChart} chart
 * @param {(string | Node | null)[]} notes
 * @param {number} height
 */
function dayFigure(days, chart, notes, height) {
  const heads = ["Day", ...chart.series.map((series) => series.name)];
  const rows = () => {
    const columns = chart.series.map((series) => dayValues(days, series, 1));
    return days.map((day, i) => [
      day.date,
      ...columns.map((column) => formatValue(chart, column[i])),
    ]);
  };
  return figure(
    chart.title,
    notes,
    plot(chart.title, (width) => drawDays(days, chart, width, height)),
    dataBehind(chart.title, heads, rows),
  );
}

/**
 * Both sides of a count per day.
 * @param {any} report
 * @param {string} key
 * @param {(day: any) => number} over
 * @returns {Series[]}
 */
function bothSides(report, key, over) {
  const names = sideNames(report);
  return [
    { kind: "replayed", name: names.replayed, of: (day) => numberAt(day, key), over },
    { kind: "against", name: names.against, of: (day) => numberAt(day, "against", key), over },
  ];
}

/** Days with a date that is one, in order. @param {any} report */
function readDays(report) {
  return listAt(report, "days")
    .filter((day) => isNumber(dayNumber(at(day, "date"))))
    .sort((a, b) => dayNumber(a.date) - dayNumber(b.date));
}

/** @param {any} report @param {HTMLElement} place */
export function showDays(report, place) {
  const days = readDays(report);
  if (days.length === 0) {
    place.append(emptyNote("No days to show."));
    return;
  }
  const names = sideNames(report);
  const all = (/** @type {any} */ day) => numberAt(day, "transactions");
  const each = () => 1;
  const legend = html(
    "span",
    { class: "legend" },
    legendItem("replayed", names.replayed),
    legendItem("against dashed", names.against),
    days.length > SMOOTH_FROM ? "Bold: the last 7 days together; faint: single days." : null,
  );
  const rate = (
    /** @type {string} */ title,
    /** @type {string} */ key,
    /** @type {number} */ height,
  ) =>
    dayFigure(
      days,
      { title, share: true, series: bothSides(report, key, all) },
      height > 180 ? [legend] : [],
      height,
    );
  const some = (/** @type {string} */ key) =>
    days.some((day) => numberAt(day, key) > 0 || numberAt(day, "against", key) > 0);
  const fraud = {
    kind: "fraud",
    name: "known fraud",
    of: (/** @type {any} */ day) => numberAt(day, "positive"),
    over: each,
  };
  const panels = [
    rate("Review rate", "review", 170),
    some("challenge") ? rate("Challenge rate", "challenge", 170) : null,
    rate("Decline rate", "decline", 170),
    days.some((day) => numberAt(day, "positive") > 0)
      ? dayFigure(
          days,
          {
            title: "Fraudulent transactions with an alert",
            share: false,
            whole: true,
            series: [...bothSides(report, "caught", each), /** @type {Series} */ (fraud)],
          },
          [],
          170,
        )
      : null,
    dayFigure(
      days,
      {
        title: "Transactions",
        share: false,
        whole: true,
        series: [{ kind: "neutral", name: "transactions", of: all, over: each }],
      },
      [],
      170,
    ),
  ].filter((panel) => panel !== null);
  place.append(
    rate("Alert rate: share of transactions with a verdict other than approve", "alert", 240),
    html("div", { class: "grid" }, panels),
  );
}

/** @param {any} report @param {HTMLElement} place */
export function showCardPrecision(report, place) {
  const days = readDays(report).filter((day) => isNumber(day.card_precision));
  const k = numberAt(report, "ranking", "replayed", "card_precision", "k");
  const entity = textOr(at(report, "card_entity"), "card");
  const title = `${entity[0].toUpperCase()}${entity.slice(1)} precision per day`;
  if (days.length === 0) return;
  const names = sideNames(report);
  const mean = numberAt(report, "ranking", "replayed", "card_precision", "value");
  /** @type {Series[]} */
  const series = bothSides(report, "card_precision", (day) => (day ? 1 : 0));
  /** @type {DayChart} */
  const chart = {
    title,
    share: true,
    series: days.some((day) => isNumber(at(day, "against", "card_precision")))
      ? series
      : [series[0]],
    level: isNumber(mean) ? { value: mean, text: `mean ${formatShare(mean)}` } : undefined,
  };
  const top = isNumber(k) ? `the ${formatCount(k)} ${entity}s` : `the ${entity}s`;
  place.append(
    dayFigure(
      days,
      chart,
      [
        `Of ${top} with the highest scores of a day, the share that had a fraud that day: what an ` +
          "investigator who can check that many would find. " +
          `Mean of the days, ${names.replayed}: ${formatShare(mean)}.`,
      ],
      200,
    ),
  );
}

/** @param {any} text @param {string} otherwise */
function textOr(text, otherwise) {
  return typeof text === "string" && text ? text : otherwise;
}
