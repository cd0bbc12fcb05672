// How values are shown: the same for every reader, as in the replay report. Thousands by comma, decimals by point,
// ISO dates; only the time zone is the viewer's own.
import { clockOf } from "./zone";

const plain = new Intl.NumberFormat("en-GB", { maximumFractionDigits: 6 });

function pad(value: number): string {
  return String(value).padStart(2, "0");
}

function isTime(date: Date): boolean {
  return !Number.isNaN(date.getTime());
}

// "19:29:47".
export function timeOf(text: string): string {
  const date = new Date(text);
  if (!isTime(date)) return clean(text);
  const { hour, minute, second } = clockOf(date);
  return `${pad(hour)}:${pad(minute)}:${pad(second)}`;
}

// "2026-11-26 19:29:47".
export function dateTimeOf(text: string): string {
  const date = new Date(text);
  if (!isTime(date)) return clean(text);
  const { year, month, day } = clockOf(date);
  return `${year}-${pad(month)}-${pad(day)} ${timeOf(text)}`;
}

// "3 min" since then.
export function ageOf(text: string, now: string): string {
  const seconds = Math.max(0, (new Date(now).getTime() - new Date(text).getTime()) / 1000);
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} d`;
}

export function numberOf(value: number): string {
  return plain.format(value).replace("-", "−");
}

// "1 case", "2,500 cases".
export function countOf(value: number, one: string, many = `${one}s`): string {
  return `${numberOf(value)} ${value === 1 ? one : many}`;
}

// "48,999.50" of "48999.50": the digits are the server's, so no amount is rounded.
export function amountOf(text: string): string {
  const parts = /^(-?)(\d+)(\.\d+)?$/.exec(text);
  if (!parts) return clean(text);
  return (parts[1] ? "−" : "") + (parts[2] ?? "").replace(/\B(?=(\d{3})+$)/g, ",") + (parts[3] ?? "");
}

// "1.33%".
export function shareOf(part: number, whole: number): string {
  return whole > 0 ? `${((100 * part) / whole).toFixed(2)}%` : "–";
}

// Any value of an explanation.
export function valueOf(value: unknown): string {
  if (value === null || value === undefined) return "absent";
  if (typeof value === "number") return numberOf(value);
  if (typeof value === "object") return clean(JSON.stringify(value));
  return clean(String(value));
}

const LONGEST = 2000;

// Control and direction marks, and whatever else has no picture of its own, are shown as what they are, so that a
// value can neither rearrange the page around it nor look like another.
export function clean(text: string): string {
  const cut = text.length > LONGEST ? `${text.slice(0, LONGEST)}… (${numberOf(text.length)} characters)` : text;
  return cut.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}\u034f\u115f\u1160\u3164\uffa0]/gu, (mark) => {
    const code = (mark.codePointAt(0) ?? 0).toString(16);
    return code.length > 4 ? `\\u{${code}}` : `\\u${code.padStart(4, "0")}`;
  });
}
