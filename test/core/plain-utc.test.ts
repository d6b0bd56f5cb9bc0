// The most frequent form of a time is read and written as `Date` does it, and no other form is
// taken for it.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { plainUtc, plainUtcMs } from '#core/event/plain-utc.ts';

const times = fc.integer({ min: Date.UTC(1971, 0), max: Date.UTC(9999, 11, 31) });

test('a time is written as Date writes it, whatever was written before', () => {
  fc.assert(
    fc.property(fc.array(times), (all) => {
      expect(all.map(plainUtc)).toEqual(all.map((ms) => new Date(ms).toISOString()));
    }),
  );
  for (const ms of [0, -1, 86_399_999, 86_400_000, -86_400_000])
    expect(plainUtc(ms)).toBe(new Date(ms).toISOString());
});

test('a time up to the 28th of a month is read as Date reads it', () => {
  fc.assert(
    fc.property(times, (ms) => {
      const text = new Date(ms).toISOString();
      const isLate = Number(text.slice(8, 10)) > 28;
      expect(plainUtcMs(text)).toBe(isLate ? Number.NaN : ms);
      const whole = text.replace(/\.\d+/, '');
      expect(plainUtcMs(whole)).toBe(isLate ? Number.NaN : Date.parse(whole));
      const offset = text.replace('Z', `${ms % 2 === 0 ? '+' : '-'}${text.slice(11, 16)}`);
      expect(plainUtcMs(offset)).toBe(isLate ? Number.NaN : Date.parse(offset));
    }),
  );
});

test.each([
  '2026-11-31T10:00:00Z',
  '2026-11-00T10:00:00Z',
  '2026-13-01T10:00:00Z',
  '2026-00-01T10:00:00Z',
  '2026-11-01T24:00:00Z',
  '2026-11-01T10:60:00Z',
  '2026-11-01T10:00:60Z',
  '2026-11-01 10:00:00Z',
  '2026-11-01t10:00:00Z',
  '2026-11-01T10:00:00z',
  '2026-11-01T10:00:0xZ',
  '2026-11-01T10:00:00,000Z',
  '2026-11-01T10:00:00.00xZ',
  '2026-11-01T10:00:00.00Z',
  '2026-11-01T10:00:00+24:00',
  '2026-11-01T10:00:00+10:60',
  '2026-11-01T10:00:00+1x:00',
  '2026-11-01T10:00:00 10:00',
  '2026-11-01T10:00:00+10.00',
  '2026-11-01T10:00:00+10:0Z',
  '2026-11-01T10:00:00.000+1000',
  '0099-11-01T10:00:00Z',
  '-026-11-01T10:00:00Z',
  '',
])('%s is another form', (text) => {
  expect(plainUtcMs(text)).toBeNaN();
});
