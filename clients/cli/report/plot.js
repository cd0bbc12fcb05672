/* The place of a chart: drawn again when its width changes, and read point by point with the mouse
 * or the arrow keys. */

import { html, svg } from "./dom.js";

/**
 * @typedef {object} Stop a point that can be read
 * @property {number} x pixel
 * @property {number} [y] pixel; with it the nearest point counts, without it the nearest column
 * @property {() => string} text what it says: a head and lines, separated by newlines
 *
 * @typedef {{ image: SVGElement, stops: Stop[], top: number, bottom: number }} Drawn
 */

/**
 * The stop nearest to a place.
 * @param {Stop[]} stops
 * @param {number} x
 * @param {number} y
 */
function nearestStop(stops, x, y) {
  let best = 0;
  let bestDistance = Infinity;
  stops.forEach((stop, i) => {
    const distance = Math.hypot(stop.x - x, stop.y === undefined ? 0 : stop.y - y);
    if (distance < bestDistance) [best, bestDistance] = [i, distance];
  });
  return best;
}

/** Which stop a key leads to. @param {string} key @param {number} now @param {number} count */
function stopAfterKey(key, now, count) {
  const page = Math.max(1, Math.round(count / 10));
  const moves = {
    ArrowRight: 1,
    ArrowUp: 1,
    ArrowLeft: -1,
    ArrowDown: -1,
    PageUp: page,
    PageDown: -page,
  };
  if (key === "Home") return 0;
  if (key === "End") return count - 1;
  if (!(key in moves)) return -1;
  const step = moves[/** @type {keyof typeof moves} */ (key)];
  return now < 0 ? 0 : Math.min(Math.max(now + step, 0), count - 1);
}

/** @param {HTMLElement} tip @param {string} text */
function fillTip(tip, text) {
  const [head, ...lines] = text.split("\n");
  tip.replaceChildren(html("b", {}, head), ...lines.map((line) => html("span", {}, line)));
}

/**
 * Puts the tip beside a stop, inside of the plot.
 * @param {HTMLElement} place
 * @param {HTMLElement} tip
 * @param {Stop} stop
 * @param {number} top
 */
function placeTip(place, tip, stop, top) {
  tip.hidden = false;
  const width = tip.offsetWidth;
  const fits = stop.x + 12 + width <= place.clientWidth;
  const left = fits ? stop.x + 12 : Math.max(0, stop.x - 12 - width);
  tip.style.setProperty("left", `${left}px`);
  tip.style.setProperty("top", `${stop.y === undefined ? top : Math.max(0, stop.y - 20)}px`);
}

/** The mark at a stop. @param {Drawn} drawn @param {Stop} stop */
function markOf(drawn, stop) {
  return stop.y === undefined
    ? svg("line", { class: "cursor", x1: stop.x, x2: stop.x, y1: drawn.top, y2: drawn.bottom })
    : svg("circle", { class: "cursor", cx: stop.x, cy: stop.y, r: 5 });
}

/**
 * A chart that fills its width.
 * @param {string} label what it is, for those who cannot see it
 * @param {(width: number) => Drawn} draw
 */
export function plot(label, draw) {
  const tip = html("div", { class: "tip", role: "status", hidden: true });
  const place = html("div", {
    class: "plot",
    tabindex: 0,
    role: "group",
    "aria-label": `${label}. Arrow keys read it point by point.`,
  });
  /** @type {Drawn | null} */
  let drawn = null;
  /** @type {SVGElement | null} */
  let mark = null;
  let now = -1;

  const hide = () => {
    tip.hidden = true;
    mark?.remove();
    now = -1;
  };
  const show = (/** @type {number} */ index) => {
    const stop = drawn?.stops[index];
    if (!drawn || !stop || index === now) return;
    mark?.remove();
    now = index;
    mark = markOf(drawn, stop);
    drawn.image.append(mark);
    fillTip(tip, stop.text());
    placeTip(place, tip, stop, drawn.top);
  };
  const redraw = () => {
    const width = Math.floor(place.clientWidth);
    if (width < 40) return;
    hide();
    drawn = draw(width);
    place.replaceChildren(drawn.image, tip);
  };
  place.addEventListener("pointermove", (event) => {
    const box = place.getBoundingClientRect();
    if (drawn) show(nearestStop(drawn.stops, event.clientX - box.left, event.clientY - box.top));
  });
  place.addEventListener("pointerleave", hide);
  place.addEventListener("blur", hide);
  place.addEventListener("keydown", (event) => {
    if (event.key === "Escape") return hide();
    const next = stopAfterKey(event.key, now, drawn?.stops.length ?? 0);
    if (next < 0) return;
    event.preventDefault();
    show(next);
  });
  watchWidth(place, redraw);
  return Object.assign(place, { redraw });
}

/**
 * Calls at first and whenever the width is another one.
 * @param {HTMLElement} place
 * @param {() => void} changed
 */
function watchWidth(place, changed) {
  let width = 0;
  new ResizeObserver(() => {
    if (place.clientWidth === width) return;
    width = place.clientWidth;
    changed();
  }).observe(place);
}

/**
 * A chart with its heading, legend and the numbers behind it.
 * @param {string} title
 * @param {(Node | string | null)[]} notes under the title
 * @param {...(Node | null)} parts
 */
export function figure(title, notes, ...parts) {
  return html(
    "figure",
    { class: "panel" },
    html(
      "figcaption",
      {},
      html("h3", {}, title),
      notes.map((note) => note && html("p", {}, note)),
    ),
    parts,
  );
}
