// Decides what a fresh index is built from, and where: its consumer group, collections and data
// folder are its own, so that nothing of the running gateways changes.

import { UsageError } from '#core/errors/errors.ts';
import { type Config, sourceKind, storeKind } from '../config/config.ts';
import { deadLetterTopicOf } from '../config/dead-letter-topic.ts';
import { show } from '../config/setting-messages.ts';
import { isFor, startOf, topicRules } from '../config/topic-rules.ts';

export type ReindexRequest = {
  readonly from: string;
  readonly to: string | null;
  /** Only this topic; `null` for all. */
  readonly topic: string | null;
  /** The end of the new names; `null` to make it of the range. */
  readonly name: string | null;
};

export type ReindexPlan = {
  /** What differs from the settings of the running gateways, by `section.name`. */
  readonly settings: ReadonlyMap<string, unknown>;
  /** What gateways need to use the new index, as variables. */
  readonly switchOver: readonly string[];
};

/** @throws UsageError for a range or a topic that cannot be read */
export function reindexPlan(config: Config, request: ReindexRequest): ReindexPlan {
  if (sourceKind(config) !== 'kafka')
    throw new UsageError(
      'npm run reindex reads from Kafka, and these settings use the embedded log: ' +
        'set KAFKA_BROKERS.',
    );
  const { from, to, topic } = request;
  if (startOf(from) === null || from === 'latest')
    throw new UsageError(`--from is ${show(from)}; allowed are earliest and ${times}.`);
  if (to !== null && typeof startOf(to) !== 'number')
    throw new UsageError(`--to is ${show(to)}; allowed is ${times}.`);
  const name = request.name ?? [from, to, topic].filter((part) => part !== null).join('_');
  const suffix = name.replaceAll(/[^\w.-]/g, '-');
  const { kafka, gateway, qdrant } = config;
  const groupId = `${kafka.groupId}.reindex.${suffix}`;
  const dataDir = `${gateway.dataDir}-${suffix}`;
  const collection = `${qdrant.collection}_${suffix}`;
  const eventsCollection = `${qdrant.eventsCollection}_${suffix}`;
  const isOnQdrant = storeKind(config) === 'qdrant';
  return {
    settings: new Map<string, unknown>([
      ['kafka.groupId', groupId],
      ['kafka.from', from],
      ['kafka.until', to],
      ['kafka.dlqTopic', deadLetterTopicOf(kafka)],
      ...(topic === null ? [] : onlyTopic(config, topic)),
      ['gateway.dataDir', dataDir],
      ['qdrant.collection', collection],
      ['qdrant.eventsCollection', eventsCollection],
      // What it stores is told already.
      ['sink.topic', null],
    ]),
    switchOver: [
      `KAFKA_GROUP_ID=${groupId}`,
      ...(isOnQdrant
        ? [`QDRANT_COLLECTION=${collection}`, `QDRANT_EVENTS_COLLECTION=${eventsCollection}`]
        : [`VECTORSTREAM_DATA_DIR=${dataDir}`]),
    ],
  };
}

const times = 'a time such as 2026-01-31 or 2026-01-31T12:00:00Z';

/** Reads one topic alone, by the mapping that it has. */
function onlyTopic({ kafka }: Config, topic: string): readonly (readonly [string, unknown])[] {
  const rule = topicRules(kafka.topics).find((each) => isFor(each, topic));
  if (topic !== kafka.topic && rule === undefined)
    throw new UsageError(
      `--topic is ${show(topic)}, which is not read: allowed are ` +
        `${[kafka.topic, ...kafka.topics].join(', ')}, as kafka.topic and kafka.topics say.`,
    );
  const mapping = rule?.mapping ?? null;
  return [
    ['kafka.topic', topic],
    ['kafka.topics', mapping === null ? [] : [`${topic}=${mapping}`]],
  ];
}
