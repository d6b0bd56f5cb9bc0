// Names the topic of the dead letters where the settings do not.

import type { Config } from './config.ts';

export const deadLetterTopicOf = ({ dlqTopic, topic }: Config['kafka']): string =>
  dlqTopic ?? `${topic}.dlq`;
