// The streams that benchmarks send: those of `npm run generate`, without invalid events.

import type { GeneratedEvent } from '../cli/generator/event-stream.ts';
import { streamOf } from '../cli/generator/generator-flags.ts';

/**
 * `name` as for `--stream`. Another seed is another shop with other products. `rate` in events per
 * second, or a burst.
 */
export function events(
  name: string,
  count: number,
  options: { readonly seed: number; readonly rate: number | null },
): Iterable<GeneratedEvent> {
  const flags = { stream: name, seed: options.seed, 'invalid-percent': 0 };
  return streamOf({ flags, count, rate: options.rate, now: Date.now() }).events();
}
