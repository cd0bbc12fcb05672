// Small charts in the look of the replay report: lines over time with an interval around them, stacked bars over time,
// and a line without axes for a cell of a table. What the pointer or the arrow keys are at is read above the drawing,
// and all of it is in a table below.
//
//   <LineChart title="Precision by day" days series={[{ name: "champion", points: [{ at, value, low, high }] }]} />
//   <BarChart title="Transactions" parts={["approve", "review"]} bars={[{ at, until, values: [90, 3] }]} />
//   <Sparkline title="Score, last 30 days" values={[1, 2, 3]} />
//
// Names are shown as they are: pass them through clean() if they come from transactions.
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { scaleOf, shortNumber, timeTicks, valueTicks } from "./chart_scale";
import "./chart.css";
import { dateTimeOf, numberOf } from "./format";

/** null: nothing is known there, and the line has a gap. low, high: an interval around the value. */
export interface ChartPoint {
  at: number; // ms since 1970
  value: number | null;
  low?: number;
  high?: number;
}

export interface ChartSeries {
  name: string;
  points: ChartPoint[]; // by time; the series of a chart may have different times
}

export interface ChartBar {
  at: number; // ms since 1970
  until: number;
  values: number[]; // one for each of the chart's parts
}

interface Common {
  title: string;
  days?: boolean; // times are whole days of UTC, as reports have them: shown as dates
  whole?: boolean; // counts
  format?: (value: number) => string; // as read; the axis has its own short form
  axis?: (value: number) => string; // instead of that short form
  height?: number; // px
}

const MARGIN = { left: 64, right: 22, top: 8, bottom: 24 };
const VERDICTS = ["approve", "review", "challenge", "decline"];

function colourOf(name: string, i: number): string {
  return VERDICTS.includes(name) ? `chart-${name}` : `chart-${i % 6}`;
}

function whenOf(at: number, days: boolean | undefined): string {
  const iso = new Date(at).toISOString();
  return days ? iso.slice(0, 10) : dateTimeOf(iso).slice(0, 16);
}

// The width that an element has, and later has.
export function useWidth() {
  const ref = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const element = ref.current;
    if (!element) return;
    setWidth(element.clientWidth);
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return { ref, width };
}

interface Area {
  x: (at: number) => number;
  y: (value: number) => number;
  width: number;
  height: number;
}

interface FrameProps extends Common {
  from: number;
  to: number;
  least: number;
  most: number;
  names: string[];
  reads: { at: number; when: string; texts: string[] }[]; // what can be read, by time
  draw: (area: Area) => ComponentChildren;
}

function Axes({ area, props }: { area: Area; props: FrameProps & { ticks: number[] } }) {
  const { ticks, axis, from, to, days } = props;
  const step = (ticks[1] ?? 1) - (ticks[0] ?? 0);
  const bottom = area.height - MARGIN.bottom;
  return (
    <>
      {ticks.map((value) => (
        <g key={value}>
          <line
            class="chart-grid"
            x1={MARGIN.left}
            x2={area.width - MARGIN.right}
            y1={area.y(value)}
            y2={area.y(value)}
          />
          <text class="chart-value" x={MARGIN.left - 6} y={area.y(value) + 4}>
            {axis ? axis(value) : shortNumber(value, step)}
          </text>
        </g>
      ))}
      {timeTicks(from, to, area.width / 90, days ?? false).map((tick) => (
        <g key={tick.at}>
          <line class="chart-tick" x1={area.x(tick.at)} x2={area.x(tick.at)} y1={bottom} y2={bottom + 4} />
          <text class="chart-time" x={area.x(tick.at)} y={bottom + 18}>
            {tick.text}
          </text>
        </g>
      ))}
    </>
  );
}

// The read nearest to a place of the drawing.
function nearest(reads: FrameProps["reads"], area: Area, x: number): number {
  let best = 0;
  for (let i = 1; i < reads.length; i++)
    if (Math.abs(area.x(reads[i]?.at ?? 0) - x) < Math.abs(area.x(reads[best]?.at ?? 0) - x)) best = i;
  return best;
}

const MOVES: Record<string, (at: number, last: number) => number> = {
  ArrowLeft: (at) => at - 1,
  ArrowRight: (at) => at + 1,
  PageDown: (at) => at - 10,
  PageUp: (at) => at + 10,
  Home: () => 0,
  End: (_, last) => last,
};

function Table({ names, reads, title }: Pick<FrameProps, "names" | "reads" | "title">) {
  return (
    <div class="scroll chart-table" role="region" aria-label={`${title}: table`} tabIndex={0}>
      <table class="rows">
        <thead>
          <tr>
            <th scope="col">Time</th>
            {names.map((name) => (
              <th key={name} scope="col" class="number">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {reads.map((read) => (
            <tr key={read.at}>
              <td class="short">{read.when}</td>
              {read.texts.map((text, i) => (
                <td key={i} class="number">
                  {text}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

// A slider, to those who do not see it: arrow keys go from value to value, and each is read aloud.
function Frame(props: FrameProps) {
  const { title, names, reads, height = 180, from, to, draw } = props;
  const { ref, width } = useWidth();
  const [chosen, setChosen] = useState<number | null>(null);
  const [opened, setOpened] = useState(false);
  const last = reads.length - 1;
  const at = chosen === null ? last : Math.min(chosen, last);
  const read = reads[at];
  const ticks = valueTicks(props.least, props.most, height / 45, props.whole ?? false);
  const area: Area = {
    width,
    height,
    x: scaleOf(from, to, MARGIN.left, width - MARGIN.right),
    y: scaleOf(ticks[0] ?? 0, ticks[ticks.length - 1] ?? 1, height - MARGIN.bottom, MARGIN.top),
  };
  const onKey = (event: KeyboardEvent) => {
    const move = MOVES[event.key];
    if (!move || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    setChosen(Math.max(0, Math.min(last, move(at, last))));
  };
  const onPoint = (event: PointerEvent) =>
    setChosen(nearest(reads, area, event.clientX - (ref.current?.getBoundingClientRect().left ?? 0)));
  return (
    <figure class="chart">
      <figcaption>
        <span class="chart-title">{title}</span>
        <span class="chart-read">
          <span class="muted">{read?.when}</span>
          {names.map((name, i) => (
            <span key={name} class="chart-name">
              <svg class="chart-key" viewBox="0 0 10 10" aria-hidden="true">
                <rect class={`chart-fill ${colourOf(name, i)}`} width="10" height="10" rx="2" />
              </svg>
              {name} <b>{read?.texts[i]}</b>
            </span>
          ))}
        </span>
      </figcaption>
      {read ? (
        <div
          ref={ref}
          class="chart-plot"
          tabIndex={0}
          role="slider"
          aria-label={`${title}, ${reads[0]?.when} to ${reads[last]?.when}`}
          aria-valuemin={0}
          aria-valuemax={last}
          aria-valuenow={at}
          aria-valuetext={`${read.when}: ${names.map((name, i) => `${name} ${read.texts[i]}`).join(", ")}`}
          onKeyDown={onKey}
          onPointerMove={onPoint}
          onPointerDown={onPoint}
          onPointerLeave={() => setChosen(null)}
          onBlur={() => setChosen(null)}
        >
          <svg width={width} height={height} aria-hidden="true">
            {width > 0 && (
              <>
                <Axes area={area} props={{ ...props, ticks }} />
                {draw(area)}
                {chosen !== null && (
                  <line
                    class="chart-cursor"
                    x1={area.x(read.at)}
                    x2={area.x(read.at)}
                    y1={MARGIN.top}
                    y2={height - MARGIN.bottom}
                  />
                )}
              </>
            )}
          </svg>
        </div>
      ) : (
        <p class="muted">There is nothing to show yet.</p>
      )}
      {read && (
        <details onToggle={(event) => setOpened(event.currentTarget.open)}>
          <summary>As a table</summary>
          {opened && <Table title={title} names={names} reads={reads} />}
        </details>
      )}
    </figure>
  );
}

// ---- lines ----

const NONE = "–";

// Runs of points that have a value.
function runsOf(points: ChartPoint[]): (ChartPoint & { value: number })[][] {
  const runs: (ChartPoint & { value: number })[][] = [];
  let run: (ChartPoint & { value: number })[] = [];
  for (const point of points) {
    if (point.value === null) run = [];
    else {
      if (run.length === 0) runs.push(run);
      run.push({ ...point, value: point.value });
    }
  }
  return runs;
}

function Line({ series, colour, area }: { series: ChartSeries; colour: string; area: Area }) {
  return (
    <g class={colour}>
      {runsOf(series.points).map((run) => {
        const path = (y: (point: (typeof run)[number]) => number) =>
          run.map((point) => `${area.x(point.at).toFixed(1)},${area.y(y(point)).toFixed(1)}`);
        const band = [
          ...path((point) => point.high ?? point.value),
          ...path((point) => point.low ?? point.value).reverse(),
        ];
        const first = run[0];
        return (
          <g key={first?.at}>
            {run.some((point) => point.low !== undefined) && <polygon class="chart-band" points={band.join(" ")} />}
            <polyline class="chart-line" points={path((point) => point.value).join(" ")} />
            {run.length === 1 && first && (
              <circle class="chart-fill" cx={area.x(first.at)} cy={area.y(first.value)} r={3} />
            )}
          </g>
        );
      })}
    </g>
  );
}

/** The axis begins at 0 if `fromZero`, or if the values are near it. */
export function LineChart(props: Common & { series: ChartSeries[]; fromZero?: boolean }) {
  const { series, days, format = numberOf, fromZero = false } = props;
  const points = series.flatMap((each) => each.points);
  const times = [...new Set(points.map((point) => point.at))].sort((a, b) => a - b);
  const values = points.flatMap((point) => [point.value, point.low, point.high].filter((value) => value != null));
  let least = fromZero ? 0 : Infinity;
  let most = -Infinity;
  for (const value of values) {
    least = Math.min(least, value);
    most = Math.max(most, value);
  }
  if (least > most) [least, most] = [0, 1];
  if (least > 0 && least < most / 2) least = 0;
  const byTime = series.map((each) => new Map(each.points.map((point) => [point.at, point])));
  const text = (point: ChartPoint | undefined) => {
    if (!point || point.value === null) return NONE;
    const { low, high } = point;
    return (
      format(point.value) + (low !== undefined && high !== undefined ? ` (${format(low)} to ${format(high)})` : "")
    );
  };
  return (
    <Frame
      {...props}
      from={times[0] ?? 0}
      to={times[times.length - 1] ?? 1}
      least={least}
      most={most}
      names={series.map((each) => each.name)}
      reads={times.map((at) => ({ at, when: whenOf(at, days), texts: byTime.map((each) => text(each.get(at))) }))}
      draw={(area) =>
        series.map((each, i) => <Line key={each.name} series={each} colour={colourOf(each.name, i)} area={area} />)
      }
    />
  );
}

// ---- bars ----

// `parts` from the bottom up; those with a verdict's name have its colour.
export function BarChart(props: Common & { parts: string[]; bars: ChartBar[] }) {
  const { parts, bars, days, format = numberOf } = props;
  let most = 0;
  for (const bar of bars) most = Math.max(most, sumOf(bar.values));
  return (
    <Frame
      {...props}
      from={bars[0]?.at ?? 0}
      to={bars[bars.length - 1]?.until ?? 1}
      least={0}
      most={most}
      names={parts}
      reads={bars.map((bar) => ({
        at: days ? bar.at : (bar.at + bar.until) / 2,
        when: whenOf(bar.at, days),
        texts: parts.map((_, i) => format(bar.values[i] ?? 0)),
      }))}
      draw={(area) => bars.map((bar) => <Bar key={bar.at} bar={bar} parts={parts} area={area} />)}
    />
  );
}

function sumOf(values: number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}

function Bar({ bar, parts, area }: { bar: ChartBar; parts: string[]; area: Area }) {
  const left = area.x(bar.at);
  const wide = area.x(bar.until) - left;
  const gap = wide > 4 ? 1 : 0;
  return (
    <>
      {parts.map((part, i) => {
        const below = area.y(sumOf(bar.values.slice(0, i)));
        const top = area.y(sumOf(bar.values.slice(0, i + 1)));
        // Few among many are still to be seen.
        const tall = (bar.values[i] ?? 0) > 0 ? Math.max(below - top, 1) : 0;
        return (
          tall > 0 && (
            <rect
              key={part}
              class={`chart-fill ${colourOf(part, i)}`}
              x={left}
              y={below - tall}
              width={Math.max(wide - gap, 0.75)}
              height={tall}
            />
          )
        );
      })}
    </>
  );
}

// ---- without axes ----

/** For a cell of a table. The values are equally far apart; null is a gap. */
export function Sparkline({ title, values }: { title: string; values: (number | null)[] }) {
  const known = values.filter((value) => value !== null);
  const least = known.reduce((all, value) => Math.min(all, value), Infinity);
  const most = known.reduce((all, value) => Math.max(all, value), -Infinity);
  const area: Area = { width: 96, height: 24, x: scaleOf(0, values.length - 1, 2, 94), y: scaleOf(least, most, 22, 2) };
  const points = values.map((value, at) => ({ at, value }));
  const latest = known[known.length - 1];
  const text = latest === undefined ? "no values" : `${numberOf(least)} to ${numberOf(most)}, now ${numberOf(latest)}`;
  return (
    <svg class="sparkline" viewBox="0 0 96 24" role="img" aria-label={`${title}: ${text}`}>
      <title>{`${title}: ${text}`}</title>
      <Line series={{ name: title, points }} colour="chart-0" area={area} />
    </svg>
  );
}
