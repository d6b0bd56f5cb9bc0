// POST /dlq/replay/batch with `transform`: one rule corrects many dead letters.

import { expect, test } from 'vitest';
import { createMemoryDeadLetters } from '#core/memory/memory-dead-letters.ts';
import { event, problemOf, testApp } from './test-services.ts';

const price = (text: string) => ({ id: 'p', name: 'Kettle', price: text });

/** Three prices with a comma, one that is a word, and a text that is not JSON. */
async function appWithLetters() {
  const deadLetters = createMemoryDeadLetters();
  const values = [
    ...['1,5', '2,5', '3,5', 'cheap'].map((text, i) =>
      JSON.stringify(event({ event_id: `e-${i}`, product: price(text) })),
    ),
    '{"broken',
  ];
  await deadLetters.put(
    values.map((value, offset) => ({
      id: `id-${offset}`,
      value: new TextEncoder().encode(value),
      failedAt: offset,
      key: null,
      headers: {},
      timestamp: 5,
      origin: { topic: 'events', partition: 0, offset },
      reason: offset === 4 ? ('not_json' as const) : ('invalid_event' as const),
      message: 'product.price: got a text',
      field: 'product.price',
      eventId: null,
      attempts: 1,
      runner: null,
    })),
  );
  return testApp({ deadLetters });
}
const transform = { 'product.price': { number: '{product.price}', decimal: 'comma' } };

test('a dry run shows events before and after, and what the rule does not help', async () => {
  const { post, appended } = await appWithLetters();
  const report = await (await post('/dlq/replay/batch', { transform, dry_run: true })).json();
  expect(report).toMatchObject({ matching: 5, replayed: 3, refused: 2 });
  expect(
    report.preview.map(({ id, before, after }: Record<string, string>) => [
      id,
      JSON.parse(before ?? '').product.price,
      JSON.parse(after ?? '').product.price,
    ]),
  ).toEqual([
    ['id-2', '3,5', 3.5],
    ['id-1', '2,5', 2.5],
    ['id-0', '1,5', 1.5],
  ]);
  expect(report.refusals).toEqual([
    { id: 'id-4', code: 'not_transformed', detail: 'The rule does not apply: It is not JSON.' },
    {
      id: 'id-3',
      code: 'not_transformed',
      detail: 'The rule does not apply: product.price: "cheap" is not a number',
    },
  ]);
  expect(appended).toEqual([]);
});

test('the corrected events are written, and the others stay open even by force', async () => {
  const { post, appended, services } = await appWithLetters();
  const report = await (await post('/dlq/replay/batch', { transform, force: true })).json();
  expect(report).toMatchObject({ replayed: 3, refused: 2, preview: [] });
  expect(
    appended.map(({ value }) => JSON.parse(new TextDecoder().decode(value)).product.price),
  ).toEqual([3.5, 2.5, 1.5]);
  expect((await services.deadLetters.stats()).byState).toMatchObject({ open: 2, replayed: 3 });
});

test('a rule that cannot be read is refused with the mistake', async () => {
  const { post } = await appWithLetters();
  for (const [rule, words] of [
    [{ user_id: '{user|shout}' }, 'there is no filter "shout"'],
    [{}, 'expected 1 to 50 members'],
    [{ user_id: { words: 'x' } }, 'expected a template such as'],
  ] as const) {
    const problem = await problemOf(await post('/dlq/replay/batch', { transform: rule }));
    expect(problem).toMatchObject({ status: 422, code: 'validation_failed' });
    expect(problem['detail']).toContain(words);
  }
});
