// SIGKILL of a runner and of its supervisor: another runner replaces it, and the stream is stored
// to its end.

import { expect, test } from 'vitest';
import { expectExactlyOnce } from '../helpers/exactly-once.ts';
import { startGateway, type RunningGateway } from '../helpers/gateway-program.ts';
import { needsProcessList, pidsOf, processesOf, type Role } from '../helpers/process-list.ts';
import { sendEvents, shopEvents } from '../helpers/shop-events.ts';
import { readStore } from '../helpers/store-file.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { until } from '../helpers/until.ts';

/**
 * Kills the one process of that role. Resolves when new ones work, all old ones are gone, and texts
 * are being stored again.
 */
async function killAndWait(gateway: RunningGateway, dataDir: string, role: Role): Promise<void> {
  const before = processesOf(dataDir).filter(
    (process) => process.role === 'worker' || process.role === role,
  );
  const [pid] = pidsOf(dataDir, role);
  if (pid === undefined) throw new Error(`There is no ${role} to kill.`);
  process.kill(pid, 'SIGKILL');
  await until('the killed runner and its workers are gone', 60_000, () =>
    processesOf(dataDir).every((now) => before.every((old) => old.pid !== now.pid)),
  );
  const {
    store: { texts },
  } = await gateway.stats();
  await until(
    'another runner works',
    60_000,
    async () => (await gateway.stats()).store.texts > texts,
  );
}

test(
  'all events are stored when a runner and then its supervisor are killed',
  { timeout: 240_000 },
  async ({ skip }) => {
    needsProcessList(skip);
    await using folder = await temporaryFolder();
    await using gateway = await startGateway(folder.path);
    await gateway.ready();
    const subjects = 600;
    const sending = sendEvents(gateway, shopEvents(subjects, subjects));

    await until(
      '100 texts are stored',
      60_000,
      async () => (await gateway.stats()).store.texts >= 100,
    );
    await killAndWait(gateway, folder.path, 'worker');
    await killAndWait(gateway, folder.path, 'supervisor');
    expect((await gateway.stats()).store.texts, 'killed in mid-stream').toBeLessThan(subjects);

    const sent = await sending;
    expect(sent.uncertain.size).toBe(0);
    const { texts } = await gateway.idle();
    const after = readStore(folder.path);
    expectExactlyOnce(sent, after);
    expect(after.texts.size).toBe(subjects);
    expect(texts.embedded).toBe(subjects);
    expect(
      processesOf(folder.path)
        .map(({ role }) => role)
        .toSorted(),
    ).toEqual(['gateway', 'supervisor', 'worker']);
  },
);
