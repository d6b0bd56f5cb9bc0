// An offset is shared when most events of a minute have it; then it is named with its time zones.

import { expect, test } from 'vitest';
import { offsetProblem, TimestampOffsets } from '#core/event/timestamp-offsets.ts';

const minute = 60_000;
const hour = 60 * minute;
const summer = Date.UTC(2026, 6, 1);
const winter = Date.UTC(2026, 0, 1);

/** Adds one event per offset to the minute that starts at `from`. */
function minuteOf(offsets: TimestampOffsets, from: number, ahead: readonly number[]): void {
  for (const [index, offset] of ahead.entries())
    offsets.add(offset, from + (index * minute) / ahead.length);
}
const repeated = (count: number, offset: number) => Array.from({ length: count }, () => offset);

test('most events of a minute share an offset: it is told when the minute is over', () => {
  const offsets = new TimestampOffsets();
  // Some seconds pass between event and record.
  minuteOf(offsets, 0, [...repeated(6, 2 * hour - 4_000), ...repeated(5, -3_000)]);
  expect(offsets.offsetAt(minute - 1)).toBe(0);
  expect(offsets.offsetAt(minute)).toBe(2 * hour);
});

test.each([
  ['half of the events', [...repeated(10, hour), ...repeated(10, 0)]],
  ['nine events', repeated(9, hour)],
  ['different offsets', [1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((hours) => hours * hour)],
  ['seven minutes', repeated(100, 7 * minute)],
  ['late events, as of an import', repeated(100, -2 * hour)],
])('no alarm: %s', (_name, ahead) => {
  const offsets = new TimestampOffsets();
  minuteOf(offsets, 0, ahead);
  expect(offsets.offsetAt(minute)).toBe(0);
});

test('it ends with a minute that shows otherwise', () => {
  const offsets = new TimestampOffsets();
  minuteOf(offsets, 0, repeated(20, hour));
  minuteOf(offsets, minute, repeated(20, -1_000));
  expect(offsets.offsetAt(minute)).toBe(hour);
  expect(offsets.offsetAt(2 * minute)).toBe(0);
});

test('a minute with few events shows nothing, but ten minutes without evidence end it', () => {
  const offsets = new TimestampOffsets();
  minuteOf(offsets, 0, repeated(20, hour));
  minuteOf(offsets, minute, repeated(5, 0));
  expect(offsets.offsetAt(10 * minute)).toBe(hour);
  expect(offsets.offsetAt(11 * minute)).toBe(0);
});

test('events of long ago raise no alarm when nothing came since', () => {
  const offsets = new TimestampOffsets();
  minuteOf(offsets, 0, repeated(20, hour));
  expect(offsets.offsetAt(hour)).toBe(0);
});

test.each([
  [2 * hour, summer, /dated 02:00 hours ahead .* UTC\+02:00 \(such as Europe\/Berlin/],
  [2 * hour, winter, /UTC\+02:00 \(such as Europe\/Athens/],
  [5.5 * hour, winter, /UTC\+05:30 \(such as Asia\/Kolkata\).* write the offset \+05:30/],
  [14 * hour, winter, /UTC\+14:00 as UTC/],
  [hour / 4, winter, /^most .* 00:15 hours .*: compare the clock of their sender/],
  [14.25 * hour, winter, /more than 14 hours ahead .*: correct the clock or the date format/],
])('%d ms ahead at %d: %s', (offset, now, message) => {
  expect(offsetProblem(offset, now)).toMatch(message);
});
