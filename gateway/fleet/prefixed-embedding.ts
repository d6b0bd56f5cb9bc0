// Puts the model's prefixes before texts: a search embeds a query, the stream embeds passages.

import type { Manifest } from '#core/model/model-manifest.ts';
import type { EmbeddingService } from '#core/ports.ts';

/** Only the text sent to runners has the prefix; what is stored and shown does not. */
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
