// During a rolling upgrade the older version and this one work together: older runners with this
// gateway, and gateways of both versions on one topic and one store.

import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startGateway, type RunningGateway } from '../helpers/gateway-program.ts';
import { noKafka, startKafkaBroker, type KafkaBroker } from '../helpers/kafka-broker.ts';
import { noOlderVersion, unpackOlderVersion } from '../helpers/older-version.ts';
import { plannedStream } from '../helpers/planned-stream.ts';
import { oneRunner, projectRoot, startProgram } from '../helpers/program.ts';
import { startQdrantDouble, type QdrantDouble } from '../helpers/qdrant-double.ts';
import {
  allPoints,
  countPoints,
  eventsCollection,
  textsCollection,
} from '../helpers/qdrant-witness.ts';
import { shopEvents } from '../helpers/shop-events.ts';
import { temporaryFolder, type TemporaryFolder } from '../helpers/temporary-folder.ts';
import { until } from '../helpers/until.ts';

const noHistory = await noOlderVersion();
const noBroker = await noKafka();
const token = 'a-token-of-these-tests-alone';
const events = 1_200;
const msMax = 120_000;

const idsIn = async (qdrant: QdrantDouble, collection: string) =>
  new Set((await allPoints(qdrant.url, collection)).map(({ id }) => id));

const stop = async (gateway: RunningGateway): Promise<void> => {
  gateway.child.kill('SIGTERM');
  expect(await gateway.ended).toMatchObject({ code: 0 });
};

describe.skipIf(noHistory !== null)('the older version and this one', () => {
  let older: TemporaryFolder;
  beforeAll(async () => {
    older = await unpackOlderVersion();
  });
  afterAll(() => older[Symbol.asyncDispose]());

  type Version = 'older' | 'this';
  const projectOf = (version: Version) => (version === 'older' ? older.path : projectRoot);
  const startVersion = (
    version: Version,
    folder: string,
    environment: Readonly<Record<string, string>>,
  ): Promise<RunningGateway> => startGateway(folder, environment, [], [], projectOf(version));

  it(
    'a runner of the older version embeds for this gateway, and leaves in order',
    { timeout: msMax },
    async () => {
      await using folder = await temporaryFolder();
      await using gateway = await startVersion('this', folder.path, {
        VECTORSTREAM_RUNNERS: '0',
        VECTORSTREAM_RUNNER_TOKEN: token,
        VECTORSTREAM_SEARCH_WAIT_MS_MAX: '10000',
      });
      await using runner = startProgram({
        script: 'node-runner/main.ts',
        project: older.path,
        environment: {
          ...oneRunner,
          VECTORSTREAM_GATEWAY_URL: gateway.url.replace('http', 'ws'),
          VECTORSTREAM_RUNNER_TOKEN: token,
        },
      });
      await gateway.ready();
      const sent = shopEvents(40, 20);
      expect(await gateway.post('/events', JSON.stringify(sent))).toMatchObject({ status: 202 });
      const { store, texts, runners } = await gateway.idle();
      expect([store.events, texts.embedded]).toEqual([40, 20]);
      expect(runners.reduce((sum, { texts_embedded }) => sum + texts_embedded, 0)).toBe(20);
      expect(await gateway.post('/search', '{"query": "lantern", "limit": 3}')).toMatchObject({
        status: 200,
        body: { hits: expect.arrayContaining([expect.anything()]) },
      });
      runner.child.kill('SIGTERM');
      expect(await runner.ended).toMatchObject({ code: 0 });
    },
  );

  it(
    'a runner of this version is refused by the older gateway, and works for the one that follows',
    { timeout: 2 * msMax },
    async () => {
      await using folder = await temporaryFolder();
      const environment = { VECTORSTREAM_RUNNERS: '0', VECTORSTREAM_RUNNER_TOKEN: token };
      const startRunner = (gateway: RunningGateway) =>
        startProgram({
          script: 'node-runner/main.ts',
          environment: {
            ...oneRunner,
            VECTORSTREAM_GATEWAY_URL: gateway.url.replace('http', 'ws'),
            VECTORSTREAM_RUNNER_TOKEN: token,
          },
        });
      await using before = await startVersion('older', folder.path, environment);
      const sent = shopEvents(20, 10);
      expect(await before.post('/events', JSON.stringify(sent))).toMatchObject({ status: 202 });
      await using refused = startRunner(before);
      expect(await refused.ended).toMatchObject({ code: 1 });
      expect(refused.stdout()).toContain('close code 4409: modelRevision');
      expect((await before.stats()).texts.embedded).toBe(0);
      await stop(before);

      await using after = await startVersion('this', folder.path, environment);
      await using runner = startRunner(after);
      await after.ready();
      const { store, texts } = await after.idle();
      expect([store.events, texts.embedded]).toEqual([20, 10]);
      runner.child.kill('SIGTERM');
      expect(await runner.ended).toMatchObject({ code: 0 });
    },
  );

  describe.skipIf(noBroker !== null)('on one topic and one store', () => {
    let broker: KafkaBroker;
    beforeAll(async () => {
      broker = await startKafkaBroker();
    });
    afterAll(() => broker[Symbol.asyncDispose]());

    it(
      'store each event once while one replaces the other in mid-stream, and on the way back',
      { timeout: 2 * msMax },
      async () => {
        await using folder = await temporaryFolder();
        await using qdrant = await startQdrantDouble();
        const topic = `upgrade-${randomUUID()}`;
        const start = (version: Version, name: string): Promise<RunningGateway> =>
          startVersion(version, join(folder.path, name), {
            KAFKA_BROKERS: broker.brokers,
            KAFKA_TOPIC: topic,
            KAFKA_GROUP_ID: topic,
            QDRANT_URL: qdrant.url,
          });
        const stored = (count: number) =>
          until(
            `${count} events are stored`,
            msMax,
            async () => (await countPoints(qdrant.url, eventsCollection)) >= count,
          );
        const flags = ['--invalid-percent', '2', '--rate', String(events / 20)];
        const stream = await plannedStream(folder.path, events, ...flags);
        await using before = await start('older', 'before');
        await before.ready();
        const sending = stream.send(broker.brokers, topic);
        await stored(0.1 * stream.eventIds.size);
        await using after = await start('this', 'after');
        await until('both work', msMax, async () => (await after.stats()).events.received > 0);
        await stored(0.6 * stream.eventIds.size);
        await stop(before);
        await sending;
        await stored(stream.eventIds.size);
        await after.idle(msMax);
        expect(await idsIn(qdrant, eventsCollection)).toEqual(stream.eventIds);
        expect(await idsIn(qdrant, textsCollection)).toEqual(stream.textIds);
        // Each sees the dead letters of both.
        expect((await after.stats()).dead_letters.open).toBe(stream.invalid);

        await using again = await start('older', 'again');
        await again.ready();
        await stop(after);
        const sent = shopEvents(2, 2);
        expect(await again.post('/events', JSON.stringify(sent))).toMatchObject({ status: 202 });
        await stored(stream.eventIds.size + sent.length);
        expect((await again.idle(msMax)).dead_letters.open).toBe(stream.invalid);
      },
    );
  });
});
