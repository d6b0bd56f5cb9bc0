// The oracle of every test that kills something: compares what was sent with what the SQLite file
// holds afterwards.

import { expect } from 'vitest';
import type { Sent } from './shop-events.ts';
import type { StoreContents } from './store-file.ts';

/**
 * Every acknowledged event is stored, none twice, and no other event is stored; nothing was
 * dead-lettered.
 */
export function expectExactlyOnce(
  { acknowledged, uncertain }: Sent,
  { eventIds, deadLetters }: StoreContents,
): void {
  const stored = new Set(eventIds);
  expect(eventIds).toHaveLength(stored.size);
  expect([...acknowledged].filter((id) => !stored.has(id))).toEqual([]);
  expect(eventIds.filter((id) => !acknowledged.has(id) && !uncertain.has(id))).toEqual([]);
  expect(deadLetters).toEqual([]);
}

/** Every text that was stored before still has its old vector: same runner session, same time. */
export function expectNotEmbeddedAgain(before: StoreContents, after: StoreContents): void {
  const again = [...before.texts].filter(
    ([id, text]) => JSON.stringify(after.texts.get(id)) !== JSON.stringify(text),
  );
  expect(again).toEqual([]);
}
