// Reads the time column of a log as UTC milliseconds, by one format for the whole file. Rejects
// dates that do not exist.

import { UsageError } from '#core/errors/errors.ts';
import { utcMs } from '#core/event/timestamp.ts';
import { fixedOffset, zoneOffset } from '#core/time/zone-offset.ts';

/** UTC ms, or `null` when the text does not fit the format. */
export type DateReader = (text: string) => number | null;

type Parts = Record<string, string>;

/** What each letter group of a format reads. `[ ]` encloses an optional part. */
const tokens: Readonly<Record<string, string>> = {
  yyyy: '(?<year>\\d{4})',
  yy: '(?<shortYear>\\d{2})',
  EEE: '(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*\\.?',
  MMM: '(?<monthName>[A-Za-z]{3,9})\\.?',
  MM: '(?<month>\\d{2})',
  M: '(?<month>\\d{1,2})',
  dd: '(?<day>\\d{2})',
  d: '(?<day>\\d{1,2})',
  HH: '(?<hour>\\d{2})',
  H: '(?<hour>\\d{1,2})',
  hh: '(?<hour12>\\d{2})',
  h: '(?<hour12>\\d{1,2})',
  mm: '(?<minute>\\d{2})',
  ss: '(?<second>\\d{2})',
  f: '(?<fraction>\\d{1,9})',
  a: '(?<half>[AaPp]\\.?[Mm]\\.?)',
  Z: '(?<offset>Z|UTC|GMT|[+-]\\d{2}:?(?:\\d{2})?)',
};
const tokenPattern = new RegExp(
  Object.keys(tokens)
    .toSorted((a, b) => b.length - a.length)
    .join('|'),
  'y',
);
const monthNames = [
  'jan',
  'feb',
  'mar',
  'apr',
  'may',
  'jun',
  'jul',
  'aug',
  'sep',
  'oct',
  'nov',
  'dec',
];

/** Whole numbers since 1970, and how many of their digits are fractions of a second. */
const unixDecimals: Readonly<Record<string, number>> = {
  'unix-s': 0,
  'unix-ms': 3,
  'unix-us': 6,
  'unix-ns': 9,
};

const timeOfDay = '[ H:mm[:ss[.f]][ ][Z]]';
const timeOfHalfDay = '[,] h:mm[:ss][ ]a';
/** Tried in this order. Where day and month can be swapped, both are here: the sample decides. */
const knownFormats: readonly string[] = [
  'yyyy-MM-dd[THH:mm[:ss[.f]][Z]]',
  `yyyy-M-d${timeOfDay}`,
  `yyyy/M/d${timeOfDay}`,
  `yyyy.M.d${timeOfDay}`,
  `yyyy-M-d${timeOfHalfDay}`,
  `yyyy/M/d${timeOfHalfDay}`,
  ...Object.keys(unixDecimals),
  ...['/', '.', '-'].flatMap((separator) =>
    ['d*M*yyyy', 'M*d*yyyy', 'd*M*yy', 'M*d*yy'].flatMap((date) => {
      const day = date.replaceAll('*', separator);
      return [`${day}${timeOfDay}`, `${day}${timeOfHalfDay}`];
    }),
  ),
  ...['d MMM yyyy', 'EEE[,] d MMM yyyy', 'EEE[,] MMM d, yyyy', 'MMM d, yyyy'].flatMap((date) => [
    `${date}${timeOfDay}`,
    `${date}${timeOfHalfDay}`,
  ]),
  'EEE MMM d HH:mm:ss[ Z] yyyy',
  'dd/MMM/yyyy:HH:mm:ss Z',
];

/**
 * `zone` applies to dates without an offset of their own.
 *
 * @throws UsageError for an invalid format or zone
 */
export function dateReader(format: string, zone: string): DateReader {
  const offsetOf = zoneOffset(zone);
  const decimals = unixDecimals[format];
  if (decimals !== undefined) return unixReader(decimals);
  const pattern = new RegExp(`^${patternOf(format)}$`);
  return (text) => {
    // Browsers and Node write such spaces before AM and PM.
    const plain = text.replace(/[\u00a0\u202f]/g, ' ').trim();
    const parts = pattern.exec(plain)?.groups;
    return parts === undefined ? null : fromParts(parts, offsetOf);
  };
}

export type DetectedFormat = {
  readonly format: string;
  /** Why this format was chosen when several fit. */ readonly because: string | null;
};

/**
 * The format that reads most of the sample, at least nine of ten. When day and month could be
 * swapped everywhere, the reading with the shorter time span wins, because a log's dates are close
 * together. After that, day first wins where a decimal comma is used. `null`: two readings remain.
 *
 * @throws UsageError when no format fits
 */
export function detectDateFormat(
  sample: readonly string[],
  options: { readonly decimalComma: boolean; readonly column: string },
): DetectedFormat | null {
  const texts = sample.filter((text) => text.trim() !== '');
  if (texts.length === 0)
    return { format: knownFormats[0] ?? '', because: 'no dates in the sample' };
  const fits = knownFormats.map((format) => ({
    format,
    times: timesOf(texts, dateReader(format, 'UTC')),
  }));
  const most = Math.max(...fits.map(({ times }) => times.length));
  if (most < texts.length * 0.9) {
    const nearest = fits.find(({ times }) => times.length === most && most > 0)?.format;
    const read = nearest === undefined ? null : dateReader(nearest, 'UTC');
    const wrong = texts.find((text) => read?.(text) == null) ?? '';
    const share = nearest === undefined ? '' : `; ${most} of ${texts.length} fit ${nearest}`;
    throw new UsageError(
      `dates in column ${options.column} such as "${wrong.slice(0, 40)}" fit no known ` +
        `format${share}; give --date-format, for example '${nearest ?? 'd.M.yyyy H:mm'}'`,
    );
  }
  const best = fits
    .filter(({ times }) => times.length === most)
    .map(({ format, times }) => ({ format, span: spanOf(times) }));
  const [first, second] = best.toSorted((a, b) => a.span - b.span);
  if (first === undefined || second === undefined)
    return { format: first?.format ?? '', because: null };
  if (first.span < second.span)
    return { format: first.format, because: 'this reading puts the dates closest together' };
  const [readFirst, readSecond] = [
    dateReader(first.format, 'UTC'),
    dateReader(second.format, 'UTC'),
  ];
  if (texts.every((text) => readFirst(text) === readSecond(text)))
    return { format: best[0]?.format ?? '', because: null };
  const dayFirst = best.find(({ format }) => format.startsWith('d'));
  return options.decimalComma && dayFirst
    ? { format: dayFirst.format, because: 'the day comes first where a decimal comma is used' }
    : null;
}

function timesOf(texts: readonly string[], read: DateReader): number[] {
  const times: number[] = [];
  for (const text of texts) {
    const time = read(text);
    // A time outside these years is another kind of number.
    if (time !== null && time > Date.UTC(1990) && time < Date.UTC(2100)) times.push(time);
  }
  return times;
}

function spanOf(times: readonly number[]): number {
  let [least, most] = [Infinity, -Infinity];
  for (const time of times) {
    if (time < least) least = time;
    if (time > most) most = time;
  }
  return most - least;
}

/** Reads times from 1973 to 2286. Cuts them to whole milliseconds, without rounding on the way. */
function unixReader(decimals: number): DateReader {
  const pattern = new RegExp(`^(\\d{9,10})(\\d{${decimals}})(?:\\.(\\d+))?$`);
  return (text) => {
    const match = pattern.exec(text.trim());
    if (match === null) return null;
    const [, seconds = '', fraction = '', rest = ''] = match;
    return Number(seconds + (fraction + rest).slice(0, 3).padEnd(3, '0'));
  };
}

function patternOf(format: string): string {
  let pattern = '';
  let depth = 0;
  for (let at = 0; at < format.length;) {
    tokenPattern.lastIndex = at;
    const token = tokenPattern.exec(format)?.[0];
    const character = format[at] ?? '';
    if (character === '[') depth += 1;
    if (character === ']') depth -= 1;
    if (depth < 0) break;
    if (token !== undefined) pattern += tokens[token];
    else if (character === '[') pattern += '(?:';
    else if (character === ']') pattern += ')?';
    else if (/[A-Za-z]/.test(character) && character !== 'T')
      throw new UsageError(
        `date format "${format}": "${character}" has no meaning; use ` +
          `${Object.keys(tokens).join(' ')} and [ ] around an optional part`,
      );
    else pattern += RegExp.escape(character);
    at += token?.length ?? 1;
  }
  if (depth !== 0) throw new UsageError(`date format "${format}": the brackets do not match`);
  const names = [...pattern.matchAll(/<(\w+)>/g)].map((match) => match[1]);
  const twice = names.find((name, index) => names.indexOf(name) < index);
  if (twice !== undefined) throw new UsageError(`date format "${format}": has a ${twice} twice`);
  for (const needed of [/<(year|shortYear)>/, /<month(Name)?>/, /<day>/]) {
    if (!needed.test(pattern))
      throw new UsageError(
        `date format "${format}": needs a year, a month and a day ` +
          `(or is one of ${Object.keys(unixDecimals).join(', ')})`,
      );
  }
  return pattern;
}

function fromParts(parts: Parts, offsetOf: (localMs: number) => number): number | null {
  const year =
    parts['year'] === undefined ? 2000 + Number(parts['shortYear']) : Number(parts['year']);
  const month =
    parts['monthName'] === undefined
      ? Number(parts['month'])
      : monthNames.indexOf(parts['monthName'].slice(0, 3).toLowerCase()) + 1;
  const day = Number(parts['day']);
  const hour =
    parts['hour12'] === undefined
      ? Number(parts['hour'] ?? 0)
      : hourOf(Number(parts['hour12']), parts['half'] ?? '');
  const minute = Number(parts['minute'] ?? 0);
  const second = Number(parts['second'] ?? 0);
  const fraction = Math.floor(Number(`0.${parts['fraction'] ?? '0'}`) * 1000);
  const offset =
    parts['offset'] === undefined ? null : (fixedOffset(parts['offset']) ?? Number.NaN);
  const local = utcMs(year, month - 1, day, hour, minute, second, fraction);
  const check = new Date(local);
  // Date.UTC turns 31 February into a day in March; such a date is rejected.
  const exists =
    check.getUTCMonth() === month - 1 &&
    check.getUTCDate() === day &&
    hour < 24 &&
    minute < 60 &&
    second < 60 &&
    !Number.isNaN(offset);
  return exists ? local - (offset ?? offsetOf(local)) : null;
}

function hourOf(hour12: number, half: string): number {
  return hour12 < 1 || hour12 > 12 ? Number.NaN : (hour12 % 12) + (/^p/i.test(half) ? 12 : 0);
}
