// The order in which groups of events are told: the largest first, of the same size by their value.

import type { Count } from '#core/ports.ts';

export function byCount(a: Count, b: Count): number {
  return b.count - a.count || (a.value < b.value ? -1 : a.value > b.value ? 1 : 0);
}
