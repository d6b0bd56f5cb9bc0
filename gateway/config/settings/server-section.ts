// The settings in the section `server`: limits on connections and requests.

import { integer } from '../setting-types.ts';
import { hour, mebibyte, minute } from '../units.ts';

export const serverSection = {
  connectionsMax: integer({
    default: 2048,
    min: 16,
    max: 100_000,
    help:
      'Maximum number of open connections, WebSockets included. ' +
      'Further connections are answered with 503.',
  }),
  connectionsPerAddressMax: integer({
    default: 512,
    min: 4,
    max: 100_000,
    help:
      'Maximum number of open connections from one address. ' +
      'This limit does not apply to trusted proxies.',
  }),
  requestsInFlightMax: integer({
    default: 1024,
    min: 1,
    max: 100_000,
    live: true,
    help:
      'Maximum number of requests in flight. ' +
      'Further requests are answered with 503, except for liveness and readiness.',
  }),
  headersMsMax: integer({
    default: 10_000,
    min: 100,
    max: 10 * minute,
    help: 'Time limit for receiving the headers of a request (milliseconds).',
  }),
  requestMsMax: integer({
    default: 5 * minute,
    min: 100,
    max: hour,
    help: 'Time limit for receiving a whole request (milliseconds).',
  }),
  bodyBytesPerSecondMin: integer({
    default: 32,
    min: 0,
    max: mebibyte,
    live: true,
    help:
      'A request body that arrives more slowly than this for five seconds is abandoned ' +
      '(bytes per second). With 0 only requestMsMax limits it.',
  }),
  idleMsMax: integer({
    default: 65_000,
    min: 1000,
    max: hour,
    help:
      'How long an idle connection stays open (milliseconds). ' +
      'Keep it longer than the idle timeout of a proxy in front of the gateway, ' +
      'which could otherwise send a request just as the connection closes.',
  }),
  headerBytesMax: integer({
    default: 16_384,
    min: 1024,
    max: mebibyte,
    help: 'Maximum total size of the headers of a request (bytes).',
  }),
  urlBytesMax: integer({
    default: 8192,
    min: 256,
    max: mebibyte,
    help: 'Maximum length of the path with its query (bytes).',
  }),
} as const;
