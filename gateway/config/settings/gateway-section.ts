// The settings in the section `gateway`: address, data folder, keys, certificate, stop.

import { keyAllowed, parseApiKey } from '../api-keys.ts';
import { parseHostName, parseNetwork, parseOrigin } from '../network.ts';
import { integer, list, path, secret, text, urlPath } from '../setting-types.ts';

export const gatewaySection = {
  host: text({
    default: '127.0.0.1',
    env: 'VECTORSTREAM_HOST',
    flag: 'host',
    help:
      'Address to listen on. ' +
      'Any address other than a loopback address requires an API key and runners.token.',
  }),
  port: integer({
    default: 8080,
    min: 0,
    max: 65_535,
    env: 'VECTORSTREAM_PORT',
    flag: 'port',
    help: 'Port to listen on; 0 picks a free port.',
  }),
  dataDir: text({
    default: '.vectorstream',
    env: 'VECTORSTREAM_DATA_DIR',
    flag: 'data-dir',
    help: 'Folder for the embedded log and store, and for the generated runner token.',
  }),
  apiKey: secret({
    env: 'VECTORSTREAM_API_KEY',
    help:
      'API key with every permission, sent as Authorization: Bearer or as X-API-Key. ' +
      'If no key is configured, requests do not need one.',
  }),
  apiKeys: list({
    env: 'VECTORSTREAM_API_KEYS',
    secret: true,
    allowed: keyAllowed,
    item: parseApiKey,
    help:
      'Further API keys, each with a name and a scope. ' +
      'Several are valid at once, so that a key can be replaced without an interruption.',
  }),
  apiKeysFile: path({
    env: 'VECTORSTREAM_API_KEYS_FILE',
    flag: 'api-keys-file',
    help:
      'File with further API keys, one name:scope:key per line. ' +
      'It is read again when it changes.',
  }),
  publicHosts: list({
    env: 'VECTORSTREAM_PUBLIC_HOSTS',
    flag: 'public-hosts',
    allowed: 'host names without port',
    item: parseHostName,
    help:
      'Host names that clients use in addition to the address of the gateway, such as that of a ' +
      'proxy. On a loopback address, requests for any other name are refused; on other ' +
      'addresses, ' +
      'only if this list has an entry.',
  }),
  basePath: urlPath({
    default: '/',
    env: 'VECTORSTREAM_BASE_PATH',
    flag: 'base-path',
    help:
      'Path below which a proxy serves this gateway, such as /vectors. ' +
      'Requests without it are answered too, so that the proxy may also remove it.',
  }),
  corsOrigins: list({
    env: 'VECTORSTREAM_CORS_ORIGINS',
    flag: 'cors-origins',
    allowed: 'origins such as https://shop.example',
    item: parseOrigin,
    help: 'Origins of other web pages that may use the API. By default, none may.',
  }),
  pictureOrigins: list({
    env: 'VECTORSTREAM_PICTURE_ORIGINS',
    flag: 'picture-origins',
    allowed: 'origins such as https://pictures.shop.example',
    item: parseOrigin,
    help:
      'Origins from which the search page may show pictures of products. By default, none: ' +
      'browsers then load nothing from another host.',
  }),
  trustedProxies: list({
    env: 'VECTORSTREAM_TRUSTED_PROXIES',
    flag: 'trusted-proxies',
    allowed: 'addresses or networks such as 10.0.0.0/8',
    item: parseNetwork,
    help: 'Proxies whose X-Forwarded-For header is trusted to name the client.',
  }),
  tlsCert: path({
    env: 'VECTORSTREAM_TLS_CERT',
    flag: 'tls-cert',
    help:
      'Certificate for HTTPS and WSS: a PEM file, followed by the chain to its authority. ' +
      'It is read again when it changes. ' +
      'npm run certificate creates one for the local network.',
  }),
  tlsKey: path({
    env: 'VECTORSTREAM_TLS_KEY',
    flag: 'tls-key',
    help: 'Private key of the certificate: a PEM file, not encrypted.',
  }),
  shutdownMsMax: integer({
    default: 4000,
    min: 500,
    max: 60_000,
    help:
      'Time limit for a graceful stop (milliseconds). ' +
      'Events that are unfinished by then are delivered again after the next start.',
  }),
} as const;
