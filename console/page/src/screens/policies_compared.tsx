// The arms of experiments, and shadow policies beside what was decided.
import { get } from "../shared/api";
import { amountOf, clean, numberOf, shareOf } from "../shared/format";
import { Notice, usePolled } from "../shared/parts";
import { usePlace } from "../shared/router";
import { MoneyCell, percentOf, queryOf, RangeForm, ratioOf, ShareCell, ShownFigure, ViewNotices } from "./performance";
import type { Experiment, Figure, Policies, Shadow, Side } from "./performance_api";

const VERDICTS = ["approve", "review", "challenge", "decline"] as const;

function pointsOf(value: number): string {
  const points = (100 * value).toFixed(2).replace("-", "−");
  return value > 0 ? `+${points}` : points;
}

// Minor units as they are; the currency's digits are those of the amounts beside it.
function minorOf(digits: number): (value: number) => string {
  return (value) => {
    const text = amountOf((value / 10 ** digits).toFixed(digits));
    return value > 0 ? `+${text}` : text;
  };
}

function digitsOf(amount: string): number {
  return amount.split(".")[1]?.length ?? 0;
}

function Comparison({
  label,
  first,
  second,
  differences,
}: {
  label: string;
  first: { name: string; side: Side };
  second: { name: string; side: Side };
  differences: { name: string; figure: Figure; format: (value: number) => string }[];
}) {
  const byName = new Map(differences.map((each) => [each.name, each]));
  const rows: [string, (side: Side) => preact.ComponentChildren][] = [
    ["Transactions", (side) => numberOf(side.transactions)],
    ...VERDICTS.map((verdict): [string, (side: Side) => preact.ComponentChildren] => [
      verdict,
      (side) => `${numberOf(side.verdicts[verdict])} (${shareOf(side.verdicts[verdict], side.transactions)})`,
    ]),
    ["Alerts", (side) => <ShareCell figure={side.alerts} />],
    ["Fraud", (side) => numberOf(side.fraud)],
    ["Recall", (side) => <ShareCell figure={side.recall} />],
    ["Precision", (side) => <ShareCell figure={side.precision} />],
    ["False alarms per fraud", (side) => <ShownFigure figure={side.alarms_per_fraud} format={ratioOf} />],
    ["Fraud caught", (side) => <MoneyCell money={side.caught_money} />],
    ["Fraud missed", (side) => <MoneyCell money={side.missed_money} />],
    ["Stopped wrongly", (side) => <MoneyCell money={side.stopped_wrongly} />],
  ];
  return (
    <div class="scroll" role="region" aria-label={label} tabIndex={0}>
      <table class="rows compared">
        <thead>
          <tr>
            <th scope="col">Of mature days</th>
            <th scope="col" class="number">
              {clean(first.name)}
            </th>
            <th scope="col" class="number">
              {clean(second.name)}
            </th>
            <th scope="col" class="number">
              Difference
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map(([name, show]) => {
            const difference = byName.get(name);
            return (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td class="number">{show(first.side)}</td>
                <td class="number">{show(second.side)}</td>
                <td class="number">
                  {difference && <ShownFigure figure={difference.figure} format={difference.format} />}
                </td>
              </tr>
            );
          })}
          {differences
            .filter((each) => !rows.some(([name]) => name === each.name))
            .map((each) => (
              <tr key={each.name}>
                <th scope="row">{each.name}</th>
                <td />
                <td />
                <td class="number">
                  <ShownFigure figure={each.figure} format={each.format} />
                </td>
              </tr>
            ))}
        </tbody>
      </table>
    </div>
  );
}

function ExperimentPanel({ experiment, currency }: { experiment: Experiment; currency: string }) {
  const { differences } = experiment;
  const money = minorOf(digitsOf(experiment.champion.caught_money.value));
  return (
    <section class="panel">
      <h2>
        Experiment {clean(experiment.experiment)}{" "}
        <span class="muted">{experiment.ended ? "ended, or with another champion now" : "in force"}</span>
      </h2>
      <p>
        {clean(experiment.challenger_name || experiment.challenger_id)} decides for{" "}
        {percentOf(experiment.share_e4 / 10000)} of {clean(experiment.key)},{" "}
        {clean(experiment.champion_name || experiment.champion_id)} for the others. Amounts in {clean(currency)};
        differences in percentage points.
      </p>
      <Comparison
        label={`Experiment ${clean(experiment.experiment)}`}
        first={{ name: "champion", side: experiment.champion }}
        second={{ name: "challenger", side: experiment.challenger }}
        differences={[
          { name: "Alerts", figure: differences.alerts, format: pointsOf },
          { name: "decline", figure: differences.declines, format: pointsOf },
          { name: "Recall", figure: differences.recall, format: pointsOf },
          { name: "Precision", figure: differences.precision, format: pointsOf },
          {
            name: "Caught less stopped wrongly, for 1,000 transactions",
            figure: scaled(differences.net_each, 1000),
            format: money,
          },
        ]}
      />
      <p class="muted">
        {numberOf((experiment.champion.young ?? 0) + (experiment.challenger.young ?? 0))} transactions are of days whose
        outcomes are still coming, and {numberOf(experiment.without_key.transactions)} had no {clean(experiment.key)}.
      </p>
    </section>
  );
}

function scaled(figure: Figure, by: number): Figure {
  return figure && { value: figure.value * by, low: figure.low * by, high: figure.high * by };
}

function ShadowPanel({ shadow, currency }: { shadow: Shadow; currency: string }) {
  const { differences } = shadow;
  return (
    <section class="panel">
      <h2>
        Shadow policy {clean(shadow.policy ?? shadow.id)} <span class="muted">{shadow.id}</span>
      </h2>
      <p>
        Both decided the same transactions, and differences are taken pair by pair. Amounts in {clean(currency)};
        differences in percentage points.
      </p>
      <Comparison
        label={`Shadow policy ${clean(shadow.policy ?? shadow.id)}`}
        first={{ name: "decided", side: shadow.live }}
        second={{ name: "shadow", side: shadow.shadow }}
        differences={[
          { name: "Alerts", figure: differences.alerts, format: pointsOf },
          { name: "decline", figure: differences.declines, format: pointsOf },
          { name: "Recall", figure: differences.recall, format: pointsOf },
          {
            name: "Caught less stopped wrongly",
            figure: differences.net,
            format: minorOf(digitsOf(shadow.live.caught_money.value)),
          },
        ]}
      />
      <p class="muted">
        {numberOf(shadow.young)} transactions are of days whose outcomes are still coming; it would have refused{" "}
        {numberOf(shadow.refused)}, which are left out.
      </p>
    </section>
  );
}

export function PoliciesView() {
  const { query } = usePlace();
  const words = queryOf(query);
  const { value, failure } = usePolled((signal) => get<Policies>("/api/performance/policies", words, signal), 20000, [
    JSON.stringify(words),
  ]);
  return (
    <>
      <RangeForm view={value} />
      {failure && <Notice bad>{failure}</Notice>}
      {!value && !failure && <p class="muted">Loading…</p>}
      {value && <ViewNotices view={value} />}
      {value && value.experiments.length + value.shadows.length === 0 && (
        <Notice>
          No challenger and no shadow policy decided in this range. The server's options challenger and shadow name
          them.
        </Notice>
      )}
      {value?.experiments.map((each) => (
        <ExperimentPanel key={each.phase} experiment={each} currency={value.currency} />
      ))}
      {value?.shadows.map((each) => (
        <ShadowPanel key={each.id} shadow={each} currency={value.currency} />
      ))}
    </>
  );
}
