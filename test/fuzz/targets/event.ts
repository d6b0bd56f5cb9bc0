// Any bytes as a record: a valid event whose payload parses to the same event, or a reason in one
// safe line.

import { eventLimits, isRejection, parseEvent } from '#core/event/parse-event.ts';
import { documentOf, normaliseText } from '#core/event/text.ts';
import { isUuid } from '#core/event/uuid.ts';
import { deadLetterReasons, type ProductEvent } from '#core/ports.ts';
import { assert, equal, oneLine } from '../claims.ts';
import type { Target } from '../fuzzer.ts';

const now = Date.UTC(2026, 10, 23, 12);

export const event: Target = {
  name: 'event',
  covers: /\/core\/event\//,
  words: [
    'event_id',
    'timestamp',
    'user_id',
    'event_type',
    'session_id',
    'product',
    'search_query',
    'quantity',
    'total_amount',
    'price',
    'description',
    'category',
    'view_duration',
    'payment_method',
    'search',
    'view',
    'purchase',
    '2026-11-23T10:00:00Z',
    '2026-11-23 10:00:00.123456789+0230',
    '2024-02-29T23:59:59-23:59',
    '0099-01-01T00:00:00Z',
    '\\ud83d\\ude00',
    '\\\\ud83d',
    '{"a":',
    '[',
    '}',
    '1e309',
    '123e4567-e89b-12d3-a456-426614174000',
  ],
  run(input) {
    const parsed = parseEvent(input, now);
    equal(parseEvent(Uint8Array.from(input), now), parsed, 'the same bytes parse to the same');
    if (!isRejection(parsed)) return checkEvent(parsed);
    assert(
      deadLetterReasons.includes(parsed.reason),
      `the reason is one of the known, not ${parsed.reason}`,
    );
    oneLine(parsed.message, 1000);
    if (parsed.field !== null) oneLine(parsed.field, 300);
  },
};

function checkEvent(parsed: ProductEvent): void {
  assert(
    isUuid(parsed.id) && parsed.id === parsed.id.toLowerCase(),
    `the id ${parsed.id} is a UUID`,
  );
  assert(
    Number.isSafeInteger(parsed.timestamp) &&
      parsed.timestamp >= Date.UTC(2000, 0, 1) &&
      parsed.timestamp <= now + eventLimits.timestampAheadMsMax,
    'the time is within the bounds',
  );
  assert(
    parsed.payload.length <= eventLimits.bytesMax && parsed.payload.isWellFormed(),
    'the payload is bounded, well-formed text',
  );
  assert(
    parsed.product === null || (Number.isFinite(parsed.product.price) && parsed.product.price >= 0),
    'a price is not negative',
  );
  const again = Buffer.from(parsed.payload);
  // As JSON, which knows no -0.
  if (again.length <= eventLimits.bytesMax)
    equal(
      JSON.stringify(parseEvent(again, now)),
      JSON.stringify(parsed),
      'the payload parses to the same event',
    );
  const { text } = documentOf(parsed);
  assert(
    text !== '' && text.isWellFormed() && normaliseText(text) === text,
    'the text to embed is there and normalised',
  );
}
