/* Definitions of the figures, with the sources of their formulas. */

import { at, moneyOf, numberAt, textAt } from "./document.js";
import { html } from "./dom.js";
import { formatCount, formatSeconds, isNumber, plural } from "./format.js";

/**
 * The definition of blocked cards, which rankings leave out; none if blocking is off.
 * @param {any} report
 * @param {string} entity
 * @returns {[string, string][]}
 */
function blockedText(report, entity) {
  const days = numberAt(report, "blocked", "after_days");
  if (!isNumber(days)) return [];
  const count = formatCount(numberAt(report, "blocked", "transactions"));
  return [
    [
      `Blocked ${entity}s`,
      `A ${entity} counts as blocked once more than ${plural(days, "day")} have passed since the day of a fraud. Transactions on blocked ${entity}s (${count}) are left out of AUC, AP, their curves and ${entity} precision.`,
    ],
  ];
}

/**
 * @param {any} report
 * @returns {[string, string][]}
 */
function definitions(report) {
  const money = moneyOf(report);
  const priced = numberAt(report, "price_per_review");
  const price = isNumber(priced) ? money.full(priced) : "a price";
  const entity = textAt(report, "card_entity") || "card";
  const then = textAt(report, "clock") !== "known_now";
  const named = `${entity[0].toUpperCase()}${entity.slice(1)}`;
  return [
    [
      "Replay",
      "Every transaction of the archive is decided again by the engine that runs live, with the policy of this report. " +
        (then
          ? "Transactions are taken in the archive's order: features see the transactions before, and outcomes only once they had arrived."
          : "Transactions are taken in the order of event times: features see final outcomes right behind their transactions, and lists as they are at the archive's end."),
    ],
    [
      "Compared",
      "Transactions that either side refuses are counted as refused and left out of all other figures.",
    ],
    ["Alert", "Any verdict other than approve: review, challenge or decline."],
    [
      "Fraud and legit",
      "Fraud: transactions reported as fraud or chargeback by the archive's end. Legit: transactions reported as legit, or without an outcome. Left out of every figure about right and wrong decisions: suspected transactions, and, if the replay was given an age (--outcomes-after), transactions that are younger than that, whatever is known of them: frauds are known first.",
    ],
    [
      "Precision, recall",
      "Precision: the share of alerts that are fraud. Recall: the share of fraud that is alerted. Each transaction counts once, whatever its amount.",
    ],
    ["False alerts per true alert", "Alerts on legit transactions, divided by alerts on fraud."],
    [
      "95% interval of a share",
      "Wilson's score interval (E. B. Wilson, “Probable Inference, the Law of Succession, and Statistical Inference”, JASA 22, 1927). It assumes independent transactions; fraud comes in series, so the true uncertainty is somewhat larger. “Within the intervals” means that each side's value lies in the other's interval. Both sides decided the same transactions, so a difference can be real even if the intervals overlap.",
    ],
    [
      "Money",
      `In ${money.currency}, at the rates of the replayed policy. Caught: the amounts of fraud with an alert. Missed: of fraud without one. Wrongly declined: of legit transactions that are declined. Transactions without an amount in this currency count as 0.`,
    ],
    [
      "Net",
      `Money caught, minus money wrongly declined, minus ${price} for each review. A simple model for comparison: not every review finds the fraud, and not every declined payment is lost. Its interval is ± 1.96 standard deviations, assuming independent transactions (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 5).`,
    ],
    [
      "ROC curve, AUC",
      "For each cut-off on the score: the share of fraud (recall) and of legit transactions (false positive rate) that reaches it. The area under the curve, AUC, is the probability that a fraud scores higher than a legit transaction; equal scores count half.",
    ],
    [
      "Precision–recall, AP",
      "For each cut-off on the score: precision and recall of the transactions that reach it. Average precision, AP, is the sum of precision times the step in recall, without interpolation. The verdicts may lie off the curves, because rules can ask for a verdict whatever the score.",
    ],
    [
      `${named} precision`,
      `For each day, ${entity}s are ranked by their highest score of that day; the figure is the share of the first k that had a fraud that day. A ${entity} found on one day is left out on later days. The mean is over days (Le Borgne, Siblini, Lebichot, Bontempi: Fraud Detection Handbook, 2022, “Card Precision top-k”).`,
    ],
    ...blockedText(report, entity),
    [
      "Rules",
      "Fires: the rule's condition was true. Suppressed: fired without effect. The other columns count fires that were not suppressed. Alone: no other rule had an effect. Adds: alerts that would be approvals without the rule's verdict and score, everything else being equal; for a rule in shadow, alerts that would come about if it were live.",
    ],
    [
      "Changed decisions",
      "Transactions whose verdict differs. A different score alone is not a change.",
    ],
  ];
}

/** @param {any} report @param {HTMLElement} place */
export function showMethod(report, place) {
  place.append(
    html(
      "dl",
      {},
      definitions(report).map(([term, text]) => [html("dt", {}, term), html("dd", {}, text)]),
    ),
  );
}

/** @param {any} report @param {HTMLElement} place */
export function showFoot(report, place) {
  const seconds = at(report, "seconds");
  const times =
    seconds && typeof seconds === "object"
      ? Object.values(seconds).filter(isNumber)
      : [seconds].filter(isNumber);
  const total = times.reduce((sum, each) => sum + each, 0);
  const rate = numberAt(report, "transactions_per_second");
  const position = numberAt(report, "archive", "position");
  const parts = [
    `Created by harrier ${textAt(report, "harrier")}`.trim(),
    textAt(report, "policy", "folder") ? `policy folder ${textAt(report, "policy", "folder")}` : "",
    isNumber(position) ? `archive to position ${formatCount(position)}` : "",
    total > 0 ? `took ${formatSeconds(total)}` : "",
    isNumber(rate) ? `${formatCount(rate)} transactions/s` : "",
  ];
  place.append(
    html("p", {}, parts.filter(Boolean).join(" · ")),
    html("p", {}, "This file contains all its data, makes no network requests, and can be shared as it is."),
  );
}
