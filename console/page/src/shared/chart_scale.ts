// Scales and ticks of charts. Times are milliseconds since 1970.
import { instantOf, minutesAhead } from "./zone";

export interface Tick {
  at: number;
  text: string;
}

export function scaleOf(from: number, to: number, start: number, end: number): (value: number) => number {
  const span = to - from || 1;
  return (value) => start + ((value - from) / span) * (end - start);
}

// The step of 1, 2 or 5 times a power of ten that gives about `count` of them.
function stepOf(span: number, count: number): number {
  const rough = span / Math.max(count, 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  return ([1, 2, 5].find((each) => each * power >= rough * 0.999) ?? 10) * power;
}

// Round values that hold all from least to most. Whole: counts have no tick between two of them.
export function valueTicks(least: number, most: number, count: number, whole: boolean): number[] {
  const span = most > least ? most - least : Math.abs(most) || 1;
  const step = Math.max(stepOf(span, count), whole ? 1 : 0);
  const first = Math.floor(least / step + 1e-9);
  const last = Math.max(first + 1, Math.ceil(most / step - 1e-9));
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

// "0", "2,500", "12k", "3.5M": an axis has little room. `step` decides the decimals, so that no two ticks look the same.
export function shortNumber(value: number, step: number): string {
  const size = Math.abs(value);
  const [unit, name] = size >= 1e9 ? [1e9, "G"] : size >= 1e6 ? [1e6, "M"] : size >= 1e4 ? [1e3, "k"] : [1, ""];
  const decimals = Math.min(6, Math.max(0, -Math.floor(Math.log10(step / unit) + 1e-9)));
  const digits = (value / unit).toFixed(decimals).replace("-", "−");
  const [whole = "", ...fraction] = digits.split(".");
  return [whole.replace(/\B(?=(\d{3})+$)/, ","), ...fraction].join(".") + name;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

type Unit = "minute" | "day" | "month";

const STEPS: { unit: Unit; count: number; ms: number }[] = [
  ...[1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720].map((count) => ({
    unit: "minute" as const,
    count,
    ms: count * MINUTE,
  })),
  ...[1, 2, 7, 14].map((count) => ({ unit: "day" as const, count, ms: count * DAY })),
  ...[1, 2, 3, 6, 12, 24, 60, 120].map((count) => ({ unit: "month" as const, count, ms: count * 30.4 * DAY })),
];

// The parts of a time, in the viewer's zone or, for whole days of the archive, in UTC.
function partsOf(ms: number, utc: boolean) {
  const date = new Date(utc ? ms : ms + minutesAhead(new Date(ms)) * MINUTE);
  return {
    year: date.getUTCFullYear(),
    month: date.getUTCMonth(),
    day: date.getUTCDate(),
    minute: date.getUTCHours() * 60 + date.getUTCMinutes(),
  };
}

function timeAt(year: number, month: number, day: number, minute: number, utc: boolean): number {
  const asUtc = Date.UTC(year, month, day, 0, minute);
  return utc ? asUtc : instantOf(new Date(asUtc).toISOString().slice(0, 16)).getTime();
}

function pad(value: number): string {
  return String(value).padStart(2, "0");
}

function textOf(ms: number, unit: Unit, utc: boolean): string {
  const at = partsOf(ms, utc);
  if (unit === "month") return `${at.year}-${pad(at.month + 1)}`;
  if (unit === "day" || at.minute === 0) return `${pad(at.month + 1)}-${pad(at.day)}`;
  return `${pad(Math.floor(at.minute / 60))}:${pad(at.minute % 60)}`;
}

// Round times between two, about `count` of them. Each is found from the calendar, not by adding hours to the one
// before: a day is not always 24 of them.
export function timeTicks(from: number, to: number, count: number, utc: boolean): Tick[] {
  const rough = (to - from || DAY) / Math.max(count, 1);
  const least = utc ? DAY : MINUTE;
  const step = STEPS.find((each) => each.ms >= Math.max(rough, least)) ?? STEPS[STEPS.length - 1];
  if (!step) return [];
  const first = partsOf(from, utc);
  const ticks: Tick[] = [];
  for (let i = 0; i < 100; i++) {
    const many = i * step.count;
    const at =
      step.unit === "month"
        ? timeAt(first.year, first.month - (first.month % Math.min(step.count, 12)) + many, 1, 0, utc)
        : step.unit === "day"
          ? timeAt(first.year, first.month, first.day + many, 0, utc)
          : timeAt(first.year, first.month, first.day, first.minute - (first.minute % step.count) + many, utc);
    if (at > to) break;
    if (at >= from) ticks.push({ at, text: textOf(at, step.unit, utc) });
  }
  return ticks;
}
