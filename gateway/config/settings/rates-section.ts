// The settings in the section `rates`: how much each client may use.

import { integer, oneOf } from '../setting-types.ts';

export const ratesSection = {
  apply: oneOf(['auto', 'always', 'never'], {
    default: 'auto',
    live: true,
    help:
      'Whether clients are rate limited. Each API key has the budgets below for each address ' +
      'that uses it; they refill continuously. auto limits unless the host is a loopback address.',
  }),
  readsPerMinute: integer({
    default: 3000,
    min: 1,
    max: 10_000_000,
    live: true,
    help: 'Requests per minute that read.',
  }),
  searchesPerMinute: integer({
    default: 1200,
    min: 1,
    max: 10_000_000,
    live: true,
    help: 'Searches, analyses and texts to embed per minute.',
  }),
  eventsPerMinute: integer({
    default: 3_000_000,
    min: 1,
    max: 100_000_000,
    live: true,
    help: 'Events sent per minute.',
  }),
  adminPerMinute: integer({
    default: 300,
    min: 1,
    max: 10_000_000,
    live: true,
    help: 'Requests per minute that change anything else or show the configuration.',
  }),
  pageSearchesPerMinute: integer({
    default: 120,
    min: 1,
    max: 10_000_000,
    live: true,
    help:
      'Searches per minute of one visitor of a web page: of one address by a key that may only ' +
      'search or collect. Such keys are limited on every host, unless apply is never.',
  }),
  pageEventsPerMinute: integer({
    default: 240,
    min: 1,
    max: 10_000_000,
    live: true,
    help: 'Events per minute of one visitor of a web page.',
  }),
  siteEventsPerMinute: integer({
    default: 60_000,
    min: 1,
    max: 100_000_000,
    live: true,
    help: 'Events per minute of all visitors together, by one key that may only collect.',
  }),
  wrongKeysPerMinute: integer({
    default: 20,
    min: 1,
    max: 10_000,
    live: true,
    help:
      'Wrong API keys and runner tokens per minute from one address. ' +
      'Beyond that, further wrong ones from that address are answered 429, ' +
      'whatever rates.apply says. A right key is always let in.',
  }),
  clientsMax: integer({
    default: 10_000,
    min: 100,
    max: 1_000_000,
    help:
      'Maximum number of clients whose use is tracked. ' +
      'Beyond that, the client that was not seen for the longest time is forgotten.',
  }),
} as const;
