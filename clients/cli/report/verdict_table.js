/* Which verdicts become which: the matrix of both sides, and their totals. */

import { VERDICTS, listAt, sideNames, verdictCounts } from "./document.js";
import { emptyNote, html, legendItem } from "./dom.js";
import { formatCount, formatShare, isNumber, plural } from "./format.js";
import { figure } from "./plot.js";

/** The matrix as numbers, 4×4. @param {any} report @returns {number[][]} */
function readMatrix(report) {
  return VERDICTS.map((_, from) =>
    VERDICTS.map((__, to) => {
      const count = listAt(report, "matrix", from)[to];
      return isNumber(count) ? count : 0;
    }),
  );
}

/** @param {number[]} counts */
function sum(counts) {
  return counts.reduce((total, count) => total + count, 0);
}

/**
 * One cell: unchanged ones are plain; the others are coloured by direction, darker where more, and
 * lead to the list.
 * @param {number} count
 * @param {number} from
 * @param {number} to
 * @param {number} greatest of the changed ones
 * @param {(from: string, to: string) => void} choose
 */
function cell(count, from, to, greatest, choose) {
  if (from === to) return html("td", { class: "same" }, formatCount(count));
  if (count === 0) return html("td", { class: "none" }, "0");
  const heat = 0.12 + 0.46 * (Math.log1p(count) / Math.log1p(greatest));
  const [was, is] = [VERDICTS[from], VERDICTS[to]];
  return html(
    "td",
    { class: `heat ${to > from ? "stricter" : "milder"}`, style: { "--heat": heat.toFixed(3) } },
    html(
      "button",
      {
        type: "button",
        "aria-label": `${formatCount(count)} from ${was} to ${is}: show them`,
        onclick: () => choose(was, is),
      },
      formatCount(count),
    ),
  );
}

/**
 * @param {number[][]} matrix
 * @param {{ replayed: string, against: string }} names
 * @param {(from: string, to: string) => void} choose
 */
function matrixTable(matrix, names, choose) {
  const greatest = Math.max(
    1,
    ...matrix.flatMap((row, from) => row.filter((_, to) => to !== from)),
  );
  const line = (/** @type {number[]} */ row, /** @type {number} */ from) =>
    html(
      "tr",
      {},
      html("th", { scope: "row" }, VERDICTS[from]),
      row.map((count, to) => cell(count, from, to, greatest, choose)),
      html("td", { class: "total" }, formatCount(sum(row))),
    );
  const totals = VERDICTS.map((_, to) => sum(matrix.map((row) => row[to])));
  return html(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": "Verdict matrix" },
    html(
      "table",
      { class: "matrix" },
      html("caption", {}, `Down: ${names.against}. Across: ${names.replayed}.`),
      html(
        "thead",
        {},
        html(
          "tr",
          {},
          html("td", {}),
          VERDICTS.map((verdict) => html("th", { scope: "col" }, verdict)),
          html("th", { scope: "col" }, "sum"),
        ),
      ),
      html(
        "tbody",
        {},
        matrix.map(line),
        html(
          "tr",
          { class: "totals" },
          html("th", { scope: "row" }, "sum"),
          totals.map((total) => html("td", {}, formatCount(total))),
          html("td", {}, formatCount(sum(totals))),
        ),
      ),
    ),
  );
}

/** Verdicts of both sides as bars of their shares. @param {any} report */
function totalsFigure(report) {
  const names = sideNames(report);
  const sides = /** @type {const} */ (["replayed", "against"]);
  const counts = {
    replayed: verdictCounts(report, "replayed"),
    against: verdictCounts(report, "against"),
  };
  // Approvals would dwarf the rest.
  const greatest = Math.max(1, ...sides.flatMap((side) => counts[side].slice(1)));
  const bars = VERDICTS.slice(1).map((verdict, i) =>
    html(
      "div",
      { class: "verdict-bars" },
      html("h4", {}, verdict),
      sides.map((side) => {
        const count = counts[side][i + 1];
        return html(
          "div",
          { class: "card-row" },
          html("span", { class: "card-side" }, names[side]),
          html(
            "span",
            { class: "card-track" },
            html("i", {
              class: `card-bar ${side}`,
              style: { left: "0%", width: `${(count / greatest) * 100}%` },
            }),
          ),
          html(
            "span",
            { class: "card-number" },
            `${formatCount(count)} · ${formatShare(count / sum(counts[side]))}`,
          ),
        );
      }),
    ),
  );
  return figure("Verdicts other than approve", [], ...bars);
}

/**
 * @param {any} report
 * @param {HTMLElement} place
 * @param {(from: string, to: string) => void} choose shows the changed decisions of a cell
 */
export function showVerdicts(report, place, choose) {
  const matrix = readMatrix(report);
  const all = sum(matrix.map(sum));
  if (all === 0) {
    place.append(emptyNote("There is no transaction that both sides decided."));
    return;
  }
  const changed = all - sum(matrix.map((row, i) => row[i]));
  const stricter = sum(matrix.map((row, from) => sum(row.slice(from + 1))));
  const names = sideNames(report);
  place.className = "grid";
  place.append(
    figure(
      "Verdicts before and after",
      [
        `${plural(changed, "decision")} of ${formatCount(all)} (${formatShare(changed / all)}) ` +
          `would change: ${formatCount(stricter)} stricter, ` +
          `${formatCount(changed - stricter)} milder.`,
        html(
          "span",
          { class: "legend" },
          legendItem("stricter", "stricter"),
          legendItem("milder", "milder"),
          "Choose a cell to see its decisions.",
        ),
      ],
      matrixTable(matrix, names, choose),
    ),
    totalsFigure(report),
  );
}
