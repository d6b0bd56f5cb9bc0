// Parses an ISO 8601 date-time with any UTC offset, and says what is wrong with any other text.

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
  const days = new Date(utcMs(y, m, 0)).getUTCDate();
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
 * The date-time, with every digit, of a time since 1970 in microseconds (16 digits) or nanoseconds
 * (19 digits); `null` for any other text. Times from 2001 to 2286 have so many digits.
 *
 *     1795428000123456 → 2026-11-23T10:00:00.123456Z
 */
export function timestampOfUnixDigits(digits: string): string | null {
  if (!/^(?:\d{16}|\d{19})$/.test(digits)) return null;
  const milliseconds = new Date(Number(digits.slice(0, 13))).toISOString();
  return `${milliseconds.slice(0, -1)}${digits.slice(13)}Z`;
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
