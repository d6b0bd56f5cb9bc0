// The stream of a shop's events: many visits at once, in constant memory. The same seed and start
// give the same events.

import { UsageError } from '#core/errors/errors.ts';
import { openCatalogue, products } from './catalogue.ts';
import type { CatalogueProduct } from './catalogue.ts';
import { invalidCount, isInvalidAt, openInvalidLines } from './invalid.ts';
import { openPopularity } from './popularity.ts';
import { random } from './random.ts';
import type { Random } from './random.ts';
import { startVisit } from './visit.ts';
import type { Step, Visit } from './visit.ts';

/**
 * `unique`: every event has a different product; `zipf-S`: popularity falls with rank^-S;
 * `seed-10`: ten equally popular products.
 */
export type Stream = { readonly kind: 'unique' | 'zipf' | 'seed-10'; readonly exponent: number };

export type GeneratorOptions = {
  readonly seed: number;
  readonly count: number;
  readonly stream: Stream;
  readonly catalogueSize: number;
  /** 0…100: percentage of `count`, rounded, that is made invalid. */
  readonly invalidPercent: number;
  /** Timestamp of the first event, UTC ms. With the seed it determines every byte and id. */
  readonly startAt: number;
  /** Milliseconds from one event to the next. */
  readonly stepMs: number;
};

export type GeneratedEvent = {
  /** One line of JSON in UTF-8, without a line break. */
  readonly line: Uint8Array;
  /** The user id: the partition key in a log. */
  readonly key: string;
  /** The product's id or the search query: what the event's text is about. */
  readonly subject: string;
  readonly isInvalid: boolean;
};

export type EventStream = {
  readonly invalidCount: number;
  events(): Iterable<GeneratedEvent>;
};

/** Concurrent visits, and the number of users who make them. */
const visitsAtOnce = 200;
const users = 20_000;
const paymentMethods = [
  'credit_card',
  'paypal',
  'debit_card',
  'apple_pay',
  'bank_transfer',
  'gift_card',
];

/**
 * Reads `zipf-1.1`, `unique` or `seed-10`.
 *
 * @throws UsageError for any other text
 */
export function parseStream(text: string): Stream {
  if (text === 'unique') return { kind: 'unique', exponent: 0 };
  if (text === 'seed-10') return { kind: 'seed-10', exponent: 0 };
  const exponent = /^zipf-(\d+(\.\d+)?)$/.test(text) ? Number(text.slice(5)) : Number.NaN;
  if (exponent <= 5) return { kind: 'zipf', exponent };
  throw new UsageError(
    `--stream is "${text}"; ` +
      'allowed are unique, seed-10 and zipf-S with S from 0 to 5, such as zipf-1.1.',
  );
}

export function openEventStream(options: GeneratorOptions): EventStream {
  return {
    invalidCount: invalidCount(options.count, options.invalidPercent),
    events: () => generate(options),
  };
}

function* generate(options: GeneratorOptions): Generator<GeneratedEvent> {
  const { seed, count, invalidPercent, startAt, stepMs } = options;
  const dice = random(seed, startAt);
  const newVisit = openVisits(options, dice);
  const invalidLine = openInvalidLines(random(seed, startAt, 1));
  const invalidTotal = invalidCount(count, invalidPercent);
  const encoder = new TextEncoder();
  const visits: Visit[] = Array.from(
    { length: Math.min(visitsAtOnce, Math.ceil(count / 5)) },
    newVisit,
  );

  for (let index = 0; index < count; index += 1) {
    const slot = dice.below(visits.length);
    let visit = visits[slot] ?? newVisit();
    let step = visit.next();
    while (step === null) {
      visit = newVisit();
      visits[slot] = visit;
      step = visit.next();
    }
    const json = eventJson(visit, step, Math.floor(startAt + index * stepMs), dice);
    const isInvalid = isInvalidAt(index, count, invalidTotal);
    yield {
      line: isInvalid ? invalidLine(json) : encoder.encode(json),
      key: visit.userId,
      subject: step.product?.id ?? step.query ?? '',
      isInvalid,
    };
  }
}

/** Returns a function that starts a visit. A user chooses mostly products of a favourite aisle. */
function openVisits({ seed, stream, catalogueSize }: GeneratorOptions, dice: Random): () => Visit {
  const catalogue = openCatalogue(seed);
  const isUnique = stream.kind === 'unique';
  let fresh = 0;
  const blank = catalogue.product(0, false);
  const shelf = isUnique ? [] : products(catalogue, stream.kind === 'seed-10' ? 10 : catalogueSize);
  const popularity = openPopularity(
    shelf.map((product) => product.aisle),
    stream.exponent,
  );
  const choose = (aisle: number): CatalogueProduct => {
    const product =
      shelf[popularity.productOf(dice.chance(0.75) ? aisle : popularity.aisle(dice), dice)];
    if (product === undefined) throw new RangeError('A catalogue needs at least one product');
    return product;
  };

  return () => {
    const user = dice.below(users);
    const favourite = isUnique ? 0 : popularity.aisle(random(seed, user));
    const visit = startVisit({
      userId: `user-${String(user).padStart(5, '0')}`,
      sessionId: dice.uuid(),
      choose: isUnique ? () => ({ ...blank }) : () => choose(favourite),
      searches: !isUnique,
      dice,
    });
    if (!isUnique) return visit;
    // Every step of a visit is about a new product.
    return {
      ...visit,
      next: () => {
        const step = visit.next();
        return step && { ...step, product: catalogue.product(fresh++, true) };
      },
    };
  };
}

function eventJson(visit: Visit, step: Step, timestamp: number, dice: Random): string {
  const { type, product, query, quantity } = step;
  const offsetMinutes = product?.offsetMinutes ?? 0;
  let json =
    `{"event_id":"${dice.uuid()}","timestamp":"${isoTime(timestamp, offsetMinutes)}",` +
    `"user_id":"${visit.userId}","event_type":"${type}","session_id":"${visit.sessionId}"`;
  if (product !== null) json += `,"product":${product.json}`;
  if (query !== null) json += `,"search_query":${JSON.stringify(query)}`;
  if (quantity !== null) json += `,"quantity":${quantity}`;
  if (type === 'purchase' && product !== null) {
    const total = Math.round(product.price * (quantity ?? 1) * 100) / 100;
    json += `,"total_amount":${total},"payment_method":"${dice.pick(paymentMethods)}"`;
  }
  if (type === 'view') json += `,"view_duration":${1 + Math.floor(dice.next() ** 3 * 240)}`;
  return `${json}}`;
}

/** ISO 8601 in the visitor's time zone: `2026-05-01T14:00:00.000+02:00`. */
function isoTime(timestamp: number, offsetMinutes: number): string {
  if (offsetMinutes === 0) return new Date(timestamp).toISOString();
  const hours = String(Math.floor(Math.abs(offsetMinutes) / 60)).padStart(2, '0');
  const minutes = String(Math.abs(offsetMinutes) % 60).padStart(2, '0');
  const local = new Date(timestamp + offsetMinutes * 60_000).toISOString().slice(0, -1);
  return `${local}${offsetMinutes < 0 ? '-' : '+'}${hours}:${minutes}`;
}
