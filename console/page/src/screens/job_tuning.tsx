// What a tuning found: figures of both ranges, the numbers that change, and a draft of it.
import { useState } from "preact/hooks";
import { post } from "../shared/api";
import { clean, countOf, dateTimeOf, numberOf } from "../shared/format";
import { messageOf, Notice } from "../shared/parts";
import type { Job, TuneChange, TuneFigures, Tuning } from "./jobs_api";

const percent = (value: number | null) => (value === null ? "–" : `${(100 * value).toFixed(1)}%`);

const FIGURES: { name: string; of: (figures: TuneFigures) => string }[] = [
  { name: "Alerts a day", of: (figures) => numberOf(Math.round(figures.alerts_per_day * 10) / 10) },
  { name: "Frauds caught", of: (figures) => numberOf(figures.caught) },
  { name: "Frauds missed", of: (figures) => numberOf(figures.missed) },
  { name: "False alarms", of: (figures) => numberOf(figures.false_alerts) },
  { name: "Legit ones declined", of: (figures) => numberOf(figures.declined_wrongly) },
  { name: "Precision", of: (figures) => percent(figures.precision) },
  { name: "Recall", of: (figures) => percent(figures.recall) },
];

function Ranges({ tuning }: { tuning: Tuning }) {
  const range = (of: Tuning["test"]) =>
    `${dateTimeOf(of.from)} to ${dateTimeOf(of.until)}: ${countOf(of.transactions, "transaction")}, ${countOf(of.frauds, "fraud")}`;
  return (
    <>
      <p>
        Searched on {range(tuning.training)}. Tested on {range(tuning.test)}.
      </p>
      <div class="scroll" role="region" aria-label="Figures of both policies" tabIndex={0}>
        <table class="rows job-rows compared">
          <thead>
            <tr>
              <th scope="col">Figure</th>
              <th scope="col" class="number">
                Test, present
              </th>
              <th scope="col" class="number">
                Test, tuned
              </th>
              <th scope="col" class="number">
                Search, present
              </th>
              <th scope="col" class="number">
                Search, tuned
              </th>
            </tr>
          </thead>
          <tbody>
            {FIGURES.map(({ name, of }) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td class="number">{of(tuning.test.present)}</td>
                <td class="number">{of(tuning.test.tuned)}</td>
                <td class="number">{of(tuning.training.present)}</td>
                <td class="number">{of(tuning.training.tuned)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

function nameOf(change: TuneChange): string {
  if (change.kind === "cutoff") return `cut-off of ${change.verdict ?? ""}`;
  if (change.kind === "score") return `score of ${change.rule ?? ""}`;
  return `${change.rule ?? ""}: ${change.compared ?? ""}`;
}

function Numbers({ changes }: { changes: TuneChange[] }) {
  return (
    <div class="scroll" role="region" aria-label="Numbers that change" tabIndex={0}>
      <table class="rows job-rows">
        <thead>
          <tr>
            <th scope="col">What</th>
            <th scope="col" class="number">
              From
            </th>
            <th scope="col" class="number">
              To
            </th>
            <th scope="col">Where</th>
          </tr>
        </thead>
        <tbody>
          {changes.map((change) => (
            <tr key={`${change.file}:${change.line} ${nameOf(change)}`}>
              <th scope="row">{clean(nameOf(change))}</th>
              <td class="number">{numberOf(change.from)}</td>
              <td class="number">{numberOf(change.to)}</td>
              <td>
                {clean(change.file)}:{change.line}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Diff({ text }: { text: string }) {
  return (
    <details class="panel">
      <summary>The difference</summary>
      <div class="job-diff" role="region" aria-label="Difference" tabIndex={0}>
        {text.split("\n").map((line, i) => (
          <div key={i} class={line.startsWith("+") ? "job-plus" : line.startsWith("-") ? "job-minus" : undefined}>
            <code>{clean(line) || " "}</code>
          </div>
        ))}
      </div>
    </details>
  );
}

function Draft({ job }: { job: Job }) {
  const [draft, setDraft] = useState(0);
  const [problem, setProblem] = useState("");
  const make = () => {
    setProblem("");
    post<{ draft: number }>("/api/jobs/draft", { id: job.id }).then(
      (answer) => setDraft(answer.draft),
      (reason) => setProblem(messageOf(reason)),
    );
  };
  return (
    <>
      {problem && <Notice bad>{clean(problem)}</Notice>}
      {draft > 0 ? (
        <Notice>
          Your draft {draft} has these numbers. <a href={`/jobs?new=backtest&draft=${draft}`}>Backtest it</a>
        </Notice>
      ) : (
        <p>
          <button type="button" onClick={make}>
            Make it my draft
          </button>
        </p>
      )}
    </>
  );
}

export function TuningFigures({ tuning, job, mayChange }: { tuning: Tuning; job: Job; mayChange: boolean }) {
  return (
    <>
      <h2>Result</h2>
      <p>
        Aim: {clean(tuning.aim)}.{" "}
        {tuning.better
          ? `${countOf(tuning.changes.length, "number changes", "numbers change")}; ${countOf(tuning.flips, "verdict")} of the test would.`
          : "No better numbers were found."}
      </p>
      {!tuning.reached && <Notice bad>The aim was not reached where it searched.</Notice>}
      {tuning.reached && !tuning.reached_on_test && <Notice bad>The aim was not reached in the test.</Notice>}
      {tuning.failed_cases > 0 && (
        <Notice bad>
          {numberOf(tuning.failed_cases)} of the policy's {countOf(tuning.cases, "case")}{" "}
          {tuning.failed_cases === 1 ? "fails" : "fail"} with these numbers.
        </Notice>
      )}
      <Ranges tuning={tuning} />
      {tuning.changes.length > 0 && (
        <>
          <h2>Numbers that change</h2>
          <Numbers changes={tuning.changes} />
          {mayChange && <Draft job={job} />}
          <Diff text={tuning.diff} />
        </>
      )}
    </>
  );
}
