// Reads and writes the most frequent forms of a time, such as `2026-11-23T10:00:00.123Z`, without a
// pattern and without a date object: every event has one, and a mapping reads and writes it once
// more.

const dayMs = 86_400_000;
const [zero, nine] = [0x30, 0x39];

/**
 * UTC ms of `2026-11-23T10:00:00Z` or `2026-11-23T10:00:00.123Z`, or with `+02:00` for `Z`; NaN for
 * any other text, and for a day after the 28th, which not every month has.
 */
export function plainUtcMs(text: string): number {
  const isUtc = text.endsWith('Z');
  const end = text.length - (isUtc ? 1 : 6);
  if (end !== 19 && end !== 23) return Number.NaN;
  if (
    text[4] !== '-' ||
    text[7] !== '-' ||
    text[10] !== 'T' ||
    text[13] !== ':' ||
    text[16] !== ':' ||
    (end === 23 && text[19] !== '.')
  )
    return Number.NaN;
  const century = twoDigits(text, 0);
  const month = twoDigits(text, 5);
  const day = twoDigits(text, 8);
  const [hour, minute, second] = [twoDigits(text, 11), twoDigits(text, 14), twoDigits(text, 17)];
  const isInRange =
    century >= 1 && month >= 1 && month <= 12 && day >= 1 && day <= 28 && hour < 24 && minute < 60;
  if (!isInRange || !(second < 60)) return Number.NaN;
  const fraction = end === 23 ? twoDigits(text, 20) * 10 + digit(text, 22) : 0;
  const local = Date.UTC(
    century * 100 + twoDigits(text, 2),
    month - 1,
    day,
    hour,
    minute,
    second,
    fraction,
  );
  return isUtc ? local : local - offsetMs(text, end);
}

/** Of `+02:00` or `-05:30`; NaN for any other text. */
function offsetMs(text: string, at: number): number {
  const [hours, minutes] = [twoDigits(text, at + 1), twoDigits(text, at + 4)];
  const sign = text[at] === '+' ? 1 : text[at] === '-' ? -1 : Number.NaN;
  const isInRange = text[at + 3] === ':' && hours < 24 && minutes < 60;
  return isInRange ? sign * (hours * 60 + minutes) * 60_000 : Number.NaN;
}

function digit(text: string, at: number): number {
  const code = text.charCodeAt(at);
  return code >= zero && code <= nine ? code - zero : Number.NaN;
}

const twoDigits = (text: string, at: number): number => digit(text, at) * 10 + digit(text, at + 1);

let lastDay = Number.NaN;
let lastDate = '';

/** The same text as `Date` writes. Times in a row are mostly of one day, whose date is kept. */
export function plainUtc(ms: number): string {
  const day = Math.floor(ms / dayMs);
  if (day !== lastDay) {
    lastDate = new Date(ms).toISOString().slice(0, -13);
    lastDay = day;
  }
  const rest = ms - day * dayMs;
  const hour = Math.floor(rest / 3_600_000);
  const minute = Math.floor(rest / 60_000) % 60;
  const second = Math.floor(rest / 1000) % 60;
  const time = `${padded[hour]}:${padded[minute]}:${padded[second]}`;
  return `${lastDate}${time}.${thousandths(rest % 1000)}Z`;
}

const padded: readonly string[] = Array.from({ length: 100 }, (_, number) =>
  String(number).padStart(2, '0'),
);

const thousandths = (ms: number): string => `${padded[Math.floor(ms / 10)]}${ms % 10}`;
