// What each rule did over a chosen time: decisions as they were served, outcomes as they are known now.
import { useState } from "preact/hooks";
import { get, isAtLeast, type Session } from "../shared/api";
import { clean, numberOf } from "../shared/format";
import { Heading, messageOf, Money, Notice, usePolled } from "../shared/parts";
import { go, usePlace } from "../shared/router";
import { intervalOf } from "./job_report";
import type { Share } from "./jobs_api";
import { daysAgo, type Read } from "./performance_api";
import { putInMode } from "./rules_api";
import { RulesTabs } from "./rules_tabs";
import "./jobs.css";

interface Sum {
  currency: string;
  amount: string;
}

interface RuleFigures {
  rule: string;
  mode: string;
  fires: number;
  fraud: number;
  legit: number;
  suspected: number;
  unknown: number;
  precision: Share | null;
  caught: Sum[];
  stopped: Sum[];
}

interface Figures {
  now: string;
  read: Read;
  rules: RuleFigures[];
}

// Sums of several currencies are not added: rows with more of the first one come first.
const moneyOf = (sums: Sum[]) => Number(sums[0]?.amount ?? 0);

const COLUMNS: { key: string; name: string; isText?: boolean; of: (rule: RuleFigures) => number | string }[] = [
  { key: "rule", name: "Rule", isText: true, of: (rule) => rule.rule },
  { key: "mode", name: "Mode", isText: true, of: (rule) => rule.mode },
  { key: "fires", name: "Fires", of: (rule) => rule.fires },
  { key: "fraud", name: "Fraud", of: (rule) => rule.fraud },
  { key: "legit", name: "Legit", of: (rule) => rule.legit },
  { key: "unknown", name: "No outcome", of: (rule) => rule.unknown + rule.suspected },
  { key: "precision", name: "Precision", of: (rule) => rule.precision?.value ?? -1 },
  { key: "caught", name: "Fraud caught", of: (rule) => moneyOf(rule.caught) },
  { key: "stopped", name: "Legit declined", of: (rule) => moneyOf(rule.stopped) },
];

const SPANS: { name: string; days: number }[] = [
  { name: "today", days: 1 },
  { name: "7 days", days: 7 },
  { name: "30 days", days: 30 },
  { name: "90 days", days: 90 },
];

function sorted(rules: RuleFigures[], key: string, rising: boolean): RuleFigures[] {
  const column = COLUMNS.find((each) => each.key === key) ?? COLUMNS[2];
  const compare = (a: RuleFigures, b: RuleFigures) => {
    const [x, y] = [column?.of(a) ?? 0, column?.of(b) ?? 0];
    const order = typeof x === "string" ? x.localeCompare(String(y)) : x - Number(y);
    return (rising ? order : -order) || a.rule.localeCompare(b.rule);
  };
  return [...rules].sort(compare);
}

function Sums({ sums }: { sums: Sum[] }) {
  if (sums.length === 0) return <span class="muted">–</span>;
  return (
    <>
      {sums.map((sum) => (
        <div key={sum.currency}>
          <Money amount={sum.amount} currency={sum.currency} />
        </div>
      ))}
    </>
  );
}

function Filters({ query }: { query: URLSearchParams }) {
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const words = new URLSearchParams();
    for (const [name, value] of new FormData(event.currentTarget as HTMLFormElement))
      if (typeof value === "string" && value !== "") words.set(name, value);
    go(`/rules/figures?${words}`);
  };
  return (
    <form class="job-times" onSubmit={submit} key={query.toString()}>
      <nav class="job-tabs" aria-label="Time">
        {SPANS.map(({ name, days }) => (
          <a
            key={days}
            href={`/rules/figures?days=${days}`}
            aria-current={query.get("days") === String(days) ? "page" : undefined}
          >
            {name}
          </a>
        ))}
        <a
          href="/rules/figures"
          aria-current={["days", "from", "until"].some((name) => query.has(name)) ? undefined : "page"}
        >
          all
        </a>
      </nav>
      <label>
        from <input name="from" type="date" defaultValue={query.get("from") ?? ""} />
      </label>
      <label>
        until <input name="until" type="date" defaultValue={query.get("until") ?? ""} />
      </label>
      <button type="submit">Show</button>
    </form>
  );
}

type Shadow = ((rule: string) => void) | undefined;

function Table({ rules, query, shadow }: { rules: RuleFigures[]; query: URLSearchParams; shadow: Shadow }) {
  const key = query.get("sort") ?? "fires";
  const rising = query.get("order") === "rising";
  const sort = (column: (typeof COLUMNS)[number]) => {
    const words = new URLSearchParams(query);
    const isRising = column.key === key ? !rising : column.isText === true;
    words.set("sort", column.key);
    words.set("order", isRising ? "rising" : "falling");
    go(`/rules/figures?${words}`);
  };
  return (
    <div class="scroll" role="region" aria-label="Rules" tabIndex={0}>
      <table class="rows job-rows">
        <thead>
          <tr>
            {COLUMNS.map((column) => (
              <th
                key={column.key}
                scope="col"
                class={column.isText ? undefined : "number"}
                aria-sort={column.key !== key ? undefined : rising ? "ascending" : "descending"}
              >
                <button type="button" class="sort" onClick={() => sort(column)}>
                  {column.name} {column.key === key && <span aria-hidden="true">{rising ? "↑" : "↓"}</span>}
                </button>
              </th>
            ))}
            {shadow && (
              <th scope="col">
                <span class="hidden">Change</span>
              </th>
            )}
          </tr>
        </thead>
        <tbody>
          {sorted(rules, key, rising).map((rule) => (
            <tr key={`${rule.rule} ${rule.mode}`}>
              <th scope="row">
                <a href={`/search?${new URLSearchParams({ rule: rule.rule })}`}>{clean(rule.rule)}</a>
              </th>
              <td>{rule.mode === "live" ? "live" : <span class="muted">{rule.mode}</span>}</td>
              <td class="number">{numberOf(rule.fires)}</td>
              <td class="number">{numberOf(rule.fraud)}</td>
              <td class="number">{numberOf(rule.legit)}</td>
              <td class="number">{numberOf(rule.unknown + rule.suspected)}</td>
              <td class="number">{rule.precision ? intervalOf(rule.precision) : "–"}</td>
              <td class="number">
                <Sums sums={rule.caught} />
              </td>
              <td class="number">
                <Sums sums={rule.stopped} />
              </td>
              {shadow && (
                <td>
                  {rule.mode === "live" && (
                    <button
                      type="button"
                      onClick={() => shadow(rule.rule)}
                      aria-label={`Put in shadow: ${clean(rule.rule)}`}
                    >
                      Put in shadow
                    </button>
                  )}
                </td>
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function daysOf(query: URLSearchParams): { from?: string; until?: string } {
  const days = Number(query.get("days"));
  if (days > 0) return { from: daysAgo(days - 1) };
  return { from: query.get("from") ?? "", until: query.get("until") ?? "" };
}

// The rule is put in shadow in the person's own draft; nothing comes into force by it.
function useShadow() {
  const [told, setTold] = useState<{ rule: string; draft?: number; problem?: string } | null>(null);
  const shadow = (rule: string) => {
    setTold(null);
    putInMode(0, rule, "shadow").then(
      (draft) => setTold({ rule, draft }),
      (reason) => setTold({ rule, problem: messageOf(reason) }),
    );
  };
  const notice = told && (
    <Notice bad={told.problem !== undefined}>
      {told.problem !== undefined ? (
        clean(told.problem)
      ) : (
        <>
          {clean(told.rule)} is in shadow in your draft {told.draft}.{" "}
          <a href={`/jobs?new=backtest&draft=${told.draft}`}>Backtest it</a>
        </>
      )}
    </Notice>
  );
  return { shadow, notice };
}

export function RuleFiguresScreen({ session }: { session: Session }) {
  const { shadow, notice } = useShadow();
  const { query } = usePlace();
  const days = ["days", "from", "until"].map((name) => query.get(name)).join();
  const { value, failure } = usePolled((signal) => get<Figures>("/api/rules/figures", daysOf(query), signal), 10000, [
    days,
  ]);
  const read = value?.read;
  return (
    <>
      <Heading title="Rules" />
      <RulesTabs view="figures" />
      <Filters query={query} />
      {failure && <Notice bad>{failure}</Notice>}
      {notice}
      {read?.problem && <Notice bad>{clean(read.problem)}</Notice>}
      {read && read.position + 1000 < read.end && (
        <Notice>
          The archive is being read, {Math.floor((100 * read.position) / read.end)}% so far: what comes later is not
          counted yet.
        </Notice>
      )}
      {read !== undefined && read.untracked > 0 && (
        <Notice bad>
          There are too many rules to count all of them: {numberOf(read.untracked)} decisions lack some.
        </Notice>
      )}
      {value && value.rules.length > 0 && (
        <Table rules={value.rules} query={query} shadow={isAtLeast(session.role, "author") ? shadow : undefined} />
      )}
      {!value && !failure && <p class="muted">Loading…</p>}
      {value && value.rules.length === 0 && <p class="muted">No rule fired in this time.</p>}
      <p class="muted">
        Days are of UTC. Decisions as they were served, outcomes and amounts as they are known now; history that came
        late is left out. Precision is the share of fraud among the fires with an outcome of fraud or legit, with its
        95% interval. Money is that of frauds that were not approved, and of legit transactions that were declined.
      </p>
    </>
  );
}
