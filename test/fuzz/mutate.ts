// Makes a new input from known ones: by bytes, by lines, by words of the target's language, and by
// the members of JSON.

import type { Seeded } from '../helpers/seeded.ts';

export const inputBytesMax = 8192;

const oddNumbers = [
  '0',
  '-0',
  '-1',
  '1e999',
  '1e-400',
  '0.1',
  '9007199254740993',
  '4294967295',
  '-2147483648',
  '65536',
  '1e21',
  'NaN',
  '00',
  '+5',
];
const oddTexts = [
  '',
  ' ',
  '\u0000',
  '\u2028',
  '\ufeff',
  '\\ud83d',
  '\\u0000',
  '😀',
  'é',
  'ß',
  '__proto__',
  'constructor',
  'null',
  'a'.repeat(300),
  '../..',
  '%00',
  '\r\n',
  '"',
  "'",
  '\u202e',
];
const oddValues: readonly unknown[] = [
  null,
  true,
  false,
  0,
  -1,
  1.5,
  1e300,
  2 ** 53,
  '',
  ' ',
  'x',
  [],
  {},
  [[]],
  '2026-02-30T00:00:00Z',
  '1e3',
  ...oddTexts,
];
const oddBytes = [
  0x00, 0x0a, 0x0d, 0x20, 0x22, 0x2c, 0x5c, 0x7f, 0x80, 0xc0, 0xe2, 0xf0, 0xfc, 0xff,
];

export type Words = readonly string[];
type Mutation = (bytes: Buffer, random: Seeded, words: Words, corpus: readonly Buffer[]) => Buffer;

/** The newest inputs reached new code, so half of the mutations start from them. */
const newest = 8;

/** One to five changes. At most `inputBytesMax` bytes. */
export function mutate(corpus: readonly Buffer[], random: Seeded, words: Words): Buffer {
  let bytes: Buffer = Buffer.from(
    random.pick(random.next() < 0.5 ? corpus.slice(-newest) : corpus),
  );
  for (let left = random.pick([1, 1, 1, 2, 3, 5]); left > 0; left -= 1) {
    bytes = random.pick(mutations)(bytes, random, words, corpus).subarray(0, inputBytesMax);
  }
  return bytes;
}

const replaced = (bytes: Buffer, from: number, to: number, by: Buffer | string): Buffer =>
  Buffer.concat([bytes.subarray(0, from), Buffer.from(by), bytes.subarray(to)]);
const range = (bytes: Buffer, random: Seeded): [number, number] => {
  const from = random.between(0, bytes.length);
  return [
    from,
    Math.min(bytes.length, from + random.pick([1, 1, 2, 4, 8, random.between(0, bytes.length)])),
  ];
};

const flipBit: Mutation = (bytes, random) => {
  const at = random.between(0, Math.max(0, bytes.length - 1));
  if (at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ (1 << random.between(0, 7));
  return bytes;
};
const setByte: Mutation = (bytes, random) => {
  const at = random.between(0, bytes.length);
  return replaced(
    bytes,
    at,
    at + 1,
    Buffer.from([random.pick([random.pick(oddBytes), random.between(0, 255)])]),
  );
};
const remove: Mutation = (bytes, random) => replaced(bytes, ...range(bytes, random), '');
const repeat: Mutation = (bytes, random) => {
  const [from, to] = range(bytes, random);
  const times = random.pick([2, 2, 3, 40, 300]);
  return replaced(
    bytes,
    from,
    to,
    Buffer.concat(
      Array.from(
        { length: Math.min(times, Math.ceil(inputBytesMax / Math.max(1, to - from))) },
        () => bytes.subarray(from, to),
      ),
    ),
  );
};
const insertWord: Mutation = (bytes, random, words) => {
  const [from, to] = range(bytes, random);
  return replaced(
    bytes,
    from,
    random.pick([from, to]),
    random.pick([...words, ...words, ...oddTexts]),
  );
};
const splice: Mutation = (bytes, random, _words, corpus) => {
  const other = random.pick(corpus);
  return replaced(bytes, ...range(bytes, random), other.subarray(...range(other, random)));
};
const changeNumber: Mutation = (bytes, random) => {
  const text = bytes.toString('latin1');
  const numbers = [...text.matchAll(/-?\d+(\.\d+)?/g)];
  if (numbers.length === 0) return bytes;
  const found = random.pick(numbers);
  return replaced(
    bytes,
    found.index,
    found.index + found[0].length,
    random.pick([
      ...oddNumbers,
      String(Number(found[0]) + random.between(-2, 2)),
      String(random.between(0, 10 ** random.between(1, 15))),
    ]),
  );
};
/** Removes, doubles or moves a line, or a field of it. */
const shuffleParts: Mutation = (bytes, random) => {
  const separator = random.pick(['\n', '\n', ',', ';', ' ', '"', '&', ':']);
  const parts = bytes.toString('latin1').split(separator);
  const part = random.pick(parts);
  parts.splice(
    random.between(0, parts.length),
    random.pick([0, 1, 1]),
    ...random.pick([[], [part], [part, part]]),
  );
  return Buffer.from(parts.join(separator), 'latin1');
};
/** Changes, adds or removes a member at any depth; an input that is not JSON gets a word. */
const changeMember: Mutation = (bytes, random, words, corpus) => {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString());
  } catch {
    return insertWord(bytes, random, words, corpus);
  }
  const odd = (): unknown => random.pick([...oddValues, ...words]);
  const changed = (at: unknown): unknown => {
    if (typeof at !== 'object' || at === null || random.next() < 0.2) return odd();
    if (Array.isArray(at))
      return at.length === 0
        ? [odd()]
        : at.with(random.between(0, at.length - 1), changed(random.pick(at)));
    const members = new Map<string, unknown>(Object.entries(at));
    const key = random.pick([...members.keys(), random.pick(words), random.pick(oddTexts)]);
    if (random.next() < 0.2) members.delete(key);
    else members.set(key, changed(members.get(key)));
    return Object.fromEntries(members);
  };
  return Buffer.from(JSON.stringify(changed(value)) ?? '');
};

const mutations: readonly Mutation[] = [
  flipBit,
  setByte,
  remove,
  repeat,
  insertWord,
  insertWord,
  splice,
  changeNumber,
  shuffleParts,
  changeMember,
  changeMember,
];
