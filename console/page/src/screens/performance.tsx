// How good decisions were, as far as outcomes tell: by day and rule, policies side by side, drift. The range, the day
// of knowledge and the view are the address, so each can be shared.
import { get } from "../shared/api";
import { BarChart, LineChart, type ChartPoint } from "../shared/chart";
import { amountOf, clean, countOf, numberOf, shareOf } from "../shared/format";
import { Heading, Notice, usePolled } from "../shared/parts";
import { go, usePlace } from "../shared/router";
import { Tabs } from "../shared/tabs";
import { DriftView } from "./drift";
import "./performance.css";
import type { Day, Figure, Figures, Money, Performance, Rule, View } from "./performance_api";
import { PoliciesView } from "./policies_compared";

const VIEWS = [
  { view: "days", name: "Days and rules" },
  { view: "policies", name: "Policies side by side" },
  { view: "drift", name: "Drift" },
];
const DAY_MS = 86400000;
const DAYS_FIRST = 31;
const RANGES = [30, 90, 365, 730];

export function percentOf(value: number): string {
  return `${(100 * value).toFixed(1)}%`;
}

export function ShareCell({ figure }: { figure: Figure }) {
  return <ShownFigure figure={figure} format={percentOf} />;
}

export function ShownFigure({ figure, format }: { figure: Figure; format: (value: number) => string }) {
  if (!figure) return <>–</>;
  return (
    <>
      {format(figure.value)}{" "}
      <small class="muted">
        {format(figure.low)} to {format(figure.high)}
      </small>
    </>
  );
}

export function MoneyCell({ money }: { money: Money }) {
  return (
    <>
      {amountOf(money.value)} <small class="muted">± {amountOf(money.half)}</small>
    </>
  );
}

export function ratioOf(value: number): string {
  return value.toFixed(value < 10 ? 1 : 0);
}

function addDays(day: string, count: number): string {
  return new Date(Date.parse(day) + count * DAY_MS).toISOString().slice(0, 10);
}

// ---- the range ----

export function RangeForm({ view, ranges = RANGES }: { view: View | null; ranges?: number[] }) {
  const { path, query } = usePlace();
  const change = (values: Record<string, string>) => {
    const words = new URLSearchParams(query);
    for (const [name, value] of Object.entries(values))
      if (value) words.set(name, value);
      else words.delete(name);
    go(`${path}?${words}`);
  };
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const values: Record<string, string> = {};
    for (const [name, value] of new FormData(event.currentTarget as HTMLFormElement))
      if (typeof value === "string") values[name] = value.trim();
    change(values);
  };
  return (
    <form class="filters range" onSubmit={submit} key={`${query} ${view?.from} ${view?.until}`}>
      <label>
        from <input name="from" type="date" defaultValue={query.get("from") ?? view?.from ?? ""} />
      </label>
      <label>
        until <input name="until" type="date" defaultValue={query.get("until") ?? view?.until ?? ""} />
      </label>
      <label title="Figures as they were known at the end of this day; empty: now">
        as known on <input name="known" type="date" defaultValue={query.get("known") ?? ""} />
      </label>
      <label title="Days after which a day counts as mature; empty: as measured">
        mature after{" "}
        <input
          name="mature"
          type="number"
          min={0}
          max={400}
          placeholder={view ? String(view.maturity.measured_days) : ""}
          defaultValue={query.get("mature") ?? ""}
        />
      </label>
      <label>
        currency{" "}
        <select name="currency">
          {(view?.currencies.length ? view.currencies : [""]).map((currency) => (
            <option key={currency} selected={currency === view?.currency}>
              {clean(currency)}
            </option>
          ))}
        </select>
      </label>
      <button type="submit">Show</button>
      {view && (
        <div class="presets" role="group" aria-label="Ranges">
          {ranges.map((days) => (
            <button key={days} type="button" onClick={() => change({ from: addDays(view.until, 1 - days) })}>
              {days === 365 ? "1 year" : days === 730 ? "2 years" : countOf(days, "day")}
            </button>
          ))}
        </div>
      )}
    </form>
  );
}

export function ViewNotices({ view }: { view: View }) {
  const { read, maturity } = view;
  const behind = read.end > 0 && read.position < read.end;
  return (
    <>
      {read.problem && <Notice bad>The figures do not go on: {clean(read.problem)}</Notice>}
      {behind && (
        <Notice>
          The archive is still being read: {shareOf(read.position, read.end)} of it is in these figures, the oldest days
          first.
        </Notice>
      )}
      {!view.known_now && <Notice>These figures are what was known at the end of {view.known}.</Notice>}
      <p class="muted">
        {maturity.measured
          ? `${percentOf(maturity.share)} of frauds are known after ${countOf(maturity.measured_days, "day")}` +
            ` (measured with ${countOf(maturity.frauds, "fraud")}; later than ${countOf(maturity.horizon, "day")} is not seen).`
          : "There are too few frauds yet to measure how long outcomes take."}{" "}
        Days up to {maturity.until} count as mature: one without an outcome counts as legit then. Shares have intervals
        of 95%.
      </p>
    </>
  );
}

// ---- the whole ----

export function FigureList({ figures, currency }: { figures: Figures; currency: string }) {
  const items: [string, preact.ComponentChildren][] = [
    ["Transactions", numberOf(figures.transactions)],
    ["With an outcome", shareOf(figures.with_outcome, figures.transactions)],
    ["Alerts", <ShareCell figure={figures.alerts} />],
    ["Precision", <ShareCell figure={figures.precision} />],
    ["Recall", <ShareCell figure={figures.recall} />],
    ["False alarms per fraud", <ShownFigure figure={figures.alarms_per_fraud} format={ratioOf} />],
    [`Fraud caught, ${clean(currency)}`, <MoneyCell money={figures.caught_money} />],
    [`Fraud missed, ${clean(currency)}`, <MoneyCell money={figures.missed_money} />],
    [`Stopped wrongly, ${clean(currency)}`, <MoneyCell money={figures.stopped_wrongly} />],
  ];
  return (
    <dl class="figures">
      {items.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

// young: the address of the same with every day as mature.
function MatureDays({ performance, young }: { performance: Performance; young: string }) {
  const { mature, currency } = performance;
  const coming = performance.young;
  const count = numberOf(coming.transactions);
  if (mature.transactions === 0)
    return (
      <p>
        None yet, so there are no totals. {count} transactions are of days whose outcomes are still coming,{" "}
        {numberOf(coming.fraud)} of them known as fraud so far. <a href={young}>Count every day as mature</a>
      </p>
    );
  return (
    <>
      <FigureList figures={mature} currency={currency} />
      {coming.transactions > 0 && (
        <p class="muted">
          Not in it: {count} transactions of days whose outcomes are still coming, {numberOf(coming.fraud)} of them
          known as fraud so far.
        </p>
      )}
    </>
  );
}

// ---- by day ----

function pointsOf(days: Day[], mature: boolean, figure: (day: Day) => Figure): ChartPoint[] {
  return days
    .filter((day) => day.mature === mature)
    .map((day) => {
      const found = figure(day);
      const at = Date.parse(day.day);
      return found ? { at, ...found } : { at, value: null };
    });
}

function seriesOf(days: Day[], name: string, figure: (day: Day) => Figure) {
  return [
    { name, points: pointsOf(days, true, figure) },
    { name: `${name}, outcomes still coming`, points: pointsOf(days, false, figure) },
  ].filter((series) => series.points.length > 0);
}

function DayCharts({ days, currency }: { days: Day[]; currency: string }) {
  const bars = days.map((day) => ({
    at: Date.parse(day.day),
    until: Date.parse(day.day) + DAY_MS,
    values: [day.caught_money, day.missed_money, day.stopped_wrongly].map((money) => Math.max(0, Number(money.value))),
  }));
  return (
    <>
      <LineChart
        title="Recall by day"
        days
        format={percentOf}
        axis={percentOf}
        fromZero
        series={seriesOf(days, "recall", (day) => day.recall)}
      />
      <LineChart
        title="Precision by day"
        days
        format={percentOf}
        axis={percentOf}
        fromZero
        series={seriesOf(days, "precision", (day) => day.precision)}
      />
      <BarChart
        title={`Money by day, ${clean(currency)}`}
        days
        parts={["caught", "missed", "stopped wrongly"]}
        bars={bars}
      />
    </>
  );
}

function DayTable({ days, all, showAll }: { days: Day[]; all: boolean; showAll: string }) {
  const newest = [...days].reverse();
  const shown = all ? newest : newest.slice(0, DAYS_FIRST);
  return (
    <>
      <div class="scroll" role="region" aria-label="By day" tabIndex={0}>
        <table class="rows">
          <thead>
            <tr>
              <th scope="col">Day</th>
              <th scope="col">Outcomes</th>
              <th scope="col" class="number">
                Transactions
              </th>
              <th scope="col" class="number">
                Fraud
              </th>
              <th scope="col" class="number">
                Precision
              </th>
              <th scope="col" class="number">
                Recall
              </th>
              <th scope="col" class="number">
                False alarms per fraud
              </th>
              <th scope="col" class="number">
                Caught
              </th>
              <th scope="col" class="number">
                Missed
              </th>
              <th scope="col" class="number">
                Stopped wrongly
              </th>
            </tr>
          </thead>
          <tbody>
            {shown.map((day) => (
              <tr key={day.day} class={day.mature ? undefined : "young"}>
                <td class="short">{day.day}</td>
                <td class="short">
                  {shareOf(day.with_outcome, day.transactions)}
                  {!day.mature && (
                    <span class="coming">
                      {" "}
                      still coming
                      {day.frauds_known !== undefined && `: about ${percentOf(day.frauds_known)} of frauds known`}
                    </span>
                  )}
                </td>
                <td class="number">{numberOf(day.transactions)}</td>
                <td class="number">{numberOf(day.fraud)}</td>
                <td class="number">
                  <ShareCell figure={day.precision} />
                </td>
                <td class="number">
                  <ShareCell figure={day.recall} />
                </td>
                <td class="number">{day.alarms_per_fraud ? ratioOf(day.alarms_per_fraud.value) : "–"}</td>
                <td class="number">{amountOf(day.caught_money.value)}</td>
                <td class="number">{amountOf(day.missed_money.value)}</td>
                <td class="number">{amountOf(day.stopped_wrongly.value)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {shown.length < newest.length && <a href={showAll}>Show all {numberOf(newest.length)} days</a>}
    </>
  );
}

// ---- by rule ----

const ORDERS: Record<string, (a: Rule, b: Rule) => number> = {
  fires: (a, b) => b.transactions - a.transactions,
  precision: (a, b) => (a.precision?.value ?? 2) - (b.precision?.value ?? 2),
  caught: (a, b) => Number(b.caught_money.value) - Number(a.caught_money.value),
  "false alarms": (a, b) => b.false_alarms - a.false_alarms,
};

function RuleTable({ rules }: { rules: Rule[] }) {
  const { path, query } = usePlace();
  const order = query.get("order") ?? "fires";
  const sorted = [...rules].sort(ORDERS[order] ?? ORDERS["fires"]);
  const addressOf = (name: string) => {
    const words = new URLSearchParams(query);
    words.set("order", name);
    return `${path}?${words}`;
  };
  return (
    <>
      <p class="orders">
        By{" "}
        {Object.keys(ORDERS).map((name) => (
          <a key={name} href={addressOf(name)} aria-current={name === order ? "true" : undefined}>
            {name}
          </a>
        ))}
      </p>
      <div class="scroll" role="region" aria-label="By rule" tabIndex={0}>
        <table class="rows">
          <thead>
            <tr>
              <th scope="col">Rule</th>
              <th scope="col" class="number">
                Fired
              </th>
              <th scope="col" class="number">
                Too young
              </th>
              <th scope="col" class="number">
                Fraud of it
              </th>
              <th scope="col" class="number">
                False alarms
              </th>
              <th scope="col" class="number">
                Precision of its alerts
              </th>
              <th scope="col" class="number">
                False alarms per fraud
              </th>
              <th scope="col" class="number">
                Caught
              </th>
              <th scope="col" class="number">
                Missed
              </th>
              <th scope="col" class="number">
                Stopped wrongly
              </th>
            </tr>
          </thead>
          <tbody>
            {sorted.map((rule) => (
              <tr key={`${rule.rule} ${rule.shadow}`}>
                <td>
                  <a href={`/search?${new URLSearchParams({ rule: rule.rule })}`}>{clean(rule.rule)}</a>
                  {rule.shadow && <span class="muted"> shadow</span>}
                </td>
                <td class="number">{numberOf(rule.transactions)}</td>
                <td class="number">{numberOf(rule.young)}</td>
                <td class="number">{numberOf(rule.fraud)}</td>
                <td class="number">{numberOf(rule.false_alarms)}</td>
                <td class="number">
                  <ShareCell figure={rule.precision} />
                </td>
                <td class="number">{rule.alarms_per_fraud ? ratioOf(rule.alarms_per_fraud.value) : "–"}</td>
                <td class="number">
                  <MoneyCell money={rule.caught_money} />
                </td>
                <td class="number">
                  <MoneyCell money={rule.missed_money} />
                </td>
                <td class="number">
                  <MoneyCell money={rule.stopped_wrongly} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p class="muted">
        Of mature days. A transaction counts for each rule that fired for it, with what was decided in the end; a rule
        in shadow may have fired where nothing was stopped, and then fraud is missed.
      </p>
    </>
  );
}

export function queryOf(query: URLSearchParams): Record<string, string> {
  const words: Record<string, string> = {};
  for (const name of ["from", "until", "known", "mature", "currency"]) words[name] = query.get(name) ?? "";
  return words;
}

function DaysView() {
  const { path, query } = usePlace();
  const words = queryOf(query);
  const { value, failure } = usePolled((signal) => get<Performance>("/api/performance", words, signal), 20000, [
    JSON.stringify(words),
  ]);
  const all = new URLSearchParams(query);
  all.set("all", "1");
  const young = new URLSearchParams(query);
  young.set("mature", "0");
  return (
    <>
      <RangeForm view={value} />
      {failure && <Notice bad>{failure}</Notice>}
      {!value && !failure && <p class="muted">Loading…</p>}
      {value && <ViewNotices view={value} />}
      {value?.empty && <Notice>There are no decisions in the archive yet.</Notice>}
      {value && !value.empty && (
        <>
          <section class="panel" aria-labelledby="all-mature">
            <h2 id="all-mature">Mature days of the range</h2>
            <MatureDays performance={value} young={`${path}?${young}`} />
          </section>
          <section class="panel" aria-labelledby="by-day">
            <h2 id="by-day">By day</h2>
            <DayCharts days={value.days} currency={value.currency} />
            <DayTable days={value.days} all={query.has("all")} showAll={`${path}?${all}`} />
          </section>
          <section class="panel" aria-labelledby="by-rule">
            <h2 id="by-rule">By rule</h2>
            {value.mature.transactions > 0 ? (
              <RuleTable rules={value.rules} />
            ) : (
              <p>Of mature days; there are none yet.</p>
            )}
          </section>
        </>
      )}
    </>
  );
}

export function PerformanceScreen() {
  const { query } = usePlace();
  const view = query.get("view") ?? "days";
  return (
    <>
      <Heading title="Performance" />
      <Tabs label="Views of performance" views={VIEWS} />
      {view === "policies" ? <PoliciesView /> : view === "drift" ? <DriftView /> : <DaysView />}
    </>
  );
}
