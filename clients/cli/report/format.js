/* Numbers, money and times as text. One locale for every reader, so that a report looks the same
 * everywhere: thousands by comma, decimals by point, ISO dates. */

/** Shown where there is no value. */
export const NONE = "–";

const MINUS = "\u2212";
const wholes = new Intl.NumberFormat("en-GB", { maximumFractionDigits: 0 });

/**
 * @param {unknown} value
 * @returns {value is number}
 */
export function isNumber(value) {
  return typeof value === "number" && Number.isFinite(value);
}

/**
 * @param {number} value
 * @param {number} digits behind the point
 * @returns {string}
 */
export function formatDecimal(value, digits) {
  if (!isNumber(value)) return NONE;
  const text = Math.abs(value).toLocaleString("en-GB", {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
  // A value that rounds to zero has no sign.
  return value < 0 && /[1-9]/.test(text) ? MINUS + text : text;
}

/**
 * @param {number} value
 * @returns {string}
 */
export function formatCount(value) {
  return isNumber(value) ? wholes.format(value).replace("-", MINUS) : NONE;
}

/**
 * How many decimals a percentage needs to have about three digits that mean something.
 * @param {number} share 0–1
 * @returns {number}
 */
function percentDigits(share) {
  const percent = Math.abs(share) * 100;
  if (percent >= 10 || percent === 0) return 1;
  return percent >= 0.1 ? 2 : 3;
}

/**
 * @param {number} share 0–1
 * @param {number} [digits]
 * @returns {string} such as "1.25%"
 */
export function formatShare(share, digits) {
  if (!isNumber(share)) return NONE;
  return formatDecimal(share * 100, digits ?? percentDigits(share)) + "%";
}

/**
 * @param {number} low
 * @param {number} high
 * @returns {string} such as "1.2–1.3%"
 */
export function formatShareRange(low, high) {
  if (!isNumber(low) || !isNumber(high)) return NONE;
  const width = high - low;
  const digits = width >= 0.01 ? 1 : width >= 0.0005 ? 2 : 3;
  return `${formatDecimal(low * 100, digits)}–${formatDecimal(high * 100, digits)}%`;
}

/**
 * The text of a number with its sign always there; no sign for zero.
 * @param {number} value
 * @param {(value: number) => string} format
 * @returns {string}
 */
export function withSign(value, format) {
  if (!isNumber(value)) return NONE;
  return value > 0 && /[1-9]/.test(format(value)) ? "+" + format(value) : format(value);
}

/**
 * @param {number} difference of two shares
 * @returns {string} such as "+0.35 points"
 */
export function formatPoints(difference) {
  if (!isNumber(difference)) return NONE;
  const digits = percentDigits(difference) === 3 ? 3 : 2;
  return withSign(difference * 100, (value) => formatDecimal(value, digits)) + " points";
}

/**
 * Formats for amounts in one currency; what they take is in minor units.
 * @param {string} currency
 * @param {number} digits of the minor unit
 */
export function moneyFormat(currency, digits) {
  const places = isNumber(digits) ? Math.min(Math.max(Math.round(digits), 0), 4) : 0;
  const unit = currency ? "\u00a0" + currency : "";
  const major = (/** @type {number} */ minor) => minor / 10 ** places;
  const short = new Intl.NumberFormat("en-GB", {
    notation: "compact",
    maximumSignificantDigits: 3,
  });
  return {
    currency: currency || "minor units",
    /** All digits. @param {number} minor */
    full: (minor) => (isNumber(minor) ? formatDecimal(major(minor), places) + unit : NONE),
    /** All digits without the currency. @param {number} minor */
    bare: (minor) => formatDecimal(isNumber(minor) ? major(minor) : NaN, places),
    /** Three digits and K, M, B, for axes. @param {number} minor */
    short: (minor) => (isNumber(minor) ? short.format(major(minor)).replace("-", MINUS) : NONE),
  };
}

/**
 * @param {number} value
 * @returns {string} three digits and K, M, B, for axes
 */
export function formatShort(value) {
  if (!isNumber(value)) return NONE;
  const format = { notation: "compact", maximumSignificantDigits: 3 };
  return value.toLocaleString("en-GB", /** @type {any} */ (format));
}

/**
 * @param {string} time RFC 3339
 * @returns {string} such as "2026-01-31 13:45:10"; a text that is not a time as it is
 */
export function formatTime(time) {
  if (typeof time !== "string") return NONE;
  const parts = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)/.exec(time);
  return parts ? `${parts[1]} ${parts[2]}` : time;
}

/**
 * @param {number} count
 * @param {string} one
 * @param {string} [many]
 * @returns {string} such as "1 rule", "12 rules"
 */
export function plural(count, one, many) {
  return `${formatCount(count)} ${count === 1 ? one : (many ?? one + "s")}`;
}

/**
 * @param {number} seconds
 * @returns {string} such as "2 min 5 s"
 */
export function formatSeconds(seconds) {
  if (!isNumber(seconds)) return NONE;
  if (seconds < 60) return `${formatDecimal(seconds, seconds < 10 ? 1 : 0)} s`;
  const whole = Math.round(seconds);
  return `${formatCount(Math.floor(whole / 60))} min ${whole % 60} s`;
}
