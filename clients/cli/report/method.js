/* What the figures mean and where their formulas are from. */

import { at, moneyOf, numberAt, textAt } from "./document.js";
import { html } from "./dom.js";
import { formatCount, formatSeconds, isNumber, plural } from "./format.js";

/**
 * What rankings leave out, as investigators would.
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
      `A ${entity} counts as blocked once more than ${plural(days, "day")} have passed since the day of a fraud. Its transactions from then on, ${count} of them, are left out of AUC, AP, their curves and ${entity} precision.`,
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
      "Every transaction of the archive goes through the engine that serves live, with the policy of this report. " +
        (then
          ? "In the archive's order: a feature sees the transactions before it, and outcomes only from the position at which they arrived."
          : "In the order of event times: a feature sees final outcomes at their transaction, and lists as they are at the end."),
    ],
    [
      "Compared",
      "A transaction that either side refuses is counted as refused and has no part in the rest.",
    ],
    ["Alert", "Any verdict but approve: review, challenge or decline."],
    [
      "Fraud and legit",
      "Fraud: what turned out to be fraud or a chargeback by the end of the archive. Legit: what turned out to be legit, or has no outcome. Left out of all that asks whether a decision was right: suspected ones, and those without an outcome that are too young to miss one, if the replay was told an age.",
    ],
    [
      "Precision, recall",
      "Precision: fraud among the alerts. Recall: alerts among the fraud. Each transaction counts once, whatever its amount.",
    ],
    ["False alerts for each true one", "Legit alerts divided by fraudulent ones."],
    [
      "95% interval of a share",
      "Wilson's score interval (E. B. Wilson, “Probable Inference, the Law of Succession, and Statistical Inference”, JASA 22, 1927). It takes transactions for independent of each other; fraud comes in series, so the uncertainty is rather larger. “Within the intervals” means that each side's value lies in the other's interval. Both sides judged the same transactions: a difference can be certain although the intervals overlap.",
    ],
    [
      "Money",
      `In ${money.currency}. Caught: amounts of alerted fraud. Missed: of the other fraud. Wrongly declined: of the others with the verdict decline. At the rates of the replayed policy; transactions without an amount in this currency count as 0.`,
    ],
    [
      "Net",
      `Money caught, less money wrongly declined, less ${price} for each review. A model for comparing: not every review is right, not every declined payment is lost. Its interval is within 1.96 standard deviations, transactions being draws independent of each other (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 5).`,
    ],
    [
      "ROC curve, AUC",
      "For each score limit, which shares of fraud (recall) and of legit transactions (false positive rate) have at least that score. The area under it, AUC, is how often a fraud scores higher than a legit transaction; equal scores count half.",
    ],
    [
      "Precision–recall, AP",
      "For each score limit, precision and recall of what has at least that score. Average precision, AP, sums precision over the steps of recall, without interpolation. The verdicts stand beside the curves where rules set verdicts past the score.",
    ],
    [
      `${named} precision`,
      `Per day, the ${entity}s in order of their greatest score of that day; of the first k, the share that had a fraud that day. A ${entity} found on one day is not looked at on later ones. The mean is over days (Le Borgne, Siblini, Lebichot, Bontempi: Fraud Detection Handbook, 2022, “Card Precision top-k”).`,
    ],
    ...blockedText(report, entity),
    [
      "Rules",
      "Fires: its condition was true. Held back: of these, suppressed. Of those not held back: alone, where no other rule had an effect; fraud, precision and money; and what it adds, the alerts that would be approvals without its verdict and its score, all else as it was. For a rule in shadow it is the other way round: the alerts that there would be if it were live.",
    ],
    [
      "Changed decisions",
      "The same transaction with another verdict. Another score alone is no change.",
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
    `Made by harrier ${textAt(report, "harrier")}`.trim(),
    textAt(report, "policy", "folder") ? `policy folder ${textAt(report, "policy", "folder")}` : "",
    isNumber(position) ? `archive to position ${formatCount(position)}` : "",
    total > 0 ? `took ${formatSeconds(total)}` : "",
    isNumber(rate) ? `${formatCount(rate)} transactions/s` : "",
  ];
  place.append(
    html("p", {}, parts.filter(Boolean).join(" · ")),
    html("p", {}, "This file holds its data, asks no network, and can be passed on as it is."),
  );
}
