// A query is embedded once for all searches that wait for it, and cancelled when no search waits.

import { expect, test } from 'vitest';
import type { EmbeddingService, FleetResult } from '#core/ports.ts';
import { QueryVectors } from '../../gateway/fleet/query-vectors.ts';

const result: FleetResult = {
  ok: true,
  embedding: {
    vector: new Float32Array([1]),
    provenance: {
      runnerSession: '',
      runnerName: '',
      device: 'cpu',
      dtype: '',
      embeddedAt: 0,
      checkedAt: 0,
    },
  },
};

/** A fleet that answers when the test says so, and records its texts. */
function heldFleet() {
  const asked: {
    readonly text: string;
    readonly signal: AbortSignal;
    readonly answer: () => void;
  }[] = [];
  const embedding: EmbeddingService = {
    embed: (text, { signal }) =>
      new Promise((resolve, reject) => {
        signal.addEventListener('abort', () => reject(new Error('left')), { once: true });
        asked.push({ text, signal, answer: () => resolve(result) });
      }),
  };
  return {
    asked,
    queries: new QueryVectors({
      embedding,
      limits: { queryCacheMax: 2, waitMsMax: 60_000 },
      runnerReady: () => true,
    }),
  };
}

test('searches for the same words at the same time share one embedding', async () => {
  const { asked, queries } = heldFleet();
  const stays = new AbortController().signal;
  const leaves = new AbortController();
  const vectors = [
    queries.vector('kettle', leaves.signal),
    queries.vector('kettle', stays),
    queries.vector('lamp', stays),
  ];
  leaves.abort();
  for (const { answer } of asked) answer();
  expect(await Promise.all(vectors)).toHaveLength(3);
  await queries.vector('kettle', stays);
  expect(asked.map(({ text }) => text)).toEqual(['kettle', 'lamp']);
});

test('a query without waiting searches is cancelled; the next search starts it again', async () => {
  const { asked, queries } = heldFleet();
  const [first, second] = [new AbortController(), new AbortController()];
  const given = [queries.vector('kettle', first.signal), queries.vector('kettle', second.signal)];
  first.abort();
  expect(asked[0]?.signal.aborted).toBe(false);
  second.abort();
  expect(asked[0]?.signal.aborted).toBe(true);
  const next = queries.vector('kettle', new AbortController().signal);
  expect(asked).toHaveLength(2);
  asked[1]?.answer();
  expect(await next).toEqual(new Float32Array([1]));
  for (const one of await Promise.allSettled(given)) expect(one.status).toBe('rejected');
});

test('after `clear` no cached vector is used', async () => {
  const { asked, queries } = heldFleet();
  const { signal } = new AbortController();
  const before = queries.vector('kettle', signal);
  asked[0]?.answer();
  await before;
  queries.clear();
  const after = queries.vector('kettle', signal);
  expect(asked).toHaveLength(2);
  asked[1]?.answer();
  await after;
});
