// Events of a small shop with ids chosen by the test, and a sender that records which of them were
// acknowledged.

import { randomUUID } from 'node:crypto';
import { expect } from 'vitest';
import type { Answer, GatewayClient } from './gateway-program.ts';

export type ShopEvent = { readonly event_id: string } & Readonly<Record<string, unknown>>;

const things = [
  'lantern',
  'chair',
  'kettle',
  'scarf',
  'bicycle bell',
  'desk lamp',
  'garden hose',
  'notebook',
  'rucksack',
  'wall clock',
];
const looks = [
  'red',
  'oak',
  'folding',
  'woollen',
  'brushed steel',
  'hand-painted',
  'waterproof',
  'silent',
  'antique',
  'extra large',
];

/**
 * Views of `subjects` different products in turn, from number `from` on. Their ids are UUIDs, so
 * the stored ids are the same.
 */
export function shopEvents(count: number, subjects: number, from = 0): readonly ShopEvent[] {
  return Array.from({ length: count }, (_, index) => {
    const subject = from + (index % subjects);
    return shopEvent({
      product: {
        id: `p${subject}`,
        name: `${looks[subject % 10]} ${things[Math.floor(subject / 10) % 10]} no. ${subject}`,
        category: 'Home',
        price: subject % 500,
      },
    });
  });
}

export function shopEvent(fields: Readonly<Record<string, unknown>> = {}): ShopEvent {
  return {
    event_id: randomUUID(),
    timestamp: new Date().toISOString(),
    user_id: `u${Math.floor(Math.random() * 50)}`,
    event_type: 'view',
    session_id: 's1',
    product: { id: 'p1', name: 'Storm lantern', price: 20 },
    ...fields,
  };
}

/** The result for the events that were sent. */
export type Sent = {
  /** Acknowledged with 202. */
  readonly acknowledged: Set<string>;
  /** Sent without an answer: the gateway may or may not have them. */
  readonly uncertain: Set<string>;
};

export const nothingSent = (): Sent => ({ acknowledged: new Set(), uncertain: new Set() });

/**
 * Posts small batches, `lanes` at a time, until all are sent or the gateway has ended, and adds
 * each to `sent` at once. Throws when the gateway refuses an event.
 */
export async function sendEvents(
  gateway: GatewayClient,
  events: readonly ShopEvent[],
  sent = nothingSent(),
  { perRequest, lanes } = { perRequest: 25, lanes: 3 },
): Promise<Sent> {
  let next = 0;
  let isGone = false;
  const lane = async (): Promise<void> => {
    while (next < events.length && !isGone) {
      const batch = events.slice(next, (next += perRequest));
      const answer = await postUntilTaken(gateway, JSON.stringify(batch));
      if (answer === null) isGone = true;
      // A gateway that is stopping answers 503 while it can.
      else if (answer.status !== 503)
        expect(answer).toMatchObject({ status: 202, body: { accepted: batch.length } });
      const fate = answer?.status === 202 ? sent.acknowledged : sent.uncertain;
      for (const { event_id: id } of batch) fate.add(id);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return sent;
}

/** 429 means retry later. `null`: no answer. */
async function postUntilTaken(gateway: GatewayClient, body: string): Promise<Answer | null> {
  for (;;) {
    const answer = await gateway.post('/events', body).catch(() => null);
    if (answer?.status !== 429) return answer;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
