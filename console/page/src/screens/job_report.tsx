// The figures of a backtest, as the replay report has them.
import { amountOf, clean, countOf, dateTimeOf, numberOf } from "../shared/format";
import { Notice } from "../shared/parts";
import { majorOf, type Detection, type Report, type Share } from "./jobs_api";

const VERDICTS = ["approve", "review", "challenge", "decline"] as const;

// "41.2% (38.0 to 44.5)".
export function intervalOf(share: Share): string {
  if (share.value === null || share.low === null || share.high === null) return "–";
  const percent = (value: number) => (100 * value).toFixed(1);
  return `${percent(share.value)}% (${percent(share.low)} to ${percent(share.high)})`;
}

interface Figure {
  name: string;
  of: (side: Detection) => string;
  number: (side: Detection) => number | null;
  isMoney?: boolean;
}

function differenceOf(after: number | null, before: number | null, show: (value: number) => string): string {
  if (after === null || before === null) return "–";
  const text = show(Math.abs(after - before));
  return after === before ? "0" : after > before ? `+${text}` : `−${text}`;
}

function Comparison({ report }: { report: Report }) {
  const digits = report.currency_digits ?? 2;
  const money = (minor: number) => amountOf(majorOf(minor, digits));
  const count = (name: string, of: (side: Detection) => number): Figure => ({
    name,
    of: (side) => numberOf(of(side)),
    number: of,
  });
  const sum = (name: string, of: (side: Detection) => number): Figure => ({
    name: `${name}${report.currency ? `, ${report.currency}` : ""}`,
    of: (side) => money(of(side)),
    number: of,
    isMoney: true,
  });
  const figures: Figure[] = [
    count("Frauds caught", (side) => side.true_positive),
    count("Frauds missed", (side) => side.false_negative),
    count("False alarms", (side) => side.false_positive),
    { name: "Precision", of: (side) => intervalOf(side.precision), number: (side) => side.precision.value },
    { name: "Recall", of: (side) => intervalOf(side.recall), number: (side) => side.recall.value },
    sum("Money of frauds caught", (side) => side.money_caught),
    sum("Money of frauds missed", (side) => side.money_missed),
    sum("Legit money declined", (side) => side.money_declined_wrongly),
    sum("Cost of reviews", (side) => side.review_cost),
    sum("Net", (side) => side.net),
  ];
  const show = (figure: Figure) => (value: number) =>
    figure.isMoney
      ? money(value)
      : figure.name === "Precision" || figure.name === "Recall"
        ? `${(100 * value).toFixed(1)} points`
        : numberOf(value);
  return (
    <div class="scroll" role="region" aria-label="Figures of both sides" tabIndex={0}>
      <table class="rows job-rows">
        <thead>
          <tr>
            <th scope="col">Figure</th>
            <th scope="col" class="number">
              Before
            </th>
            <th scope="col" class="number">
              After
            </th>
            <th scope="col" class="number">
              Difference
            </th>
          </tr>
        </thead>
        <tbody>
          {figures.map((figure) => (
            <tr key={figure.name}>
              <th scope="row">{clean(figure.name)}</th>
              <td class="number">{figure.of(report.detection.against)}</td>
              <td class="number">{figure.of(report.detection.replayed)}</td>
              <td class="number">
                {differenceOf(
                  figure.number(report.detection.replayed),
                  figure.number(report.detection.against),
                  show(figure),
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

// Rows are the verdicts before, columns those after.
function Matrix({ report }: { report: Report }) {
  return (
    <div class="scroll" role="region" aria-label="Verdicts before and after" tabIndex={0}>
      <table class="rows job-rows job-matrix">
        <thead>
          <tr>
            <th scope="col">Before ↓ after →</th>
            {VERDICTS.map((verdict) => (
              <th key={verdict} scope="col">
                {verdict}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {VERDICTS.map((before, i) => (
            <tr key={before}>
              <th scope="row">{before}</th>
              {VERDICTS.map((after, j) => (
                <td key={after} class={i === j ? "job-same" : undefined}>
                  {numberOf(report.matrix[i]?.[j] ?? 0)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Rules({ report }: { report: Report }) {
  const fired = report.rules.filter((rule) => rule.fires > 0);
  if (fired.length === 0) return null;
  return (
    <details class="panel">
      <summary>What each rule did ({fired.length} of them fired)</summary>
      <div class="scroll" role="region" aria-label="Rules" tabIndex={0}>
        <table class="rows job-rows">
          <thead>
            <tr>
              <th scope="col">Rule</th>
              <th scope="col">Mode</th>
              <th scope="col" class="number">
                Fires
              </th>
              <th scope="col" class="number">
                Precision
              </th>
              <th scope="col" class="number">
                Alerts it adds
              </th>
              <th scope="col" class="number">
                Frauds it adds
              </th>
            </tr>
          </thead>
          <tbody>
            {fired.map((rule) => (
              <tr key={rule.name}>
                <th scope="row">{clean(rule.name)}</th>
                <td>{clean(rule.mode)}</td>
                <td class="number">{numberOf(rule.fires)}</td>
                <td class="number">{intervalOf(rule.precision)}</td>
                <td class="number">{numberOf(rule.added_alerts)}</td>
                <td class="number">{numberOf(rule.added_positive)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}

function sideOf(side: { name?: string; snapshot?: string }): string {
  return `${clean(side.name ?? "?")} ${clean((side.snapshot ?? "").slice(0, 8))}`;
}

export function ReportFigures({ report, id }: { report: Report; id: number }) {
  const { archive } = report;
  return (
    <>
      <h2>Report</h2>
      <p>
        {countOf(archive.transactions, "transaction")}
        {archive.from && archive.to && `, ${dateTimeOf(archive.from)} to ${dateTimeOf(archive.to)}`}. After:{" "}
        {sideOf(report.policy)}. Before:{" "}
        {report.against.kind === "archived" ? "what was decided then" : sideOf(report.against)}.{" "}
        <a href={`/api/jobs/report?id=${id}`} download="backtest.html">
          Save the whole report, with charts
        </a>
      </p>
      {archive.refused + archive.against_refused > 0 && (
        <Notice bad>
          {numberOf(archive.refused + archive.against_refused)} transactions were refused by one of the policies and are
          in no figure.
        </Notice>
      )}
      {report.caveats.length > 0 && (
        <details class="panel">
          <summary>What to know about these figures ({report.caveats.length})</summary>
          <ul>
            {report.caveats.map((caveat) => (
              <li key={caveat.code}>{clean(caveat.text)}</li>
            ))}
          </ul>
        </details>
      )}
      <div class="job-side">
        <Comparison report={report} />
        <Matrix report={report} />
      </div>
      <Rules report={report} />
    </>
  );
}
