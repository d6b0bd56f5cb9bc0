// A page finds its GPU even while the browser's GPU process is still starting, and says what a GPU
// cannot do.

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parseManifest } from '#core/model/model-manifest.ts';
import { findAdapter } from '../../pages/shared/embedding/gpu-adapter.ts';
import { pageRounds } from '../../pages/shared/embedding/page-candidates.ts';

const adapter = {
  info: {
    vendor: 'nvidia',
    architecture: 'ampere',
    device: '',
    description: '',
    isFallbackAdapter: false,
  },
  features: new Set(['shader-f16']),
};

/** Offers no adapter the first `nulls` times; counts questions and waits. */
function startingBrowser(nulls: number) {
  const seen = { asked: 0, waitedMs: 0 };
  const gpu = {
    requestAdapter: () => {
      seen.asked += 1;
      if (seen.asked === 1 && nulls > 0) return Promise.reject(new Error('no GPU process yet'));
      return Promise.resolve(seen.asked > nulls ? adapter : null);
    },
  };
  const clock = {
    sleep: (ms: number) => {
      seen.waitedMs += ms;
      return Promise.resolve();
    },
  };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the part that the page uses
  return { seen, find: () => findAdapter(gpu as unknown as GPU, clock) };
}

test('an adapter is asked for up to five times in two seconds', async () => {
  const ready = startingBrowser(0);
  expect(await ready.find()).toEqual({ name: 'nvidia ampere', software: false, fp16: true });
  expect(ready.seen).toEqual({ asked: 1, waitedMs: 0 });
  const late = startingBrowser(4);
  expect(await late.find()).toMatchObject({ name: 'nvidia ampere' });
  expect(late.seen).toEqual({ asked: 5, waitedMs: 2_000 });
  const never = startingBrowser(Infinity);
  expect(await never.find()).toBeNull();
  expect(never.seen).toEqual({ asked: 5, waitedMs: 2_000 });
});

test('fp16 on a GPU without 16-bit arithmetic is refused for that reason', () => {
  const manifest = parseManifest(readFileSync('models/all-MiniLM-L6-v2/manifest.json', 'utf8'));
  const request = { device: 'webgpu', dtype: 'fp16' } as const;
  expect(() =>
    pageRounds(manifest, request, { name: 'nvidia ampere', software: false, fp16: false }),
  ).toThrow('fp16 was asked for, and this GPU has no 16-bit arithmetic (shader-f16)');
});
