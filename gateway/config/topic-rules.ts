// Reads the texts of the settings about what is read from Kafka: topics or patterns of their names,
// each with the mapping of what it holds, and where to begin.

import { parseTimestamp } from '#core/event/timestamp.ts';

export type TopicRule = {
  /** The topic, or the names that match. */
  readonly topics: string | RegExp;
  /** The name or the path of the mapping; `null` for those that are tried on all topics. */
  readonly mapping: string | null;
};

/** Examples: `shop.orders`, `shop.orders=shopify-orders`, `^shop\..+=mappings/shop.yaml`. */
export function topicRule(text: string): TopicRule | null {
  // No topic's name has an equals sign, and a group of a pattern ends with a bracket.
  const [, topics = '', mapping = null] = /^(.+?)(?:=([^=()]+))?$/s.exec(text) ?? [];
  if (!topics.startsWith('^')) return isTopicName(topics) ? { topics, mapping } : null;
  try {
    return { topics: new RegExp(`^(?:${topics.slice(1)})$`, 'u'), mapping };
  } catch {
    return null;
  }
}

export const isTopicName = (text: string): boolean => /^(?!\.{1,2}$)[\w.-]{1,230}$/.test(text);

export function topicRules(texts: readonly string[]): readonly TopicRule[] {
  return texts.flatMap((text) => topicRule(text) ?? []);
}

/** Whether the rule is for this topic. */
export const isFor = ({ topics }: TopicRule, topic: string): boolean =>
  typeof topics === 'string' ? topics === topic : topics.test(topic);

/** The first record, the end, or UTC ms; `null` for another text. */
export function startOf(text: string): 'earliest' | 'latest' | number | null {
  if (text === 'earliest' || text === 'latest') return text;
  const time = parseTimestamp(/^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00:00Z` : text);
  return time.ok ? time.ms : null;
}
