// The settings in the section `sink`: whether and how other systems are told of what is stored.

import { oneOf, topicName } from '../setting-types.ts';

export const sinkSection = {
  topic: topicName({
    default: null,
    flag: 'sink-topic',
    help:
      'Kafka topic that gets a record for every stored event, and for every later change of its ' +
      'vector (docs/sink.md). It is on the cluster of kafka.brokers. If it is not set, there are ' +
      'no such records. While the topic does not take them, intake waits.',
  }),
  content: oneOf(['embedding', 'text_id'], {
    default: 'embedding',
    help:
      'What a record has of the text: its vector, exactly as it is stored, or only its id, with ' +
      'which GET /texts and the store find it.',
  }),
  key: oneOf(['text', 'event'], {
    default: 'text',
    help:
      'The key of the record of an event: the id of its text, which keeps everything about one ' +
      'vector in order, or the id of the event.',
  }),
} as const;
