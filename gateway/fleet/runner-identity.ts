// Defines how the gateway recognises a runner that connects again.

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
