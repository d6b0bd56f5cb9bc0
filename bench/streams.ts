// The streams that benchmarks send: as `npm run generate` makes them, all valid or all invalid.

import type { GeneratedEvent } from '../cli/generator/event-stream.ts';
import { streamOf } from '../cli/generator/generator-flags.ts';

/**
 * `name` is a value of `--stream`. Each seed is another shop with other products. `rate` is in
 * events per second; `null` makes a burst.
 */
export function events(
  name: string,
  count: number,
  options: { readonly seed: number; readonly rate: number | null },
): Iterable<GeneratedEvent> {
  const flags = { stream: name, seed: options.seed, 'invalid-percent': 0 };
  return streamOf({ flags, count, rate: options.rate, now: Date.now() }).events();
}

/** The same events, all invalid: their type is unknown. */
export function* withUnknownType(valid: Iterable<GeneratedEvent>): Generator<GeneratedEvent> {
  for (const event of valid) {
    const line = Buffer.from(event.line).toString().replace('"event_type":"', '"event_type":"un');
    yield { ...event, line: Buffer.from(line), isInvalid: true };
  }
}
