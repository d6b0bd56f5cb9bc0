// Each text has one computation at a time, is known only after success, and the known texts are
// bounded in number and age.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KnownTexts } from '#core/pipeline/known-texts.ts';

type Result = { readonly ok: boolean; readonly id: string };
const succeeded = ({ ok }: Result): boolean => ok;
const succeed = (id: string) => async (): Promise<Result> => ({ ok: true, id });
const mustNotRun = (): Promise<Result> => {
  throw new Error('computed although it was known');
};

/** After a garbage collection. */
function heapBytes(): number {
  globalThis.gc!();
  return process.memoryUsage().heapUsed;
}

type Ending = 'success' | 'failure' | 'throw';
type Step =
  | { readonly do: 'share'; readonly id: string }
  | { readonly do: 'finish'; readonly pick: number; readonly ending: Ending }
  | { readonly do: 'forget'; readonly id: string }
  | { readonly do: 'wait'; readonly ms: number };

const anyId = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f');
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant('share' as const), id: anyId }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('finish' as const),
      pick: fc.nat(),
      ending: fc.constantFrom<Ending>('success', 'success', 'failure', 'throw'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('forget' as const), id: anyId }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat(60) }) },
);

/** A list that drops its least recently used id when it is full: the slow and obvious way. */
class Model {
  readonly known: { id: string; until: number }[] = [];
  readonly running = new Map<
    string,
    { startedAt: number; waiters: number; finish: PromiseWithResolvers<Result> }
  >();
  misses = 0;

  isKnown(id: string, now: number): boolean {
    return this.known.some((entry) => entry.id === id && now < entry.until);
  }

  remember(id: string, until: number, entriesMax: number): void {
    this.forget(id);
    this.known.push({ id, until });
    if (this.known.length > entriesMax) this.known.shift();
  }

  forget(id: string): void {
    const index = this.known.findIndex((entry) => entry.id === id);
    if (index >= 0) this.known.splice(index, 1);
  }
}

describe('known texts', () => {
  it('agree with the model in any interleaving of calls, results and time', async () => {
    const entriesMax = 3;
    const ttlMs = 100;
    await fc.assert(
      fc.asyncProperty(fc.array(anyStep, { maxLength: 80, size: 'max' }), async (script) => {
        const model = new Model();
        const real = new KnownTexts<Result>({ entriesMax, ttlMs, succeeded });
        const answers = new Map<string, Promise<string>[]>();
        const instant: Promise<unknown>[] = [];
        let computations = 0;
        let now = 0;

        const share = (id: string): void => {
          const known = model.isKnown(id, now);
          const running = model.running.get(id);
          if (known) {
            model.remember(id, model.known.find((entry) => entry.id === id)!.until, entriesMax);
          } else if (running) {
            running.waiters += 1;
          } else {
            model.misses += 1;
            model.running.set(id, { startedAt: now, waiters: 1, finish: Promise.withResolvers() });
          }
          const answer = real.share(id, now, () => {
            computations += 1;
            return model.running.get(id)!.finish.promise;
          });
          if (known) instant.push(answer);
          else
            answers.set(id, [
              ...(answers.get(id) ?? []),
              answer.then(
                (result) => (result === 'known' ? result : `${result.id} ${result.ok}`),
                (error: unknown) => String(error),
              ),
            ]);
        };

        const finish = async (id: string, ending: Ending): Promise<void> => {
          const { startedAt, waiters, finish: end } = model.running.get(id)!;
          model.running.delete(id);
          if (ending === 'success') model.remember(id, startedAt + ttlMs, entriesMax);
          if (ending === 'throw') end.reject(new Error(`no ${id}`));
          else end.resolve({ ok: ending === 'success', id });
          const expected = ending === 'throw' ? `Error: no ${id}` : `${id} ${ending === 'success'}`;
          const got = await Promise.all(answers.get(id)!);
          answers.delete(id);
          expect(got, 'every waiter gets the one result').toEqual(
            Array.from({ length: waiters }, () => expected),
          );
        };

        for (const step of script) {
          if (step.do === 'share') share(step.id);
          else if (step.do === 'wait') now += step.ms;
          else if (step.do === 'forget') {
            model.forget(step.id);
            real.forget(step.id);
          } else {
            const ids = [...model.running.keys()];
            const id = ids[step.pick % ids.length];
            if (id !== undefined) await finish(id, step.ending);
          }
          for (const id of ['a', 'b', 'c', 'd', 'e', 'f']) {
            expect(real.state(id, now)).toBe(
              model.isKnown(id, now) ? 'known' : model.running.has(id) ? 'in-flight' : 'unknown',
            );
          }
          expect(computations, 'one computation per miss').toBe(model.misses);
        }
        expect(new Set(await Promise.all(instant)).difference(new Set(['known'])).size).toBe(0);
      }),
      { numRuns: 200 },
    );
  });

  it('a throw before the first await is an ordinary failure', async () => {
    const cache = new KnownTexts<Result>({ entriesMax: 2, ttlMs: 10, succeeded });
    await expect(
      cache.share('a', 0, () => {
        throw new Error('at once');
      }),
    ).rejects.toThrow('at once');
    expect(cache.state('a', 0)).toBe('unknown');
    expect(await cache.share('a', 0, succeed('a'))).toEqual({ ok: true, id: 'a' });
    expect(await cache.share('a', 9, mustNotRun)).toBe('known');
  });

  it('an entry ages from the start of its computation, however often it is used', async () => {
    const cache = new KnownTexts<Result>({ entriesMax: 2, ttlMs: 10, succeeded });
    await cache.share('a', 5, succeed('a'));
    for (const now of [6, 10, 14]) expect(await cache.share('a', now, mustNotRun)).toBe('known');
    expect(cache.state('a', 15)).toBe('unknown');
  });

  it('200,000 texts pass through a full cache in linear time', async () => {
    const cache = new KnownTexts<Result>({ entriesMax: 50_000, ttlMs: 10, succeeded });
    for (let i = 0; i < 200_000; i++) await cache.share(`${i}`, 0, succeed(''));
    const states = Array.from({ length: 200_000 }, (_, i) => cache.state(`${i}`, 0));
    expect(states.indexOf('known')).toBe(150_000);
    expect(states.lastIndexOf('unknown')).toBe(149_999);
  });

  it('uses no more memory after many uses', async () => {
    const cache = new KnownTexts<Result>({ entriesMax: 100_000, ttlMs: 10, succeeded });
    const ask = async (times: number): Promise<void> => {
      for (let i = 0; i < times; i++) await cache.share(`${i % 1_000}`, 0, succeed(''));
    };
    await ask(100_000);
    const before = heapBytes();
    await ask(1_000_000);
    expect(heapBytes() - before).toBeLessThan(5e6);
  });
});
