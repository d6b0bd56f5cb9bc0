// Parses an ISO 8601 date-time with any UTC offset, says what is wrong with any other text, and
// turns other ways to write a time into it.

import type { ZoneOffset } from '#core/time/zone-offset.ts';
import { plainUtcMs } from './plain-utc.ts';

export type Timestamp =
  | { readonly ok: true; readonly ms: number }
  | { readonly ok: false; readonly problem: string };

export const timestampAllowed =
  'an ISO 8601 date-time with a UTC offset, ' +
  'such as 2026-11-23T10:00:00Z or 2026-11-23T12:00:00.5+02:00';

// Groups: year, month, day; hour, minute, second, fraction; sign, hours and minutes of the offset.
const date = String.raw`(\d{4})-(\d{2})-(\d{2})`;
const time = String.raw`(\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?`;
const offset = String.raw`[Zz]|([+-])(\d{2})(?::?(\d{2}))?`;
const dateTime = new RegExp(`^${date}[Tt ]${time}(?:${offset})?$`);

/**
 * `T`, `t` or a space separates date and time. Seconds and a fraction of up to 9 digits are
 * optional. The offset is `Z`, `z`, `±hh:mm`, `±hhmm` or `±hh`. The result is cut to whole
 * milliseconds, and `problem` ends with what is allowed.
 */
export function parseTimestamp(text: string): Timestamp {
  const plain = plainUtcMs(text);
  if (!Number.isNaN(plain)) return { ok: true, ms: plain };
  const match = dateTime.exec(text);
  if (match === null) return { ok: false, problem: `allowed: ${timestampAllowed}` };
  const [
    ,
    year,
    month,
    day,
    hour,
    minute,
    second = '0',
    fraction = '',
    sign,
    offsetHours = '0',
    offsetMinutes = '0',
  ] = match;
  const [y, m, d] = [Number(year), Number(month), Number(day)];
  if (m < 1 || m > 12) return { ok: false, problem: 'allowed: a month from 01 to 12' };
  // Every month has 28 days.
  const days = d >= 1 && d <= 28 ? 28 : new Date(utcMs(y, m, 0)).getUTCDate();
  if (d < 1 || d > days)
    return { ok: false, problem: `allowed: a day from 01 to ${days} in ${year}-${month}` };
  if (Number(hour) > 23) return { ok: false, problem: 'allowed: an hour from 00 to 23' };
  if (Number(minute) > 59) return { ok: false, problem: 'allowed: a minute from 00 to 59' };
  if (Number(second) > 59)
    return { ok: false, problem: 'allowed: a second from 00 to 59 (leap seconds are not taken)' };
  if (sign === undefined && !/z$/i.test(text))
    return { ok: false, problem: `which has no UTC offset, allowed: ${timestampAllowed}` };
  if (Number(offsetHours) > 23 || Number(offsetMinutes) > 59)
    return { ok: false, problem: 'allowed: an offset from -23:59 to +23:59' };
  const offsetMs = (Number(offsetHours) * 60 + Number(offsetMinutes)) * 60_000;
  const local = utcMs(
    y,
    m - 1,
    d,
    Number(hour),
    Number(minute),
    Number(second),
    Number(fraction.slice(0, 3).padEnd(3, '0')),
  );
  return { ok: true, ms: sign === '-' ? local + offsetMs : local - offsetMs };
}

/**
 * The date-time, with every digit, of a time since 1970 in seconds, milliseconds, microseconds or
 * nanoseconds; `null` for any other text. Times from 1973 to 2286 have 9 or 10 digits in seconds,
 * so that the number of digits tells the unit.
 *
 *     1795428000       → 2026-11-23T10:00:00Z
 *     1795428000123.0  → 2026-11-23T10:00:00.1230Z
 *     1795428000123456 → 2026-11-23T10:00:00.123456Z
 */
export function timestampOfUnix(text: string): string | null {
  const match = unixTime.exec(text);
  if (match === null) return null;
  const [, seconds = '', digits = '', rest = ''] = match;
  const fraction = (digits + rest).slice(0, 9);
  const dateAndTime = new Date(Number(seconds) * 1000).toISOString().slice(0, 19);
  return `${dateAndTime}${fraction === '' ? '' : '.'}${fraction}Z`;
}

/** The same time in whole milliseconds. */
export function unixMs(text: string): number | null {
  const match = unixTime.exec(text);
  if (match === null) return null;
  const [, seconds = '', digits = '', rest = ''] = match;
  return Number(seconds + (digits + rest).slice(0, 3).padEnd(3, '0'));
}

const unixTime = /^(\d{9,10})(\d{3}|\d{6}|\d{9})?(?:\.(\d+))?$/;

/**
 * A date-time without an offset gets that of the zone, and `UTC` at the end becomes `Z`. Any other
 * text stays as it is.
 *
 *     2026-11-23 10:00:00     → 2026-11-23 10:00:00+01:00 (in Berlin)
 *     2026-11-23 10:00:00 UTC → 2026-11-23 10:00:00Z
 */
export function withOffset(text: string, zoneOffset: ZoneOffset): string {
  if (text.endsWith('Z') || text.length > 40) return text;
  const named = text.replace(/ ?(?:UTC|GMT)$/, 'Z');
  if (named !== text) return parseTimestamp(named).ok ? named : text;
  // A text that has an offset would now have two, which no timestamp may have.
  const local = parseTimestamp(`${text}Z`);
  return local.ok ? text + offsetText(zoneOffset(local.ms)) : text;
}

const twoDigits = (value: number): string => String(value).padStart(2, '0');

function offsetText(ms: number): string {
  if (ms === 0) return 'Z';
  const minutes = Math.round(Math.abs(ms) / 60_000);
  return `${ms < 0 ? '-' : '+'}${twoDigits(Math.floor(minutes / 60))}:${twoDigits(minutes % 60)}`;
}

/**
 * `Date.UTC` for any year from 0 on. `Date.UTC` itself reads years below 100 as 1900 to 1999, so
 * the date is computed 400 years later, after which the calendar repeats.
 */
export function utcMs(
  year: number,
  month: number,
  day: number,
  hour = 0,
  minute = 0,
  second = 0,
  ms = 0,
): number {
  return Date.UTC(year + 400, month, day, hour, minute, second, ms) - fourHundredYearsMs;
}

const fourHundredYearsMs = 146_097 * 86_400_000;
