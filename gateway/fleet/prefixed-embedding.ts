// Puts the model's prefixes before texts: what is searched for is a query, what is stored a
// passage.

import type { Manifest } from '#core/model/model-manifest.ts';
import type { EmbeddingService } from '#core/ports.ts';

/** Runners embed what they are given; the text that is stored and shown stays without. */
export function withPrefixes(
  service: EmbeddingService,
  { query, passage }: Manifest['prefixes'],
): EmbeddingService {
  if (query === '' && passage === '') return service;
  return {
    embed: (text, options) =>
      service.embed((options.priority === 'search' ? query : passage) + text, options),
  };
}
