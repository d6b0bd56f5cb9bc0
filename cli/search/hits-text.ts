// Hits for people: the product, its score, its price, and what visitors did with it.

import type { SearchResult } from '../../client/client.ts';
import { bold, dim } from '../colours.ts';
import { count } from '../progress-bar.ts';

/** ` “words” (8 ms)`, then two lines for each hit. */
export function hitsText(
  query: string,
  { took_ms: tookMs, hits, fallback_reason: reason }: SearchResult,
): string {
  const lines = hits.map(({ score, text, product, events }) => {
    const types = Object.entries(events.by_type)
      .map(([type, total]) => `${type} ${count(total)}`)
      .join(', ');
    const title = product === null ? text : `${product.name}, ${product.price.toFixed(2)}`;
    return `    ${score.toFixed(3)}  ${bold(title)}\n           ${dim(types)}`;
  });
  const list = lines.length === 0 ? '    nothing found' : lines.join('\n');
  const how = reason === undefined ? '' : `, by words alone: ${reason}`;
  return `  “${query}” ${dim(`(${Math.round(tookMs)} ms${how})`)}\n${list}\n`;
}
