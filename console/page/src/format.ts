// How values are shown: times in the viewer's zone, numbers with thin gaps.

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const full = new Intl.DateTimeFormat(undefined, {
  dateStyle: "medium",
  timeStyle: "medium",
});
const plain = new Intl.NumberFormat("en", { maximumFractionDigits: 6 });

export function timeOf(text: string): string {
  return clock.format(new Date(text));
}

export function dateTimeOf(text: string): string {
  return full.format(new Date(text));
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
  return plain.format(value);
}

// Any value of an explanation. Control and direction marks are shown as what they are, so that a value
// cannot rearrange the page around it.
export function valueOf(value: unknown): string {
  if (value === null || value === undefined) return "absent";
  if (typeof value === "number") return plain.format(value);
  if (typeof value === "object") return clean(JSON.stringify(value));
  return clean(String(value));
}

const LONGEST = 2000;

export function clean(text: string): string {
  const cut = text.length > LONGEST ? `${text.slice(0, LONGEST)}… (${text.length} characters)` : text;
  return cut.replace(
    /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g,
    (mark) => `\\u${mark.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
