// The time zone that times are shown in: the browser's, or one that the person has chosen. An instant is taken apart
// into what clocks of that zone show, and the other way round.

const ownZone = new Intl.DateTimeFormat("en-GB").resolvedOptions().timeZone || "UTC";
const MINUTE = 60000;

function formatOf(zone: string): Intl.DateTimeFormat {
  return new Intl.DateTimeFormat("en-GB", {
    timeZone: zone,
    hourCycle: "h23",
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
  });
}

let zone = ownZone;
let format = formatOf(ownZone);

// "" is the browser's. A zone that this browser does not know leaves its own: false.
export function setZone(name: string): boolean {
  try {
    format = formatOf(name || ownZone);
    zone = name || ownZone;
    return true;
  } catch {
    format = formatOf(ownZone);
    zone = ownZone;
    return name === "";
  }
}

export function browsersZone(): string {
  return ownZone;
}

// Every zone by name that can be chosen.
export function zoneNames(): string[] {
  const names = typeof Intl.supportedValuesOf === "function" ? Intl.supportedValuesOf("timeZone") : [ownZone];
  return names.includes("UTC") ? names : ["UTC", ...names];
}

export interface Clock {
  year: number;
  month: number; // 1 to 12
  day: number;
  hour: number;
  minute: number;
  second: number;
}

export function clockOf(date: Date): Clock {
  const clock: Clock = { year: 0, month: 0, day: 0, hour: 0, minute: 0, second: 0 };
  for (const part of format.formatToParts(date))
    if (part.type in clock) clock[part.type as keyof Clock] = Number(part.value);
  return clock;
}

// How many minutes the zone's clocks are ahead of UTC at that time.
export function minutesAhead(date: Date): number {
  const { year, month, day, hour, minute, second } = clockOf(date);
  const shown = Date.UTC(year, month - 1, day, hour, minute, second);
  return Math.round((shown - Math.floor(date.getTime() / 1000) * 1000) / MINUTE);
}

// When clocks of the zone show this: "2026-11-26T19:29", as an input of type datetime-local has it. What they show
// twice, when an hour is repeated, is the first of the two; what they skip is as if they did not.
export function instantOf(text: string): Date {
  const asUtc = new Date(`${text}Z`).getTime();
  const first = asUtc - minutesAhead(new Date(asUtc)) * MINUTE;
  return new Date(asUtc - minutesAhead(new Date(first)) * MINUTE);
}

// What clocks of the zone show at a time, as an input of type datetime-local has it; "" of what is no time.
export function inputOf(time: string | null | undefined): string {
  if (!time || Number.isNaN(Date.parse(time))) return "";
  const { year, month, day, hour, minute } = clockOf(new Date(time));
  return new Date(Date.UTC(year, month - 1, day, hour, minute)).toISOString().slice(0, 16);
}

// "Europe/Berlin, UTC+01:00", or "UTC".
export function zoneText(now: Date): string {
  if (zone === "UTC") return zone;
  const minutes = minutesAhead(now);
  const ahead = Math.abs(minutes);
  const pad = (value: number) => String(value).padStart(2, "0");
  return `${zone}, UTC${minutes < 0 ? "−" : "+"}${pad(Math.floor(ahead / 60))}:${pad(ahead % 60)}`;
}
