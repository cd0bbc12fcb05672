/* The list of changed decisions, with its filters. */

import { VERDICTS, at, listAt, numberAt, sideNames, textAt } from "./document.js";
import { breakable, emptyNote, html } from "./dom.js";
import {
  formatCount,
  formatDecimal,
  formatTime,
  isNumber,
  moneyFormat,
  plural,
  withSign,
} from "./format.js";

/** Rows added at a time. */
const PAGE_ROWS = 25;

/** What a label is called here. */
const OUTCOMES = new Map([
  ["none", "no outcome"],
  ["legit", "legit"],
  ["fraud", "fraud"],
  ["chargeback", "chargeback"],
  ["suspected", "suspected"],
]);

/** @typedef {{ from: string, to: string, outcome: string, words: string }} Filter "" : any */

/** @param {any} decision */
function outcomeOf(decision) {
  const outcome = textAt(decision, "outcome") || "none";
  return OUTCOMES.get(outcome) ?? outcome;
}

/** Reasons of a side; where only rules are named, these. @param {any} side */
function reasonsOf(side) {
  const reasons = listAt(side, "reasons");
  if (reasons.length) return reasons;
  return listAt(side, "rules").map((rule) => (typeof rule === "string" ? { rule } : rule));
}

/** All words of a row, for the search. @param {any} decision */
function wordsOf(decision) {
  const sides = [at(decision, "replayed"), at(decision, "against")];
  const reasons = sides
    .flatMap(reasonsOf)
    .map((reason) => `${textAt(reason, "rule")} ${textAt(reason, "text")}`);
  return [textAt(decision, "id"), textAt(decision, "event_time"), decision.position, ...reasons]
    .join(" ")
    .toLowerCase();
}

/** @param {any} decision @param {Filter} filter */
function passes(decision, filter) {
  return (
    (!filter.from || textAt(decision, "against", "verdict") === filter.from) &&
    (!filter.to || textAt(decision, "replayed", "verdict") === filter.to) &&
    (!filter.outcome || outcomeOf(decision) === filter.outcome) &&
    (!filter.words || filter.words.split(/\s+/).every((word) => wordsOf(decision).includes(word)))
  );
}

/** @param {string} verdict */
function verdictTag(verdict) {
  return html("span", { class: `verdict ${verdict}` }, verdict || "refused");
}

/** @param {any} reason */
function reasonItem(reason) {
  const text = textAt(reason, "text");
  const rule = textAt(reason, "rule");
  const state = ["shadow", "suppressed"].filter((key) => at(reason, key) === true);
  // A reason without a text of its own repeats the rule's name.
  const says =
    text && text.replaceAll(" ", "_") !== rule
      ? html("span", { class: "reason-text" }, text)
      : null;
  return html(
    "li",
    { class: state.length ? "idle" : null },
    html("code", {}, breakable(rule)),
    state.map((word) => html("span", { class: "tag" }, word)),
    says,
  );
}

/**
 * What fired on one side only is what the change is about.
 * @param {any} decision
 * @param {import("./document.js").SideNames} names
 */
function reasonsCell(decision, names) {
  const [now, then] = [reasonsOf(at(decision, "replayed")), reasonsOf(at(decision, "against"))];
  const key = (/** @type {any} */ reason) =>
    JSON.stringify(["rule", "shadow", "suppressed"].map((each) => at(reason, each) ?? false));
  const only = (/** @type {any[]} */ list, /** @type {any[]} */ other) => {
    const known = new Set(other.map(key));
    return list.filter((reason) => !known.has(key(reason)));
  };
  const both = now.filter((reason) => then.some((other) => key(other) === key(reason)));
  const group = (/** @type {string} */ head, /** @type {any[]} */ reasons) =>
    reasons.length
      ? [
          html("p", { class: "reasons-head" }, head),
          html("ul", { class: "reasons" }, reasons.map(reasonItem)),
        ]
      : null;
  if (now.length + then.length === 0)
    return html("td", { class: "muted", "data-label": "Reasons" }, "no rule fired");
  return html(
    "td",
    { "data-label": "Reasons" },
    group(`only ${names.replayed}`, only(now, then)),
    group(`only ${names.against}`, only(then, now)),
    group("both", both),
  );
}

/**
 * Digits of a currency that is not the report's.
 * @param {string} currency
 */
function minorDigits(currency) {
  if (!/^[A-Z]{3}$/.test(currency)) return 0;
  const format = new Intl.NumberFormat("en", { style: "currency", currency });
  return format.resolvedOptions().maximumFractionDigits ?? 0;
}

/** @param {any} decision @param {any} report */
function amountText(decision, report) {
  const base = textAt(report, "currency");
  const currency = textAt(decision, "currency") || base;
  const amount = numberAt(decision, "amount");
  const digits = currency === base ? numberAt(report, "currency_digits") : minorDigits(currency);
  return moneyFormat(currency, digits).full(amount);
}

/**
 * @param {any} decision
 * @param {any} report
 * @param {import("./document.js").SideNames} names
 */
function rowOf(decision, report, names) {
  const [was, is] = [
    numberAt(decision, "against", "score"),
    numberAt(decision, "replayed", "score"),
  ];
  const whole = (/** @type {number} */ value) => formatDecimal(value, 0);
  const outcome = outcomeOf(decision);
  return html(
    "tr",
    {},
    html(
      "td",
      { "data-label": "Transaction" },
      html("span", { class: "id" }, textAt(decision, "id") || "–"),
      html("small", {}, formatTime(at(decision, "event_time"))),
      html("small", {}, `position ${formatCount(numberAt(decision, "position"))}`),
    ),
    html("td", { class: "number", "data-label": "Amount" }, amountText(decision, report)),
    html(
      "td",
      { "data-label": "Verdict" },
      html(
        "span",
        { class: "from-to" },
        verdictTag(textAt(decision, "against", "verdict")),
        html("span", { "aria-label": "becomes" }, "→"),
        verdictTag(textAt(decision, "replayed", "verdict")),
      ),
    ),
    html(
      "td",
      { class: "number", "data-label": "Score" },
      `${whole(was)} → ${whole(is)}`,
      isNumber(is - was) ? html("small", {}, withSign(is - was, whole)) : null,
    ),
    html(
      "td",
      { "data-label": "Outcome" },
      html("span", { class: `outcome ${outcome.replace(" ", "-")}` }, outcome),
    ),
    reasonsCell(decision, names),
  );
}

/**
 * A choice of one value, with how many rows have it.
 * @param {string} label
 * @param {string[]} values
 * @param {(value: string) => void} choose
 */
function selectBox(label, values, choose) {
  const select = /** @type {HTMLSelectElement} */ (
    html(
      "select",
      {},
      html("option", { value: "" }, "any"),
      values.map((value) => html("option", { value }, value)),
    )
  );
  select.addEventListener("change", () => choose(select.value));
  return { select, box: html("label", {}, label, select) };
}

/** How many, and of how many. @param {any} report @param {number} listed */
function listNote(report, listed) {
  const total = numberAt(report, "changed", "total");
  const scores = numberAt(report, "changed", "other_scores");
  const same = `${formatCount(scores)} more have the same verdict with a different score.`;
  const rest = scores > 0 ? ` ${same}` : "";
  if (!(total > listed)) return `All ${plural(listed, "changed decision")}.${rest}`;
  return (
    `${formatCount(listed)} of ${plural(total, "changed decision")}: a sample by the hash of the ` +
    `transaction id, the same in every run.${rest}`
  );
}

/**
 * @param {any} report
 * @param {HTMLElement} place
 * @returns {(from: string, to: string) => void} narrows the list to two verdicts and goes there
 */
export function showChanged(report, place) {
  const listed = listAt(report, "changed", "listed");
  if (listed.length === 0) {
    const total = numberAt(report, "changed", "total");
    place.append(
      emptyNote(
        total > 0
          ? `${plural(total, "changed decision")}, none of them listed.`
          : "No decision changes.",
      ),
    );
    return () => place.scrollIntoView();
  }
  const names = sideNames(report);
  /** @type {Filter} */
  const filter = { from: "", to: "", outcome: "", words: "" };
  let rows = PAGE_ROWS;
  const body = html("tbody");
  const status = html("p", { class: "status", role: "status" });
  const more = html("button", { type: "button", class: "more" });
  const fill = () => {
    const found = listed.filter((decision) => passes(decision, filter));
    const shown = found.slice(0, rows);
    body.replaceChildren(...shown.map((decision) => rowOf(decision, report, names)));
    const part =
      shown.length < found.length ? `, the first ${formatCount(shown.length)} shown` : "";
    status.textContent = `${plural(found.length, "decision")} found${part}.`;
    more.hidden = shown.length === found.length;
    more.textContent = `Show ${formatCount(Math.min(PAGE_ROWS, found.length - shown.length))} more`;
  };
  const narrow = (/** @type {Partial<Filter>} */ change) => {
    Object.assign(filter, change);
    rows = PAGE_ROWS;
    fill();
  };
  more.addEventListener("click", () => {
    rows += PAGE_ROWS;
    fill();
  });
  const { bar, setVerdicts } = filterBar(listed, names, narrow);
  const heads = ["Transaction", "Amount", "Verdict", "Score", "Outcome", "Why"];
  place.append(
    html(
      "div",
      { class: "panel" },
      html("p", { class: "muted" }, listNote(report, listed.length)),
      bar,
      status,
      html(
        "table",
        { class: "changed" },
        html(
          "thead",
          {},
          html(
            "tr",
            {},
            heads.map((head) => html("th", { scope: "col" }, head)),
          ),
        ),
        body,
      ),
      more,
    ),
  );
  fill();
  return (from, to) => {
    setVerdicts(from, to);
    const heading = document.getElementById("changed-heading");
    heading?.scrollIntoView();
    heading?.focus({ preventScroll: true });
  };
}

/**
 * @param {any[]} listed
 * @param {{ replayed: string, against: string }} names
 * @param {(change: Partial<Filter>) => void} narrow
 */
function filterBar(listed, names, narrow) {
  // All verdicts, also those that no decision of the list has: the matrix may ask for them.
  const from = selectBox(`From (${names.against})`, VERDICTS, (value) => narrow({ from: value }));
  const to = selectBox(`To (${names.replayed})`, VERDICTS, (value) => narrow({ to: value }));
  const outcome = selectBox("Outcome", [...new Set(listed.map(outcomeOf))].sort(), (value) =>
    narrow({ outcome: value }),
  );
  const text = /** @type {HTMLInputElement} */ (
    html("input", { type: "search", placeholder: "id, rule, reason", id: "changed-words" })
  );
  text.addEventListener("input", () => narrow({ words: text.value.trim().toLowerCase() }));
  const reset = html("button", { type: "button" }, "Clear");
  const clear = () => {
    for (const { select } of [from, to, outcome]) select.value = "";
    text.value = "";
    narrow({ from: "", to: "", outcome: "", words: "" });
  };
  reset.addEventListener("click", clear);
  const setVerdicts = (/** @type {string} */ was, /** @type {string} */ is) => {
    clear();
    [from.select.value, to.select.value] = [was, is];
    // The sample may have no decision for a cell: the list then says that nothing was found.
    narrow({ from: was, to: is });
  };
  const bar = html(
    "div",
    { class: "filters", role: "search", "aria-label": "Changed decisions" },
    from.box,
    to.box,
    outcome.box,
    html("label", {}, "Text", text),
    reset,
  );
  return { bar, setVerdicts };
}
