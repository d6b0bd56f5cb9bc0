// Two gateways share one runner: each gets half of its time while both have work, an idle gateway
// takes nothing, and after a kill the other gateway gets all of it.

import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startGateway, type GatewayClient } from '../helpers/gateway-program.ts';
import { freePort, startProgram } from '../helpers/program.ts';
import { sendEvents, shopEvents } from '../helpers/shop-events.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { until } from '../helpers/until.ts';

const token = 'the-token-of-both-gateways';
/** Enough that both gateways have work while their shares are measured. */
const earlyTexts = 3_000;
const lateTexts = 1_500;
const measuredTexts = 1_000;

const embedded = async (gateway: GatewayClient): Promise<number> =>
  (await gateway.stats()).texts.embedded;

test('two gateways share a runner equally, even when one is killed and restarted', async () => {
  await using folder = await temporaryFolder();
  const start = (name: string, port = '0') =>
    startGateway(
      join(folder.path, name),
      { VECTORSTREAM_RUNNERS: '0', VECTORSTREAM_RUNNER_TOKEN: token, VECTORSTREAM_PORT: port },
      ['--port', port],
    );
  const port = String(await freePort());
  await using early = await start('early');
  const late = await start('late', port);
  const addresses = [early, late].map(({ url }) => url.replace('http', 'ws')).join(',');
  await using runner = startProgram({
    script: 'node-runner/main.ts',
    flags: [
      '--gateway',
      addresses,
      '--runners',
      '1',
      '--device',
      'cpu',
      '--dtype',
      'int8',
      '--threads',
      '1',
      '--data-dir',
      folder.path,
    ],
    environment: { VECTORSTREAM_RUNNER_TOKEN: token },
  });
  await Promise.all([early.ready(), late.ready()]);

  await sendEvents(early, shopEvents(earlyTexts, earlyTexts), undefined, {
    perRequest: 500,
    lanes: 1,
  });
  // Few events, while the other gateway sends full jobs: the speed measured from them must not
  // last.
  for (let trickle = 0; trickle < 5; trickle++) {
    const before = await embedded(late);
    await sendEvents(late, shopEvents(2, 2, 100_000 + trickle * 2));
    await until(
      'the few events are embedded',
      180_000,
      async () => (await embedded(late)) >= before + 2,
    );
  }
  await sendEvents(late, shopEvents(lateTexts, lateTexts, 200_000), undefined, {
    perRequest: 500,
    lanes: 1,
  });
  const from = { early: await embedded(early), late: await embedded(late) };
  const share = await until(
    `${measuredTexts} texts are embedded while both have work`,
    120_000,
    async () => {
      const [one, other] = [
        (await embedded(early)) - from.early,
        (await embedded(late)) - from.late,
      ];
      return one + other >= measuredTexts && other / (one + other);
    },
  );
  expect((await early.stats()).events.unsettled, 'both still have work').toBeGreaterThan(0);
  expect(share).toBeGreaterThan(0.35);
  expect(share).toBeLessThan(0.65);

  late.child.kill('SIGKILL');
  await late.ended;
  const stats = await early.idle(180_000);
  expect(stats).toMatchObject({ store: { events: earlyTexts }, dead_letters: { open: 0 } });
  await using again = await start('late', port);
  await until('the runner has joined again', 180_000, async () =>
    (await again.stats()).runners.some(({ state }) => state === 'ready'),
  );
  expect(runner.child.exitCode).toBeNull();
  await until(
    'its remaining events are embedded',
    120_000,
    async () => (await again.stats()).store.events === lateTexts + 10,
  );
});
