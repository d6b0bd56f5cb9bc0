// Compares what was produced with what is stored, as read by the store's own engine alone: every
// difference is a line of text.

import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { getLoadablePath } from 'sqlite-vec';
import { hashOf, type Produced } from './produced.ts';

export type Stored = {
  readonly events: readonly {
    readonly id: string;
    readonly hash: string;
    readonly text: string | null;
  }[];
  readonly vectors: readonly {
    readonly text: string;
    readonly vector: Float32Array;
    readonly runner: string;
    readonly dtype: string;
  }[];
  readonly deadLetters: readonly { readonly hash: string; readonly reason: string }[];
};

/** From the SQLite file of a data folder. */
export function readEmbedded(dataDir: string): Stored {
  using database = new DatabaseSync(join(dataDir, 'vectorstream.db'), {
    readOnly: true,
    allowExtension: true,
    timeout: 5_000,
  });
  database.loadExtension(getLoadablePath());
  const rows = (sql: string) => database.prepare(sql).all();
  return {
    events: rows(
      'SELECT lower(hex(events.id)) AS id, payload, texts.text ' +
        'FROM events LEFT JOIN texts ON texts.key = events.text',
    ).map(({ id, payload, text }) => ({
      id: String(id).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5'),
      hash: hashOf(Buffer.from(JSON.stringify(JSON.parse(String(payload))))),
      text: text === null ? null : String(text),
    })),
    vectors: rows(
      'SELECT texts.text, texts.runner_name, dtype, vector ' +
        'FROM vectors JOIN texts ON texts.key = vectors.text',
    ).map(({ text, runner_name: runner, dtype, vector }) => {
      if (!(vector instanceof Uint8Array)) throw new Error(`${String(text)} has no vector.`);
      return {
        text: String(text),
        runner: String(runner),
        dtype: String(dtype),
        vector: new Float32Array(vector.slice().buffer),
      };
    }),
    deadLetters: rows('SELECT record_value, reason FROM dead_letters').map(
      ({ record_value: value, reason }) => ({
        hash: value instanceof Uint8Array ? hashOf(value) : 'none',
        reason: String(reason),
      }),
    ),
  };
}

/**
 * The least cosine to the float32 reference that a runner of this model must reach on these short
 * texts: for float32 itself, or for half floats and 8 bits.
 */
const cosineMin = (dtype: string): number => (dtype === 'fp32' ? 0.9999 : 0.97);
/** A stored vector has length 1, except for rounding. */
const lengthErrorMax = 0.001;

/**
 * Every promise of the store that this run broke, one line each; empty when all are kept.
 * `isResent`: the producer got no answer to some request and sent it again, so one bad event may
 * have become several dead letters.
 */
export function violations(
  produced: Produced,
  stored: Stored,
  reference: ReadonlyMap<string, Float32Array>,
  isResent: boolean,
): readonly string[] {
  const found: string[] = [];
  const say = (line: string): void => void found.push(line);

  const byId = Map.groupBy(stored.events, ({ id }) => id);
  for (const [id, copies] of byId) {
    if (copies.length > 1) say(`event ${id} is stored ${copies.length} times`);
    if (!produced.valid.has(id) && !copies.every(({ hash }) => produced.poison.has(hash)))
      say(`event ${id} is stored but was never produced`);
  }
  for (const [id, hashes] of produced.valid) {
    const [copy] = byId.get(id) ?? [];
    if (copy === undefined) say(`event ${id} is lost`);
    else if (!hashes.has(copy.hash)) say(`event ${id} is not stored in its newest version`);
    if (copy !== undefined && copy.text !== produced.texts.get(id))
      say(`event ${id} refers to the text ${JSON.stringify(copy.text)}, not to its own text`);
  }

  const deadLetters = Map.groupBy(stored.deadLetters, ({ hash }) => hash);
  const storedHashes = new Set(stored.events.map(({ hash }) => hash));
  for (const [hash, copies] of deadLetters) {
    const reason = produced.bad.get(hash) ?? produced.poison.get(hash);
    if (reason === undefined) say(`a valid event is dead-lettered as ${copies[0]?.reason}`);
    else if (copies.some((copy) => copy.reason !== reason))
      say(
        `an event is dead-lettered as ${copies.map((copy) => copy.reason).join(', ')}, ` +
          `not as ${reason}`,
      );
    if (copies.length > 1 && !isResent) say(`one bad event became ${copies.length} dead letters`);
  }
  for (const [hash, reason] of produced.bad)
    if (!deadLetters.has(hash)) say(`an event that should be dead-lettered as ${reason} is lost`);
  for (const [hash] of produced.poison)
    if (!deadLetters.has(hash) && !storedHashes.has(hash))
      say('an event that kills runners is neither stored nor a dead letter');

  found.push(...vectorViolations(stored, reference));
  return found;
}

/** Checks vectors only. It may take time until a liar is detected. */
export function vectorViolations(
  stored: Stored,
  reference: ReadonlyMap<string, Float32Array>,
): readonly string[] {
  const found: string[] = [];
  const say = (line: string): void => void found.push(line);
  const vectors = Map.groupBy(stored.vectors, ({ text }) => text);
  for (const [text, copies] of vectors)
    if (copies.length > 1) say(`"${text}" has ${copies.length} vectors`);
  for (const { text } of stored.events)
    if (text !== null && !vectors.has(text)) say(`"${text}" has events but no vector`);
  for (const { text, vector, runner, dtype } of stored.vectors) {
    const right = reference.get(text);
    const cosine = right === undefined ? NaN : cosineOf(vector, right);
    const length = Math.sqrt(dot(vector, vector));
    if (!(Math.abs(length - 1) <= lengthErrorMax))
      say(`the vector of "${text}", by ${runner}, has length ${length}`);
    if (!(cosine >= cosineMin(dtype)))
      say(`the vector of "${text}", by ${runner}, has a cosine of ${cosine} to its reference`);
  }
  return found;
}

const dot = (a: Float32Array, b: Float32Array): number =>
  a.reduce((sum, value, index) => sum + value * (b[index] ?? NaN), 0);

function cosineOf(a: Float32Array, b: Float32Array): number {
  return a.length === b.length ? dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b)) : NaN;
}
