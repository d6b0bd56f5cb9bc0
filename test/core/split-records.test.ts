// Request bodies are split into the exact bytes of their events, whatever these bytes are.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { splitArray, splitLines } from '#core/decode/split-records.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const texts = (parts: readonly Uint8Array[] | null): string[] | null =>
  parts?.map((part) => new TextDecoder().decode(part)) ?? null;

test('an array is split into the exact bytes of its items', () => {
  const pad = fc.constantFrom('', ' ', '\n', '\t\r\n ');
  fc.assert(
    fc.property(
      fc.array(
        fc.tuple(
          fc.jsonValue().map((value) => JSON.stringify(value)),
          pad,
          pad,
        ),
      ),
      pad,
      pad,
      (items, before, after) => {
        const list = items.map(([json, left, right]) => `${left}${json}${right}`).join(',');
        const body = `${before}[${list}]${after}`;
        expect(texts(splitArray(bytes(body), 1000))).toEqual(items.map(([json]) => json));
      },
    ),
  );
});

test('a broken item stays one item, and a broken array has no items', () => {
  expect(texts(splitArray(bytes('[{"a":1},{"b":},{"c":"]"}]'), 1000))).toEqual([
    '{"a":1}',
    '{"b":}',
    '{"c":"]"}',
  ]);
  expect(texts(splitArray(bytes('[1,,2,]'), 1000))).toEqual(['1', '', '2', '']);
  expect(texts(splitArray(bytes('["\\\\","\\"",3]'), 1000))).toEqual(['"\\\\"', '"\\""', '3']);
  expect(texts(splitArray(bytes(' [ ] '), 1000))).toEqual([]);
  for (const body of ['', '{"a":[]}', '[', '[{"a":1}', '[1]]', '[1] 2', '["a', '[1}'])
    expect(splitArray(bytes(body), 1000)).toBeNull();
});

test('any bytes are split without an error, and lines keep every byte that is not blank', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (body) => {
      splitArray(body, 1000);
      const kept = splitLines(body, 1000)
        .flatMap((line) => [...line])
        .filter((byte) => ![9, 10, 13, 32].includes(byte));
      expect(kept).toEqual([...body].filter((byte) => ![9, 10, 13, 32].includes(byte)));
    }),
  );
  expect(texts(splitLines(bytes('{"a":1}\r\n\n  \n{"b":2}'), 1000))).toEqual([
    '{"a":1}',
    '{"b":2}',
  ]);
});

test('no more items are returned than requested, whatever the body contains', () => {
  expect(texts(splitLines(bytes('1\n2\n3\n4'), 3))).toEqual(['1', '2', '3']);
  expect(texts(splitArray(bytes('[1,2,3,4]'), 3))).toEqual(['1', '2', '3']);
  expect(splitLines(bytes('x\n'.repeat(1_000_000)), 10)).toHaveLength(10);
  expect(splitArray(bytes(`[${','.repeat(1_000_000)}]`), 10)).toHaveLength(10);
});
