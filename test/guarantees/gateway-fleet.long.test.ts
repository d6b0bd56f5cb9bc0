// Several real gateways of one consumer group on a real broker share one store. They join, leave
// and are killed in mid-stream, the store stops, events are bad, and a person is erased. Each valid
// event is stored exactly once, and each invalid event is a dead letter.

import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import kafkajs from 'kafkajs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isRejection, parseEvent } from '#core/event/parse-event.ts';
import {
  beforeSignIn,
  guest,
  hourAgo,
  lost,
  other,
  recordsOf,
  type PersonRecord,
} from '../helpers/erased-person.ts';
import { startGateway, type RunningGateway } from '../helpers/gateway-program.ts';
import { noKafka, startKafkaBroker, type KafkaBroker } from '../helpers/kafka-broker.ts';
import { plannedStream } from '../helpers/planned-stream.ts';
import {
  startQdrantDouble,
  type QdrantDouble,
  type SeenRequest,
} from '../helpers/qdrant-double.ts';
import {
  allPoints,
  countPoints,
  eventsCollection,
  isWriteOf,
  textsCollection,
  textWrites,
} from '../helpers/qdrant-witness.ts';
import { shopEvent } from '../helpers/shop-events.ts';
import { temporaryFolder, type TemporaryFolder } from '../helpers/temporary-folder.ts';
import { until } from '../helpers/until.ts';

const reason = await noKafka();
/** Fewer than in a manual run (20,000): the promises do not depend on the number. */
const events = Number(process.env['VECTORSTREAM_TEST_EVENTS'] ?? 1_000);
const drainedMsMax = 60_000 + events * 20;
/** A killed gateway stays a member of its group for a session of 10 s. */
const joinMsMax = 180_000;

const ready = (gateway: RunningGateway) =>
  until(
    'the gateway is ready',
    joinMsMax,
    async () => (await gateway.get('/readyz')).status === 200,
  );
const idsIn = async (qdrant: QdrantDouble, collection: string) =>
  new Set((await allPoints(qdrant.url, collection)).map(({ id }) => id));
const at = (second: number): string => new Date(Date.UTC(2026, 0, 1, 12, 0, second)).toISOString();

const stored = (qdrant: QdrantDouble, count: number) =>
  until(
    `${count} events are stored`,
    drainedMsMax,
    async () => (await countPoints(qdrant.url, eventsCollection)) >= count,
  );
const drained = (gateways: readonly RunningGateway[]) =>
  until('all is committed', drainedMsMax, async () => {
    const all = await Promise.all(gateways.map((gateway) => gateway.stats()));
    return all.every(({ events: { lag, unsettled } }) => lag === 0 && unsettled === 0);
  });

describe.skipIf(reason !== null)('gateways of one group with one store', () => {
  let broker: KafkaBroker;
  beforeAll(async () => {
    broker = await startKafkaBroker();
  });
  afterAll(() => broker[Symbol.asyncDispose]());

  const starter =
    (folder: TemporaryFolder, qdrant: QdrantDouble, topic: string) =>
    (name: string): Promise<RunningGateway> =>
      startGateway(join(folder.path, name), {
        KAFKA_BROKERS: broker.brokers,
        KAFKA_TOPIC: topic,
        KAFKA_GROUP_ID: topic,
        QDRANT_URL: qdrant.url,
      });

  it('two gateways store each event once and embed few texts twice', async () => {
    await using folder = await temporaryFolder();
    await using qdrant = await startQdrantDouble();
    const start = starter(folder, qdrant, 'two');
    const stream = await plannedStream(folder.path, events);
    await stream.send(broker.brokers, 'two');
    const gateways = await Promise.all(['one', 'two'].map(start));
    await Promise.all(gateways.map(ready));
    await stored(qdrant, stream.eventIds.size);
    await drained(gateways);
    expect(await idsIn(qdrant, eventsCollection)).toEqual(stream.eventIds);
    expect(await idsIn(qdrant, textsCollection)).toEqual(stream.textIds);
    const { total, again, needless } = textWrites(qdrant.requests);
    expect(needless).toEqual([]);
    const stats = await Promise.all(gateways.map((gateway) => gateway.stats()));
    const embedded = stats.reduce((sum, { texts }) => sum + texts.embedded, 0);
    // A text that another gateway stored meanwhile is not written again.
    expect(embedded).toBeGreaterThanOrEqual(total);
    expect(embedded).toBeLessThan(stream.textIds.size * 1.25);
    expect(
      Math.min(...stats.map(({ events: { received } }) => received)),
      'both worked',
    ).toBeGreaterThan(0);
    process.stdout.write(
      `${stream.eventIds.size} events, ${stream.textIds.size} texts, ` +
        `${again.length} of them written by both gateways, ${embedded} embedded in total\n`,
    );
    await Promise.all(gateways.map((gateway) => gateway[Symbol.asyncDispose]()));
  });

  it('three gateways that join, stop and are killed store each event once too', async () => {
    await using folder = await temporaryFolder();
    await using qdrant = await startQdrantDouble();
    const start = starter(folder, qdrant, 'three');
    const first = await start('first');
    await ready(first);
    const stream = await plannedStream(folder.path, events, '--rate', String(events / 20));
    const sending = stream.send(broker.brokers, 'three');
    const share = (part: number) => stored(qdrant, Math.floor(part * stream.eventIds.size));
    await share(0.1);
    const [second, third] = await Promise.all([start('second'), start('third')]);
    await share(0.3);
    first.child.kill('SIGTERM');
    expect(await first.ended).toMatchObject({ code: 0 });
    await share(0.5);
    second.child.kill('SIGKILL');
    await second.ended;
    const fourth = await start('fourth');
    await sending;
    await stored(qdrant, stream.eventIds.size);
    await drained([third, fourth]);
    expect(await idsIn(qdrant, eventsCollection)).toEqual(stream.eventIds);
    expect(await idsIn(qdrant, textsCollection)).toEqual(stream.textIds);
    const { again, needless } = textWrites(qdrant.requests);
    expect(needless).toEqual([]);
    expect((await third.stats()).dead_letters.open).toBe(0);
    process.stdout.write(
      `${stream.eventIds.size} events, ${stream.textIds.size} texts, ` +
        `${again.length} of them in several gateways at the same time\n`,
    );
    await Promise.all([third, fourth].map((gateway) => gateway[Symbol.asyncDispose]()));
  });

  it('a kill between store and commit makes no copy and keeps the newest version', async () => {
    await using folder = await temporaryFolder();
    await using qdrant = await startQdrantDouble();
    const start = starter(folder, qdrant, 'killed');
    const killed = await start('killed');
    await ready(killed);
    // Writes succeed after their gateway is killed: stored, and not committed.
    let replayed = 0;
    const killsAt = (request: SeenRequest): boolean => {
      if (!isWriteOf(eventsCollection)(request)) return false;
      replayed += JSON.parse(request.body).points.length;
      return killed.child.kill('SIGKILL');
    };
    // A second one may be on its way already.
    qdrant.fail({ kind: 'half-an-answer' }, killsAt, Infinity);
    const versions = Array.from({ length: 200 }, (_, index) =>
      shopEvent({
        timestamp: at(30),
        product: { id: `p${index % 20}`, name: `Desk lamp ${index % 20}`, price: 30 },
      }),
    );
    await using producer = await plainProducer(broker, 'killed');
    await producer.send(versions, 'first');
    await killed.ended;
    expect(replayed).toBeGreaterThan(0);
    expect(await countPoints(qdrant.url, eventsCollection)).toBe(replayed);

    // Every second event gets a newer version in another partition, which is read before or after
    // the first version is read again. Every event gets an older version.
    const newer = versions
      .filter((_, index) => index % 2 === 0)
      .map((event) => ({
        ...event,
        timestamp: at(40),
        product: { id: 'p', name: 'Desk lamp, newer', price: 40 },
      }));
    await producer.send(newer, 'second');
    await producer.send(
      versions.map((event) => ({
        ...event,
        timestamp: at(20),
        product: { id: 'p', name: 'Desk lamp, older', price: 20 },
      })),
      'third',
    );
    await using gateway = await start('next');
    await until('it has read and committed all', joinMsMax + 30_000, async () => {
      const {
        events: { received, lag, unsettled },
      } = await gateway.stats();
      return received >= 500 && lag === 0 && unsettled === 0;
    });
    const points = await allPoints(qdrant.url, eventsCollection);
    expect(points).toHaveLength(versions.length);
    const isNewer = new Set(newer.map(({ event_id: id }) => id));
    expect(
      points.filter(({ id, payload }) => payload['timestamp'] !== at(isNewer.has(id) ? 40 : 30)),
    ).toEqual([]);
    expect(textWrites(qdrant.requests).needless).toEqual([]);
    expect((await gateway.stats()).dead_letters.open).toBe(0);
  });

  it('a store outage of 15 s shows in readiness, dead-letters nothing, and ends', async () => {
    await using folder = await temporaryFolder();
    await using qdrant = await startQdrantDouble();
    await using gateway = await starter(folder, qdrant, 'outage')('one');
    await ready(gateway);
    const stream = await plannedStream(folder.path, events);
    await stream.send(broker.brokers, 'outage');
    await until(
      'it works',
      180_000,
      async () => (await countPoints(qdrant.url, textsCollection)) >= 200,
    );
    await qdrant.down();
    const since = performance.now();
    const unready = await until('readiness names the store', 180_000, async () => {
      const answer = await gateway.get('/readyz');
      return answer.status === 503 && answer;
    });
    expect(unready.body).toMatchObject({
      code: 'not_ready',
      causes: [{ component: 'store', message: expect.stringMatching(/Qdrant/) }],
    });
    const receivedSoFar = async (): Promise<number> =>
      Number(
        /^vectorstream_events_received_total (\d+)/m.exec(
          String((await gateway.get('/metrics')).body),
        )?.[1],
      );
    await until('8 s are over', 180_000, () => performance.now() - since > 8_000);
    const received = await receivedSoFar();
    await until('15 s are over', 180_000, () => performance.now() - since > 15_000);
    expect(await receivedSoFar(), 'intake pauses').toBe(received);
    await qdrant.up();
    await ready(gateway);
    await stored(qdrant, stream.eventIds.size);
    await drained([gateway]);
    expect(await idsIn(qdrant, eventsCollection)).toEqual(stream.eventIds);
    expect((await gateway.stats()).dead_letters.open).toBe(0);
  });

  it('exactly the bad events are dead letters, each with its reason, key and value', async () => {
    await using folder = await temporaryFolder();
    await using qdrant = await startQdrantDouble();
    await using gateway = await starter(folder, qdrant, 'bad')('one');
    await ready(gateway);
    const stream = await plannedStream(folder.path, events, '--invalid-percent', '5');
    expect(stream.invalid).toBe(Math.round(events * 0.05));
    await stream.send(broker.brokers, 'bad');
    await stored(qdrant, stream.eventIds.size);
    await drained([gateway]);
    expect(await idsIn(qdrant, eventsCollection)).toEqual(stream.eventIds);
    const sent = await readAll(broker, 'bad', events);
    const deadLetters = await readAll(broker, 'bad.dlq', stream.invalid);
    const expected = sent.flatMap(({ place, key, value }) => {
      const parsed = parseEvent(value, Date.now());
      return isRejection(parsed)
        ? [[place, { reason: parsed.reason, key, value: value.toString('latin1') }] as const]
        : [];
    });
    const found = deadLetters.map(
      ({ key, value, headers }) =>
        [
          ['topic', 'partition', 'offset']
            .map((name) => headers[`__connect.errors.${name}`])
            .join('/'),
          { reason: headers['vectorstream.reason'], key, value: value.toString('latin1') },
        ] as const,
    );
    expect(found).toHaveLength(stream.invalid);
    expect(new Map(found)).toEqual(new Map(expected));
    for (const { headers } of deadLetters) {
      expect(headers).toMatchObject({
        '__connect.errors.stage': 'VALUE_CONVERTER',
        '__connect.errors.exception.class.name': expect.stringMatching(/./),
        '__connect.errors.exception.message': expect.stringMatching(/./),
        'vectorstream.attempts': expect.stringMatching(/^\d+$/),
        'vectorstream.redrive-count': '0',
      });
    }
    expect(await gateway.stats()).toMatchObject({
      events: { dead_lettered: stream.invalid },
      dead_letters: { open: stream.invalid },
    });
  });

  it('a person erased at a gateway that is killed is gone from all, after a replay', async () => {
    await using folder = await temporaryFolder();
    await using qdrant = await startQdrantDouble();
    const start = starter(folder, qdrant, 'erased');
    const [one, two] = [await start('one'), await start('two')];
    await Promise.all([ready(one), ready(two)]);
    const records = [...recordsOf(lost, 1_000, 2), ...recordsOf(other, 300), beforeSignIn];
    const produce = async (values: readonly PersonRecord[]): Promise<void> => {
      const producer = plainKafka(broker).producer();
      await producer.connect();
      const messages = values.map((record) => ({ ...record, timestamp: String(hourAgo) }));
      await producer.send({ topic: 'erased', messages });
      await producer.disconnect();
    };
    await produce(records);
    await stored(qdrant, 940 + 282 + 1);
    await drained([one, two]);
    const collections = (): readonly string[] => [
      ...new Set(
        qdrant.requests.flatMap(({ path }) => /^\/collections\/(\w+)/.exec(path)?.[1] ?? []),
      ),
    ];
    const dump = async () =>
      JSON.stringify(await Promise.all(collections().map((name) => allPoints(qdrant.url, name))));
    const othersOf = async (gateway: RunningGateway) => ({
      events: (await allPoints(qdrant.url, eventsCollection))
        .filter(({ payload }) => payload['user_id'] === other)
        .toSorted((a, b) => (a.id < b.id ? -1 : 1)),
      deadLetters: (await deadLettersAt(gateway)).filter((text) => text.includes(other)),
    });
    const before = await othersOf(two);
    expect([before.events.length, before.deadLetters.length]).toEqual([282, 18]);
    expect(await deadLettersAt(two)).toHaveLength(60 + 18);

    const answer = await fetch(`${one.url}/users/${encodeURIComponent(lost)}`, {
      method: 'DELETE',
    });
    expect(answer.status).toBe(202);
    const { receipt } = await answer.json();
    await until(
      'a part is erased',
      180_000,
      async () => (await countPoints(qdrant.url, eventsCollection)) < 1_100,
    );
    one.child.kill('SIGKILL');
    await one.ended;
    expect(await countPoints(qdrant.url, eventsCollection)).toBeGreaterThan(300);
    // The source delivers the person's records again while the other gateway carries on.
    await produce(records.slice(0, 500));
    await until('the erasure is done', 240_000, async () =>
      JSON.stringify((await two.get(`/erasures/${receipt}`)).body).includes('"state":"done"'),
    );
    await until(
      'the other gateway has all partitions, and no record is left',
      joinMsMax + 60_000,
      async () => {
        const { received, lag, unsettled } = (await two.stats()).events;
        return received >= 500 && lag === 0 && unsettled === 0;
      },
    );
    const expectGone = async (gateway: RunningGateway): Promise<void> => {
      const points = await dump();
      for (const id of [lost, guest]) expect(points).not.toContain(id);
      expect((await deadLettersAt(gateway)).filter((text) => text.includes(lost))).toEqual([]);
      expect(await othersOf(gateway)).toEqual(before);
    };
    await expectGone(two);

    // A group that is new to the topic reads it from its start.
    await using replaying = await startGateway(join(folder.path, 'replaying'), {
      KAFKA_BROKERS: broker.brokers,
      KAFKA_TOPIC: 'erased',
      KAFKA_GROUP_ID: 'erased-again',
      QDRANT_URL: qdrant.url,
    });
    await until('it has read the whole topic', 120_000, async () => {
      const { received, lag, unsettled } = (await replaying.stats()).events;
      return received >= records.length + 500 && lag === 0 && unsettled === 0;
    });
    const metrics = String((await replaying.get('/metrics')).body);
    // More when the group is rearranged meanwhile.
    expect(
      Number(/^vectorstream_events_erased_total (\d+)/m.exec(metrics)?.[1]),
    ).toBeGreaterThanOrEqual(1_501);
    await expectGone(replaying);
    await expectGone(two);
    await two[Symbol.asyncDispose]();
  });
});

async function deadLettersAt(gateway: RunningGateway): Promise<readonly string[]> {
  const { items } = Object((await gateway.get('/dlq/messages?limit=200')).body);
  return items.map((item: unknown) => JSON.stringify(item)).toSorted();
}

/** Uses no code of this project. */
const plainKafka = (broker: KafkaBroker) =>
  new kafkajs.Kafka({ brokers: broker.brokers.split(','), logLevel: kafkajs.logLevel.NOTHING });

async function plainProducer(broker: KafkaBroker, topic: string) {
  const producer = plainKafka(broker).producer({
    createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
  });
  await producer.connect();
  return {
    async send(all: readonly { readonly event_id: string }[], key: string): Promise<void> {
      await producer.send({
        topic,
        messages: all.map((event, index) => ({
          key: `${key} ${index % 40}`,
          value: JSON.stringify(event),
        })),
      });
    },
    [Symbol.asyncDispose]: () => producer.disconnect(),
  };
}

type PlainRecord = {
  readonly place: string;
  readonly key: string | null;
  readonly value: Buffer;
  readonly headers: Readonly<Record<string, string>>;
};

/** All records of a topic, once there are at least `count`. */
async function readAll(
  broker: KafkaBroker,
  topic: string,
  count: number,
): Promise<readonly PlainRecord[]> {
  const consumer = plainKafka(broker).consumer({ groupId: randomUUID() });
  const records: PlainRecord[] = [];
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({
    eachMessage: async ({ partition, message: { offset, key, value, headers = {} } }) => {
      const texts = Object.fromEntries(
        Object.entries(headers).map(([name, text]) => [name, String(text)]),
      );
      records.push({
        place: `${topic}/${partition}/${offset}`,
        key: key?.toString() ?? null,
        value: value ?? Buffer.alloc(0),
        headers: texts,
      });
    },
  });
  await until(`${count} records of ${topic} are read`, 180_000, () => records.length >= count);
  const admin = plainKafka(broker).admin();
  await admin.connect();
  const held = (await admin.fetchTopicOffsets(topic)).reduce(
    (sum, { high, low }) => sum + Number(high) - Number(low),
    0,
  );
  await until(`all ${held} records of ${topic} are read`, 180_000, () => records.length >= held);
  await admin.disconnect();
  await consumer.disconnect();
  return records;
}
