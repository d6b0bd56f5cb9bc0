// Refuses secrets that can be guessed where other machines reach the gateway.

import { UsageError } from '#core/errors/errors.ts';
import type { ApiKey } from './api-keys.ts';
import type { Config } from './config.ts';
import { isLoopback } from './network.ts';
import { show } from './setting-messages.ts';
import { weaknessOf } from './weak-secrets.ts';

/** @throws UsageError for the first weak secret of the settings */
export function refuseWeakSecrets({ gateway, runners }: Config): void {
  for (const [name, secret] of [
    ['VECTORSTREAM_API_KEY', gateway.apiKey],
    ['VECTORSTREAM_RUNNER_TOKEN', runners.token],
    ['VECTORSTREAM_TRUSTED_RUNNER_TOKEN', runners.trustedToken],
  ] as const)
    refuse(gateway.host, name, secret === null ? null : weaknessOf(secret));
  refuseWeakKeys(gateway.host, gateway.apiKeys);
}

/** @throws UsageError for the first weak key */
export function refuseWeakKeys(host: string, keys: readonly ApiKey[]): void {
  for (const { name, weakness } of keys) refuse(host, `The API key ${name}`, weakness);
}

function refuse(host: string, name: string, weakness: string | null): void {
  if (weakness === null || isLoopback(host)) return;
  throw new UsageError(
    `${name} ${weakness}, and gateway.host is ${show(host)}, which other machines can reach: ` +
      'replace it by 32 random bytes (openssl rand -base64 32), or listen on 127.0.0.1.',
  );
}
