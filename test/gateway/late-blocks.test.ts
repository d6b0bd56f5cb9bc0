// A store that does not say yet which runners may not join: runners wait for it, and nothing is
// kept of those that leave meanwhile.

import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { memoryLink } from '#core/memory/memory-channel.ts';
import { createMemoryRunnerBlocks } from '#core/memory/memory-runner-blocks.ts';
import { runRunnerLoop } from '#core/protocol/runner-loop.ts';
import { systemClock } from '#core/time/clock.ts';
import { always } from '#core/time/fair-queue.ts';
import { createRunnerHub, defaultHubLimits } from '../../gateway/fleet/runner-hub.ts';
import { bounds, fakeEmbedder, golden, identity } from '../helpers/fake-model.ts';
import { noProvenanceLog, runningBlocks } from '../helpers/hub-parts.ts';
import { until } from '../helpers/until.ts';

const quiet = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

test('a runner that leaves before the blocks are known is settled once, at once', async () => {
  const known = Promise.withResolvers<void>();
  const stop = new AbortController();
  const memory = createMemoryRunnerBlocks();
  const blocks = runningBlocks(systemClock, stop.signal, {
    ...memory,
    since: async (at) => {
      await known.promise;
      return memory.since(at);
    },
  });
  const marks: string[] = [];
  const hub = createRunnerHub({
    identity,
    golden,
    bounds,
    tokens: { shared: 'shared', trusted: [], join: () => null },
    clock: systemClock,
    limits: { ...defaultHubLimits, closeMsMax: 0 },
    log: quiet,
    provenanceLog: {
      ...noProvenanceLog,
      begin: async () => void marks.push('marked'),
      end: () => marks.push('unmarked'),
    },
    expectsTrusted: false,
    random: () => 0.5,
    addressOf: () => '127.0.0.1',
    addressMark: (address) => address,
    blocks,
    observer: {
      job: () => undefined,
      requeued: () => undefined,
      quarantined: () => undefined,
      lateAnswer: () => undefined,
      crossCheck: () => undefined,
      runners: () => undefined,
      golden: () => undefined,
    },
  });
  const join = (drain: AbortSignal) => {
    const { near, far } = memoryLink();
    hub.accept(near, { trusted: false, token: null, address: '127.0.0.1' });
    return runRunnerLoop({
      channel: far,
      embedder: fakeEmbedder(),
      turn: always,
      clock: systemClock,
      name: 'tab',
      kind: 'node',
      drain,
      log: quiet,
    });
  };
  const leave = new AbortController();
  const [leaves, stays] = [join(leave.signal), join(stop.signal)];
  await until('both wait', 60_000, () => marks.length === 2);
  leave.abort();
  await leaves;
  expect(marks).toEqual(['marked', 'marked', 'unmarked']);
  const embedded = hub.service.embed('a lamp', {
    priority: 'bulk',
    signal: new AbortController().signal,
  });
  await setImmediate();
  expect(hub.fleetStats()).toMatchObject({ waiting: 1, inWork: 0 });
  known.resolve();
  expect(await embedded).toMatchObject({ ok: true });
  expect(marks).toEqual(['marked', 'marked', 'unmarked']);
  stop.abort();
  await hub.close();
  await stays;
});
