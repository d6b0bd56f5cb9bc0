// Notices that the topic was deleted and recreated: its offsets begin again at 0, so that positions
// and commits of the topic before it mean other records.

export type TopicWatchOptions = {
  /** See `TopicId`. */
  readonly current: () => Promise<string | null>;
  /** The topic is another one than at the last check. The check waits for it. */
  readonly replaced: () => Promise<void>;
};

export type TopicWatch = {
  /** Resolves with whether the topic exists; rejects with the client's error. */
  check(): Promise<boolean>;
};

export function createTopicWatch({ current, replaced }: TopicWatchOptions): TopicWatch {
  /** `null` until the topic was seen. */
  let known: string | null = null;
  let checking: Promise<boolean> | null = null;

  const check = async (): Promise<boolean> => {
    const id = await current();
    if (id === null) return false;
    const isReplaced = known !== null && id !== known;
    known = id;
    if (isReplaced) await replaced();
    return true;
  };
  return {
    check: () =>
      (checking ??= check().finally(() => {
        checking = null;
      })),
  };
}

export type TopicWatches = {
  /** See `TopicWatch.check`. */
  check(topic: string): Promise<boolean>;
  /** Checks one of these topics, another one with each call. */
  checkNext(topics: readonly string[]): Promise<unknown>;
};

/** One watch for each topic, from its first check on. */
export function createTopicWatches({
  current,
  replaced,
}: {
  readonly current: (topic: string) => Promise<string | null>;
  readonly replaced: (topic: string) => Promise<void>;
}): TopicWatches {
  const watches = new Map<string, TopicWatch>();
  let turn = 0;

  const check = (topic: string): Promise<boolean> => {
    const watch =
      watches.get(topic) ??
      createTopicWatch({ current: () => current(topic), replaced: () => replaced(topic) });
    watches.set(topic, watch);
    return watch.check();
  };
  return {
    check,
    async checkNext(topics) {
      const topic = topics[turn++ % topics.length];
      if (topic !== undefined) await check(topic);
    },
  };
}
