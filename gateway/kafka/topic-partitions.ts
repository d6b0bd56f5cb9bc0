// Gives each partition of several topics one object, so that it can be the key of a map.

export type TopicPartition = {
  readonly topic: string;
  readonly partition: number;
  /** For messages: `shop.orders/3`. */
  toString(): string;
};

export class TopicPartitions {
  readonly #known = new Map<string, TopicPartition>();

  /** The same object for the same partition. */
  of(topic: string, partition: number): TopicPartition {
    const name = `${topic}/${partition}`;
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const fresh = { topic, partition, toString: () => name };
    this.#known.set(name, fresh);
    return fresh;
  }
}

/** The partitions by topic, as requests of Kafka list them. */
export function byTopic<T extends { readonly topic: string }>(
  items: readonly T[],
): readonly { readonly topic: string; readonly partitions: readonly T[] }[] {
  return [...Map.groupBy(items, ({ topic }) => topic)].map(([topic, partitions]) => ({
    topic,
    partitions,
  }));
}
