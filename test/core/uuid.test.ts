// Ids match the RFC and Node's own SHA-1.

import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { randomUuid } from '#core/event/random-uuid.ts';
import { isUuid, uuidV5, vectorstreamNamespace } from '#core/event/uuid.ts';

const dns = '6ba7b810-9dad-11d1-80b4-00c04fd430c8';

function reference(name: string, namespace: string): string {
  const bytes = createHash('sha1')
    .update(Buffer.from(namespace.replaceAll('-', ''), 'hex'))
    .update(name, 'utf8')
    .digest();
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x50, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString('hex', 0, 16).replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, '$1-$2-$3-$4-$5');
}

test('the test vectors of RFC 9562 and the namespace are reproduced', () => {
  expect(uuidV5('www.example.com', dns)).toBe('2ed6657d-e927-568b-95e1-2665a8aea6a2');
  expect(uuidV5('vectorstream', dns)).toBe(vectorstreamNamespace);
});

test('any name in any namespace gives the id that node:crypto gives', () => {
  const name = fc
    .array(fc.oneof(fc.nat(0x7f), fc.nat(0x10ffff)), { maxLength: 200 })
    .map((points) => String.fromCodePoint(...points));
  fc.assert(
    fc.property(
      name,
      fc.oneof(
        fc.uuid(),
        fc.uuid().map((uuid) => uuid.toUpperCase()),
      ),
      (text, namespace) => {
        expect(uuidV5(text, namespace)).toBe(reference(text, namespace));
      },
    ),
    { numRuns: 500 },
  );
});

test('so does every length around the 64-byte blocks, and names beyond the scratch space', () => {
  for (const length of [
    ...Array.from({ length: 200 }, (_, index) => index),
    1336,
    1337,
    4096,
    100_000,
  ]) {
    expect(uuidV5('a'.repeat(length))).toBe(reference('a'.repeat(length), vectorstreamNamespace));
    expect(uuidV5('é'.repeat(length))).toBe(reference('é'.repeat(length), vectorstreamNamespace));
  }
});

test('a UUID is recognised in either case and any version; nothing else is', () => {
  fc.assert(
    fc.property(
      fc.uuid(),
      fc.nat(35),
      fc.constantFrom('g', ' ', '_', '\n', 'é'),
      (uuid, at, wrong) => {
        expect(isUuid(uuid) && isUuid(uuid.toUpperCase()) && isUuid(uuidV5(uuid))).toBe(true);
        expect(isUuid(uuid.slice(0, at) + wrong + uuid.slice(at + 1))).toBe(false);
        expect(isUuid(`${uuid}\n`) || isUuid(uuid.slice(1)) || isUuid(`{${uuid}}`)).toBe(false);
      },
    ),
  );
});

test('a namespace that is not a UUID throws an assertion error', () => {
  expect(() => uuidV5('name', 'products')).toThrow('"products" is not a UUID');
});

test('random ids are of version 4, and no two are the same', () => {
  const ids = Array.from({ length: 100 }, randomUuid);
  const ofVersion4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
  expect(ids.filter((id) => !ofVersion4.test(id))).toEqual([]);
  expect(new Set(ids).size).toBe(ids.length);
});
