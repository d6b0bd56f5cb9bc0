// Records in Avro, Protobuf and JSON Schema, written by other programs, reach the store from a real
// Kafka by the schemas of a real Schema Registry; while that does not answer, they wait.

import avsc from 'avsc';
import protobuf from 'protobufjs';
import { expect, test } from 'vitest';
import { openKafkajs } from '../../kafka/kafkajs/kafkajs-client.ts';
import { cuttable } from '../adapters/kafka-harness.ts';
import { startGateway } from '../helpers/gateway-program.ts';
import { noKafka, startKafkaBroker } from '../helpers/kafka-broker.ts';
import { noRegistry, startRealRegistry } from '../helpers/real-registry.ts';
import { withId } from '../helpers/registry-double.ts';
import { readStore } from '../helpers/store-file.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { until } from '../helpers/until.ts';

const reason = (await noKafka()) ?? (await noRegistry());
const perFormat = 100;
const time = Date.UTC(2026, 4, 1, 10);

const kind: avsc.Schema = { type: 'enum', name: 'shop.Kind', symbols: ['view', 'purchase'] };
const fieldsWith = (kindType: avsc.Schema): avsc.Schema => ({
  type: 'record',
  name: 'shop.Event',
  fields: [
    { name: 'event_id', type: 'string' },
    { name: 'timestamp', type: { type: 'long', logicalType: 'timestamp-millis' } },
    { name: 'user_id', type: 'long' },
    { name: 'session_id', type: ['null', 'string'], default: null },
    { name: 'event_type', type: kindType },
    {
      name: 'product',
      type: {
        type: 'record',
        name: 'Product',
        fields: [
          { name: 'id', type: 'string' },
          { name: 'name', type: 'string' },
          { name: 'price', type: 'double' },
        ],
      },
    },
  ],
});
const proto = `syntax = "proto3";
package shop;
import "google/protobuf/timestamp.proto";
import "product.proto";
enum Kind { view = 0; purchase = 1; }
message Event {
  string event_id = 1;
  google.protobuf.Timestamp timestamp = 2;
  int64 user_id = 3;
  Kind event_type = 4;
  Product product = 5;
}
`;
const productProto = `syntax = "proto3";
package shop;
message Product { string id = 1; string name = 2; double price = 3; }
`;

const numbers = Array.from({ length: perFormat }, (_, number) => number);
const event = (format: string, number: number) => ({
  event_id: `${format}-${number}`,
  timestamp: time + number,
  user_id: number + 1,
  session_id: null,
  event_type: 'view',
  product: { id: `p-${number}`, name: `Copper lamp ${number % 5}`, price: 10.5 },
});

function avroRecords(id: number): readonly Uint8Array[] {
  const type = avsc.Type.forSchema(fieldsWith(kind));
  return numbers.map((number) => withId(id, type.toBuffer(event('avro', number))));
}

function protobufRecords(id: number): readonly Uint8Array[] {
  const root = new protobuf.Root();
  root.addJSON(protobuf.common.get('google/protobuf/timestamp.proto')?.nested ?? {});
  for (const text of [productProto, proto]) protobuf.parse(text, root, { keepCase: true });
  const type = root.resolveAll().lookupType('shop.Event');
  return numbers.map((number) => {
    const timestamp = { seconds: time / 1000, nanos: number };
    const message = type.fromObject({ ...event('protobuf', number), timestamp });
    return withId(id, [0], type.encode(message).finish());
  });
}

const jsonRecords = (id: number): readonly Uint8Array[] =>
  numbers.map((number) =>
    withId(id, new TextEncoder().encode(JSON.stringify(event('json', number)))),
  );

test.skipIf(reason !== null)(
  'while the registry does not answer, nothing is stored or dead-lettered; then all is stored',
  async () => {
    await using broker = await startKafkaBroker();
    await using registry = await startRealRegistry();
    const topic = `registry-${Date.now()}`;
    const ofKind = { name: 'shop.Kind', subject: 'kind', version: 1 };
    const ofProduct = { name: 'product.proto', subject: 'product', version: 1 };
    await registry.register('kind', { schema: JSON.stringify(kind) });
    await registry.register('product', { schemaType: 'PROTOBUF', schema: productProto });
    const ids = {
      avro: await registry.register('avro', {
        schema: JSON.stringify(fieldsWith('shop.Kind')),
        references: [ofKind],
      }),
      protobuf: await registry.register('protobuf', {
        schemaType: 'PROTOBUF',
        schema: proto,
        references: [ofProduct],
      }),
      json: await registry.register('json', {
        schemaType: 'JSON',
        schema: JSON.stringify({
          $schema: 'http://json-schema.org/draft-07/schema#',
          type: 'object',
        }),
      }),
    };
    const unknown = withId(4_711, [2, 0x61]);
    const values = [
      ...avroRecords(ids.avro),
      ...protobufRecords(ids.protobuf),
      ...jsonRecords(ids.json),
      unknown,
    ];

    await using folder = await temporaryFolder();
    await using gateway = await startGateway(folder.path, {
      KAFKA_BROKERS: broker.brokers,
      KAFKA_TOPIC: topic,
      KAFKA_GROUP_ID: topic,
      SCHEMA_REGISTRY_URL: registry.url,
      VECTORSTREAM_SCHEMA_REGISTRY_TIMEOUT_MS: '1000',
      VECTORSTREAM_RETRIES_CIRCUIT_FAILURES_MAX: '2',
    });
    await gateway.ready();
    registry.freeze();
    const producer = openKafkajs(cuttable(broker.brokers)).producer();
    await producer.connect();
    await producer.send({
      topic,
      messages: values.map((value) => ({ value: Buffer.from(value), timestamp: String(time) })),
    });
    await producer.disconnect();

    await until('health names the registry', 120_000, async () =>
      JSON.stringify((await gateway.get('/health')).body).includes('schema_registry'),
    );
    expect(await gateway.stats()).toMatchObject({
      store: { events: 0 },
      dead_letters: { open: 0 },
    });

    registry.thaw();
    await until(
      'all is stored and committed',
      180_000,
      async () =>
        (await gateway.stats()).store.events === 3 * perFormat &&
        (await gateway.stats()).events.lag === 0,
    );
    const letters = (await gateway.get('/dlq/messages?limit=10')).body;
    expect(letters).toMatchObject({
      items: [{ message: expect.stringContaining('schema id 4711, which the Schema Registry') }],
    });
    expect(readStore(folder.path).eventIds).toHaveLength(3 * perFormat);
    const stored = await gateway.get('/events/protobuf-7');
    expect(stored.body).toMatchObject({ event: { event_id: 'protobuf-7', user_id: '8' } });
  },
);
