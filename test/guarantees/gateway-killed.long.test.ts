// A gateway is killed (SIGKILL) again and again on one data folder, at any moment: the promises
// hold over all its lives.

import { expect, test } from 'vitest';
import { expectExactlyOnce, expectNotEmbeddedAgain } from '../helpers/exactly-once.ts';
import { startGateway, type RunningGateway } from '../helpers/gateway-program.ts';
import { needsProcessList, pidsOf, processesOf } from '../helpers/process-list.ts';
import { nothingSent, sendEvents, shopEvents } from '../helpers/shop-events.ts';
import { readStore, type StoreContents } from '../helpers/store-file.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { until } from '../helpers/until.ts';

const eventsPerLife = 400;
const newTextsPerLife = 200;
const lives = 8;

const below = (max: number): number => Math.floor(Math.random() * max);
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Resolves at the moment for the kill. `texts`: the number stored before this life. */
type Moment = (
  gateway: RunningGateway,
  acknowledged: () => number,
  texts: number,
) => Promise<unknown>;

const newTexts: Moment = (gateway, _, texts) => {
  const enough = texts + 1 + below(newTextsPerLife - 1);
  return until(
    'texts are stored',
    180_000,
    async () => (await gateway.stats()).store.texts >= enough,
  );
};

const moments: readonly { readonly name: string; readonly come: Moment }[] = [
  {
    name: 'while events are accepted',
    come: (_, acknowledged) => {
      const enough = acknowledged() + below(eventsPerLife);
      return until('events are acknowledged', 180_000, () => acknowledged() >= enough);
    },
  },
  { name: 'while texts are embedded', come: newTexts },
  { name: 'at any time after its start', come: () => pause(below(6_000)) },
  {
    name: 'while it stops',
    come: async (gateway, acknowledged, texts) => {
      await newTexts(gateway, acknowledged, texts);
      gateway.child.kill('SIGTERM');
      await pause(below(150));
    },
  },
];

test('after eight kills, acknowledged events are stored once, and texts embedded once', async ({
  skip,
}) => {
  needsProcessList(skip);
  await using folder = await temporaryFolder();
  const sent = nothingSent();
  let before: StoreContents | null = null;
  const history: string[] = [];
  for (let life = 0; life < lives; life++) {
    const moment = moments[life % moments.length];
    await using gateway = await startGateway(folder.path);
    // Half of the texts repeat those of the previous life.
    const sending = sendEvents(
      gateway,
      shopEvents(eventsPerLife, 2 * newTextsPerLife, life * newTextsPerLife),
      sent,
    );
    await moment?.come(gateway, () => sent.acknowledged.size, before?.texts.size ?? 0);
    gateway.child.kill('SIGKILL');
    await gateway.ended;
    await until(
      'all processes of the killed gateway have ended',
      180_000,
      () => processesOf(folder.path).length === 0,
    );
    await sending;
    const now = readStore(folder.path);
    history.push(
      `${moment?.name}: ${now.eventIds.length} of ${sent.acknowledged.size} stored, ` +
        `${now.texts.size} texts`,
    );
    if (before !== null) expectNotEmbeddedAgain(before, now);
    expect(now.deadLetters, history.join('; ')).toEqual([]);
    before = now;
  }
  await using gateway = await startGateway(folder.path);
  const { events, texts } = await gateway.idle();
  const after = readStore(folder.path);
  expectExactlyOnce(sent, after);
  expectNotEmbeddedAgain(before ?? after, after);
  expect(texts.embedded).toBe(after.texts.size - (before?.texts.size ?? 0));
  // Only uncommitted events were delivered again.
  expect(events.received).toBe(after.log.length - (before?.committed ?? 0));
  await until('its one runner works', 180_000, () => pidsOf(folder.path, 'worker').length === 1);
  expect(
    processesOf(folder.path)
      .map(({ role }) => role)
      .toSorted(),
  ).toEqual(['gateway', 'supervisor', 'worker']);
});
