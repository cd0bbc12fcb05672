/* The top of the page: what was compared with what, and the caveats. */

import { againstText, at, hasFraud, listAt, moneyOf, numberAt, textAt } from "./document.js";
import { html, part } from "./dom.js";
import { NONE, formatCount, formatShare, formatTime, isNumber } from "./format.js";

/* -- head -- */

/** @param {any} report */
function clockText(report) {
  const clock = textAt(report, "clock");
  if (clock === "known_now") return "as known now: in order of event time, with final outcomes";
  if (clock === "known_then") return "as known then: nothing is used before it was known";
  return clock || NONE;
}

/** @param {string} hash @returns {Node | ""} */
function shortHash(hash) {
  return hash ? html("code", { title: hash }, hash.slice(0, 12)) : "";
}

/** @param {any} report */
export function showHead(report) {
  const name = textAt(report, "policy", "name");
  if (name)
    part("title").replaceChildren(
      "What ",
      html("span", { class: "policy" }, name),
      " would have decided",
    );
  else part("title").textContent = "Replay of the archive";
  const snapshots = ["policy", "against"].map((side) =>
    shortHash(textAt(report, side, "snapshot")),
  );
  part("eyebrow").append("Harrier replay report", snapshots[0] && " · snapshot ", snapshots[0]);
  part("subtitle").append(
    `Compared with ${againstText(report)}`,
    snapshots[1] && ", snapshot ",
    snapshots[1],
  );
  const archive = (/** @type {string} */ key) => at(report, "archive", key);
  const day = (/** @type {string} */ key) => formatTime(archive(key));
  const extras = [
    at(report, "counterfactual") === true ? "counterfactual" : "",
    at(report, "walk_forward") === true ? "walk-forward thresholds" : "",
  ].filter(Boolean);
  /** @type {[string, any][]} */
  const facts = [
    ["Range", archive("from") ? `${day("from")} to ${day("to")} UTC` : NONE],
    ["Transactions", formatCount(archive("transactions"))],
    ["With an outcome", outcomesText(report)],
    ["Clock", [clockText(report), ...extras].join("; ")],
  ];
  const amended = amendmentsText(report);
  if (amended) facts.push(["Amendments", amended]);
  for (const [side, count] of [
    ["Refused", archive("refused")],
    ["Refused by the compared side", archive("against_refused")],
  ])
    if (count > 0) facts.push([String(side), formatCount(Number(count))]);
  part("facts").append(
    ...facts.map(([term, text]) => html("div", {}, html("dt", {}, term), html("dd", {}, text))),
  );
}

/** What is known of the transactions in the range. @param {any} report */
function outcomesText(report) {
  const known = ["positive", "negative", "suspected"].map((key) =>
    numberAt(report, "outcomes", key),
  );
  const all = numberAt(report, "archive", "transactions");
  const count = known.filter(isNumber).reduce((sum, each) => sum + each, 0);
  if (!known.some(isNumber)) return NONE;
  return formatCount(count) + (all > 0 ? ` (${formatShare(count / all)})` : "");
}

/** The kinds of amendments that there are, with their money. @param {any} report */
function amendmentsText(report) {
  return ["void", "capture", "refund", "restore"]
    .filter((kind) => (numberAt(report, "archive", "amendments", kind, "count") || 0) > 0)
    .map((kind) => {
      const { count, amount } = at(report, "archive", "amendments", kind);
      const money = at(report, "currency") ? ` (${moneyOf(report).full(amount)})` : "";
      return `${formatCount(count)} ${kind}${money}`;
    })
    .join(", ");
}

/* -- caveats -- */

/** The caveats' headings; others are made from their codes. */
const CAVEAT_HEADS = new Map([
  ["warm_up", "Warm-up"],
  ["missing_outcomes", "Missing outcomes"],
  ["rollout", "Partial rollout"],
  ["verdicts_follow_archive", "Verdicts follow the archive"],
  ["sampled", "Sampled list"],
  ["declined_outcomes", "Declined transactions"],
  ["no_positives", "No known fraud"],
  ["thresholds", "Nightly thresholds"],
  ["suspected", "Suspected fraud"],
  ["against_refused", "Refused by the compared side"],
  ["without_amount", "Without an amount"],
]);

/** @param {string} code @returns {string} such as "Late records" for "late_records" */
function caveatHead(code) {
  const words = code.replaceAll("_", " ");
  return CAVEAT_HEADS.get(code) ?? (words ? words[0].toUpperCase() + words.slice(1) : "Note");
}

/** A text whose option names do not wrap. @param {string} text */
function withOptions(text) {
  return text
    .split(/(--[a-z][a-z-]*)/)
    .map((piece, i) => (i % 2 === 1 ? html("code", { class: "option" }, piece) : piece));
}

/** @param {any} report */
export function showCaveats(report) {
  const caveats = listAt(report, "caveats").filter((caveat) => textAt(caveat, "text"));
  const items = caveats.map((caveat) =>
    html(
      "li",
      {},
      html("b", {}, caveatHead(textAt(caveat, "code"))),
      html("span", {}, withOptions(textAt(caveat, "text"))),
    ),
  );
  if (!hasFraud(report) && !caveats.some((caveat) => caveat.code === "no_positives"))
    items.push(
      html(
        "li",
        {},
        html("b", {}, "No known fraud"),
        html(
          "span",
          {},
          "No transaction in the range is known to be fraud, so whether decisions were right is unknown.",
        ),
      ),
    );
  if (items.length === 0)
    items.push(
      html("li", {}, html("span", {}, "No known limitation applies to these figures.")),
    );
  part("caveats").append(...items);
}
