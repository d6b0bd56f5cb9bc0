// SIGKILL of a working gateway: after the next start every acknowledged event is stored once, and
// no stored text is embedded again.

import { expect, test } from 'vitest';
import { expectExactlyOnce, expectNotEmbeddedAgain } from '../helpers/exactly-once.ts';
import { startGateway } from '../helpers/gateway-program.ts';
import { needsProcessList, processesOf } from '../helpers/process-list.ts';
import { sendEvents, shopEvents } from '../helpers/shop-events.ts';
import { readStore } from '../helpers/store-file.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { until } from '../helpers/until.ts';

test(
  'acknowledged events are stored once, stored texts embedded once, and no runner stays behind',
  { timeout: 240_000 },
  async ({ skip }) => {
    needsProcessList(skip);
    await using folder = await temporaryFolder();
    const subjects = 400;
    const killAt = 50 + Math.floor(Math.random() * 300);

    const killed = await startGateway(folder.path);
    await killed.ready();
    const sending = sendEvents(killed, shopEvents(800, subjects));
    await until(
      `${killAt} texts are stored`,
      60_000,
      async () => (await killed.stats()).store.texts >= killAt,
    );
    expect(
      processesOf(folder.path)
        .map(({ role }) => role)
        .toSorted(),
    ).toEqual(['gateway', 'supervisor', 'worker']);
    killed.child.kill('SIGKILL');
    await until(
      'all processes of the killed gateway have ended',
      60_000,
      () => processesOf(folder.path).length === 0,
    );
    const sent = await sending;
    const atKill = readStore(folder.path);
    expect(atKill.texts.size, 'killed in mid-stream').toBeLessThan(subjects);

    await using gateway = await startGateway(folder.path);
    const { events, texts } = await gateway.idle();
    const after = readStore(folder.path);
    expectExactlyOnce(sent, after);
    expectNotEmbeddedAgain(atKill, after);
    expect(texts.embedded).toBe(after.texts.size - atKill.texts.size);
    // Only uncommitted events were delivered again.
    expect(events.received).toBe(after.log.length - atKill.committed);
  },
);
