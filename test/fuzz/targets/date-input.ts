// Any date format with any texts, and any text as a number: an existing instant that another reader
// confirms, or none.

import { UsageError } from '#core/errors/errors.ts';
import { parseTimestamp } from '#core/event/timestamp.ts';
import { dateReader, detectDateFormat } from '#core/mapping/dates.ts';
import { detectDecimal, readNumber } from '#core/mapping/numbers.ts';
import { allowing, assert } from '../claims.ts';
import type { Target } from '../fuzzer.ts';

const iso = dateReader('yyyy-MM-dd[THH:mm[:ss[.f]][Z]]', 'UTC');
const isoText = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{3})?Z$/;

/** The format is the first line, its zone the second, and the texts are those that follow. */
export const dates: Target = {
  name: 'dates',
  covers: /\/core\/mapping\/(dates|numbers)\.ts|\/core\/event\/timestamp\.ts/,
  words: [
    'yyyy',
    'yy',
    'MMM',
    'MM',
    'M',
    'dd',
    'd',
    'HH',
    'H',
    'hh',
    'h',
    'mm',
    'ss',
    'f',
    'a',
    'Z',
    'T',
    '[',
    ']',
    'unix-s',
    'unix-ms',
    'unix-us',
    'unix-ns',
    'Europe/London',
    '+01:00',
    '+15:00',
    '-2359',
    'Dec',
    'am',
    'p.m.',
    '2024-02-29',
    '0050-01-01T00:00:00Z',
    '9999-12-31',
    '1575000000',
    '1575000000.5',
    '1575000000000',
    '1575000000123456',
    '1575000000123456789',
    '1/12/2010 9:05',
    '12.01.10',
    '1,234.50',
    '1.234,50',
    '£',
    '\u00a0',
    'e9',
  ],
  run(input) {
    const [format = '', zone = '', ...texts] = input.toString().split('\n').slice(0, 40);
    const given = allowing(UsageError, () => dateReader(format, zone));
    if ('value' in given) for (const text of texts) checkInstant(given.value(text), text);
    const detected = allowing(UsageError, () =>
      detectDateFormat(texts, { decimalComma: false, column: 'c' }),
    );
    if ('value' in detected && detected.value !== null)
      for (const text of texts) checkInstant(dateReader(detected.value.format, 'UTC')(text), text);
    for (const text of [format, zone, ...texts]) checkText(text);
    assert(['point', 'comma'].includes(detectDecimal(texts)), 'one decimal sign is chosen');
  },
};

function checkInstant(ms: number | null, text: string): void {
  assert(ms === null || Number.isSafeInteger(ms), `"${text}" is whole milliseconds, not ${ms}`);
  assert(
    ms === null || !Number.isNaN(new Date(ms).getTime()),
    `"${text}" is within the range of dates`,
  );
}

function checkText(text: string): void {
  const number = readNumber(text, 'point');
  assert(number === null || Number.isFinite(number), `"${text}" is a finite number`);
  if (/^-?\d+(\.\d+)?$/.test(text) && text.length < 300)
    assert(number === Number(text), `"${text}" is the number that it reads`);
  if (!isoText.test(text)) return;
  // The platform's own parser accepts 24:00, and turns the 31st of February into a day in March.
  const parsed = new Date(text);
  const expected =
    !Number.isNaN(parsed.getTime()) && parsed.toISOString().startsWith(text.slice(0, 19))
      ? parsed.getTime()
      : null;
  const own = parseTimestamp(text);
  assert(iso(text) === expected, `"${text}" is ${expected}, not ${iso(text)}`);
  assert(
    (own.ok ? own.ms : null) === expected,
    `"${text}" is ${expected} as the time of an event, too`,
  );
}
