// If a runner is distrusted at any point before its vector is stored, the text is embedded again.

import { expect, test } from 'vitest';
import { DependencyError } from '#core/errors/errors.ts';
import { documentOf } from '#core/event/text.ts';
import { ManualClock } from '#core/memory/manual-clock.ts';
import { createMemoryStore } from '#core/memory/memory-store.ts';
import { Guard, isRetryable } from '#core/pipeline/dependency-guard.ts';
import { defaultPipelineLimits } from '#core/pipeline/pipeline.ts';
import { createTextResolver } from '#core/pipeline/text-resolver.ts';
import type { ProductEvent, TextRecord } from '#core/ports.ts';
import { dimensions, fakeVector } from '../helpers/fake-model.ts';
import { silentObserver } from '../helpers/silent-observer.ts';

const product = { id: 'p', name: 'kettle', description: null, category: null, price: 1 };
const event: ProductEvent = {
  eventId: 'e',
  id: 'e',
  eventType: 'view',
  timestamp: 1,
  userId: 'u',
  sessionId: 's',
  product,
  searchQuery: null,
  payload: '{}',
};
test.for([
  ['before its write', 0],
  ['while its write waits for a store that is down', 2],
] as const)('%s', async ([, failures]) => {
  const clock = new ManualClock();
  const memory = createMemoryStore({ dimensions });
  const distrusted = new Set<string>();
  const written: TextRecord[] = [];
  let left = failures;
  const store: typeof memory = {
    ...memory,
    async putTexts(records) {
      written.push(...records);
      if (left > 0) {
        left -= 1;
        if (left === 0) distrusted.add('wrong');
        throw new DependencyError('store', 'down', 'It is down.', { retryable: true });
      }
      return memory.putTexts(records);
    },
  };
  const sessions = ['wrong', 'right'];
  let embedded = 0;
  const signal = new AbortController().signal;
  const texts = createTextResolver({
    store,
    clock,
    random: () => 0.5,
    signal,
    observer: silentObserver,
    limits: defaultPipelineLimits,
    guard: new Guard({
      dependency: 'store',
      retryable: isRetryable,
      backoff: { delayMs: 10, delayMsMax: 10 },
      circuit: defaultPipelineLimits.circuit,
      clock,
      random: () => 0.5,
      signal,
      observer: silentObserver,
    }),
    embedding: {
      async embed(text) {
        const runnerSession = sessions[embedded++] ?? '';
        if (failures === 0) distrusted.add('wrong');
        return {
          ok: true,
          embedding: {
            vector: fakeVector(text),
            provenance: {
              runnerSession,
              runnerName: '',
              device: 'cpu',
              dtype: 'q8',
              embeddedAt: 0,
              checkedAt: 0,
            },
          },
        };
      },
    },
    isDistrusted: ({ runnerSession }) => distrusted.has(runnerSession),
  });
  const outcome = texts.ensure(documentOf(event));
  await clock.advance(10_000);
  expect(await outcome).toEqual({ ok: true });
  expect(embedded).toBe(2);
  expect(written.map(({ embedding }) => embedding.provenance.runnerSession)).toEqual([
    ...Array.from({ length: failures }, () => 'wrong'),
    'right',
  ]);
});
