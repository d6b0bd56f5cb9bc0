// The demo's use of sessions: nothing is embedded twice, a query never waits for the list, and a
// failed worker is not used again.

import { describe, expect, test } from 'vitest';
import type { EmbedOutcome } from '#core/ports.ts';
import { ComparisonEngine } from '../../pages/demo/comparison.ts';
import { readProducts } from '../../pages/demo/product-list.ts';
import { WorkbenchEngine, type SessionChoice } from '../../pages/demo/workbench.ts';
import {
  EmbeddingFailedError,
  type Embedding,
  type EmbeddingRequest,
} from '../../pages/shared/embedding/embedding-client.ts';
import type { Adapter } from '../../pages/shared/embedding/gpu-adapter.ts';
import { dimensions, fakeVector } from '../helpers/fake-model.ts';

type Session = {
  readonly request: EmbeddingRequest;
  readonly calls: string[][];
  disposed: boolean;
};
type Answer = (
  texts: readonly string[],
  session: Session,
) => readonly EmbedOutcome[] | Promise<readonly EmbedOutcome[]>;

const right: Answer = (texts) => texts.map((text) => ({ ok: true, vector: fakeVector(text) }));
const lost = new EmbeddingFailedError('The GPU was lost: driver update', {
  code: 'worker_failed',
  retryable: true,
});

/** Sessions that embed with `answer`; `refuse` throws for candidates that cannot start. */
function sessions(answer: Answer, refuse: (request: EmbeddingRequest) => void = () => undefined) {
  const started: Session[] = [];
  const start = async (request: EmbeddingRequest): Promise<Embedding> => {
    refuse(request);
    const session: Session = { request, calls: [], disposed: false };
    started.push(session);
    return {
      info: {
        device: request.device,
        dtype: request.dtype,
        adapter: 'a processor',
        softwareAdapter: false,
        modelId: 'm',
        modelRevision: 'r',
        dimensions,
        textsPerSecond: 100,
      },
      golden: 'right',
      failed: new Promise<never>(() => undefined),
      async embed(texts) {
        if (session.disposed) throw new Error('Used after it was disposed of.');
        session.calls.push([...texts]);
        return answer(texts, session);
      },
      serve: () => Promise.reject(new Error('not asked for')),
      setShare: () => undefined,
      fail: () => undefined,
      dispose: () => {
        session.disposed = true;
      },
    };
  };
  return { started, start };
}

const list = (count: number) =>
  readProducts(Array.from({ length: count }, (_, i) => `product ${i}`).join('\n')).products;
const prefixes = { query: '', passage: '' };
const wasm: SessionChoice = { device: 'wasm', dtype: 'q8', prefixes };
const gpu: SessionChoice = { device: 'webgpu', dtype: 'fp16', prefixes };

function bench(
  parts: ReturnType<typeof sessions>,
  choices: readonly SessionChoice[] = [wasm],
  batchMs = 1,
) {
  let now = 0;
  return new WorkbenchEngine({
    start: parts.start,
    choices: async () => choices,
    now: () => (now += batchMs),
  });
}

describe('the workbench', () => {
  test('embeds every product once and has its own vector for each', async () => {
    const parts = sessions(right);
    const engine = bench(parts);
    const products = list(100);
    await engine.embed(products);
    expect(engine.store.value).toMatchObject({
      phase: 'ready',
      refused: 0,
      trouble: null,
      session: { device: 'wasm' },
    });
    expect(engine.store.value.vectors).toEqual(products.map(({ text }) => fakeVector(text)));
    expect(parts.started.flatMap(({ calls }) => calls.flat())).toEqual(
      products.map(({ text }) => text),
    );
  });

  test('embeds only the new products of an edited list', async () => {
    const parts = sessions(right);
    const engine = bench(parts);
    await engine.embed(list(20));
    await engine.embed([...list(22), ...readProducts('kite').products]);
    expect(parts.started[0]?.calls.flat().slice(20)).toEqual(['product 20', 'product 21', 'kite']);
    expect(engine.store.value.vectors.every((vector) => vector !== null)).toBe(true);
    await engine.embed([]);
    expect(engine.store.value).toMatchObject({ phase: 'idle', products: [], vectors: [] });
  });

  test('makes batches as large as its speed allows: slow texts go in fours', async () => {
    const [slow, fast] = [sessions(right), sessions(right)];
    await bench(slow, [wasm], 5_000).embed(list(20));
    await bench(fast, [wasm], 0.1).embed(list(200));
    expect(slow.started[0]?.calls.map(({ length }) => length)).toEqual([4, 4, 4, 4, 4]);
    expect(fast.started[0]?.calls.map(({ length }) => length)).toEqual([4, 64, 64, 64, 4]);
  });

  test('answers a query before the rest of the list, and ranks again later', async () => {
    const seen: number[] = [];
    const parts = sessions((texts, session) => {
      if (session.calls.length === 1) void engine.search('product 17');
      return right(texts, session);
    });
    const engine = bench(parts, [wasm], 5_000);
    engine.store.watch(() => {
      if (engine.store.value.queryVector !== null) seen.push(engine.store.value.hits.length);
    });
    await engine.embed(list(20));
    expect(parts.started[0]?.calls[1]).toEqual(['product 17']);
    expect(seen[0]).toBe(4);
    expect(engine.store.value.hits[0]).toEqual({ index: 17, score: expect.closeTo(1, 5) });
    await engine.search('  ');
    expect(engine.store.value).toMatchObject({ query: '', hits: [] });
  });

  test('puts the prefixes of the model before queries and products', async () => {
    const parts = sessions(right);
    const engine = bench(parts, [
      { ...wasm, prefixes: { query: 'query: ', passage: 'passage: ' } },
    ]);
    await engine.embed(list(1));
    await engine.search('kite');
    expect(parts.started[0]?.calls).toEqual([['passage: product 0'], ['query: kite']]);
  });

  test('answers the last of several queries typed in a row', async () => {
    const parts = sessions((texts, session) => {
      if (texts[0] === 'k') void engine.search('product 3');
      return right(texts, session);
    });
    const engine = bench(parts);
    await engine.embed(list(8));
    await engine.search('k');
    expect(engine.store.value).toMatchObject({ query: 'product 3' });
    expect(engine.store.value.hits[0]?.index).toBe(3);
  });

  test('says how many products the model refused, and searches the others', async () => {
    const engine = bench(
      sessions((texts) =>
        texts.map((text) =>
          text === 'product 2'
            ? { ok: false, code: 'x', message: 'no token is left' }
            : { ok: true, vector: fakeVector(text) },
        ),
      ),
    );
    await engine.embed(list(5));
    await engine.search('product 1');
    expect(engine.store.value).toMatchObject({ phase: 'ready', refused: 1 });
    expect(engine.store.value.hits.map(({ index }) => index)).not.toContain(2);
  });

  test('replaces a failed worker with a fresh one, continues, and says so', async () => {
    const parts = sessions((texts, session) => {
      if (parts.started.length === 1 && session.calls.length === 2) throw lost;
      return right(texts, session);
    });
    const engine = bench(parts);
    await engine.embed(list(30));
    expect(parts.started.map(({ disposed }) => disposed)).toEqual([true, false]);
    expect(engine.store.value).toMatchObject({
      phase: 'ready',
      trouble: 'The GPU was lost: driver update A fresh worker took over.',
    });
    expect(engine.store.value.vectors.every((vector) => vector !== null)).toBe(true);
  });

  test('stops after a second failure, says why, and can be started again', async () => {
    let broken = true;
    const parts = sessions((texts, session) => {
      if (broken) throw lost;
      return right(texts, session);
    });
    const engine = bench(parts);
    await engine.embed(list(5));
    expect(engine.store.value).toMatchObject({
      phase: 'failed',
      trouble: 'The GPU was lost: driver update',
    });
    expect(parts.started).toHaveLength(2);
    broken = false;
    await engine.embed(list(5));
    expect(engine.store.value).toMatchObject({ phase: 'ready', trouble: null });
  });

  test('uses WebAssembly when WebGPU does not start, and says so', async () => {
    const parts = sessions(right, ({ device }) => {
      if (device === 'webgpu') throw new Error('fp16 on webgpu: vectors are wrong.');
    });
    const engine = bench(parts, [gpu, wasm]);
    await engine.embed(list(3));
    expect(engine.store.value).toMatchObject({
      phase: 'ready',
      session: { device: 'wasm' },
      trouble: 'fp16 on webgpu: vectors are wrong. WebAssembly took over.',
    });
  });
});

function compare(
  parts: ReturnType<typeof sessions>,
  adapter: Adapter | null,
  isSecure = true,
): ComparisonEngine {
  let now = 0;
  return new ComparisonEngine({
    start: parts.start,
    now: () => (now += 100),
    adapter: async () => adapter,
    choiceFor: async (device) => (device === 'wasm' ? wasm : gpu),
    isSecure,
  });
}

describe('the comparison', () => {
  const texts = Array.from({ length: 300 }, (_, i) => `text ${i}`);
  test('runs both on the same texts, each in its own worker, which then ends', async () => {
    const parts = sessions(right);
    const engine = compare(parts, { name: 'a GPU', software: false, fp16: true });
    await engine.run(texts);
    expect(
      parts.started.map(({ request, disposed, calls }) => [
        request.device,
        disposed,
        calls.map(({ length }) => length),
      ]),
    ).toEqual([
      ['webgpu', true, [256, 256]],
      ['wasm', true, [256, 256]],
    ]);
    expect(engine.store.value).toMatchObject({
      isRunning: false,
      texts: 256,
      sides: { webgpu: { state: 'done', textsPerSecond: 2560 }, wasm: { state: 'done' } },
    });
    expect(engine.store.value.verdict).toContain('their vectors agree to 1.0000');
  });

  test('measures few texts on an emulated GPU', async () => {
    const parts = sessions(right);
    const engine = compare(parts, { name: 'SwiftShader', software: true, fp16: false });
    await engine.run(texts);
    expect(parts.started[0]?.calls).toEqual([texts.slice(0, 4)]);
    expect(engine.store.value.texts).toBe(4);
  });

  test('without WebGPU says why, and measures WebAssembly alone', async () => {
    for (const [isSecure, words] of [
      [true, 'offers no WebGPU adapter'],
      [false, 'secure pages only'],
    ] as const) {
      const engine = compare(sessions(right), null, isSecure);
      await engine.run(texts);
      expect(engine.store.value).toMatchObject({
        verdict: null,
        sides: {
          webgpu: { state: 'unavailable', reason: expect.stringContaining(words) },
          wasm: { state: 'done' },
        },
      });
    }
  });

  test('shows a failure on its side, and can be stopped', async () => {
    const failing = compare(
      sessions((asked, { request }) => {
        if (request.device === 'webgpu') throw lost;
        return right(asked, { request, calls: [], disposed: false });
      }),
      { name: 'a GPU', software: false, fp16: true },
    );
    await failing.run(texts);
    expect(failing.store.value).toMatchObject({
      sides: {
        webgpu: { state: 'failed', reason: 'The GPU was lost: driver update' },
        wasm: { state: 'done' },
      },
    });
    const stopped = compare(
      sessions((asked, session) => {
        stopped.stop();
        if (session.disposed) throw lost;
        return right(asked, session);
      }),
      null,
    );
    await stopped.run(texts);
    expect(stopped.store.value).toMatchObject({
      isRunning: false,
      sides: { wasm: { state: 'failed', reason: 'Stopped.' } },
    });
  });
});

test('a session that is proven is lent to others of its kind, who cannot end it', async () => {
  const parts = sessions(right);
  const engine = bench(parts);
  expect(await engine.borrowSession(wasm)).toBeNull();
  await engine.embed(list(3));
  const borrowed = await engine.borrowSession(wasm);
  expect(await borrowed?.embed(['a text'])).toHaveLength(1);
  borrowed?.dispose();
  expect(await engine.borrowSession(gpu)).toBeNull();
  expect(parts.started.map(({ disposed }) => disposed)).toEqual([false]);
});
