// Which records an erasure is about, and which events it keeps away.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { concernedIn, isAbout, mentions } from '#core/erasure/record-concerns.ts';
import { Tombstones } from '#core/erasure/tombstones.ts';

const bytes = (value: unknown): Uint8Array =>
  new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value));
const anna = { userId: 'anna', sessionIds: new Set(['s-1']) };
const about = (value: unknown, key: string | null = null): boolean =>
  isAbout(anna, { key: key === null ? null : bytes(key), value: bytes(value) });

describe('a record is about a person', () => {
  test('by its user or session, however it is written', () => {
    expect(about({ user_id: 'anna' })).toBe(true);
    expect(about(String.raw`{"user_id":"\u0061nna","x":1}`)).toBe(true);
    expect(about({ user_id: 'ben', session_id: 's-1' })).toBe(true);
    expect(about({ user_id: 'ben', friend: 'anna' }, 'anna')).toBe(false);
    expect(about({ user_id: 'anna-2' })).toBe(false);
    const long = { userId: '2103807459595387724', sessionIds: new Set<string>() };
    expect(isAbout(long, { key: null, value: bytes('{"user_id":2103807459595387724}') })).toBe(
      true,
    );
  });

  test('by its key or a mention, when it names no user', () => {
    expect(about('{"user_id": "anna"')).toBe(true);
    expect(about('anna,view,17', 'other')).toBe(true);
    expect(about('{}', 'anna')).toBe(true);
    expect(about('joanna, anna-2, annabel', 'other')).toBe(false);
    expect(mentions('7 items at 17', '7')).toBe(false);
    expect(mentions('"user":"7"', '7')).toBe(true);
  });

  test('whatever its bytes are, it is decided', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (value) => {
        expect(typeof isAbout(anna, { key: null, value })).toBe('boolean');
        expect(concernedIn({ key: null, value })).toHaveProperty('userId');
      }),
    );
  });

  test('and keeps its user id for a replay, from the value or the key', () => {
    expect(concernedIn({ key: bytes('k'), value: bytes('{"user_id": "anna", ') }).userId).toBe(
      'anna',
    );
    expect(concernedIn({ key: bytes('anna'), value: bytes('broken') }).userId).toBe('anna');
    expect(concernedIn({ key: null, value: bytes('broken') }).userId).toBeNull();
  });
});

describe('tombstones cover', () => {
  const tombstones = new Tombstones(({ kind, id }) => `${kind} ${id}`);
  const event = { userId: 'anna', sessionId: 's', product: null, id: 'e', timestamp: 100 };
  test('what a user or session did until then, by either time', () => {
    expect(tombstones.isEmpty).toBe(true);
    expect(tombstones.covers(event, 0)).toBe(false);
    expect(tombstones.add([{ mark: 'user anna', at: 100 }])).toBe(true);
    expect(tombstones.add([{ mark: 'user anna', at: 90 }])).toBe(false);
    expect(tombstones.covers(event, 999)).toBe(true);
    expect(tombstones.covers({ ...event, timestamp: 101 }, 100)).toBe(true);
    expect(tombstones.covers({ ...event, timestamp: 101 }, 101)).toBe(false);
    expect(tombstones.covers({ ...event, userId: 'ben' }, 0)).toBe(false);
    tombstones.add([{ mark: 'session s', at: 50 }]);
    expect(tombstones.covers({ ...event, userId: 'ben', timestamp: 50 }, 60)).toBe(true);
  });

  test('what happened to a product until then', () => {
    tombstones.add([{ mark: 'product p', at: 70 }]);
    const of = (id: string, timestamp: number) =>
      tombstones.covers(
        { ...event, userId: 'ben', sessionId: 't', product: { id }, timestamp },
        99,
      );
    expect([of('p', 70), of('p', 71), of('q', 70)]).toEqual([true, false, false]);
  });

  test('versions of one event by its own time alone', () => {
    tombstones.add([{ mark: 'event e-2', at: 200 }]);
    const other = { ...event, userId: 'ben', sessionId: 't', id: 'e-2' };
    expect(tombstones.covers({ ...other, timestamp: 200 }, 999)).toBe(true);
    expect(tombstones.covers({ ...other, timestamp: 201 }, 1)).toBe(false);
  });
});
