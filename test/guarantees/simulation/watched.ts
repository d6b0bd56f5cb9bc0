// The ports of simulated gateways: calls fail as on a network, and the oracle is notified of
// everything that was carried out.

import type { Clock, DeadLetters, EventSource, VectorStore } from '#core/ports.ts';
import type { ProvenanceLog } from '#core/trust/repair.ts';
import type { Oracle } from './simulation-oracle.ts';

/** Some calls come after others of the same delivery, and may be the only ones that fail. */
export const callKinds = ['look-up', 'texts', 'events', 'dead letters', 'marks'] as const;
export type CallKind = (typeof callKinds)[number];

export type Watched = {
  readonly oracle: Oracle;
  /** Called for each notable event, such as "a late answer was ignored". */
  readonly seen: (what: string) => void;
  readonly unreliably: <T>(kind: CallKind, call: () => Promise<T>) => Promise<T>;
};

export function watchedStore(
  store: VectorStore,
  { oracle, seen, unreliably }: Watched,
): VectorStore {
  const { provenanceStore } = store;
  return {
    ...store,
    knownTexts: (ids) => unreliably('look-up', () => store.knownTexts(ids)),
    putTexts: (texts) =>
      unreliably('texts', async () => {
        const outcomes = await store.putTexts(texts);
        oracle.putTexts(texts, outcomes);
        return outcomes;
      }),
    putEvents: (events) =>
      unreliably('events', async () => {
        const outcomes = await store.putEvents(events);
        oracle.putEvents(events, outcomes);
        return outcomes;
      }),
    provenanceStore: {
      ...provenanceStore,
      mark: (mark) => unreliably('marks', () => provenanceStore.mark(mark)),
      unmark: (session) => unreliably('marks', () => provenanceStore.unmark(session)),
      marks: () => unreliably('marks', () => provenanceStore.marks()),
      withhold: (work) =>
        unreliably('marks', async () => {
          await provenanceStore.withhold(work);
          oracle.withheld(work);
          seen("a wrong runner's work was withheld");
        }),
      embeddedBy: (work, limit) =>
        unreliably('marks', () => provenanceStore.embeddedBy(work, limit)),
      withheld: (limit) => unreliably('marks', () => provenanceStore.withheld(limit)),
    },
  };
}

export function watchedDeadLetters(
  deadLetters: DeadLetters,
  { oracle, unreliably }: Watched,
): DeadLetters {
  return {
    ...deadLetters,
    put: (added) =>
      unreliably('dead letters', async () => {
        await deadLetters.put(added);
        oracle.putDeadLetters(added);
      }),
  };
}

export function watchedSource(source: EventSource, { oracle, seen }: Watched): EventSource {
  return {
    ...source,
    async *deliveries(signal) {
      for await (const batch of source.deliveries(signal)) {
        yield batch.map((delivery) => {
          if (oracle.delivered(delivery) > 1) seen('a record was delivered again');
          return {
            ...delivery,
            settle: (outcome: Parameters<typeof delivery.settle>[0]) => {
              oracle.settled(delivery, outcome);
              delivery.settle(outcome);
            },
          };
        });
      }
    },
  };
}

export function watchedProvenance(
  provenanceLog: ProvenanceLog,
  clock: Clock,
  { oracle }: Watched,
): ProvenanceLog {
  return {
    begin: (session, at, signal) => provenanceLog.begin(session, at, signal),
    verified: (session, verifiedUntil) => provenanceLog.verified(session, verifiedUntil),
    end: (session) => provenanceLog.end(session),
    reEmbed: (session, since, hasEnded) => provenanceLog.reEmbed(session, since, hasEnded),
    distrust(session, verifiedUntil) {
      oracle.foundWrong(session, clock.monotonic());
      provenanceLog.distrust(session, verifiedUntil);
    },
  };
}
