// Puts the model's prefixes before texts: a search embeds a query, the stream embeds passages.

import type { Manifest } from '#core/model/model-manifest.ts';
import type { EmbeddingService } from '#core/ports.ts';

/** Adds the prefix only to the text that is sent to runners, not to what is stored and shown. */
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
