// Reads an ISO 8601 date-time with any UTC offset into an instant, and says what is wrong with
// anything else.

export type Timestamp =
  | { readonly ok: true; readonly ms: number }
  | { readonly ok: false; readonly problem: string };

export const timestampAllowed =
  'an ISO 8601 date-time with a UTC offset, such as 2026-11-23T10:00:00Z or 2026-11-23T12:00:00.5+02:00';

//                 1 year   2 month  3 day       4 hour   5 minute    6 second     7 fraction         8 sign 9 hours     10 minutes
const dateTime =
  /^(\d{4})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?(?:[Zz]|([+-])(\d{2})(?::?(\d{2}))?)?$/;

/**
 * `T`, `t` or a space between date and time; seconds and up to 9 digits of fraction may follow; the
 * offset is `Z`, `z`, `±hh:mm`, `±hhmm` or `±hh`. The instant is cut to whole milliseconds.
 * `problem` ends with what is allowed.
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
 * `Date.UTC` for any year from 0: that takes the years before 100 for those of the last century.
 * The calendar repeats itself after 400 years.
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
