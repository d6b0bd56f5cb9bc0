// What surrounds the pipeline in simulated runs: calls that fail as a network does, and a source
// that is held to its promise.

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

/** Takes its time, and fails at this rate before the call, and again after it was carried out. */
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
 * The same port, of which call number `step` (from 1) fails before it is carried out, whichever it
 * is. All other calls are carried out: what was begun must be finished by the next attempt.
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
 * The source, held to the rule that a delivery is settled only once its end is durable. A record's
 * key is its event's id.
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
