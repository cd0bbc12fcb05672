/* Which rules fire together: a heat map of the rules that fire most. */

import { listAt, numberAt, textAt } from "./document.js";
import { breakable, html, plainTable } from "./dom.js";
import { formatCount, formatShare, isNumber } from "./format.js";
import { figure } from "./plot.js";

/** More would not fit a page. */
const SHOWN_PAIRS = 30;

/**
 * @typedef {{ index: number, name: string, fires: number }} Shown
 */

/** The rules that fire most, most first. @param {any} report @returns {Shown[]} */
function shownRules(report) {
  return listAt(report, "rules")
    .map((rule, index) => ({
      index,
      name: textAt(rule, "name") || "without a name",
      fires: numberAt(rule, "fires"),
    }))
    .filter((rule) => rule.fires > 0 && Array.isArray(listAt(report, "overlap")[rule.index]))
    .sort((a, b) => b.fires - a.fires)
    .slice(0, SHOWN_PAIRS);
}

/**
 * Moves the one cell that can be reached by the tab key, as in a spreadsheet.
 * @param {HTMLElement} table
 */
function moveByArrows(table) {
  table.addEventListener("keydown", (event) => {
    const now = /** @type {HTMLElement} */ (event.target).closest("td");
    const row = now?.parentElement;
    if (!now || !row) return;
    const column = [...row.children].indexOf(now);
    const next = {
      ArrowLeft: now.previousElementSibling,
      ArrowRight: now.nextElementSibling,
      ArrowUp: row.previousElementSibling?.children[column],
      ArrowDown: row.nextElementSibling?.children[column],
    }[event.key];
    if (!(next instanceof HTMLTableCellElement) || next.tagName !== "TD") return;
    event.preventDefault();
    now.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  });
}

/**
 * @param {Shown} row
 * @param {Shown} column
 * @param {number} both
 */
function pairText(row, column, both) {
  if (row === column) return `${row.name} fires ${formatCount(row.fires)} times.`;
  return (
    `${row.name} fires ${formatCount(row.fires)} times; ` +
    `${column.name} fires as well in ${formatCount(both)} of them (${formatShare(both / row.fires)}).`
  );
}

/**
 * @param {Shown[]} rules
 * @param {(row: Shown, column: Shown) => number} both
 * @param {HTMLElement} says
 */
function heatTable(rules, both, says) {
  const cell = (/** @type {Shown} */ row, /** @type {Shown} */ column) => {
    const count = both(row, column);
    const share = isNumber(count) ? count / row.fires : NaN;
    const show = () => (says.textContent = pairText(row, column, count));
    if (row === column)
      return html("td", { class: "same", tabindex: -1, onfocus: show, onpointerenter: show }, "");
    return html(
      "td",
      {
        class: "heat",
        tabindex: -1,
        // Most shares are small: the root keeps them apart. Below 0.6 the text can be read on all.
        style: { "--heat": (isNumber(share) ? Math.sqrt(share) * 0.6 : 0).toFixed(3) },
        "aria-label": pairText(row, column, count),
        onfocus: show,
        onpointerenter: show,
      },
      share >= 0.005 ? String(Math.round(share * 100)) : "",
    );
  };
  const table = html(
    "table",
    { class: "overlap" },
    html("caption", {}, "Share of the row's fires in which the column's rule fires as well, in percent"),
    html(
      "thead",
      {},
      html(
        "tr",
        {},
        html("td", {}),
        rules.map((rule, i) => html("th", { scope: "col", title: rule.name }, String(i + 1))),
      ),
    ),
    html(
      "tbody",
      {},
      rules.map((row, i) =>
        html(
          "tr",
          {},
          html(
            "th",
            { scope: "row", title: row.name },
            html("span", { class: "rank" }, String(i + 1)),
            html("span", { class: "rule-name" }, row.name),
          ),
          rules.map((column) => cell(row, column)),
        ),
      ),
    ),
  );
  table.querySelector("tbody td")?.setAttribute("tabindex", "0");
  moveByArrows(table);
  return table;
}

/**
 * The pairs that share most, as a list.
 * @param {Shown[]} rules
 * @param {(row: Shown, column: Shown) => number} both
 */
function closestPairs(rules, both) {
  return rules
    .flatMap((row) =>
      rules
        .filter((column) => column !== row)
        .map((column) => ({ row, column, count: both(row, column) })),
    )
    .filter((pair) => pair.count > 0)
    .sort((a, b) => b.count / b.row.fires - a.count / a.row.fires || b.count - a.count)
    .slice(0, 10)
    .map(({ row, column, count }) => [
      breakable(row.name),
      breakable(column.name),
      formatCount(count),
      formatShare(count / row.fires),
    ]);
}

/** @param {any} report @param {HTMLElement} place */
export function showOverlap(report, place) {
  const rules = shownRules(report);
  if (rules.length < 2) return;
  const overlap = listAt(report, "overlap");
  const both = (/** @type {Shown} */ row, /** @type {Shown} */ column) =>
    Number(overlap[row.index][column.index]);
  const says = html(
    "p",
    { class: "says", role: "status" },
    "Point at a cell, or move through them with the arrow keys.",
  );
  const fired = listAt(report, "rules").filter((rule) => numberAt(rule, "fires") > 0).length;
  const which = fired > rules.length ? `The ${rules.length} rules that fire most. ` : "";
  const heads = ["When this fires", "so does", "Both", "Share"];
  const pairs = plainTable(
    "Pairs of rules with the largest overlap",
    heads,
    closestPairs(rules, both),
    2,
  );
  place.append(
    figure(
      "Rules that fire together",
      [
        `${which}The stronger a cell's colour, the less often the row's rule fires without the ` +
          "column's.",
      ],
      html(
        "div",
        { class: "heat-and-pairs" },
        html(
          "div",
          {},
          html(
            "div",
            { class: "scroll", tabindex: 0, role: "region", "aria-label": "Overlap of rules" },
            heatTable(rules, both, says),
          ),
          says,
        ),
        pairs,
      ),
    ),
  );
}
