// Finds the topics that a source reads: those that are named, and those whose names match a
// pattern.

import type { Clock } from '#core/ports.ts';
import { rest } from '#core/time/rest.ts';
import { withAdmin } from '../../kafka/kafka-client.ts';
import { kafkaError } from '../../kafka/kafka-errors.ts';
import type { KafkaAdmin, KafkaClient } from '../../kafka/kafka-port.ts';
import { ensureTopic, type TopicPlan } from '../../kafka/kafka-topics.ts';

export type TopicChoice = {
  /** Topics that must exist. */
  readonly named: readonly TopicPlan[];
  readonly patterns: readonly RegExp[];
  /** What this gateway writes is not read, also where a pattern matches it. */
  readonly written: readonly string[];
};

type LookingOptions = {
  readonly client: KafkaClient;
  readonly newTopicsMs: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
};

export class ChosenTopics {
  readonly #choice: TopicChoice;
  #current: readonly string[];

  constructor(choice: TopicChoice) {
    this.#choice = choice;
    this.#current = choice.named.map(({ topic }) => topic);
  }

  /** What `choose` found last; before, those that are named. */
  get current(): readonly string[] {
    return this.#current;
  }

  /**
   * Ensures that the named topics exist, and looks for the others.
   *
   * @param admin a connected client
   * @throws DependencyError
   */
  async choose(admin: KafkaAdmin): Promise<readonly string[]> {
    for (const plan of this.#choice.named) await ensureTopic(admin, plan);
    this.#current = await this.#find(admin);
    return this.#current;
  }

  /** Looks for other topics from time to time until `signal` aborts. What fails is tried again. */
  async keepLooking(
    { client, newTopicsMs, clock, signal }: LookingOptions,
    changed: () => void,
  ): Promise<void> {
    while (this.#choice.patterns.length > 0) {
      await rest(clock, newTopicsMs, signal);
      if (signal.aborted) return;
      const others = withAdmin(client, (admin) => this.#hasOthers(admin)).catch(() => false);
      if (await others) changed();
    }
  }

  /** Whether `choose` would find others now. */
  async #hasOthers(admin: KafkaAdmin): Promise<boolean> {
    const found = new Set(await this.#find(admin));
    return found.size !== this.#current.length || this.#current.some((topic) => !found.has(topic));
  }

  async #find(admin: KafkaAdmin): Promise<readonly string[]> {
    const { named, patterns, written } = this.#choice;
    const chosen = named.map(({ topic }) => topic);
    if (patterns.length === 0) return chosen;
    const all = await admin.listTopics().catch((error: unknown) => {
      throw kafkaError(error, 'looking for topics');
    });
    const matching = all.filter(
      (topic) =>
        !isInternal(topic) &&
        !written.includes(topic) &&
        patterns.some((pattern) => pattern.test(topic)),
    );
    return [...new Set([...chosen, ...matching.toSorted()])];
  }
}

/** Kafka's own topics, such as `__consumer_offsets`. */
const isInternal = (topic: string): boolean => topic.startsWith('__');
