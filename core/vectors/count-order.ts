// The order of groups of events: the largest first, and groups of one size by value.

import type { Count } from '#core/ports.ts';

export function byCount(a: Count, b: Count): number {
  return b.count - a.count || (a.value < b.value ? -1 : a.value > b.value ? 1 : 0);
}
