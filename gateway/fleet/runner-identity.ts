// Defines how the gateway recognises a runner that connects again.

import { createHmac } from 'node:crypto';
import type { RunnerBlock } from '#core/ports.ts';
import { addressBlock } from '../access/client-address.ts';
import type { JoinToken } from '../access/join-tokens.ts';

/**
 * A runner is recognised by its join token; without one, by its address, because it chooses its
 * name. Trusted runners are never refused, so they need not be recognised.
 */
export type RunnerIdentity = {
  readonly trusted: boolean;
  readonly token: JoinToken | null;
  readonly address: string;
};

/** Runners of one owner have the same token. The holders of the shared token are one owner. */
export const ownerOf = ({ trusted, token }: RunnerIdentity): string =>
  trusted ? 'gateway' : token === null ? 'shared' : `token ${token.id}`;

/**
 * Returns the keyed hash of an address, or of the block of an IPv6 address, which tells nobody the
 * address. It is the same at every gateway with this secret.
 */
export function addressMarks(secret: string): (address: string) => string {
  const key = createHmac('sha256', secret).update('vectorstream runner addresses').digest();
  return (address) => createHmac('sha256', key).update(addressBlock(address)).digest('hex');
}

/** What a quarantine of this runner follows; `null`: a trusted runner, which is never refused. */
export function subjectOf(
  { trusted, token, address }: RunnerIdentity,
  addressMark: (address: string) => string,
): RunnerBlock['subject'] | null {
  if (trusted) return null;
  return token === null
    ? { by: 'address', id: addressMark(address) }
    : { by: 'token', id: token.id };
}
