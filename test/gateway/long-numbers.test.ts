// A number of any length goes through the API without losing a digit: taken in by every format,
// stored, answered, sampled and replayed.

import { describe, expect, test } from 'vitest';
import { deadLetterId } from '#core/event/dead-letter-id.ts';
import { isRejection, parseEvent } from '#core/event/parse-event.ts';
import { ManualClock } from '#core/memory/manual-clock.ts';
import { createMemoryDeadLetters } from '#core/memory/memory-dead-letters.ts';
import { event, scriptedStore, storedEvent, testApp } from './test-services.ts';

const product = '2103807459595387724';
const neighbour = '2103807459595387725';
/** An event with a product id and an unknown member of 19 digits. */
const withNumber = (id: string, number: string): string =>
  JSON.stringify(event({ event_id: id, warehouse: '@' }))
    .replace('"p-1"', number)
    .replace('"@"', number);

describe('long numbers', () => {
  test.each([
    ['a JSON array', 'application/json', (lines: string[]) => `[${lines.join(', ')}]`],
    ['NDJSON', 'application/x-ndjson', (lines: string[]) => lines.join('\n')],
  ])('in %s stay what they are', async (_, type, write) => {
    const { post, appended } = testApp({ clock: new ManualClock(Date.UTC(2026, 0, 1)) });
    const lines = [withNumber('a', product), withNumber('b', neighbour)];
    const answer = await post('/events', write(lines), { 'content-type': type });
    expect(await answer.json()).toMatchObject({ accepted: 2, rejected: 0 });
    const events = appended.map(({ value }) => parseEvent(value, Date.UTC(2026, 0, 1)));
    expect(events.map((parsed) => !isRejection(parsed) && parsed.product?.id)).toEqual([
      product,
      neighbour,
    ]);
    for (const [index, parsed] of events.entries())
      expect(!isRejection(parsed) && parsed.payload).toContain(
        `"warehouse":${[product, neighbour][index]}`,
      );
  });

  test('of a single object become the ids that the answer names', async () => {
    const { post, appended } = testApp({ clock: new ManualClock(Date.UTC(2026, 0, 1)) });
    const sent = JSON.stringify(event()).replace('"e-1"', product).replace('"u-1"', neighbour);
    const answer = await post('/events', sent);
    expect(await answer.json()).toMatchObject({ items: [{ event_id: product }] });
    // The record's key, by which a user's events stay in order.
    expect(new TextDecoder().decode(appended[0]?.key ?? undefined)).toBe(neighbour);
  });

  test('come back from stored events and searches as they were kept', async () => {
    const payload = `{"event_id":"e-1","warehouse":${product},"nested":{"ratio":0.12345678901234567890}}`;
    const kept = { ...storedEvent, payload };
    const store = { ...scriptedStore(), event: async () => kept, events: async () => [kept] };
    const { request } = testApp({ store });
    const one = await (await request('/events/e-1')).text();
    expect(one).toContain(`"event":${payload}`);
    expect(await (await request('/events')).text()).toContain(`"event":${payload}`);
  });

  test('are in a corrected dead letter when it is replayed', async () => {
    const deadLetters = createMemoryDeadLetters();
    const origin = { topic: 'events', partition: 0, offset: 1 };
    const record = { key: null, value: new TextEncoder().encode('{'), headers: {}, timestamp: 5 };
    const id = deadLetterId(origin, record);
    await deadLetters.put([
      {
        ...record,
        id,
        origin,
        reason: 'not_json',
        message: 'not JSON',
        field: null,
        eventId: null,
        failedAt: 1,
        attempts: 1,
        runner: null,
      },
    ]);
    const { post, appended } = testApp({
      deadLetters,
      clock: new ManualClock(Date.UTC(2026, 0, 1)),
    });
    const replayed = await post(`/dlq/replay/${id}`, `{"payload":${withNumber('a', product)}}`);
    expect(replayed.status).toBe(200);
    expect(new TextDecoder().decode(appended[0]?.value)).toBe(withNumber('a', product));
  });
});
