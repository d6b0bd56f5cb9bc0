// Tries settings of recommendations on the sessions before those that are predicted, one setting
// after the other, and keeps what ranks best.

import {
  defaultRecommenderSettings,
  type RecommenderSettings,
} from '#core/analysis/recommender-settings.ts';
import { createProgress } from '../progress-bar.ts';
import type { EvaluateFlags, EvaluationContext } from './evaluate-flags.ts';
import { evaluateMethod } from './evaluate-recommend.ts';
import { createLogStore, type ProductVectors } from './log-store.ts';
import { type Split, splitInTime, tasksOf } from './prediction-tasks.ts';
import { mean } from './ranking-measures.ts';

const day = 24 * 3_600_000;

type Trial = {
  readonly key: keyof RecommenderSettings;
  /** The name in the settings file. */
  readonly name: string;
  readonly values: readonly number[];
  readonly written: (value: number) => number;
};

const asIs = (value: number): number => value;
const percent = (value: number): number => Math.round(value * 100);
const trials: readonly Trial[] = [
  { key: 'productsMax', name: 'productsMax', values: [10, 20, 40], written: asIs },
  { key: 'touchesPerProduct', name: 'touchesPerProduct', values: [100, 200, 400], written: asIs },
  { key: 'sessionsMax', name: 'sessionsMax', values: [100, 250, 500], written: asIs },
  { key: 'fadingShare', name: 'fadingPercent', values: [0.7, 0.95, 1], written: percent },
  {
    key: 'halfLifeMs',
    name: 'halfLifeDays',
    values: [7, 14, 30, 90].map((days) => days * day),
    written: (ms) => ms / day,
  },
  { key: 'rarity', name: 'rarityPercent', values: [0, 0.25, 0.5], written: percent },
  { key: 'meaningWeight', name: 'meaningPercent', values: [0, 0.2, 0.5], written: percent },
];

/** Enough to tell settings apart by a few hundredths. */
const casesMax = 200;

export async function tunedSettings(
  { training }: Split,
  vectors: ProductVectors,
  { 'test-percent': share }: EvaluateFlags,
  { clock, progress }: EvaluationContext,
): Promise<{ readonly settings: RecommenderSettings; readonly yaml: string }> {
  const split = splitInTime(training, share / 100);
  const tasks = tasksOf(split, casesMax).map((task) => ({
    task,
    store: createLogStore(split.training, vectors, task.visits),
  }));
  const rank = async (settings: RecommenderSettings): Promise<number> => {
    const found: number[] = [];
    for (const { task, store } of tasks) {
      const options = { store, settings, clock, random: () => 0, onCase: () => {} };
      found.push((await evaluateMethod(task, 'blend', options)).ndcg);
    }
    return mean(found);
  };
  const bar = createProgress({
    label: 'trying settings',
    total: trials.reduce((sum, { values }) => sum + values.length, 0),
    out: progress,
    clock,
  });
  let best = { settings: defaultRecommenderSettings, ndcg: await rank(defaultRecommenderSettings) };
  let done = 0;
  for (const { key, values } of trials)
    for (const value of values) {
      if (value !== best.settings[key]) {
        const settings = { ...best.settings, [key]: value };
        const ndcg = await rank(settings);
        if (ndcg > best.ndcg) best = { settings, ndcg };
      }
      bar.update(++done, `nDCG ${best.ndcg.toFixed(3)}`);
    }
  bar.finish();
  const lines = trials.map(({ key, name, written }) => `  ${name}: ${written(best.settings[key])}`);
  return {
    settings: best.settings,
    yaml: `\nnDCG ${best.ndcg.toFixed(3)} with\nrecommendations:\n${lines.join('\n')}`,
  };
}
