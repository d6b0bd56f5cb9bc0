// The oracle of the mixed faults detects every way in which a store can be wrong: each is planted
// in a correct store.

import { expect, test } from 'vitest';
import { seeded } from '../helpers/seeded.ts';
import { violations, type Stored } from './mixed/mixed-oracle.ts';
import { hashOf, produce, productNames } from './mixed/produced.ts';

const produced = produce(7, 200, 0.05);
const random = seeded(7);
const reference = new Map(
  productNames.map((name) => {
    const values = Array.from({ length: 384 }, () => random.next() - 0.5);
    return [name, Float32Array.from(values, (value) => value / Math.hypot(...values))];
  }),
);

/** The correct store: one runner survived the first poison, and none survived the others. */
const right: Stored = {
  events: [...produced.valid].map(([id, hashes]) => ({
    id,
    hash: [...hashes][0] ?? '',
    text: produced.texts.get(id) ?? null,
  })),
  vectors: [...new Set(produced.texts.values())].map((text) => ({
    text,
    vector: vectorOf(text),
    runner: 'one',
    dtype: 'fp32',
  })),
  deadLetters: [...produced.bad, ...produced.poison].map(([hash, reason]) => ({ hash, reason })),
};
const [event, other] = right.events;
const [vector, neighbour] = right.vectors;
const older = produced.lines.find(({ bytes }) => {
  const { event_id: id = '' } = bytes.includes('cut') ? {} : Object(JSON.parse(bytes.toString()));
  const newest = produced.valid.get(String(id));
  return newest !== undefined && !newest.has(hashOf(bytes));
});
if (
  event === undefined ||
  other === undefined ||
  vector === undefined ||
  neighbour === undefined ||
  older === undefined
)
  throw new Error('This seed produces too few events.');

function vectorOf(text: string): Float32Array {
  return reference.get(text) ?? new Float32Array();
}
const violationsOf = (stored: Partial<Stored>, isResent = false) =>
  violations(produced, { ...right, ...stored }, reference, isResent);
const withVector = (changed: Float32Array, dtype = 'fp32') =>
  violationsOf({
    vectors: right.vectors.map((each) =>
      each === vector ? { ...each, vector: changed, dtype } : each,
    ),
  });
const withEvent = (change: Partial<Stored['events'][number]>) =>
  violationsOf({
    events: right.events.map((each) => (each === event ? { ...each, ...change } : each)),
  });
/** Turned by an angle of this cosine. */
function turned(cosine: number): Float32Array {
  const [a, b] = [vectorOf(vector?.text ?? ''), vectorOf(neighbour?.text ?? '')];
  const along = a.reduce((sum, value, index) => sum + value * (b[index] ?? 0), 0);
  const across = b.map((value, index) => value - along * (a[index] ?? 0));
  const length = Math.hypot(...across);
  return a.map(
    (value, index) => cosine * value + (Math.sqrt(1 - cosine ** 2) * (across[index] ?? 0)) / length,
  );
}

test('a correct store has no faults', () => {
  expect(violationsOf({})).toEqual([]);
  expect(withVector(turned(0.99), 'q8')).toEqual([]);
});

test.for<[string, () => readonly string[], RegExp]>([
  [
    'an event that is lost',
    () => violationsOf({ events: right.events.slice(1) }),
    /^event \S+ is lost$/,
  ],
  [
    'an event that is stored twice',
    () => violationsOf({ events: [...right.events, event] }),
    /is stored 2 times$/,
  ],
  [
    'an event under another id',
    () => withEvent({ id: 'ffffffff-0000-4000-8000-000000000000' }),
    /was never produced$/,
  ],
  [
    'an event stored in an older version',
    () => {
      const { event_id: id } = Object(JSON.parse(older.bytes.toString()));
      return violationsOf({
        events: right.events.map((each) => (each.id === id ? { ...each, hash: older.hash } : each)),
      });
    },
    /is not stored in its newest version$/,
  ],
  [
    'a changed payload',
    () => withEvent({ hash: hashOf(Buffer.from('{}')) }),
    /is not stored in its newest version$/,
  ],
  [
    'an event with the text of another',
    () => withEvent({ text: right.vectors.find(({ text }) => text !== event.text)?.text ?? null }),
    /refers to the text .*, not to its own text$/,
  ],
  ['an event without its text', () => withEvent({ text: null }), /refers to the text null/],
  [
    'a bad event that is lost',
    () => violationsOf({ deadLetters: right.deadLetters.slice(1) }),
    /should be dead-lettered as \w+ is lost$/,
  ],
  [
    'a bad event with another reason',
    () =>
      violationsOf({
        deadLetters: right.deadLetters.map((deadLetter, index) =>
          index === 0 ? { ...deadLetter, reason: 'store_rejected' } : deadLetter,
        ),
      }),
    /is dead-lettered as store_rejected, not as/,
  ],
  [
    'a good event that is dead-lettered',
    () =>
      violationsOf({
        deadLetters: [...right.deadLetters, { hash: event.hash, reason: 'store_rejected' }],
      }),
    /^a valid event is dead-lettered as/,
  ],
  [
    'a bad event that became two dead letters',
    () => violationsOf({ deadLetters: [...right.deadLetters, ...right.deadLetters.slice(0, 1)] }),
    /became 2 dead letters$/,
  ],
  [
    'a poison event that is lost',
    () =>
      violationsOf({
        deadLetters: right.deadLetters.filter(({ reason }) => reason !== 'embedding_failed'),
      }),
    /neither stored nor a dead letter$/,
  ],
  [
    'a text without a vector',
    () => violationsOf({ vectors: right.vectors.slice(1) }),
    /has events but no vector$/,
  ],
  [
    'a text with two vectors',
    () => violationsOf({ vectors: [...right.vectors, vector] }),
    /has 2 vectors$/,
  ],
  [
    'a vector of nothing that was produced',
    () =>
      violationsOf({ vectors: [...right.vectors, { ...vector, text: 'a text that nobody sent' }] }),
    /has a cosine of NaN/,
  ],
  ["another text's vector", () => withVector(vectorOf(neighbour.text)), /has a cosine of/],
  [
    'a vector shifted by one',
    () =>
      withVector(vectorOf(vector.text).map((_, index, values) => values[(index + 1) % 384] ?? 0)),
    /has a cosine of/,
  ],
  [
    'a float32 vector that is a little off',
    () => withVector(turned(0.999)),
    /has a cosine of 0\.99/,
  ],
  [
    'an 8-bit vector that is farther off than 8 bits explain',
    () => withVector(turned(0.96), 'q8'),
    /has a cosine of 0\.9/,
  ],
  ['a vector of zeros', () => withVector(new Float32Array(384)), /has length 0$/],
  [
    'a vector of length 2',
    () => withVector(vectorOf(vector.text).map((value) => 2 * value)),
    /has length (2|1\.9)/,
  ],
  ['a vector with NaN', () => withVector(vectorOf(vector.text).with(5, NaN)), /has length NaN$/],
  [
    'a vector that is cut short',
    () => withVector(vectorOf(vector.text).subarray(0, 383)),
    /has a cosine of NaN/,
  ],
])('%s is reported', ([, plant, line]) => {
  expect(plant()).toContainEqual(expect.stringMatching(line));
});

test('a bad event may become several dead letters only if it was sent again', () => {
  expect(
    violationsOf({ deadLetters: [...right.deadLetters, ...right.deadLetters.slice(0, 1)] }, true),
  ).toEqual([]);
});
