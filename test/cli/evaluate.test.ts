// An evaluation learns only from what came before, measures as its formulas say, and prefers what
// sessions tell on a log in which they tell something.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ManualClock } from '#core/memory/manual-clock.ts';
import type { EventFilter } from '#core/ports.ts';
import { evaluateCommand } from '../../cli/evaluate/evaluate-flags.ts';
import { parseQueries } from '../../cli/evaluate/evaluate-search.ts';
import { createLogStore } from '../../cli/evaluate/log-store.ts';
import { splitInTime, tasksOf } from '../../cli/evaluate/prediction-tasks.ts';
import { interval, mean, measure, measureGraded } from '../../cli/evaluate/ranking-measures.ts';
import { readLog } from '../../cli/evaluate/read-log.ts';
import { runEvaluation } from '../../cli/evaluate/run-evaluation.ts';
import { parseFlags } from '../../cli/flags.ts';

test('a right answer counts by its place', () => {
  expect(measure(['a', 'b', 'c'], new Set(['b', 'x']), 3)).toEqual({
    hitRate: 1,
    mrr: 0.5,
    ndcg: 1 / Math.log2(3) / (1 + 1 / Math.log2(3)),
    recall: 0.5,
  });
  expect(measure(['a', 'b'], new Set(['b']), 1)).toEqual({
    hitRate: 0,
    mrr: 0,
    ndcg: 0,
    recall: 0,
  });
  expect(measure(['b', 'x'], new Set(['b', 'x']), 2).ndcg).toBeCloseTo(1);
  const [low, high] = interval([1, 1, 1], () => 0.5);
  expect([low, high, mean([1, 2])]).toEqual([1, 1, 1.5]);
});

test('a better answer counts more, and best where it is first', () => {
  const wanted = new Map([
    ['good', 3],
    ['fair', 1],
  ]);
  expect(measureGraded(['good', 'fair'], wanted, 10)).toMatchObject({ ndcg: 1, recall: 1, mrr: 1 });
  const swapped = (1 + 3 / Math.log2(3)) / (3 + 1 / Math.log2(3));
  expect(measureGraded(['fair', 'good'], wanted, 10).ndcg).toBeCloseTo(swapped);
  expect(measureGraded(['other'], wanted, 10)).toMatchObject({ ndcg: 0, recall: 0 });
});

test('queries are read with their products, grades and kinds', () => {
  expect(parseQueries('kind,query,product id\ncode,22989,22989\n')).toEqual([
    { kind: 'code', query: '22989', wanted: new Map([['22989', 1]]) },
  ]);
  const graded = 'query,product_id,grade\n"cup, red",a,3\n"cup, red",b,1\n';
  expect(parseQueries(graded)).toEqual([
    {
      kind: 'all',
      query: 'cup, red',
      wanted: new Map([
        ['a', 3],
        ['b', 1],
      ]),
    },
  ]);
  expect(() => parseQueries('a,b\n1,2\n')).toThrow('query and product_id');
  expect(() => parseQueries('query,product_id,grade\nx,y,high\n')).toThrow('"x"');
});

/** Pairs of products that are always clicked together, in many sessions. */
const clicks = (sessions: number): string =>
  [
    'SessionId\tItemId\tTime',
    ...Array.from({ length: sessions }, (_, n) =>
      ['first', 'second'].map(
        (item, index) => `${n}\t${item} of pair ${n % 40}\t${1_600_000_000 + n * 60 + index}.0`,
      ),
    ).flat(),
  ].join('\n');

async function withLog<T>(text: string, use: (file: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'vectorstream-evaluate-'));
  try {
    const file = join(folder, 'clicks.txt');
    await writeFile(file, text);
    return await use(file);
  } finally {
    await rm(folder, { recursive: true });
  }
}

test('the newest sessions are predicted, and none of them is learnt from', async () => {
  await withLog(clicks(100), async (file) => {
    const log = await readLog(file, null, () => {});
    const split = splitInTime(log, 0.2);
    expect([split.training.events.length, split.later.length]).toEqual([160, 40]);
    const learnt = new Set(split.training.events.map(({ sessionId }) => sessionId));
    for (const { sessionId } of split.later) expect(learnt.has(sessionId)).toBe(false);
    const tasks = tasksOf(split, 5);
    expect(tasks.map(({ name, cases }) => [name, cases.length])).toEqual([['next click', 5]]);
  });
});

test('sessions tell what follows, popularity does not', async () => {
  await withLog(clicks(400), async (file) => {
    const said: string[] = [];
    const parsed = parseFlags(evaluateCommand, ['recommend', file, '--json', '--cases', '20']);
    if (typeof parsed === 'string' || parsed === null) throw new Error('the flags are refused');
    const code = await runEvaluation([file], parsed.values, {
      clock: new ManualClock(0),
      apiKey: null,
      progress: { write: () => true },
      say: (line) => said.push(line),
    });
    expect(code).toBe(0);
    const { tasks } = JSON.parse(said.join(''));
    expect(tasks).toMatchObject([
      {
        task: 'next click',
        cases: 20,
        methods: [{ method: 'popular' }, { method: 'sessions' }, { method: 'blend' }],
      },
    ]);
    const [popular, sessions] = tasks[0].methods;
    expect(sessions).toMatchObject({ hit_rate: 1, recall: 1 });
    expect(popular.hit_rate).toBeLessThan(1);
  });
});

const touch = (productId: string, timestamp: number) => ({
  sessionId: `at ${timestamp}`,
  userId: 'u',
  productId,
  eventType: 'view' as const,
  timestamp,
});
const product = (id: string) => ({ id, name: id, description: null, category: null, price: 1 });

test('what was not learnt is not recommended, and counts may begin at a time', async () => {
  const ids = ['old', 'late', 'never'];
  const store = createLogStore(
    {
      events: [touch('old', 1), touch('old', 2), touch('late', 3)],
      products: new Map(ids.map((id) => [id, product(id)])),
    },
    new Map(ids.map((id) => [id, new Float32Array([1, 0])])),
    new Map(),
  );
  const near = (filter: EventFilter) =>
    store.similarProducts({ textIds: ['old'], filter, limit: 5 });
  expect((await near({})).map(({ textId }) => textId)).toEqual(['late']);
  expect(await near({ textIds: ['old'] })).toEqual([]);
  expect(await store.countsBy({ by: 'productId', filter: { since: 2 }, limit: 5 })).toEqual([
    { value: 'late', count: 1 },
    { value: 'old', count: 1 },
  ]);
  expect((await store.events({}, 1)).map(({ timestamp }) => timestamp)).toEqual([3]);
});
