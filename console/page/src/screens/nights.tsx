// The nights and their reports. A report is shown from its JSON: no page that a night wrote is loaded here.
import { get } from "../shared/api";
import { BarChart } from "../shared/chart";
import { clean, countOf, dateTimeOf, numberOf } from "../shared/format";
import { Notice, usePolled } from "../shared/parts";
import type { Finding, Night, Nights, Report, Step } from "./operations_api";

const DAY_MS = 86400000;
const RULES_SHOWN = 100;
const FEATURES_SHOWN = 30;

export function bytesOf(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (bytes >= 1024 && unit < units.length - 1) {
    bytes /= 1024;
    unit++;
  }
  return `${bytes < 10 && unit > 0 ? bytes.toFixed(1) : Math.round(bytes)} ${units[unit]}`;
}

function durationOf(ms: number): string {
  return ms < 1000 ? `${ms} ms` : ms < 120000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms / 60000)} min`;
}

// ---- the list ----

function outcomeOf(night: Night): { text: string; bad: boolean } {
  if (night.missing) return { text: "no night", bad: true };
  if (night.problem) return { text: night.problem, bad: true };
  const step = night.steps?.find((each) => each.state === "failed");
  if (night.failed) return { text: `failed${step ? ` at ${step.step}: ${step.reason ?? ""}` : ""}`, bad: true };
  if (!night.complete) return { text: "not complete: running, or interrupted", bad: false };
  if (night.models_failed) return { text: `complete, but for models: ${step?.reason ?? ""}`, bad: true };
  return { text: "complete", bad: false };
}

function findingsOf(night: Night): string {
  const { alert = 0, warning = 0, note = 0 } = night.findings ?? {};
  const parts = [
    [alert, "alert"],
    [warning, "warning"],
    [note, "note"],
  ] as const;
  const texts = parts.filter(([count]) => count > 0).map(([count, name]) => `${count} ${name}${count > 1 ? "s" : ""}`);
  return texts.join(", ") || "–";
}

export function NightsView({ date }: { date: string | null }) {
  const { value, failure } = usePolled((signal) => get<Nights>("/api/nights", {}, signal), 30000, []);
  if (date) return <ReportView date={date} />;
  return (
    <>
      {failure && <Notice bad>{failure}</Notice>}
      {!value && !failure && <p class="muted">Loading…</p>}
      {value?.folder_problem && <Notice bad>{clean(value.folder_problem)}</Notice>}
      {value && !value.folder_problem && value.nights.length === 0 && (
        <Notice>No night of the last 100 days is in the folder. Is harrier-night.timer enabled?</Notice>
      )}
      {value && value.nights.length > 0 && (
        <div class="scroll" role="region" aria-label="Nights" tabIndex={0}>
          <table class="rows">
            <thead>
              <tr>
                <th scope="col">Night</th>
                <th scope="col">How it ended</th>
                <th scope="col">Findings</th>
                <th scope="col" class="number">
                  Held back
                </th>
                <th scope="col">Verified</th>
                <th scope="col">Ended</th>
              </tr>
            </thead>
            <tbody>
              {value.nights.map((night) => {
                const outcome = outcomeOf(night);
                return (
                  <tr key={night.date}>
                    <td class="short">
                      {night.report ? (
                        <a href={`/operations?view=nights&night=${night.date}`}>{night.date}</a>
                      ) : (
                        night.date
                      )}
                    </td>
                    <td class={outcome.bad ? "bad" : undefined}>{clean(outcome.text)}</td>
                    <td>{findingsOf(night)}</td>
                    <td class="number">{night.held_back !== undefined ? numberOf(night.held_back) : "–"}</td>
                    <td>
                      {night.verified
                        ? `${numberOf(night.verified)}${night.sample ? " (a sample)" : ""}, ${numberOf(night.different ?? 0)} differ`
                        : "–"}
                    </td>
                    <td class="short">{night.ended ? dateTimeOf(night.ended) : "–"}</td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </div>
      )}
    </>
  );
}

// ---- a report ----

function ReportView({ date }: { date: string }) {
  const { value, failure } = usePolled((signal) => get<Report>("/api/nights/report", { date }, signal), 0, [date]);
  return (
    <>
      <p>
        <a href="/operations?view=nights">All nights</a>
      </p>
      {failure && (
        <Notice bad>
          The report of {clean(date)} cannot be shown: {failure}
        </Notice>
      )}
      {!value && !failure && <p class="muted">Loading…</p>}
      {value && <ShownReport report={value} />}
    </>
  );
}

function ShownReport({ report }: { report: Report }) {
  const { verify, growth, guard } = report;
  const facts: [string, string][] = [
    ["Reports on", report.day],
    ["Tables up to", `position ${numberOf(report.position)}`],
    [
      "Verified",
      `${numberOf(verify.compared)} states${verify.sample ? " (a sample)" : ""}, ${numberOf(verify.different)} differ`,
    ],
    ["Archive", `${bytesOf(growth.archive_bytes)}, ${bytesOf(growth.bytes_a_day)} a day`],
    [
      "Free on its disk",
      bytesOf(growth.free_bytes) +
        (growth.days_left !== undefined ? `: enough for ${countOf(growth.days_left, "day")}` : ""),
    ],
  ];
  return (
    <>
      <section class="panel" aria-labelledby="report">
        <h2 id="report">The night of {clean(report.date)}</h2>
        <dl class="facts">
          {facts.map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{clean(value)}</dd>
            </div>
          ))}
        </dl>
        <Findings findings={report.findings} />
      </section>
      <DaysPanel report={report} />
      <RulesPanel report={report} />
      <section class="panel" aria-labelledby="report-drift">
        <h2 id="report-drift">Drift</h2>
        <DriftTable report={report} />
      </section>
      <section class="panel" aria-labelledby="report-guard">
        <h2 id="report-guard">Held back</h2>
        {guard.accepted && <p>Taken now: {clean(guard.accepted)}</p>}
        {guard.held.length === 0 && <p class="muted">Nothing was held back.</p>}
        {guard.held.map((line) => (
          <p key={line}>{clean(line)}</p>
        ))}
      </section>
      <section class="panel" aria-labelledby="report-steps">
        <h2 id="report-steps">Steps</h2>
        <Steps steps={report.steps} />
      </section>
    </>
  );
}

function Findings({ findings }: { findings: Finding[] }) {
  if (findings.length === 0) return <p>Nothing unusual was found.</p>;
  return (
    <ul class="findings">
      {findings.map((finding, i) => (
        <li key={i} class={`finding-${finding.severity}`}>
          <b>{clean(finding.severity)}</b> {clean(finding.text)}
          {finding.advice && <span class="muted"> {clean(finding.advice)}</span>}
        </li>
      ))}
    </ul>
  );
}

function DaysPanel({ report }: { report: Report }) {
  const parts = ["approve", "review", "challenge", "decline"] as const;
  const bars = report.days
    .map((day) => ({ at: Date.parse(day.day), day }))
    .filter(({ at }) => !Number.isNaN(at))
    .map(({ at, day }) => ({ at, until: at + DAY_MS, values: parts.map((part) => day.verdicts[part]) }));
  const frauds = bars.map(({ at, until }, i) => ({
    at,
    until,
    values: [report.days[i]?.fraud_found ?? 0, report.days[i]?.fraud_missed ?? 0],
  }));
  return (
    <section class="panel" aria-labelledby="report-days">
      <h2 id="report-days">The days before</h2>
      <BarChart title="Transactions" days whole parts={[...parts]} bars={bars} />
      <BarChart title="Frauds known by then" days whole parts={["found", "missed"]} bars={frauds} />
    </section>
  );
}

function RulesPanel({ report }: { report: Report }) {
  const rules = [...report.rules].sort((a, b) => b.fires - a.fires).slice(0, RULES_SHOWN);
  return (
    <section class="panel" aria-labelledby="report-rules">
      <h2 id="report-rules">Rules</h2>
      {rules.length === 0 && <p class="muted">No rule fired.</p>}
      {rules.length > 0 && (
        <div class="scroll" role="region" aria-label="Rules" tabIndex={0}>
          <table class="rows">
            <thead>
              <tr>
                <th scope="col">Rule</th>
                <th scope="col" class="number">
                  Fires on the day
                </th>
                <th scope="col" class="number">
                  Week before
                </th>
                <th scope="col" class="number">
                  Failures
                </th>
                <th scope="col" class="number">
                  Fraud
                </th>
                <th scope="col" class="number">
                  Legit
                </th>
                <th scope="col" class="number">
                  Precision
                </th>
              </tr>
            </thead>
            <tbody>
              {rules.map((rule, i) => (
                <tr key={i}>
                  <td>
                    {clean(rule.rule)}
                    {rule.shadow && <span class="muted"> shadow</span>}
                  </td>
                  <td class="number">{numberOf(rule.fires)}</td>
                  <td class="number">{numberOf(rule.fires_before)}</td>
                  <td class="number">{numberOf(rule.failures)}</td>
                  <td class="number">{numberOf(rule.fraud)}</td>
                  <td class="number">{numberOf(rule.legit)}</td>
                  <td class="number">{rule.precision === null ? "–" : `${(100 * rule.precision).toFixed(1)}%`}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

function DriftTable({ report }: { report: Report }) {
  const { drift } = report;
  const features = drift.features
    .filter((each) => each.stability_index !== null)
    .sort((a, b) => (b.stability_index ?? 0) - (a.stability_index ?? 0))
    .slice(0, FEATURES_SHOWN);
  const { stability_index: score } = drift.score;
  return (
    <>
      {drift.reason && <p class="muted">{clean(drift.reason)}</p>}
      <p>
        Score:{" "}
        {score === null
          ? "too few decisions to compare"
          : `${score.toFixed(3)}, ${drift.score.noise.toFixed(3)} by chance`}
      </p>
      {features.length > 0 && (
        <div class="scroll" role="region" aria-label="Drift of features" tabIndex={0}>
          <table class="rows">
            <thead>
              <tr>
                <th scope="col">Feature</th>
                <th scope="col" class="number">
                  Stability index
                </th>
                <th scope="col" class="number">
                  By chance
                </th>
              </tr>
            </thead>
            <tbody>
              {features.map((each, i) => (
                <tr key={i}>
                  <td>{clean(each.feature)}</td>
                  <td class="number">{each.stability_index?.toFixed(3)}</td>
                  <td class="number">{each.noise.toFixed(3)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </>
  );
}

function Steps({ steps }: { steps: Step[] }) {
  return (
    <div class="scroll" role="region" aria-label="Steps" tabIndex={0}>
      <table class="rows">
        <thead>
          <tr>
            <th scope="col">Step</th>
            <th scope="col">State</th>
            <th scope="col" class="number">
              Time
            </th>
            <th scope="col">Reason</th>
          </tr>
        </thead>
        <tbody>
          {steps.map((step) => (
            <tr key={step.step}>
              <td>{clean(step.step)}</td>
              <td class={step.state === "failed" ? "bad" : undefined}>{clean(step.state)}</td>
              <td class="number">{durationOf(step.ms)}</td>
              <td>{clean(step.reason ?? "")}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
