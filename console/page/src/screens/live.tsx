// The stream of decisions, and the mix of the last hour.
import { useEffect, useRef, useState } from "preact/hooks";
import { replace, transactionAddress, usePlace } from "../shared/router";
import { get, type Live, type Minute, type Row, type Session } from "../shared/api";
import { clean, dateTimeOf, numberOf, shareOf, timeOf } from "../shared/format";
import { Heading, Money, Notice, Reasons, usePolled, VerdictMark } from "../shared/parts";
import { Views } from "../shared/views";

const SHOWN = 100;
const VERDICTS = ["approve", "review", "challenge", "decline"] as const;

function sum(minutes: Minute[]): Record<(typeof VERDICTS)[number], number> & { all: number } {
  const sums = { approve: 0, review: 0, challenge: 0, decline: 0, all: 0 };
  for (const minute of minutes)
    for (const verdict of VERDICTS) {
      sums[verdict] += minute[verdict];
      sums.all += minute[verdict];
    }
  return sums;
}

// Bars of the last hour, a minute each; the part that was not approved is drawn on top.
function Hour({ minutes }: { minutes: Minute[] }) {
  const totals = minutes.map((minute) => VERDICTS.reduce((all, verdict) => all + minute[verdict], 0));
  const most = Math.max(1, ...totals);
  const height = (value: number) => (value / most) * 60;
  return (
    <svg class="hour" viewBox="0 0 600 64" preserveAspectRatio="none" role="img" aria-label="Transactions by minute">
      {minutes.map((minute, i) => {
        const flagged = height((totals[i] ?? 0) - minute.approve);
        const whole = height(totals[i] ?? 0);
        return (
          <g key={minute.at}>
            <rect x={i * 10 + 1} y={64 - whole} width={8} height={whole} class="bar" />
            <rect x={i * 10 + 1} y={64 - flagged} width={8} height={flagged} class="bar-flagged" />
          </g>
        );
      })}
    </svg>
  );
}

function Mix({ live }: { live: Live }) {
  const sums = sum(live.minutes);
  const last = sum(live.minutes.slice(-2, -1));
  return (
    <section class="panel" aria-label="The last hour">
      <dl class="figures">
        <div>
          <dt>Transactions, last hour</dt>
          <dd>{numberOf(sums.all)}</dd>
        </div>
        <div>
          <dt>Per second, last minute</dt>
          <dd>{numberOf(Math.round((last.all / 60) * 10) / 10)}</dd>
        </div>
        {VERDICTS.slice(1).map((verdict) => (
          <div key={verdict}>
            <dt>{verdict}</dt>
            <dd>
              {numberOf(sums[verdict])} <small>{shareOf(sums[verdict], sums.all)}</small>
            </dd>
          </div>
        ))}
      </dl>
      <Hour minutes={live.minutes} />
    </section>
  );
}

const HOLD_MS = 4000;

// True from when it is set until it is unset, or for some seconds: a pointer that only lies there holds nothing.
function useHold(): [boolean, (hold: boolean) => void] {
  const [held, setHeld] = useState(false);
  const timer = useRef(0);
  useEffect(() => () => clearTimeout(timer.current), []);
  const set = (hold: boolean) => {
    clearTimeout(timer.current);
    if (hold) timer.current = window.setTimeout(() => setHeld(false), HOLD_MS);
    setHeld(hold);
  };
  return [held, set];
}

export function LiveScreen({ session }: { session: Session }) {
  const { query } = usePlace();
  const [paused, setPaused] = useState(false);
  const [held, setHeld] = useHold();
  const verdict = query.get("verdict") ?? "";
  const score = Math.min(1000, Math.max(0, Math.round(Number(query.get("score"))) || 0));
  const filter = (name: string, value: string) => {
    const words = new URLSearchParams(query);
    words.delete(name);
    if (value !== "") words.set(name, value);
    replace(words.size > 0 ? `/live?${words}` : "/live");
  };
  const rows = useRef<{ key: string; rows: Row[]; last: number }>({ key: "", rows: [], last: 0 });
  const shown = useRef<{ key: string; rows: Row[] }>({ key: "", rows: [] });
  const key = `${verdict} ${score}`;
  const { value, failure } = usePolled(
    async (signal) => {
      const kept = rows.current.key === key ? rows.current : { key, rows: [], last: 0 };
      const live = await get<Live>("/api/live", { after: kept.last, limit: SHOWN, verdict, score }, signal);
      // An archive that ends before what was seen is another archive.
      const before = live.last < kept.last ? [] : kept.rows;
      rows.current = { key, last: live.last, rows: [...live.rows, ...before].slice(0, SHOWN) };
      return { live, key, rows: rows.current.rows };
    },
    1000,
    [key],
  );
  // While somebody reads, rows stay where they are; those that came meanwhile are counted.
  const isStill = (paused || held) && shown.current.key === value?.key;
  if (value && !isStill) shown.current = { key: value.key, rows: value.rows };
  const newest = shown.current.rows[0]?.position ?? 0;
  const waiting = value?.rows.filter((row) => row.position > newest).length ?? 0;
  return (
    <>
      <Heading title="Live" />
      {failure && <Notice bad>{failure}</Notice>}
      {value?.live.archive.problem && (
        <Notice bad>The archive cannot be followed: {clean(value.live.archive.problem)}</Notice>
      )}
      {value && <Mix live={value.live} />}
      <Views screen="live" session={session} />
      <form class="bar-of-filters" onSubmit={(event) => event.preventDefault()}>
        <label>
          Verdict{" "}
          <select value={verdict} onChange={(event) => filter("verdict", event.currentTarget.value)}>
            <option value="">all</option>
            <option value="review,challenge,decline">all but approve</option>
            {VERDICTS.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
        <label>
          Score from{" "}
          <input
            type="number"
            min={0}
            max={1000}
            value={score}
            onChange={(event) =>
              filter("score", Number(event.currentTarget.value) > 0 ? event.currentTarget.value : "")
            }
          />
        </label>
        <button type="button" onClick={() => setPaused(!paused)}>
          {paused ? "Go on" : "Pause"}
        </button>
        <span class="muted">
          {(paused || held) &&
            `${paused ? "Paused" : "Held while you move over it"}: ${waiting < SHOWN ? numberOf(waiting) : `${SHOWN} or more`} new`}
        </span>
      </form>
      <div onMouseMove={() => setHeld(true)} onMouseLeave={() => setHeld(false)}>
        {shown.current.rows.length > 0 && <Rows rows={shown.current.rows} />}
      </div>
      {value && value.rows.length === 0 && (
        <p class="muted">Nothing fits yet of what came since the console was started.</p>
      )}
      {!value && !failure && <p class="muted">Loading…</p>}
    </>
  );
}

// labels: the outcome of each row. Then rows may be of any day, and the date is shown.
export function Rows({ rows, labels }: { rows: Row[]; labels?: string[] }) {
  return (
    <div class="scroll" role="region" aria-label="Transactions" tabIndex={0}>
      <table class="rows stack">
        <thead>
          <tr>
            <th scope="col">Time</th>
            <th scope="col">Transaction</th>
            <th scope="col" class="number">
              Amount
            </th>
            <th scope="col">Verdict</th>
            <th scope="col" class="number">
              Score
            </th>
            <th scope="col">Reasons</th>
            {labels && <th scope="col">Outcome</th>}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, i) => (
            <tr key={row.position}>
              <td class="short" title={dateTimeOf(row.time)}>
                {labels ? dateTimeOf(row.time) : timeOf(row.time)}
              </td>
              <td class="id">
                <a href={transactionAddress(row.id)}>{clean(row.id)}</a>
              </td>
              <td class="number">
                <Money amount={row.amount} currency={row.currency} />
              </td>
              <td>
                <VerdictMark verdict={row.verdict} />
              </td>
              <td class="number score">{row.score}</td>
              <td class="wide">
                <Reasons reasons={row.reasons} />
              </td>
              {labels && <td>{labels[i] || "–"}</td>}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
