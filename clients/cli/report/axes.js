/* Scales, ticks and the frame that all charts share. */

import { svg } from "./dom.js";

/**
 * @typedef {object} Frame size of a drawing and the margins inside it
 * @property {number} width
 * @property {number} height
 * @property {number} left
 * @property {number} right
 * @property {number} top
 * @property {number} bottom
 *
 * @typedef {{ value: number, text: string }} Tick
 */

/**
 * @param {number} from first value
 * @param {number} to last value
 * @param {number} start pixel of the first
 * @param {number} end pixel of the last
 * @returns {(value: number) => number}
 */
export function linearScale(from, to, start, end) {
  const span = to - from || 1;
  return (value) => start + ((value - from) / span) * (end - start);
}

/**
 * The step of 1, 2 or 5 times a power of ten that gives about `count` ticks.
 * @param {number} span
 * @param {number} count
 */
function niceStep(span, count) {
  const rough = span / Math.max(count, 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  const factor = [1, 2, 5, 10].find((each) => each * power >= rough * 0.999) ?? 10;
  return factor * power;
}

/**
 * Round values from 0 to at least `greatest`.
 * @param {number} greatest
 * @param {number} count about how many
 * @param {boolean} [whole] only whole numbers
 * @returns {number[]}
 */
export function ticksFromZero(greatest, count, whole = false) {
  const end = greatest > 0 ? greatest : 1;
  const step = Math.max(niceStep(end, count), whole ? 1 : 0);
  const ticks = [];
  for (let i = 0; i === 0 || (i - 1) * step < end * (1 - 1e-9); i++) ticks.push(i * step);
  return ticks;
}

const DAY_MS = 86400000;

/**
 * @param {string} date such as "2026-01-31"
 * @returns {number} days since 1970, or NaN
 */
export function dayNumber(date) {
  return Math.floor(Date.parse(date + "T00:00:00Z") / DAY_MS);
}

/** @param {number} day @returns {string} */
function dateOf(day) {
  return new Date(day * DAY_MS).toISOString().slice(0, 10);
}

/**
 * Days to name on an axis: every so many days in short ranges, firsts of months in long ones.
 * @param {number} first
 * @param {number} last
 * @param {number} room how many names fit
 * @returns {Tick[]}
 */
export function dayTicks(first, last, room) {
  const span = last - first;
  const ticks = [];
  if (span <= 75) {
    const step = [1, 2, 7, 14, 28, 56, 112].find((each) => span / each < room) ?? 112;
    for (let day = first; day <= last; day += step)
      ticks.push({ value: day, text: dateOf(day).slice(ticks.length ? 5 : 0) });
    return ticks;
  }
  const months = [1, 2, 3, 6, 12, 24].find((each) => span / 30.4 / each < room) ?? 60;
  const start = new Date(first * DAY_MS);
  for (let i = 0; ; i++) {
    const day = Date.UTC(start.getUTCFullYear(), i, 1) / DAY_MS;
    if (day > last) return ticks;
    if (day >= first && i % months === 0) ticks.push({ value: day, text: dateOf(day).slice(0, 7) });
  }
}

/**
 * Powers of ten for counts. Zero stands half a step below 1, so that 1 can be seen.
 * @param {number} greatest
 */
export function countLogScale(greatest) {
  const decades = Math.max(1, Math.ceil(Math.log10(Math.max(greatest, 1)) - 1e-9));
  return {
    ticks: [0, ...Array.from({ length: decades + 1 }, (_, i) => 10 ** i)],
    /** Where a count stands: 0 at the bottom, 1 at the top. @param {number} count */
    share: (count) => (count <= 0 ? 0 : (Math.log10(Math.max(count, 1)) + 0.5) / (decades + 0.5)),
  };
}

/**
 * Horizontal lines with their values at the left.
 * @param {Frame} frame
 * @param {Tick[]} ticks
 * @param {(value: number) => number} y
 */
export function valueAxis(frame, ticks, y) {
  return svg(
    "g",
    { class: "axis", "aria-hidden": "true" },
    ticks.map(({ value, text }) => [
      svg("line", {
        class: value === 0 ? "base" : "grid",
        x1: frame.left,
        x2: frame.width - frame.right,
        y1: y(value),
        y2: y(value),
      }),
      svg("text", { x: frame.left - 6, y: y(value), dy: "0.32em", "text-anchor": "end" }, text),
    ]),
  );
}

/**
 * Small strokes and names under the bottom line.
 * @param {Frame} frame
 * @param {Tick[]} ticks
 * @param {(value: number) => number} x
 * @param {string} [title]
 */
export function bottomAxis(frame, ticks, x, title) {
  const bottom = frame.height - frame.bottom;
  // The outermost names must not leave the drawing.
  const anchor = (/** @type {Tick} */ { value, text }) => {
    const half = text.length * 3.4;
    if (x(value) - half < 0) return "start";
    return x(value) + half > frame.width ? "end" : "middle";
  };
  return svg(
    "g",
    { class: "axis", "aria-hidden": "true" },
    ticks.map((tick) => [
      svg("line", {
        class: "tick",
        x1: x(tick.value),
        x2: x(tick.value),
        y1: bottom,
        y2: bottom + 4,
      }),
      svg("text", { x: x(tick.value), y: bottom + 17, "text-anchor": anchor(tick) }, tick.text),
    ]),
    title
      ? svg(
          "text",
          {
            class: "axis-title",
            x: (frame.left + frame.width - frame.right) / 2,
            y: frame.height - 4,
            "text-anchor": "middle",
          },
          title,
        )
      : null,
  );
}

/**
 * The drawing itself. It scales with its place when a page is printed.
 * @param {Frame} frame
 * @param {string} label
 * @param {...any} children
 */
export function drawing(frame, label, ...children) {
  return svg(
    "svg",
    {
      viewBox: `0 0 ${frame.width} ${frame.height}`,
      width: frame.width,
      height: frame.height,
      role: "img",
      "aria-label": label,
    },
    children,
  );
}

/**
 * The d of a path through points; a point that is null interrupts it.
 * @param {([number, number] | null)[]} points
 */
export function linePath(points) {
  let pen = "M";
  let path = "";
  for (const point of points) {
    if (point) path += `${pen}${point[0].toFixed(1)} ${point[1].toFixed(1)}`;
    pen = point ? "L" : "M";
  }
  return path;
}
