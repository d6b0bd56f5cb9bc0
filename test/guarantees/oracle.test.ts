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
  letters: [...produced.bad, ...produced.poison].map(([hash, reason]) => ({ hash, reason })),
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
const told = (stored: Partial<Stored>, isResent = false) =>
  violations(produced, { ...right, ...stored }, reference, isResent);
const withVector = (changed: Float32Array, dtype = 'fp32') =>
  told({
    vectors: right.vectors.map((each) =>
      each === vector ? { ...each, vector: changed, dtype } : each,
    ),
  });
const withEvent = (change: Partial<Stored['events'][number]>) =>
  told({ events: right.events.map((each) => (each === event ? { ...each, ...change } : each)) });
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
  expect(told({})).toEqual([]);
  expect(withVector(turned(0.99), 'q8')).toEqual([]);
});

test.for<[string, () => readonly string[], RegExp]>([
  ['an event that is lost', () => told({ events: right.events.slice(1) }), /^event \S+ is lost$/],
  [
    'an event that is stored twice',
    () => told({ events: [...right.events, event] }),
    /is stored 2 times$/,
  ],
  [
    'an event under another id',
    () => withEvent({ id: 'ffffffff-0000-4000-8000-000000000000' }),
    /was never produced$/,
  ],
  [
    'an event whose older version stayed',
    () => {
      const { event_id: id } = Object(JSON.parse(older.bytes.toString()));
      return told({
        events: right.events.map((each) => (each.id === id ? { ...each, hash: older.hash } : each)),
      });
    },
    /in a version that is not its newest$/,
  ],
  [
    'a payload that was changed',
    () => withEvent({ hash: hashOf(Buffer.from('{}')) }),
    /in a version that is not its newest$/,
  ],
  [
    "an event with another one's text",
    () => withEvent({ text: right.vectors.find(({ text }) => text !== event.text)?.text ?? null }),
    /refers to the text .*, not to its own$/,
  ],
  ['an event without its text', () => withEvent({ text: null }), /refers to the text null/],
  [
    'a bad event that is lost',
    () => told({ letters: right.letters.slice(1) }),
    /^an event that is \w+ is lost$/,
  ],
  [
    'a bad event with another reason',
    () =>
      told({
        letters: right.letters.map((letter, index) =>
          index === 0 ? { ...letter, reason: 'store_rejected' } : letter,
        ),
      }),
    /is dead-lettered as store_rejected, not as/,
  ],
  [
    'a good event that is dead-lettered',
    () => told({ letters: [...right.letters, { hash: event.hash, reason: 'store_rejected' }] }),
    /nothing is wrong with is dead-lettered/,
  ],
  [
    'a bad event that became two dead letters',
    () => told({ letters: [...right.letters, ...right.letters.slice(0, 1)] }),
    /became 2 dead letters$/,
  ],
  [
    'a poison event that is lost',
    () => told({ letters: right.letters.filter(({ reason }) => reason !== 'embedding_failed') }),
    /neither stored nor a dead letter$/,
  ],
  [
    'a text without a vector',
    () => told({ vectors: right.vectors.slice(1) }),
    /has events and no vector$/,
  ],
  [
    'a text with two vectors',
    () => told({ vectors: [...right.vectors, vector] }),
    /has 2 vectors$/,
  ],
  [
    'a vector of nothing that was produced',
    () => told({ vectors: [...right.vectors, { ...vector, text: 'a text of nobody' }] }),
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
    'an 8-bit vector that is farther off than 8 bits are',
    () => withVector(turned(0.96), 'q8'),
    /has a cosine of 0\.9/,
  ],
  ['a vector of zeros', () => withVector(new Float32Array(384)), /is of length 0$/],
  [
    'a vector of length 2',
    () => withVector(vectorOf(vector.text).map((value) => 2 * value)),
    /is of length (2|1\.9)/,
  ],
  ['a vector with NaN', () => withVector(vectorOf(vector.text).with(5, NaN)), /is of length NaN$/],
  [
    'a vector that is cut',
    () => withVector(vectorOf(vector.text).subarray(0, 383)),
    /has a cosine of NaN/,
  ],
])('%s is told', ([, plant, line]) => {
  expect(plant()).toContainEqual(expect.stringMatching(line));
});

test('a bad event may become several dead letters only if it was sent again', () => {
  expect(told({ letters: [...right.letters, ...right.letters.slice(0, 1)] }, true)).toEqual([]);
});
