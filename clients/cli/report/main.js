/* Fills the page, part by part. A part that fails says so and leaves the others alone. */

import { showAllFigures } from "./all_figures.js";
import { showChanged } from "./changed.js";
import { showCardPrecision, showDays } from "./day_charts.js";
import { readReport } from "./document.js";
import { emptyNote, part } from "./dom.js";
import { showCaveats, showHead } from "./head.js";
import { showKeyFigures } from "./key_figures.js";
import { showFoot, showMethod } from "./method.js";
import { showModels } from "./models.js";
import { showOverlap } from "./overlap.js";
import { showRules } from "./rules.js";
import { showRanking, showScores } from "./score_charts.js";
import { showVerdicts } from "./verdict_table.js";

const report = readReport();
let showPair = (/** @type {string} */ _from, /** @type {string} */ _to) => {};

/** @type {[string, (place: HTMLElement) => void][]} */
const parts = [
  ["facts", () => showHead(report)],
  ["caveats", () => showCaveats(report)],
  ["cards", () => showKeyFigures(report)],
  ["all-figures", (place) => showAllFigures(report, place)],
  ["days", (place) => showDays(report, place)],
  ["verdicts", (place) => showVerdicts(report, place, (from, to) => showPair(from, to))],
  ["ranking", (place) => showRanking(report, place)],
  ["scores", (place) => showScores(report, place)],
  ["card-precision", (place) => showCardPrecision(report, place)],
  ["rules", (place) => showRules(report, place)],
  ["overlap", (place) => showOverlap(report, place)],
  ["models", (place) => showModels(report, place)],
  ["changed", (place) => (showPair = showChanged(report, place))],
  ["method", (place) => showMethod(report, place)],
  ["foot", (place) => showFoot(report, place)],
];

// A closed section cannot be opened on paper, so it is printed open.
addEventListener("beforeprint", () => part("all-figures").setAttribute("open", ""));

part("main").hidden = false;
for (const [id, show] of parts) {
  try {
    show(part(id));
  } catch (error) {
    part(id).append(emptyNote("This part could not be shown."));
    console.error(id, error);
  }
}
