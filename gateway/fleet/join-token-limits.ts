// Enforces the limits of each join token over all runners that joined by it.

import { TextRateLimit } from '#core/fleet/text-rate-limit.ts';
import type { JoinToken } from '../access/join-tokens.ts';
import type { HubConnection } from './hub-connection.ts';

export class JoinTokenLimits {
  readonly #connections: ReadonlyMap<string, HubConnection>;
  /** Limits by token id, for tokens with a connected runner. */
  readonly #rates = new Map<string, TextRateLimit>();

  constructor(connections: ReadonlyMap<string, HubConnection>) {
    this.#connections = connections;
  }

  /** The open connections of runners that joined by this token. */
  of(tokenId: string): readonly HubConnection[] {
    return [...this.#connections.values()].filter(({ identity }) => identity.token?.id === tokenId);
  }

  isFull(token: JoinToken | null): boolean {
    return token !== null && this.of(token.id).length >= token.runnersMax;
  }

  /** The rate limit that all runners of this token share; `null`: no limit. */
  rate(token: JoinToken | null): TextRateLimit | null {
    if (token === null || token.textsPerSecondMax === null) return null;
    const rate = this.#rates.get(token.id) ?? new TextRateLimit(token.textsPerSecondMax);
    this.#rates.set(token.id, rate);
    return rate;
  }

  /** A runner that joined by this token has left. */
  left(token: JoinToken | null): void {
    if (token !== null && this.of(token.id).length === 0) this.#rates.delete(token.id);
  }
}
