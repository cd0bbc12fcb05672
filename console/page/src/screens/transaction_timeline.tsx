// What the entities of a transaction did before and after it. Distances in time are drawn by their logarithm: a burst of
// minutes and the month before it are both to be seen.
import { useState } from "preact/hooks";
import { useWidth } from "../shared/chart";
import { ageOf, amountOf, clean, dateTimeOf } from "../shared/format";
import { Money, VerdictMark } from "../shared/parts";
import { transactionAddress } from "../shared/router";
import { entityAddress } from "../shared/entities";
import { keyOf, type Entity, type Near, type Related } from "./transaction_api";
import { Legend, Mark, MarkImage } from "./transaction_mark";

const LANE = 34;
const NARROW_LANE = 46; // with the name above the marks
const TICK_WIDTH = 52;
const TOP = 26;
const TICKS: [number, string][] = [
  [60, "1 min"],
  [3600, "1 h"],
  [86400, "1 d"],
  [2592000, "30 d"],
];

function secondsFrom(focus: Near, other: Near): number {
  return (new Date(other.row.time).getTime() - new Date(focus.row.time).getTime()) / 1000;
}

function distanceOf(seconds: number): number {
  return Math.sign(seconds) * Math.log1p(Math.abs(seconds) / 10);
}

function describe(focus: Near, near: Near): string {
  const { row, label } = near;
  const seconds = secondsFrom(focus, near);
  const apart = ageOf(seconds < 0 ? row.time : focus.row.time, seconds < 0 ? focus.row.time : row.time);
  const when = near === focus ? "this transaction" : `${apart} ${seconds < 0 ? "before" : "after"}`;
  return `${clean(row.id)}: ${row.verdict}, score ${row.score}, ${amountOf(row.amount)} ${clean(row.currency)}, ${when}${label ? `, known as ${label}` : ""}`;
}

function nearOf(related: Related, entity: Entity): Near[] {
  const order = [...[...entity.before].reverse(), 0, ...entity.after];
  return order.flatMap((index) => related.transactions[index] ?? []);
}

// Marks that would lie on each other move apart, up and down by turns.
function spread(places: number[]): number[] {
  const taken: number[] = [];
  return places.map((x) => {
    const near = taken.filter((other) => Math.abs(other - x) < 11).length;
    taken.push(x);
    return (near % 2 === 1 ? -1 : 1) * Math.min(10, Math.ceil(near / 2) * 5);
  });
}

// Of the ticks to the right of the middle, those that have room.
function roomy(ticks: [number, string][], x: (seconds: number) => number): [number, string][] {
  let last = x(0);
  return ticks.filter(([seconds]) => {
    const fits = x(seconds) - last >= TICK_WIDTH;
    if (fits) last = x(seconds);
    return fits;
  });
}

function Lanes({ related, chosen, choose }: { related: Related; chosen: number; choose: (lane: number) => void }) {
  const { ref, width } = useWidth();
  const focus = related.transactions[0];
  if (!focus) return null;
  const names = width < 600 ? 0 : 150;
  const far = Math.max(
    distanceOf(60),
    ...related.entities.flatMap((entity) =>
      nearOf(related, entity).map((near) => Math.abs(distanceOf(secondsFrom(focus, near)))),
    ),
  );
  const half = Math.max(40, (width - names - 40) / 2);
  const x = (seconds: number) => names + 20 + half + (distanceOf(seconds) / far) * half;
  const tall = names > 0 ? LANE : NARROW_LANE;
  const height = TOP + tall * related.entities.length + 6;
  const shownTicks = roomy(
    TICKS.filter(([seconds]) => distanceOf(seconds) <= far),
    x,
  );
  return (
    <div ref={ref}>
      {width > 0 && (
        <svg class="timeline" width={width} height={height} role="group" aria-label="Entities over time">
          {[...shownTicks.map(([seconds, text]) => [-seconds, text] as const), [0, "this"] as const, ...shownTicks].map(
            ([seconds, text]) => (
              <g key={seconds}>
                <line
                  class={seconds === 0 ? "timeline-now" : "timeline-tick"}
                  x1={x(seconds)}
                  x2={x(seconds)}
                  y1={TOP - 6}
                  y2={height}
                />
                <text class="timeline-text timeline-middle" x={x(seconds)} y={14}>
                  {seconds < 0 ? `−${text}` : seconds > 0 ? `+${text}` : text}
                </text>
              </g>
            ),
          )}
          {related.entities.map((entity, lane) => {
            const near = nearOf(related, entity);
            const places = near.map((each) => x(secondsFrom(focus, each)));
            const offsets = spread(places);
            const y = TOP + tall * lane + tall / 2 + (names > 0 ? 0 : 6);
            const top = TOP + tall * lane;
            return (
              <g key={lane} class={lane === chosen ? "lane lane-chosen" : "lane"} onClick={() => choose(lane)}>
                <rect x={0} y={top} width={width} height={tall} />
                <text class="timeline-text" x={4} y={names > 0 ? y + 4 : top + 13}>
                  {clean(entity.entity)}
                </text>
                {near.map((each, i) => (
                  <a
                    key={each.row.position}
                    href={transactionAddress(each.row.id)}
                    aria-label={describe(focus, each)}
                    tabIndex={lane === chosen ? 0 : -1}
                  >
                    <g transform={`translate(${places[i] ?? 0} ${y + (offsets[i] ?? 0)})`}>
                      <title>{describe(focus, each)}</title>
                      <Mark verdict={each.row.verdict} label={each.label} current={each === focus} />
                    </g>
                  </a>
                ))}
              </g>
            );
          })}
        </svg>
      )}
    </div>
  );
}

// In words what the lane has, and what it may lack.
function limitsOf(entity: Entity): string {
  const count = entity.before.length + entity.after.length;
  const parts = [count === 0 ? "Nothing else of it near." : `${count} near.`];
  if (entity.more_before || entity.more_after) parts.push("It has more; these are the nearest.");
  if (entity.partial)
    parts.push(
      entity.indexed
        ? "The search took too long and is not complete."
        : "No index has this key: only records around this transaction were looked through.",
    );
  return parts.join(" ");
}

function EntityTable({ related, entity }: { related: Related; entity: Entity }) {
  const focus = related.transactions[0];
  if (!focus) return null;
  return (
    <div class="scroll" role="region" aria-label={`Transactions of ${clean(entity.entity)}`} tabIndex={0}>
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
            <th scope="col">Outcome</th>
          </tr>
        </thead>
        <tbody>
          {nearOf(related, entity).map((near) => (
            <tr key={near.row.position} class={near === focus ? "current" : ""}>
              <td class="short">{dateTimeOf(near.row.time)}</td>
              <td class="id">
                {near === focus ? (
                  <strong>this transaction</strong>
                ) : (
                  <a href={transactionAddress(near.row.id)}>{clean(near.row.id)}</a>
                )}
              </td>
              <td class="number">
                <Money amount={near.row.amount} currency={near.row.currency} />
              </td>
              <td class="short">
                <MarkImage verdict={near.row.verdict} label={near.label} /> <VerdictMark verdict={near.row.verdict} />
              </td>
              <td class="number score">{near.row.score}</td>
              <td>
                {near.label || "–"}
                {near.amended && ", amended"}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export function Timeline({ related }: { related: Related }) {
  const [chosen, setChosen] = useState(0);
  const entity = related.entities[Math.min(chosen, related.entities.length - 1)];
  if (!entity) return <p class="muted">The policy gathers no history of what this transaction names.</p>;
  const only = entity.key.length === 1 ? entity.key[0] : undefined;
  return (
    <section aria-label="Timeline">
      <div class="choices" role="group" aria-label="Entity">
        {related.entities.map((each, lane) => (
          <button key={lane} type="button" aria-pressed={each === entity} onClick={() => setChosen(lane)}>
            {clean(each.entity)} <small>{each.before.length + each.after.length}</small>
          </button>
        ))}
      </div>
      <div class="panel">
        <Lanes related={related} chosen={related.entities.indexOf(entity)} choose={setChosen} />
        <Legend />
      </div>
      <p class="about-entity">
        {clean(entity.entity)}{" "}
        {only !== undefined ? <a href={entityAddress(entity.entity, only)}>{clean(only)}</a> : clean(keyOf(entity))}.{" "}
        <span class="muted">{limitsOf(entity)}</span>
      </p>
      <EntityTable related={related} entity={entity} />
    </section>
  );
}
