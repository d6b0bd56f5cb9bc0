// The demo as a shell command in its own process group, on a free port and a new data folder.

import { expect } from 'vitest';
import { z } from 'zod';
import { gatewayClient, type GatewayClient } from './gateway-program.ts';
import { freePort, oneRunner, startProgram, type Program } from './program.ts';

export type RunningDemo = Program & { readonly gateway: GatewayClient };

export async function startDemo(
  dataDir: string,
  ...flags: readonly string[]
): Promise<RunningDemo> {
  const port = await freePort();
  const program = startProgram({
    script: 'cli/demo/demo.ts',
    flags: ['--port', String(port), ...flags],
    group: true,
    environment: { ...oneRunner, VECTORSTREAM_DATA_DIR: dataDir },
  });
  return { ...program, gateway: gatewayClient(`http://127.0.0.1:${port}`) };
}

/** The documented members, exactly. */
const summarySchema = z.strictObject({
  events: z.int(),
  stored: z.int(),
  deadLettered: z.int(),
  seconds: z.number().positive(),
  eventsPerSecond: z.number().positive(),
  latencyMs: z.strictObject({
    p50: z.number().positive(),
    p95: z.number().positive(),
    p99: z.number().positive(),
    max: z.number().positive(),
  }),
  uniqueTexts: z.int().positive(),
  embeddedTexts: z.int(),
  runners: z.array(
    z.strictObject({
      kind: z.literal('node'),
      device: z.string(),
      dtype: z.string(),
      textsPerSecond: z.number().positive(),
    }),
  ),
});
export type Summary = z.infer<typeof summarySchema>;

/** The last line of `--json`, which is also the only one. */
export function summaryOf(stdout: string): Summary {
  expect(stdout.trim().split('\n')).toHaveLength(1);
  return summarySchema.parse(JSON.parse(stdout));
}
