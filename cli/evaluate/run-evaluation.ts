// The steps of an evaluation: read the log, embed names, split in time, measure, report.

import { defaultRecommenderSettings } from '#core/analysis/recommender-settings.ts';
import { partsOf } from '#core/collections/parts-of.ts';
import { UsageError } from '#core/errors/errors.ts';
import { productText } from '#core/event/text.ts';
import { connectGateway, requireHttpUrl } from '../gateway/gateway-connection.ts';
import { sizeOfLog } from '../import/open-file.ts';
import { count, createProgress } from '../progress-bar.ts';
import type { EvaluateFlags, EvaluationContext } from './evaluate-flags.ts';
import { evaluateMethod, type MethodResult, methods } from './evaluate-recommend.ts';
import { createLogStore, type ProductVectors } from './log-store.ts';
import { type Split, splitInTime, type Task, tasksOf } from './prediction-tasks.ts';
import { type EventLog, readLog } from './read-log.ts';
import { tunedSettings } from './tune-settings.ts';

type TaskResult = {
  readonly task: Task['name'];
  readonly cases: number;
  readonly methods: readonly MethodResult[];
};

/** Names embedded by one request. */
const namesAtOnce = 256;

/** Resolves to the exit code. */
export async function runEvaluation(
  files: readonly string[],
  flags: EvaluateFlags,
  context: EvaluationContext,
): Promise<number> {
  const split = await readSplit(files, flags, context);
  const vectors =
    flags.target === null ? new Map() : await embedNames(split.training, flags.target, context);
  const random = randomNumbers(flags.seed);
  const shown = flags.target === null ? methods.filter((name) => name !== 'meaning') : methods;
  const results: TaskResult[] = [];
  for (const task of tasksOf(split, flags.cases)) {
    const store = createLogStore(split.training, vectors, task.visits);
    const bar = createProgress({
      label: task.name,
      total: task.cases.length * shown.length,
      out: context.progress,
      clock: context.clock,
    });
    let done = 0;
    const measured: MethodResult[] = [];
    for (const method of shown)
      measured.push(
        await evaluateMethod(task, method, {
          store,
          settings: defaultRecommenderSettings,
          clock: context.clock,
          random,
          onCase: () => bar.update(++done),
        }),
      );
    bar.finish();
    results.push({ task: task.name, cases: task.cases.length, methods: measured });
    if (!flags.json) context.say(tableOf(results.at(-1)));
  }
  if (results.length === 0)
    throw new UsageError('The log has nothing to predict: no session has two products.');
  const tuned = flags.tune ? await tunedSettings(split, vectors, flags, context) : null;
  if (flags.json) context.say(JSON.stringify({ tasks: results, tuned }));
  else if (tuned !== null) context.say(tuned.yaml);
  return 0;
}

async function readSplit(
  files: readonly string[],
  { mapping, 'test-percent': percent }: EvaluateFlags,
  { clock, progress }: EvaluationContext,
): Promise<Split> {
  const logs: EventLog[] = [];
  for (const file of files) {
    const bar = createProgress({
      label: 'reading, bytes',
      total: await sizeOfLog(file),
      out: progress,
      clock,
    });
    logs.push(await readLog(file, mapping, (bytes) => bar.update(bytes)));
    bar.finish();
  }
  const last = logs.at(-1);
  if (logs.length < 2 || last === undefined) return splitInTime(merged(logs), percent / 100);
  return {
    training: { ...merged(logs.slice(0, -1)), products: merged(logs).products },
    later: last.events,
  };
}

const merged = (logs: readonly EventLog[]): EventLog => ({
  events: logs.flatMap(({ events }) => events),
  products: new Map(logs.flatMap(({ products }) => [...products])),
});

async function embedNames(
  { products }: EventLog,
  target: string,
  { clock, apiKey, progress }: EvaluationContext,
): Promise<ProductVectors> {
  requireHttpUrl(target);
  const { client, throwExplained } = connectGateway({
    url: target,
    apiKey,
    retryForMs: 60_000,
    onWait: () => {},
  });
  const bar = createProgress({
    label: 'embedding names',
    total: products.size,
    out: progress,
    clock,
  });
  const vectors = new Map<string, Float32Array>();
  for (const part of partsOf([...products.values()], namesAtOnce)) {
    const { vectors: found } = await client.embeddings(part.map(productText)).catch(throwExplained);
    for (const [index, { id }] of part.entries()) {
      const vector = found[index];
      if (vector !== undefined) vectors.set(id, vector);
    }
    bar.update(vectors.size);
  }
  bar.finish();
  return vectors;
}

/** Numbers from 0 to 1, always the same for one seed: mulberry32. */
function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const digits = (value: number | null): string => (value === null ? '–' : value.toFixed(3));

function tableOf(result: TaskResult | undefined): string {
  if (result === undefined) return '';
  const header = [
    'method',
    'hit rate',
    '95 %',
    'nDCG',
    '95 %',
    'MRR',
    'recall',
    'coverage',
    'new',
    'new in 50',
    'ms',
  ];
  const rows = result.methods.map((each) => [
    each.method,
    digits(each.hit_rate),
    each.hit_rate_95.map(digits).join('–'),
    digits(each.ndcg),
    each.ndcg_95.map(digits).join('–'),
    digits(each.mrr),
    digits(each.recall),
    digits(each.coverage),
    digits(each.new_share),
    digits(each.new_hit_rate_50),
    each.ms.toFixed(1),
  ]);
  const widths = header.map((name, column) =>
    Math.max(name.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const lines = [header, ...rows].map((row) =>
    row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '),
  );
  return `\n${result.task}: ${count(result.cases)} cases, 20 products shown\n${lines.join('\n')}`;
}
