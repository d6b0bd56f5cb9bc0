// Dead letters from end to end on a real broker: exactly the invalid events become dead letters
// that any client can read, corrected events are stored, an event that fails again keeps its
// history, and neither a crash nor a repetition makes a second copy of an event.

import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import kafkajs from 'kafkajs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readRecord } from '#core/decode/read-record.ts';
import { eventLimits } from '#core/event/parse-event.ts';
import { noMappings } from '#core/mapping/record-mapping.ts';
import type { Rejection } from '#core/ports.ts';
import { startGateway, type RunningGateway } from '../helpers/gateway-program.ts';
import { noKafka, startKafkaBroker, type KafkaBroker } from '../helpers/kafka-broker.ts';
import { runProgram } from '../helpers/program.ts';
import { shopEvent } from '../helpers/shop-events.ts';
import { readStore } from '../helpers/store-file.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { until } from '../helpers/until.ts';

const reason = await noKafka();
const doneMsMax = 180_000;
const [count, bad] = [3_000, 300];

type DeadLetterView = {
  id: string;
  state: string;
  reason: string;
  message: string;
  value: string;
  redrive_count: number;
  origin: { topic: string; partition: number; offset: number };
};
type Page = { items: DeadLetterView[]; next_cursor: string | null };
type Report = {
  replayed: number;
  refused: number;
  next_cursor: string | null;
  refusals: { code: string }[];
  matching: number | null;
};

const body = async <T>(answer: Promise<{ status: number; body: unknown }>): Promise<T> => {
  const { status, body: read } = await answer;
  if (status !== 200) throw new Error(`${status} ${JSON.stringify(read)}`);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- documented shape
  return read as T;
};
const post = <T>(gateway: RunningGateway, path: string, request: object): Promise<T> =>
  body<T>(gateway.post(path, JSON.stringify(request)));

async function allDeadLetters(gateway: RunningGateway, filter: string): Promise<DeadLetterView[]> {
  const deadLetters: DeadLetterView[] = [];
  for (let cursor: string | null = ''; cursor !== null;) {
    const page: Page = await body<Page>(
      gateway.get(`/dlq/messages?limit=500&${filter}${cursor && `&cursor=${cursor}`}`),
    );
    deadLetters.push(...page.items);
    cursor = page.next_cursor;
  }
  return deadLetters;
}

/** A message on a timestamp ahead names times that differ with each parse. */
const timeless = (message: string | undefined): string | undefined =>
  message?.replace(/which is \d+ seconds ahead|which was \S+Z$/g, 'then');

type PlainRecord = { readonly value: string; readonly headers: Readonly<Record<string, string>> };

/** The records of a topic as any Kafka client reads them, once it has `atLeast`. */
async function readTopic(
  broker: KafkaBroker,
  topic: string,
  atLeast: number,
): Promise<readonly PlainRecord[]> {
  const kafka = new kafkajs.Kafka({
    brokers: broker.brokers.split(','),
    logLevel: kafkajs.logLevel.NOTHING,
  });
  const consumer = kafka.consumer({ groupId: randomUUID(), maxWaitTimeInMs: 100 });
  const read: PlainRecord[] = [];
  try {
    await consumer.connect();
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    await consumer.run({
      eachMessage: async ({ message: { value, headers } }) => {
        read.push({
          value: value?.toString('latin1') ?? '',
          headers: Object.fromEntries(
            Object.entries(headers ?? {}).map(([name, header]) => [name, String(header)]),
          ),
        });
      },
    });
    await until(`${atLeast} records of ${topic}`, 180_000, () => read.length >= atLeast);
    return read;
  } finally {
    await consumer.disconnect();
  }
}

const ready = (gateway: RunningGateway) =>
  until('it is ready', 180_000, async () => (await gateway.get('/readyz')).status === 200);
const settled = (gateway: RunningGateway, events: number, open: number) =>
  until(`${events} events are stored, ${open} dead letters are open`, doneMsMax, async () => {
    const {
      store,
      events: { lag, unsettled },
      dead_letters: deadLetters,
    } = await gateway.stats();
    return store.events === events && lag === 0 && unsettled === 0 && deadLetters.open === open;
  });

const reasons = (of: Iterable<{ reason: string }>): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const each of of) counts[each.reason] = (counts[each.reason] ?? 0) + 1;
  return counts;
};

describe.skipIf(reason !== null)('dead letters on a real broker', () => {
  let broker: KafkaBroker;
  beforeAll(async () => {
    broker = await startKafkaBroker();
  });
  afterAll(() => broker[Symbol.asyncDispose]());
  const start = (folder: string, topic: string): Promise<RunningGateway> =>
    startGateway(folder, {
      KAFKA_BROKERS: broker.brokers,
      KAFKA_TOPIC: topic,
      KAFKA_GROUP_ID: topic,
    });

  it(`${bad} invalid of ${count} events are dead letters, then stored once corrected`, async () => {
    await using folder = await temporaryFolder();
    const topic = `bad-${randomUUID()}`;
    const stream = [
      '--count',
      String(count),
      '--invalid-percent',
      String((100 * bad) / count),
      '--stream',
      'seed-10',
      '--seed',
      '7',
      '--now',
      new Date().toISOString(),
    ];
    const file = join(folder.path, 'events.ndjson');
    expect(
      await runProgram({
        script: 'cli/generator/generate.ts',
        flags: [...stream, '--out', file],
        environment: {},
      }),
    ).toMatchObject({ code: 0 });
    const rejections = new Map<string, Rejection>();
    for (const line of (await readFile(file, 'latin1')).split('\n').filter((each) => each !== '')) {
      const sent = {
        key: null,
        value: Buffer.from(line, 'latin1'),
        headers: {},
        timestamp: Date.now(),
        position: { topic, partition: 0, offset: 0 },
      };
      const rules = { now: sent.timestamp, limits: eventLimits, mappings: noMappings };
      const [part] = readRecord(sent, rules);
      if (part !== undefined && 'reason' in part.read) rejections.set(line, part.read);
    }

    await using gateway = await start(folder.path, topic);
    await ready(gateway);
    expect(
      await runProgram({
        script: 'cli/generator/generate.ts',
        flags: [...stream, '--target', `kafka://${broker.brokers}/${topic}`],
        environment: {},
      }),
    ).toMatchObject({ code: 0 });
    await settled(gateway, count - bad, bad);

    const records = await readTopic(broker, `${topic}.dlq`, bad);
    expect(records).toHaveLength(bad);
    for (const { value, headers } of records) {
      const expected = rejections.get(value);
      expect([headers['vectorstream.reason'], timeless(headers['vectorstream.message'])]).toEqual([
        expected?.reason,
        timeless(expected?.message),
      ]);
      expect(headers).toMatchObject({
        '__connect.errors.topic': topic,
        '__connect.errors.exception.message': headers['vectorstream.message'],
        'vectorstream.redrive-count': '0',
      });
    }
    expect(
      new Set(
        records.map(
          ({ headers }) =>
            `${headers['__connect.errors.partition']}/${headers['__connect.errors.offset']}`,
        ),
      ).size,
    ).toBe(bad);

    // Without a correction, none of them can succeed.
    const dry = await post<Report>(gateway, '/dlq/replay/batch', { dry_run: true });
    expect(dry).toMatchObject({
      matching: bad,
      replayed: 0,
      refused: bad,
      refusals: expect.arrayContaining([expect.objectContaining({ code: 'still_invalid' })]),
    });
    const deadLetters = await allDeadLetters(gateway, 'state=open');
    expect(reasons(deadLetters)).toEqual(
      reasons(records.map(({ headers }) => ({ reason: headers['vectorstream.reason'] ?? '' }))),
    );
    for (let index = 0; index < deadLetters.length; index += 10) {
      await Promise.all(
        deadLetters.slice(index, index + 10).map(({ id }) =>
          post(gateway, `/dlq/replay/${id}`, {
            payload: shopEvent({ event_id: `corrected-${id}` }),
          }),
        ),
      );
    }
    await settled(gateway, count, 0);
    expect(new Set(readStore(folder.path).eventIds).size).toBe(count);
    expect((await body<{ by_state: object }>(gateway.get('/dlq/stats'))).by_state).toEqual({
      open: 0,
      replayed: bad,
      purged: 0,
    });
  });

  it('an event that fails again keeps its origin and count, up to the limit', async () => {
    await using folder = await temporaryFolder();
    const topic = `again-${randomUUID()}`;
    await using gateway = await start(folder.path, topic);
    await ready(gateway);
    expect(
      await gateway.post('/events?on_invalid=dead_letter', '{"event_id":"bad"}'),
    ).toMatchObject({ status: 202 });
    const origins: string[] = [];
    for (let redrives = 0; redrives <= 3; redrives++) {
      const [deadLetter] = await until(`dead letter ${redrives}`, 180_000, async () => {
        const found = await allDeadLetters(gateway, 'state=open');
        return found.length === 1 && found;
      });
      expect(deadLetter).toMatchObject({
        redrive_count: redrives,
        value: '{"event_id":"bad"}',
        origin: { topic },
      });
      origins.push(`${deadLetter?.origin.partition}/${deadLetter?.origin.offset}`);
      if (redrives < 3) await post(gateway, `/dlq/replay/${deadLetter?.id}`, { force: true });
    }
    const [last] = await allDeadLetters(gateway, 'state=open');
    expect(
      await gateway.post(`/dlq/replay/${last?.id}`, JSON.stringify({ payload: shopEvent() })),
    ).toMatchObject({ status: 409, body: { code: 'redriven_too_often' } });
    expect(new Set(origins).size).toBe(4);
    const records = await readTopic(broker, `${topic}.dlq`, 4);
    expect(
      new Set(
        records.map(
          ({ headers }) =>
            `${headers['__connect.errors.partition']}/${headers['__connect.errors.offset']}`,
        ),
      ),
    ).toEqual(new Set([origins[0]]));
    expect(
      records
        .map(({ headers }) => headers['vectorstream.redrive-count'])
        .toSorted((a, b) => Number(a) - Number(b)),
    ).toEqual(['0', '1', '2', '3']);
  });

  it('a gateway killed during a batch loses no dead letter, and makes no second copy', async () => {
    await using folder = await temporaryFolder();
    const topic = `killed-${randomUUID()}`;
    const parked = 400;
    const killed = await start(folder.path, topic);
    await ready(killed);
    for (let index = 0; index < parked; index++) {
      const added = await killed.post(
        '/dlq/messages',
        JSON.stringify({
          reason: 'store_rejected',
          message: 'parked',
          value: JSON.stringify(shopEvent({ event_id: `parked-${index}` })),
        }),
      );
      expect(added.status).toBe(201);
    }
    const broken = post<Report>(killed, '/dlq/replay/batch', { rate: 100 }).then(
      () => 'answered',
      () => 'cut off',
    );
    await until(
      'some are replayed',
      180_000,
      async () => (await killed.stats()).store.events >= 100,
    );
    killed.child.kill('SIGKILL');
    await killed.ended;
    expect(await broken).toBe('cut off');

    await using gateway = await start(folder.path, topic);
    await ready(gateway);
    const { by_state: states } = await body<{ by_state: { open: number; replayed: number } }>(
      gateway.get('/dlq/stats'),
    );
    expect(states.open + states.replayed).toBe(parked);
    expect(states.open, 'killed in the middle').toBeGreaterThan(0);
    expect(await post<Report>(gateway, '/dlq/replay/batch', {})).toMatchObject({
      replayed: states.open,
      refused: 0,
      next_cursor: null,
    });
    await settled(gateway, parked, 0);
    expect(new Set(readStore(folder.path).eventIds).size).toBe(parked);
  });
});
