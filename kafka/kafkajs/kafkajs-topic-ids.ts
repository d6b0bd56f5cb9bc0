// Asks a broker for the ids of topics: a topic that is deleted and recreated has another one. The
// client library has no such request, so it is written here, and sent over the library's
// connections.

import kafkajs from 'kafkajs';
import type { Broker, Cluster, Kafka } from 'kafkajs';
import { at } from '#core/errors/assert.ts';
import type { TopicIds } from '../kafka-port.ts';

/** Connects, and does not join the group. */
export async function connectKafkajsTopicIds(kafka: Kafka, groupId: string): Promise<TopicIds> {
  const clusters: Cluster[] = [];
  const client = kafka.consumer({
    groupId,
    allowAutoTopicCreation: false,
    // An assigner is given the brokers that the client knows; nothing else gives them away.
    partitionAssigners: [
      (config) => {
        clusters.push(config.cluster);
        return kafkajs.PartitionAssigners.roundRobin(config);
      },
    ],
  });
  try {
    await client.connect();
    const coordinator = await at(clusters, 0).findGroupCoordinator({ groupId });
    const { [metadata.apiKey]: versions } = await coordinator.apiVersions();
    const hasIds = (versions?.maxVersion ?? 0) >= metadata.apiVersion;
    return {
      current: async (topic) => (hasIds ? topicIdOf(coordinator, topic) : noIds),
      [Symbol.asyncDispose]: () => client.disconnect(),
    };
  } catch (error) {
    await client.disconnect().catch(() => undefined);
    throw error;
  }
}

/** Version 10 is the first that answers ids, and the last with a field that nobody needs. */
const metadata = { apiKey: 3, apiVersion: 11, apiName: 'Metadata' };

/** A request and its answer as the library defines them. */
type Exchange<T> = {
  readonly request: typeof metadata & {
    encode(): Promise<{ readonly buf: Buffer; readonly buffer: Buffer }>;
  };
  readonly response: {
    decode(payload: Buffer): Promise<{ readonly answer: T; readonly clientSideThrottleTime: null }>;
    parse(decoded: { readonly answer: T }): Promise<T>;
  };
};

async function topicIdOf(broker: Broker, topic: string): Promise<string | null> {
  const request = encodeRequest(topic);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- not among the library's types
  const { connectionPool } = broker as Broker & {
    readonly connectionPool: { send<T>(exchange: Exchange<T>): Promise<T> };
  };
  return connectionPool.send({
    request: { ...metadata, encode: async () => ({ buf: request, buffer: request }) },
    response: {
      decode: async (payload) => ({
        answer: decodeResponse(payload),
        clientSideThrottleTime: null,
      }),
      parse: async ({ answer }) => answer,
    },
  });
}

const noIds = 'this broker has no topic ids';
const idBytes = 16;
/** The leaders of the partitions are being elected; the topic exists. */
const leaderNotAvailable = 5;

/**
 * Metadata request, version 11, with the end of its header. Formats:
 * https://kafka.apache.org/protocol#The_Messages_Metadata
 */
function encodeRequest(topic: string): Buffer {
  const name = Buffer.from(topic);
  const size = name.length + 1;
  return Buffer.concat([
    // No tagged fields in the header; an array of one topic; its id, which is not known.
    Buffer.from([0, 2, ...Array.from({ length: idBytes }, () => 0)]),
    Buffer.from(size < 0x80 ? [size] : [(size & 0x7f) | 0x80, size >> 7]),
    name,
    // No tagged fields of the topic; do not create it; no operations; no tagged fields.
    Buffer.alloc(4),
  ]);
}

/** The id of the one topic that was asked for; `null` when there is none. */
function decodeResponse(payload: Buffer): string | null {
  let position = 0;
  const skip = (bytes: number): void => {
    position += bytes;
  };
  const number = (): number => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = payload.readUInt8(position++);
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  const skipString = (): void => skip(Math.max(0, number() - 1));
  const skipTaggedFields = (): void => {
    for (let left = number(); left > 0; left--) {
      number();
      skip(number());
    }
  };

  skipTaggedFields();
  skip(4); // throttle time
  for (let brokers = number() - 1; brokers > 0; brokers--) {
    skip(4); // node id
    skipString(); // host
    skip(4); // port
    skipString(); // rack
    skipTaggedFields();
  }
  skipString(); // cluster id
  skip(4); // controller id
  number(); // topics: one
  const error = payload.readInt16BE(position);
  skip(2);
  skipString(); // name
  if (error !== 0 && error !== leaderNotAvailable) return null;
  const id = payload.subarray(position, position + idBytes);
  return id.every((byte) => byte === 0) ? noIds : id.toString('hex');
}
