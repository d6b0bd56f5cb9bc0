// Starts a gateway whose model has few golden texts, so that a slow device passes its check in
// seconds, and compares what lent tabs embed with the reference.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { z } from 'zod';
import { parseGolden } from '#core/model/model-manifest.ts';
import { cosine } from '#core/vectors/vector.ts';
import { startGateway, type RunningGateway, type Stats } from '../helpers/gateway-program.ts';
import { modelWithFewGoldenTexts } from '../helpers/small-golden.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { until } from '../helpers/until.ts';

const golden = parseGolden(
  readFileSync(join(import.meta.dirname, '../../models/all-MiniLM-L6-v2/golden.json'), 'utf8'),
);

export type TabGateway = {
  readonly gateway: RunningGateway;
  readonly token: string;
  /** Resolves when a runner of this name is ready. */
  runnerNamed(name: string): Promise<Stats['runners'][number]>;
  /** Cosines of the fleet's vectors, computed by lent tabs alone, to the reference. */
  cosines(texts: number): Promise<readonly number[]>;
};

/** The gateway has no runner of its own. */
export async function startTabGateway(open: AsyncDisposableStack): Promise<TabGateway> {
  const folder = open.use(await temporaryFolder());
  const model = await modelWithFewGoldenTexts(join(folder.path, 'model'));
  const gateway = open.use(
    await startGateway(join(folder.path, 'data'), {
      VECTORSTREAM_RUNNERS: '0',
      VECTORSTREAM_MODEL: model,
    }),
  );
  return {
    gateway,
    token: readFileSync(join(folder.path, 'data/runner-token'), 'utf8').trim(),
    runnerNamed: (name) =>
      until(`${name} is ready`, 120_000, async () =>
        (await gateway.stats()).runners.find(
          (runner) => runner.name === name && runner.state === 'ready',
        ),
      ),
    async cosines(texts) {
      const cases = golden.cases
        .filter(({ text }) => text.length > 10 && text.length < 60)
        .slice(0, texts);
      const response = await fetch(`${gateway.url}/v1/embeddings`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ model: 'all-MiniLM-L6-v2', input: cases.map(({ text }) => text) }),
      });
      expect(response.status).toBe(200);
      const { data } = z
        .object({ data: z.array(z.object({ embedding: z.array(z.number()) })) })
        .parse(await response.json());
      return data.map(({ embedding }, index) => cosine(embedding, cases[index]?.vector ?? []));
    },
  };
}
