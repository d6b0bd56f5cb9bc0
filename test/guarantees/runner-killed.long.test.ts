// A fleet whose runners are killed, frozen and orphaned in turn still embeds every text once and
// dead-letters none.

import { expect, test } from 'vitest';
import { expectExactlyOnce } from '../helpers/exactly-once.ts';
import { startGateway, type RunningGateway } from '../helpers/gateway-program.ts';
import { needsProcessList, pidsOf, processesOf, type Role } from '../helpers/process-list.ts';
import { sendEvents, shopEvents } from '../helpers/shop-events.ts';
import { readStore } from '../helpers/store-file.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { until } from '../helpers/until.ts';

const blows: readonly (readonly [Role, NodeJS.Signals])[] = [
  ['worker', 'SIGKILL'],
  ['supervisor', 'SIGKILL'],
  ['worker', 'SIGTERM'],
  ['worker', 'SIGKILL'],
  ['supervisor', 'SIGTERM'],
  ['worker', 'SIGSTOP'],
];

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
  await until('the killed runner and its workers are gone', 180_000, () =>
    processesOf(dataDir).every((now) => before.every((old) => old.pid !== now.pid)),
  );
  const {
    store: { texts },
  } = await gateway.stats();
  await until(
    'another runner works',
    180_000,
    async () => (await gateway.stats()).store.texts > texts,
  );
}

test('all events are stored while two runners are killed, ended and frozen', async ({ skip }) => {
  needsProcessList(skip);
  await using folder = await temporaryFolder();
  await using gateway = await startGateway(folder.path, { VECTORSTREAM_RUNNERS: '2' });
  await until(
    'two runners are ready',
    180_000,
    async () =>
      (await gateway.stats()).runners.filter(({ state }) => state === 'ready').length === 2,
  );
  const subjects = 1_500;
  const sending = sendEvents(gateway, shopEvents(subjects, subjects));
  for (const [role, signal] of blows) {
    const {
      store: { texts },
    } = await gateway.stats();
    await until(
      'texts are stored after the last fault',
      180_000,
      async () => (await gateway.stats()).store.texts >= texts + 150,
    );
    const pid = await until(`a ${role} runs`, 180_000, () => pidsOf(folder.path, role)[0]);
    process.kill(pid, signal);
  }
  const sent = await sending;
  await gateway.idle();
  const after = readStore(folder.path);
  expectExactlyOnce(sent, after);
  expect(after.texts.size).toBe(subjects);
  gateway.child.kill('SIGTERM');
  expect(await gateway.ended).toEqual({ code: 0, signal: null });
  // Including the frozen one, which cannot receive a signal to end.
  expect(processesOf(folder.path)).toEqual([]);
});

test('when the only runner hangs, another replaces it without help and the stream goes on', async ({
  skip,
}) => {
  needsProcessList(skip);
  await using folder = await temporaryFolder();
  await using gateway = await startGateway(folder.path);
  await gateway.ready();
  const [hung] = pidsOf(folder.path, 'worker');
  if (hung === undefined) throw new Error('No worker runs that could be frozen.');
  process.kill(hung, 'SIGSTOP');
  const sent = await sendEvents(gateway, shopEvents(50, 50));
  await until('the hung worker is gone and another runs', 180_000, () => {
    const workers = pidsOf(folder.path, 'worker');
    return workers.length === 1 && workers[0] !== hung;
  });
  await gateway.idle();
  expect(pidsOf(folder.path, 'worker')).not.toContain(hung);
  expectExactlyOnce(sent, readStore(folder.path));
});

test('all events are stored when a runner and then its supervisor are killed', async ({ skip }) => {
  needsProcessList(skip);
  await using folder = await temporaryFolder();
  await using gateway = await startGateway(folder.path);
  await gateway.ready();
  const subjects = 400;
  const sending = sendEvents(gateway, shopEvents(subjects, subjects));

  await until(
    '50 texts are stored',
    180_000,
    async () => (await gateway.stats()).store.texts >= 50,
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
});
