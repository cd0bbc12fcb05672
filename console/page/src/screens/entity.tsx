// One card, customer, merchant, …: its transactions, amounts and verdicts over time, features now and then, and lists.
import { useEffect, useRef, useState } from "preact/hooks";
import { get, type Explanation, type Found, type Session } from "../shared/api";
import { BarChart } from "../shared/chart";
import { ENTITIES, entityAddress, isEntity } from "../shared/entities";
import { amountOf, clean, countOf, dateTimeOf, numberOf, shareOf, valueOf } from "../shared/format";
import { Heading, messageOf, Money, Notice, usePolled } from "../shared/parts";
import { go, usePlace } from "../shared/router";
import { inputOf, instantOf, minutesAhead } from "../shared/zone";
import "./entity.css";
import type { Entity, Features } from "./entity_api";
import { Lists } from "./entity_lists";
import { Rows } from "./live";

const VERDICTS = ["approve", "review", "challenge", "decline"] as const;
const LABELS = ["fraud", "chargeback", "suspected", "legit", "none"] as const;

// ---- counts ----

function Figures({ entity }: { entity: Entity }) {
  const { transactions, verdicts, labels } = entity;
  return (
    <dl class="figures">
      <div>
        <dt>{entity.all ? "Transactions" : "Newest transactions"}</dt>
        <dd>{numberOf(transactions)}</dd>
      </div>
      {VERDICTS.map((verdict) => (
        <div key={verdict}>
          <dt>{verdict}</dt>
          <dd>
            {numberOf(verdicts[verdict])} <small>{shareOf(verdicts[verdict], transactions)}</small>
          </dd>
        </div>
      ))}
      {LABELS.map((label) => (
        <div key={label}>
          <dt>{label === "none" ? "no outcome yet" : `outcome ${label}`}</dt>
          <dd>{numberOf(labels[label] ?? 0)}</dd>
        </div>
      ))}
      {entity.currencies.map((each) => (
        <div key={each.currency}>
          <dt>Amount, {countOf(each.transactions, "transaction")}</dt>
          <dd>
            <Money amount={each.amount} currency={each.currency} />
          </dd>
        </div>
      ))}
    </dl>
  );
}

function widthName(seconds: number): string {
  const days = seconds / 86400;
  if (days >= 1) return days === 1 ? "day" : `${days} days`;
  return seconds === 3600 ? "hour" : `${seconds / 3600} hours`;
}

function Charts({ entity }: { entity: Entity }) {
  const by = widthName(entity.width_s);
  const bars = (values: (bucket: Entity["buckets"][number]) => number[]) =>
    entity.buckets.map((bucket) => {
      const at = Date.parse(bucket.from);
      return { at, until: at + entity.width_s * 1000, values: values(bucket) };
    });
  // Amounts of two currencies have no sum: each has a chart of its own, the most used first.
  const currencies = entity.currencies
    .map((each, index) => ({ ...each, index }))
    .sort((a, b) => b.transactions - a.transactions)
    .slice(0, 3);
  return (
    <div class="entity-charts">
      <BarChart
        title={`Transactions by ${by}`}
        whole
        parts={[...VERDICTS]}
        bars={bars((bucket) => VERDICTS.map((verdict) => bucket.verdicts[verdict]))}
      />
      {currencies.map(({ currency, index }) => (
        <BarChart
          key={currency}
          title={`Amount by ${by}`}
          parts={[clean(currency) || "no currency"]}
          format={(value) => amountOf(String(value))}
          bars={bars((bucket) => [Number(bucket.amounts[index])])}
        />
      ))}
    </div>
  );
}

function Counts({ name, value }: { name: string; value: string }) {
  const zone_s = 60 * minutesAhead(new Date());
  const { value: entity, failure } = usePolled(
    (signal) => get<Entity>("/api/entity", { name, value, zone_s }, signal),
    0,
    [name, value, zone_s],
  );
  if (failure) return <Notice bad>{failure}</Notice>;
  if (!entity) return <p class="muted">Loading…</p>;
  if (entity.transactions === 0 && entity.all) return <Notice>The archive has no transaction with this {name}.</Notice>;
  return (
    <section class="panel" aria-label="All of it">
      {!entity.all && (
        <p class="muted">
          {entity.early
            ? "Not all of the archive is indexed yet: what is counted here is not all."
            : `There are more: counted are the newest ${numberOf(entity.transactions)}.`}
        </p>
      )}
      <Figures entity={entity} />
      {entity.first && entity.last && (
        <p class="muted">
          From {dateTimeOf(entity.first)} to {dateTimeOf(entity.last)}
          {entity.amended > 0 && `; ${numberOf(entity.amended)} amended later`}
          {entity.other_currencies > 0 && `; ${numberOf(entity.other_currencies)} in further currencies`}
          {entity.rounded && "; sums of amounts are rounded down"}
        </p>
      )}
      {entity.buckets.length > 0 && <Charts entity={entity} />}
    </section>
  );
}

// ---- features ----

interface Then {
  title: string;
  features: Record<string, unknown>;
}

// As a transaction saw them, from its decision that is derived again; or as of a time.
async function loadThen(
  name: string,
  value: string,
  query: URLSearchParams,
  signal: AbortSignal,
): Promise<Then | null> {
  const seen = query.get("seen");
  const at = query.get("at");
  if (seen) {
    const shown = await get<{ explanation: Explanation }>("/api/transaction", { id: seen }, signal);
    return { title: `as ${clean(seen)} saw them`, features: shown.explanation.then.features };
  }
  if (!at) return null;
  const features = await get<Features>("/api/entity/features", { name, value, at }, signal);
  return { title: `as of ${dateTimeOf(features.at)}`, features: features.features };
}

function AsOf({ name, value, query }: { name: string; value: string; query: URLSearchParams }) {
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const at = instantOf(String(new FormData(event.currentTarget as HTMLFormElement).get("at")));
    if (!Number.isNaN(at.getTime())) go(entityAddress(name, value, { at: at.toISOString() }));
  };
  return (
    <form class="bar-of-filters" onSubmit={submit} key={query.toString()}>
      <label>
        As of <input type="datetime-local" name="at" required defaultValue={inputOf(query.get("at"))} />
      </label>
      <button type="submit">Show</button>
      {(query.has("at") || query.has("seen")) && <a href={entityAddress(name, value)}>Only now</a>}
    </form>
  );
}

function FeatureTable({ now, then }: { now: Record<string, unknown>; then: Then | null }) {
  const names = Object.keys(now);
  return (
    <div class="scroll entity-features" role="region" aria-label="Table of features" tabIndex={0}>
      <table class="rows">
        <thead>
          <tr>
            <th scope="col">Feature</th>
            <th scope="col" class="number">
              now
            </th>
            {then && (
              <th scope="col" class="number">
                {then.title}
              </th>
            )}
          </tr>
        </thead>
        <tbody>
          {names.map((each) => (
            <tr key={each} class={then && valueOf(then.features[each]) !== valueOf(now[each]) ? "entity-differs" : ""}>
              <td>{clean(each)}</td>
              <td class="number">{valueOf(now[each])}</td>
              {then && <td class="number">{each in then.features ? valueOf(then.features[each]) : "–"}</td>}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function FeaturePart({ name, value, query }: { name: string; value: string; query: URLSearchParams }) {
  const now = usePolled((signal) => get<Features>("/api/entity/features", { name, value }, signal), 0, [name, value]);
  const key = `${name} ${value} ${query.get("at") ?? ""} ${query.get("seen") ?? ""}`;
  const then = usePolled(async (signal) => ({ key, then: await loadThen(name, value, query, signal) }), 0, [key]);
  const shownThen = then.value?.key === key ? then.value.then : null;
  return (
    <section aria-label="Features" id="features">
      <h2>Features</h2>
      {now.failure && <p class="muted">{now.failure}</p>}
      {then.failure && <Notice bad>{then.failure}</Notice>}
      {now.value && (
        <>
          <p class="muted">
            Now: what a transaction at {dateTimeOf(now.value.at)} would see, of {numberOf(now.value.entries)}{" "}
            transactions in the state.
            {query.has("at") && " For a time before the newest one, long windows may be incomplete."}
          </p>
          <AsOf name={name} value={value} query={query} />
          {(query.has("at") || query.has("seen")) && !shownThen && !then.failure && <p class="muted">Deriving…</p>}
          <FeatureTable now={now.value.features} then={shownThen} />
        </>
      )}
    </section>
  );
}

// ---- transactions ----

interface Page {
  found: Found[];
  cursor: string;
  incomplete: boolean;
}

function Transactions({ name, value }: { name: string; value: string }) {
  const [page, setPage] = useState<Page | null>(null);
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  const current = useRef(new AbortController());
  async function load(before: Found[], cursor: string, signal: AbortSignal) {
    setBusy(true);
    setProblem("");
    try {
      const next = await get<Page>("/api/search", { [name]: value, cursor }, signal);
      if (signal.aborted) return;
      setPage({ ...next, found: [...before, ...next.found] });
    } catch (reason) {
      if (signal.aborted) return;
      setProblem(messageOf(reason));
    }
    setBusy(false);
  }
  useEffect(() => {
    const stop = new AbortController();
    current.current = stop;
    setPage(null);
    void load([], "", stop.signal);
    return () => stop.abort();
  }, [name, value]);
  const found = page?.found ?? [];
  return (
    <section aria-label="Transactions">
      <h2>Transactions, the newest first</h2>
      {problem && <Notice bad>{clean(problem)}</Notice>}
      {found.length > 0 && (
        <Rows
          rows={found.map((hit) => hit.row)}
          labels={found.map((hit) => hit.label)}
          without={name}
          action={(row) => (
            <a
              href={entityAddress(name, value, { seen: row.id })}
              aria-label={`features then, as ${clean(row.id)} saw them`}
              title="Features as this transaction saw them"
            >
              features then
            </a>
          )}
        />
      )}
      <p class="muted" role="status">
        {busy && "Searching…"}
        {!busy && page?.incomplete && page.cursor !== "" && "The search is not through yet. It goes on with More."}
      </p>
      {page && page.cursor !== "" && !busy && (
        <button type="button" onClick={() => void load(found, page.cursor, current.current.signal)}>
          More
        </button>
      )}
    </section>
  );
}

// ---- the screen ----

export function EntityScreen({ session }: { session: Session }) {
  const { query } = usePlace();
  const name = query.get("name") ?? "";
  const value = query.get("value") ?? "";
  if (!isEntity(name) || value === "")
    return (
      <>
        <Heading title="Which one?" />
        <Notice>Search for one above, such as card=tok_9. There are {ENTITIES.join(", ")}.</Notice>
      </>
    );
  return (
    <>
      <Heading title={`${name} ${clean(value)}`} />
      <Counts key={`counts ${name} ${value}`} name={name} value={value} />
      <Lists key={`lists ${name} ${value}`} value={value} session={session} />
      <FeaturePart key={`features ${name} ${value}`} name={name} value={value} query={query} />
      <Transactions key={`rows ${name} ${value}`} name={name} value={value} />
    </>
  );
}
