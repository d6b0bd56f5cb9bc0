// The environment of the pipeline in simulated runs: calls that fail as on a network, and a source
// that checks the order of settles.

import { DependencyError } from '#core/errors/errors.ts';
import { deadLetterId } from '#core/event/dead-letter-id.ts';
import { aroundCalls } from '#core/memory/around-calls.ts';
import type { ManualClock } from '#core/memory/manual-clock.ts';
import type { EventSource } from '#core/ports.ts';

export const unavailable = (): DependencyError =>
  new DependencyError('store', 'unavailable', 'The store does not answer.', { retryable: true });

export type Unreliable = {
  readonly clock: ManualClock;
  readonly random: () => number;
  readonly faultRate: number;
  /** How long a call may take. */
  readonly msMax: number;
};

/** Takes some time, and fails at this rate before the call and again after it was carried out. */
export async function unreliably<T>(
  call: () => Promise<T>,
  { clock, random, faultRate, msMax }: Unreliable,
): Promise<T> {
  if (random() < faultRate) throw unavailable();
  await clock.sleep(Math.floor(random() * msMax));
  const result = await call();
  if (random() < faultRate) throw unavailable();
  return result;
}

/**
 * The same port, whose call number `step` (from 1) fails before it is carried out. All other calls
 * succeed: the next attempt must finish what was begun.
 */
export function failAt<T extends object>(step: number, port: T): T {
  let calls = 0;
  return aroundCalls(port, (_, call) => {
    calls += 1;
    return calls === step ? Promise.reject(unavailable()) : call();
  });
}

/** Ids of the events, and of the dead letters, that were written. */
export type Durable = {
  readonly events: ReadonlySet<string>;
  readonly deadLetters: ReadonlySet<string>;
};

/**
 * A source that checks that a delivery is settled only once its result is durable. A record's key
 * is its event's id.
 */
export function watchedSource(
  source: EventSource,
  durable: Durable,
  check: (isKept: boolean, otherwise: string) => void,
): EventSource {
  return {
    ...source,
    async *deliveries(signal) {
      for await (const batch of source.deliveries(signal)) {
        yield batch.map((delivery) => ({
          ...delivery,
          settle: (outcome: Parameters<typeof delivery.settle>[0]) => {
            const eventId = delivery.key === null ? '' : new TextDecoder().decode(delivery.key);
            const isDurable =
              outcome.status === 'dead-lettered'
                ? durable.deadLetters.has(deadLetterId(delivery.position, delivery))
                : durable.events.has(eventId);
            check(isDurable, `${eventId} settled as ${outcome.status} before it was durable`);
            delivery.settle(outcome);
          },
        }));
      }
    },
  };
}
