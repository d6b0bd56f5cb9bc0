// When its data folder is removed or replaced, a running gateway ends within a second, with one
// line. No event that it acknowledged is missing from the files that it wrote.

import { cp, mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startGateway } from '../helpers/gateway-program.ts';
import { nothingSent, sendEvents, shopEvents } from '../helpers/shop-events.ts';
import { readStore } from '../helpers/store-file.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { until } from '../helpers/until.ts';

const environment = { VECTORSTREAM_RUNNERS: '0', LOG_LEVEL: 'warn' };

/** Each returns the folder that then has the acknowledged events; `null` for none. */
const faults: readonly [string, (data: string, spare: string) => Promise<string | null>][] = [
  [
    'removed',
    async (data) => {
      await rm(data, { recursive: true, maxRetries: 10 });
      return null;
    },
  ],
  [
    'moved away',
    async (data, spare) => {
      await rename(data, spare);
      return spare;
    },
  ],
  [
    'replaced by an empty one',
    async (data, spare) => {
      await rename(data, spare);
      await mkdir(data);
      return spare;
    },
  ],
  [
    'given a copy in place of its database file',
    async (data, spare) => {
      const file = join(data, 'vectorstream.db');
      await mkdir(spare);
      await rename(file, join(spare, 'vectorstream.db'));
      await rename(`${file}-wal`, join(spare, 'vectorstream.db-wal'));
      await cp(join(spare, 'vectorstream.db'), file);
      return spare;
    },
  ],
];

test.each(faults)('a folder that is %s', async (_, fault) => {
  await using folder = await temporaryFolder();
  const data = join(folder.path, 'data');
  await using gateway = await startGateway(data, environment);
  const sent = nothingSent();
  const sending = sendEvents(gateway, shopEvents(20_000, 20), sent, { perRequest: 5, lanes: 2 });
  await until('events are acknowledged', 180_000, async () => sent.acknowledged.size > 50);

  const kept = await fault(data, join(folder.path, 'spare'));
  const misplacedAt = performance.now();
  const { code } = await gateway.ended;
  expect(performance.now() - misplacedAt).toBeLessThan(20_000);
  await sending;
  expect(code).toBe(1);
  const fatal = gateway
    .stdout()
    .trimEnd()
    .split('\n')
    .map((line): Record<string, unknown> => JSON.parse(line))
    .filter(({ level }) => level === 60);
  expect(fatal).toEqual([
    expect.objectContaining({
      code: 'data_folder_replaced',
      reason: expect.stringMatching(/vectorstream\.\S+ was (removed|replaced)/),
    }),
  ]);
  expect(gateway.stdout() + gateway.stderr()).not.toMatch(/bug|\n\s+at /);
  if (kept === null) return;
  const stored = new Set(readStore(kept).log.map((text) => String(JSON.parse(text).event_id)));
  const lost = [...sent.acknowledged].filter((id) => !stored.has(id));
  expect(lost).toEqual([]);
});

test('an idle gateway notices it too', async () => {
  await using folder = await temporaryFolder();
  const data = join(folder.path, 'data');
  await using gateway = await startGateway(data, environment);
  await rename(data, join(folder.path, 'spare'));
  const movedAt = performance.now();
  expect(await gateway.ended).toMatchObject({ code: 1 });
  expect(performance.now() - movedAt).toBeLessThan(20_000);
});
