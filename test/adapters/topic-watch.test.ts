// When a source takes its topic for another one, told from the answers of a broker.

import { expect, it } from 'vitest';
import { createTopicWatch } from '../../gateway/kafka/topic-watch.ts';

/** Answers these ids one after the other, and counts how often the topic was found replaced. */
function watchOf(...ids: readonly (string | null | Error)[]) {
  const answers = ids.values();
  const seen = { replaced: 0 };
  const watch = createTopicWatch({
    async current() {
      const { value, done } = answers.next();
      if (done || value instanceof Error) throw value ?? new Error('asked too often');
      return value;
    },
    replaced: async () => void (seen.replaced += 1),
  });
  return { watch, seen };
}

async function checks(watch: ReturnType<typeof watchOf>['watch'], times: number): Promise<void> {
  for (let time = 0; time < times; time++) await watch.check().catch(() => undefined);
}

it('a topic that keeps its id is never taken for another one', async () => {
  const { watch, seen } = watchOf('a', 'a', new Error('no broker'), null, 'a');
  await checks(watch, 5);
  expect(seen.replaced).toBe(0);
});

it('a topic that was recreated is noticed once for each time', async () => {
  const { watch, seen } = watchOf('a', 'b', 'b', 'c', 'c');
  await checks(watch, 5);
  expect(seen.replaced).toBe(2);
});

it('a topic that was missing or unknown meanwhile is another one all the same', async () => {
  const { watch, seen } = watchOf('a', null, new Error('no broker'), 'b');
  await checks(watch, 4);
  expect(seen.replaced).toBe(1);
});

it('the first topic that is seen replaces nothing, also when there was none before', async () => {
  const { watch, seen } = watchOf(null, 'a', 'a');
  await checks(watch, 3);
  expect(seen.replaced).toBe(0);
});

it('says whether the topic exists, and rejects while no broker tells', async () => {
  const { watch } = watchOf(null, 'a', new Error('no broker'));
  expect(await watch.check()).toBe(false);
  expect(await watch.check()).toBe(true);
  await expect(watch.check()).rejects.toThrow('no broker');
});

it('checks at the same time ask once, and all wait until the old topic is dropped', async () => {
  const dropping = Promise.withResolvers<void>();
  const ids = ['a', 'b'].values();
  const events: string[] = [];
  const watch = createTopicWatch({
    current: async () => ids.next().value ?? 'asked too often',
    async replaced() {
      events.push('dropping');
      await dropping.promise;
      events.push('dropped');
    },
  });
  await watch.check();
  const both = [watch.check(), watch.check()].map((check) =>
    check.then(() => void events.push('checked')),
  );
  dropping.resolve();
  await Promise.all(both);
  expect(events).toEqual(['dropping', 'dropped', 'checked', 'checked']);
});
