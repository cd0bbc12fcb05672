// The stream of decisions, and the mix of the last hour.
import { useRef, useState } from "preact/hooks";
import { get, type Live, type Minute, type Row } from "./api";
import { clean, numberOf, timeOf } from "./format";
import { Money, Notice, Reasons, usePolled, VerdictMark } from "./parts";

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
          <dt>A second, last whole minute</dt>
          <dd>{numberOf(Math.round((last.all / 60) * 10) / 10)}</dd>
        </div>
        {VERDICTS.slice(1).map((verdict) => (
          <div key={verdict}>
            <dt>{verdict}</dt>
            <dd>
              {numberOf(sums[verdict])}{" "}
              <small>{sums.all ? `${((100 * sums[verdict]) / sums.all).toFixed(2)} %` : "–"}</small>
            </dd>
          </div>
        ))}
      </dl>
      <Hour minutes={live.minutes} />
    </section>
  );
}

export function LiveScreen() {
  const [paused, setPaused] = useState(false);
  const [verdict, setVerdict] = useState("");
  const [score, setScore] = useState(0);
  const rows = useRef<{ key: string; rows: Row[]; last: number }>({ key: "", rows: [], last: 0 });
  const key = `${verdict} ${score}`;
  const { value, failure } = usePolled(
    async (signal) => {
      const kept = rows.current.key === key ? rows.current : { key, rows: [], last: 0 };
      const live = await get<Live>("/api/live", { after: kept.last, limit: SHOWN, verdict, score }, signal);
      rows.current = { key, last: live.last, rows: [...live.rows, ...kept.rows].slice(0, SHOWN) };
      return { live, rows: rows.current.rows };
    },
    paused ? 0 : 1000,
    [paused, key],
  );
  return (
    <>
      <h1>Live</h1>
      {failure && <Notice bad>{failure}</Notice>}
      {value?.live.archive.problem && <Notice bad>The archive cannot be followed: {value.live.archive.problem}</Notice>}
      {value && <Mix live={value.live} />}
      <form class="bar-of-filters" onSubmit={(event) => event.preventDefault()}>
        <label>
          Verdict{" "}
          <select value={verdict} onChange={(event) => setVerdict(event.currentTarget.value)}>
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
            onChange={(event) => setScore(Math.min(1000, Math.max(0, Number(event.currentTarget.value) || 0)))}
          />
        </label>
        <button type="button" aria-pressed={paused} onClick={() => setPaused(!paused)}>
          {paused ? "Go on" : "Pause"}
        </button>
      </form>
      <Rows rows={value?.rows ?? []} />
      {value && value.rows.length === 0 && <p class="muted">No transaction of the last hour fits.</p>}
    </>
  );
}

export function Rows({ rows, labels }: { rows: Row[]; labels?: string[] }) {
  return (
    <div class="scroll" role="region" aria-label="Transactions" tabIndex={0}>
      <table class="rows">
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
              <td title={row.time}>{timeOf(row.time)}</td>
              <td>
                <a href={`/transaction/${encodeURIComponent(row.id)}`}>{clean(row.id)}</a>
              </td>
              <td class="number">
                <Money amount={row.amount} currency={row.currency} />
              </td>
              <td>
                <VerdictMark verdict={row.verdict} />
              </td>
              <td class="number">{row.score}</td>
              <td>
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
