/* The table of rules: what each does by itself and what it adds to the others. */

import { VERDICTS, listAt, moneyOf, numberAt, textAt } from "./document.js";
import { breakable, emptyNote, html } from "./dom.js";
import { formatCount, formatShare, formatShareRange, isNumber, plural } from "./format.js";
import { figure } from "./plot.js";

/** Rows shown before somebody asks for all. */
const SHOWN_RULES = 25;

/**
 * @typedef {object} Column
 * @property {string} head
 * @property {string} about
 * @property {(rule: any) => number | string} key what rows are sorted by
 * @property {(rule: any, most: number) => Node} cell
 */

/**
 * A number with a bar of its share of the column's greatest.
 * @param {number} value
 * @param {number} most
 * @param {string} text
 */
function barCell(value, most, text) {
  const share = isNumber(value) && most > 0 ? Math.max(0, value) / most : 0;
  return html(
    "td",
    { class: "number" },
    html("span", { class: "bar-cell", style: { "--share": share.toFixed(4) } }, text),
  );
}

/** Fraud that nothing else finds. @param {any} rule @param {number} most @param {string} amount */
function addedCell(rule, most, amount) {
  const added = numberAt(rule, "added_positive");
  const cell = barCell(added, most, formatCount(added));
  if (added > 0 && isNumber(numberAt(rule, "added_money_caught")))
    cell.append(html("small", {}, amount));
  return cell;
}

/** A share with its interval. @param {any} rule */
function precisionCell(rule) {
  const [value, low, high] = ["value", "low", "high"].map((key) =>
    numberAt(rule, "precision", key),
  );
  if (!isNumber(value)) return html("td", { class: "number muted" }, "–");
  const percent = (/** @type {number} */ share) => `${(share * 100).toFixed(2)}%`;
  const range = isNumber(low) && isNumber(high);
  return html(
    "td",
    { class: "number" },
    html("span", {}, formatShare(value, 1)),
    range ? html("small", {}, formatShareRange(low, high)) : null,
    html(
      "span",
      { class: "range-track", "aria-hidden": "true" },
      range
        ? html("i", { class: "whisker", style: { left: percent(low), width: percent(high - low) } })
        : null,
      html("i", { class: "range-dot", style: { left: percent(value) } }),
    ),
  );
}

/** @param {any} rule */
function nameCell(rule) {
  const mode = textAt(rule, "mode");
  return html(
    "th",
    { scope: "row" },
    html("span", { class: "rule-name" }, breakable(textAt(rule, "name") || "without a name")),
    html(
      "span",
      { class: "tags" },
      textAt(rule, "group") ? html("span", { class: "tag" }, textAt(rule, "group")) : null,
      mode && mode !== "live" ? html("span", { class: "tag strong" }, mode) : null,
    ),
  );
}

/** @param {any} report @returns {Column[]} */
function ruleColumns(report) {
  const money = moneyOf(report);
  const counted = (
    /** @type {string} */ head,
    /** @type {string} */ key,
    /** @type {string} */ about,
    format = formatCount,
  ) => ({
    head,
    about,
    key: (/** @type {any} */ rule) => numberAt(rule, key),
    cell: (/** @type {any} */ rule, /** @type {number} */ most) =>
      barCell(numberAt(rule, key), most, format(numberAt(rule, key))),
  });
  return [
    {
      head: "Rule",
      about: "name, group, mode",
      key: (rule) => textAt(rule, "name"),
      cell: nameCell,
    },
    {
      head: "Verdict",
      about: "the verdict that the rule asks for; none: it only adds to the score",
      key: (rule) => VERDICTS.indexOf(textAt(rule, "verdict")),
      cell: (rule) =>
        html(
          "td",
          {},
          textAt(rule, "verdict")
            ? html("span", { class: `verdict ${textAt(rule, "verdict")}` }, textAt(rule, "verdict"))
            : html("span", { class: "muted" }, "score"),
        ),
    },
    counted("Fires", "fires", "transactions whose condition was true"),
    counted("Alone", "fires_alone", "fires with effect where no other rule had an effect"),
    counted("Suppressed", "suppressed", "fires without effect, because the rule fired before"),
    counted("Fraud", "positive", "fires with effect on known fraud"),
    {
      head: "Precision",
      about:
        "share of fires with effect that are fraud, with a 95% interval; without an outcome counts as legit",
      key: (rule) => numberAt(rule, "precision", "value"),
      cell: precisionCell,
    },
    counted(`Money caught, ${money.currency}`, "money_caught", "amounts of that fraud", money.bare),
    counted("Adds alerts", "added_alerts", "alerts that would be approvals without the rule"),
    {
      ...counted("Adds fraud", "added_positive", "added alerts on known fraud, and their amounts"),
      cell: (rule, most) => addedCell(rule, most, money.bare(numberAt(rule, "added_money_caught"))),
    },
  ];
}

/** Missing values come last, whichever way. @param {Column} column @param {boolean} rising */
function comparison(column, rising) {
  return (/** @type {any} */ left, /** @type {any} */ right) => {
    const [a, b] = [column.key(left), column.key(right)];
    if (typeof a === "string" || typeof b === "string")
      return (rising ? 1 : -1) * String(a).localeCompare(String(b), "en");
    if (Number.isNaN(a) || Number.isNaN(b))
      return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
    return rising ? a - b : b - a;
  };
}

/**
 * @param {Column[]} columns
 * @param {any[]} rules
 */
function ruleTable(columns, rules) {
  const most = columns.map((column) =>
    rules.reduce((top, rule) => Math.max(top, Number(column.key(rule)) || 0), 0),
  );
  const body = html("tbody");
  const state = { column: 2, rising: false, all: rules.length <= SHOWN_RULES, words: "" };
  const heads = columns.map((column, number) => {
    const sort = () => {
      state.rising = state.column === number ? !state.rising : number === 0;
      state.column = number;
      fill();
    };
    return html(
      "th",
      { scope: "col" },
      html("button", { type: "button", title: column.about, onclick: sort }, column.head),
    );
  });
  const more = html("button", { type: "button", class: "more" });
  more.addEventListener("click", () => {
    state.all = !state.all;
    fill();
  });
  function fill() {
    const found = rules
      .filter((rule) =>
        `${textAt(rule, "name")} ${textAt(rule, "group")}`.toLowerCase().includes(state.words),
      )
      .sort(comparison(columns[state.column], state.rising));
    const shown = state.all ? found : found.slice(0, SHOWN_RULES);
    body.replaceChildren(
      ...shown.map((rule) =>
        html(
          "tr",
          {},
          columns.map((column, i) => column.cell(rule, most[i])),
        ),
      ),
    );
    heads.forEach((head, i) => {
      if (i === state.column)
        head.setAttribute("aria-sort", state.rising ? "ascending" : "descending");
      else head.removeAttribute("aria-sort");
    });
    more.hidden = found.length <= SHOWN_RULES;
    more.textContent = state.all
      ? `Show the first ${SHOWN_RULES} only`
      : `Show all ${plural(found.length, "rule")}`;
  }
  fill();
  const search = (/** @type {string} */ words) => {
    state.words = words.trim().toLowerCase();
    fill();
  };
  const table = html("table", { class: "rules" }, html("thead", {}, html("tr", {}, heads)), body);
  return { table, more, search };
}

/** @param {any} report @param {HTMLElement} place */
export function showRules(report, place) {
  const rules = listAt(report, "rules");
  if (rules.length === 0) {
    place.append(emptyNote("The policy has no rules."));
    return;
  }
  const { table, more, search } = ruleTable(ruleColumns(report), rules);
  const silent = rules.filter((rule) => numberAt(rule, "fires") === 0).length;
  const box = html("input", {
    type: "search",
    placeholder: "Find a rule",
    "aria-label": "Find a rule",
  });
  box.addEventListener("input", () => search(/** @type {HTMLInputElement} */ (box).value));
  place.append(
    figure(
      "What each rule does",
      [
        `${plural(rules.length, "rule")}` +
          `${silent ? `, of which ${formatCount(silent)} never fired` : ""}. “Adds” counts the alerts ` +
          "that would be missing without the rule. Choose a heading to sort.",
      ],
      rules.length > 8 ? html("div", { class: "filters" }, box) : null,
      html(
        "div",
        { class: "scroll", tabindex: 0, role: "region", "aria-label": "What each rule does" },
        table,
      ),
      more,
    ),
  );
}
