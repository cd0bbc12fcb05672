/* What the policy's models were given, beside their training. */

import { listAt, numberAt, textAt } from "./document.js";
import { html, part, plainTable } from "./dom.js";
import { formatCount, formatShare, isNumber } from "./format.js";

/** From docs/MODELS.md: not stable any more, and a shift. */
const MOVED = 0.1;
const SHIFT = 0.25;
const UNKNOWN = -1;

/** @param {any} row */
function indexOf(row) {
  const index = numberAt(row, "stability_index");
  return isNumber(index) ? index : UNKNOWN;
}

/** @param {any} row */
function indexText(row) {
  const index = indexOf(row);
  if (index === UNKNOWN) return "–";
  const text = index.toFixed(3);
  return index > SHIFT ? html("strong", {}, `${text} shift`) : index > MOVED ? `${text} moved` : text;
}

/** @param {any} row @param {string} key */
function shareText(row, key) {
  const share = numberAt(row, key);
  return isNumber(share) ? formatShare(share, 1) : "–";
}

/** The score first, then the inputs that have moved most. @param {any} model */
function rowsOf(model) {
  const inputs = [...listAt(model, "inputs")].sort((a, b) => indexOf(b) - indexOf(a));
  return [
    ["the score", indexText(model?.score), "–", "–"],
    ...inputs.map((input) => [
      textAt(input, "input"),
      indexText(input),
      shareText(input, "missing"),
      shareText(input, "missing_in_training"),
    ]),
  ];
}

/** @param {any} report @param {HTMLElement} place */
export function showModels(report, place) {
  for (const model of listAt(report, "models")) {
    const [from, until] = [textAt(model, "trained_from"), textAt(model, "trained_until")];
    const caption = [
      `${textAt(model, "model")}: ${formatCount(numberAt(model, "rows"))} decisions`,
      `beside ${formatCount(numberAt(model, "rows_in_training"))} rows of training`,
      from && until ? `(${from} to ${until})` : "",
    ]
      .join(" ")
      .trim();
    place.append(
      plainTable(
        caption,
        ["Input", "Stability index", "Missing", "Missing in training"],
        rowsOf(model),
      ),
    );
  }
  part("models-section").hidden = listAt(report, "models").length === 0;
}
