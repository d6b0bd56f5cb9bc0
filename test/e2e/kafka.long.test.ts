// Generated events in a real Kafka topic reach the store through a real gateway with the real
// model, even when the gateway is killed or the broker stops.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { storedIdOf } from '#core/event/event-id.ts';
import { isRejection, parseEvent } from '#core/event/parse-event.ts';
import { systemClock } from '#core/time/clock.ts';
import { createClient } from '../../client/client.ts';
import { checkKafka } from '../../gateway/check/check-engines.ts';
import { parseConfig } from '../../gateway/config/parse-config.ts';
import { createKafkaSource, kafkaSourceDefaults } from '../../gateway/kafka/kafka-source.ts';
import { openKafkaClient, withAdmin } from '../../kafka/kafka-client.ts';
import { openKafkajs } from '../../kafka/kafkajs/kafkajs-client.ts';
import { cuttable, onlyTopic } from '../adapters/kafka-harness.ts';
import { KafkaReader } from '../adapters/kafka-reader.ts';
import { expectNotEmbeddedAgain } from '../helpers/exactly-once.ts';
import { startGateway, type GatewayClient } from '../helpers/gateway-program.ts';
import { noKafka, startKafkaBroker, type KafkaBroker } from '../helpers/kafka-broker.ts';
import { runProgram } from '../helpers/program.ts';
import {
  eventsOfKinds,
  kindMappings,
  recordKinds,
  refusedKinds,
  unexplained,
} from '../helpers/record-kinds.ts';
import { knownFrom } from '../helpers/sink-consumer.ts';
import { readStore } from '../helpers/store-file.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { until } from '../helpers/until.ts';

const reason =
  (await noKafka()) ??
  (process.env['KAFKA_BROKERS'] ? 'these tests must not stop the broker of KAFKA_BROKERS' : null);
/** The group lists a killed gateway until its session of 10 s has ended. */
const joinMsMax = 180_000;
const doneMsMax = 180_000;
const anyEvent = {
  event_id: 'e',
  timestamp: '2026-01-01T00:00:00Z',
  user_id: 'u',
  event_type: 'view',
  session_id: 's',
  product: { id: 'p', name: 'Red kettle', price: 1 },
};

/**
 * Writes a stream into the topic. Resolves with the stored ids of its valid events and the number
 * of invalid ones.
 */
async function generate(
  folder: string,
  brokers: string,
  topic: string,
  ...flags: readonly string[]
) {
  const stream = ['--seed', '7', '--now', new Date().toISOString(), ...flags];
  const file = join(folder, `${topic}.ndjson`);
  const planned = await runProgram({
    script: 'cli/generator/generate.ts',
    flags: [...stream, '--out', file],
    environment: {},
  });
  expect(planned).toMatchObject({ code: 0 });
  // Read byte by byte, because some invalid events are not UTF-8.
  const lines = (await readFile(file, 'latin1')).split('\n').filter((line) => line !== '');
  const parsed = lines.map((line) => parseEvent(Buffer.from(line, 'latin1'), Date.now()));
  const valid = new Set(parsed.flatMap((event) => (isRejection(event) ? [] : [event.id])));
  const sending = runProgram({
    script: 'cli/generator/generate.ts',
    flags: [...stream, '--target', `kafka://${brokers}/${topic}`, '--compression', 'zstd'],
    environment: {},
  });
  return { valid, invalid: parsed.filter(isRejection).length, sending };
}

const allIsStored = (gateway: GatewayClient, count: number) =>
  until(`${count} events are stored and committed`, doneMsMax, async () => {
    const { store, events } = await gateway.stats();
    return store.events === count && events.lag === 0 && events.unsettled === 0;
  });

function expectExactly(valid: ReadonlySet<string>, dataDir: string): void {
  const { eventIds } = readStore(dataDir);
  expect(eventIds).toHaveLength(valid.size);
  expect(eventIds.filter((id) => !valid.has(id))).toEqual([]);
}

/** Erases one person, and expects that whoever reads the sink then knows what is stored. */
async function expectTold(gateway: GatewayClient, brokers: string, topic: string): Promise<void> {
  const client = createClient({ url: gateway.url });
  const { value: newest } = await client.events.list({ limit: 1 }).next();
  const { receipt } = await client.users.erase(String(newest?.event['user_id']));
  await until(
    'the person is erased',
    doneMsMax,
    async () => (await client.users.erasure(receipt)).state === 'done',
  );
  const source = createKafkaSource({
    ...kafkaSourceDefaults,
    connection: cuttable(brokers),
    topics: onlyTopic({ topic, partitions: 1, config: {}, mayCreate: false }),
    groupId: 'reader-of-the-sink',
    clock: systemClock,
  });
  const reader = new KafkaReader(source, true);
  try {
    const stored = await Array.fromAsync(client.events.list({ limit: 1000 }));
    await until(
      'the sink is read',
      doneMsMax,
      () => knownFrom(reader.delivered).events.size === stored.length,
    );
    expect(reader.delivered.some(({ isTombstone }) => isTombstone === true)).toBe(true);
    const known = knownFrom(reader.delivered);
    expect([...known.events.keys()].toSorted()).toEqual(stored.map(({ id }) => id).toSorted());
    const texts = (await Array.fromAsync(client.texts.pages())).flatMap(({ items }) => items);
    for (const { text_id: id, vector } of texts) expect(known.vectors.get(id)).toEqual(vector);
  } finally {
    await reader.close();
  }
}

describe.skipIf(reason !== null)('from a real Kafka to the embedded store', () => {
  let broker: KafkaBroker;
  beforeAll(async () => {
    broker = await startKafkaBroker();
  });
  afterAll(() => broker[Symbol.asyncDispose]());
  const environment = (name: string) => ({
    KAFKA_BROKERS: broker.brokers,
    KAFKA_TOPIC: name,
    KAFKA_GROUP_ID: name,
  });

  it(
    '1,500 events, the gateway killed: each valid one is stored once, each invalid one is a dead ' +
      'letter, no stored text is embedded again, and the sink has what the store has',
    async () => {
      await using folder = await temporaryFolder();
      const settings = { ...environment('killed'), VECTORSTREAM_SINK_TOPIC: 'killed.sink' };
      const killed = await startGateway(folder.path, settings);
      await killed.ready();
      const { valid, invalid, sending } = await generate(
        folder.path,
        broker.brokers,
        'killed',
        '--count',
        '1500',
        '--invalid-percent',
        '2',
      );
      await until(
        '150 texts are stored',
        180_000,
        async () => (await killed.stats()).store.texts >= 150,
      );
      killed.child.kill('SIGKILL');
      await killed.ended;
      expect(await sending).toMatchObject({ code: 0 });
      const atKill = readStore(folder.path);
      expect(atKill.eventIds.length, 'killed in mid-stream').toBeLessThan(valid.size);

      await using gateway = await startGateway(folder.path, settings);
      await until(
        'it is ready',
        joinMsMax,
        async () => (await gateway.get('/readyz')).status === 200,
      );
      await allIsStored(gateway, valid.size);
      expectExactly(valid, folder.path);
      expectNotEmbeddedAgain(atKill, readStore(folder.path));
      await until(
        'every invalid event is a dead letter',
        180_000,
        async () => (await gateway.stats()).dead_letters.open === invalid,
      );
      expect((await gateway.get('/dlq/messages?limit=1')).body).toMatchObject({
        items: [{ state: 'open', origin: { topic: 'killed' } }],
      });
      await expectTold(gateway, broker.brokers, 'killed.sink');
      const topics = { topic: 'killed', sink: 'killed.sink', other: 'not-there' };
      const { kafka } = parseConfig({ yaml: null, env: settings, flags: new Map() });
      expect((await checkKafka(kafka, topics)).map(({ says }) => says)).toEqual([
        expect.stringMatching(/^1 at /),
        'killed, 12 partitions',
        'killed.sink, 12 partitions',
        'not-there does not exist yet; the first start creates it',
      ]);
    },
  );

  it(
    'the broker stopped for 15 s in mid-stream: readiness names Kafka, POST /events reports it, ' +
      'work continues by itself, and nothing is lost or dead-lettered',
    async () => {
      await using folder = await temporaryFolder();
      await using gateway = await startGateway(folder.path, environment('outage'));
      await gateway.ready();
      const { valid, sending } = await generate(
        folder.path,
        broker.brokers,
        'outage',
        '--count',
        '1500',
      );
      expect(await sending).toMatchObject({ code: 0 });
      await until(
        'it stores texts',
        180_000,
        async () => (await gateway.stats()).store.texts >= 150,
      );
      await broker.stop();
      const stoppedAt = performance.now();
      const unready = await until('readiness names Kafka', 180_000, async () => {
        const answer = await gateway.get('/readyz');
        return answer.status === 503 && answer;
      });
      expect(unready.body).toMatchObject({
        code: 'not_ready',
        causes: [{ component: 'source', message: expect.stringMatching(/^Kafka: /) }],
      });
      expect(await gateway.post('/events', JSON.stringify(anyEvent))).toMatchObject({
        status: 503,
      });
      expect(await gateway.get('/livez')).toMatchObject({ status: 200 });
      await until('15 s are over', 180_000, () => performance.now() - stoppedAt > 15_000);
      await broker.start();
      await until(
        'it is ready again',
        joinMsMax,
        async () => (await gateway.get('/readyz')).status === 200,
      );
      await allIsStored(gateway, valid.size);
      expectExactly(valid, folder.path);
      expect((await gateway.stats()).dead_letters.open).toBe(0);
    },
  );

  it(
    'every kind of record ends as it should and holds up no other, and the map command shows so ' +
      'before',
    async () => {
      await using folder = await temporaryFolder();
      const mappings = kindMappings.join(',');
      await using gateway = await startGateway(folder.path, {
        ...environment('kinds'),
        VECTORSTREAM_EVENTS_MAPPINGS: mappings,
      });
      await gateway.ready();
      const producer = openKafkajs(cuttable(broker.brokers)).producer();
      await producer.connect();
      await producer.send({
        topic: 'kinds',
        messages: recordKinds.map(({ key, value, headers }) => ({
          key: key && Buffer.from(key),
          value: value && Buffer.from(value),
          // The client sends no header without a value: an empty one stands for it.
          headers: Object.fromEntries(
            Object.entries(headers).map(([name, bytes]) => [name, Buffer.from(bytes ?? [])]),
          ),
        })),
      });
      await producer.disconnect();
      await allIsStored(gateway, eventsOfKinds);
      const { body } = await gateway.get('/dlq/messages?limit=100');
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the documented shape
      const { items } = body as { readonly items: readonly { readonly message: string }[] };
      const messages = items.map(({ message }) => message);
      expect(unexplained(messages)).toEqual([]);
      expect(messages).toHaveLength(refusedKinds.length);

      const shown = await runProgram({
        script: 'cli/map/map-command.ts',
        flags: ['kinds', '--mapping', 'segment-orders'],
        environment: { KAFKA_BROKERS: broker.brokers },
      });
      expect(shown).toMatchObject({ code: 0 });
      expect(shown.stdout).toContain(`${recordKinds.length} records: `);
    },
  );

  it('a range is read into a fresh index; the gateway beside it keeps all its own', async () => {
    await using folder = await temporaryFolder();
    const used = {
      ...environment('again'),
      KAFKA_TOPICS: 'again-orders',
      VECTORSTREAM_RUNNERS: '1',
      VECTORSTREAM_DATA_DIR: join(folder.path, 'used'),
    };
    const today = Date.now();
    await using gateway = await startGateway(used.VECTORSTREAM_DATA_DIR, used);
    await gateway.ready();
    const producer = openKafkajs(cuttable(broker.brokers)).producer();
    await producer.connect();
    const sent = [3, 2, 1].flatMap((daysAgo) => ['anna', 'ben'].map((user) => ({ daysAgo, user })));
    for (const topic of ['again', 'again-orders'])
      await producer.send({
        topic,
        messages: sent.map(({ daysAgo, user }) => {
          const timestamp = today - daysAgo * 86_400_000;
          const ids = { event_id: `${topic}-${user}-${daysAgo}`, user_id: user, session_id: user };
          const value = { ...anyEvent, ...ids, timestamp: new Date(timestamp).toISOString() };
          return { key: user, value: JSON.stringify(value), timestamp: String(timestamp) };
        }),
      });
    await producer.disconnect();
    await allIsStored(gateway, 2 * sent.length);
    const client = createClient({ url: gateway.url });
    const { receipt } = await client.users.erase('ben');
    await until(
      'the person is erased',
      doneMsMax,
      async () => (await client.users.erasure(receipt)).state === 'done',
    );
    const commits = () =>
      withAdmin(openKafkaClient(cuttable(broker.brokers)), (admin) =>
        admin.committed('again', ['again', 'again-orders']),
      );
    const before = await commits();

    const from = new Date(today - 2.5 * 86_400_000).toISOString();
    const to = new Date(today - 1.5 * 86_400_000).toISOString();
    const reindex = (...flags: readonly string[]) =>
      runProgram({
        script: 'gateway/reindex/reindex-command.ts',
        flags: ['--from', from, ...flags],
        environment: used,
      });
    const ranged = await reindex('--to', to, '--name', 'ranged');
    expect(ranged).toMatchObject({ code: 0 });
    expect(readStore(`${used.VECTORSTREAM_DATA_DIR}-ranged`).eventIds.toSorted()).toEqual(
      ['again-anna-2', 'again-orders-anna-2'].map(storedIdOf).toSorted(),
    );
    const whole = await reindex('--name', 'whole');
    expect(whole.stdout).toContain('The new index has 4 events about 1 texts.');
    expect(await commits()).toEqual(before);

    const switched = Object.fromEntries(
      [...whole.stdout.matchAll(/^ {2}(\w+)=(.+)$/gm)].map(([, name, value]) => [name, value]),
    );
    await using next = await startGateway(switched['VECTORSTREAM_DATA_DIR'], {
      ...used,
      ...switched,
    });
    await next.ready();
    const later = { ...anyEvent, event_id: 'later', timestamp: new Date(today).toISOString() };
    await next.post('/events', JSON.stringify(later), 'application/json');
    await allIsStored(next, 5);
  });

  it('a second gateway with its own store ends with a clear error', async () => {
    await using folder = await temporaryFolder();
    await using other = await temporaryFolder();
    await using gateway = await startGateway(folder.path, environment('alone'));
    await gateway.ready();
    const second = await startGateway(other.path, environment('alone'));
    expect(await second.ended).toMatchObject({ code: 1 });
    expect(second.stdout()).toContain(
      'The consumer group alone has 2 members, ' +
        'but a gateway with the embedded store must be its only one',
    );
    await until(
      'the first has all partitions again',
      joinMsMax,
      async () => (await gateway.get('/readyz')).status === 200,
    );
    const { valid, sending } = await generate(
      folder.path,
      broker.brokers,
      'alone',
      '--count',
      '300',
      '--stream',
      'seed-10',
    );
    expect(await sending).toMatchObject({ code: 0 });
    await allIsStored(gateway, valid.size);
    expect(readStore(other.path).eventIds).toEqual([]);
  });
});
