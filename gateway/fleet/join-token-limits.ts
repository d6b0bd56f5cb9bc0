// Holds the runners that came by one join token to what it allows them together.

import { TextRateLimit } from '#core/fleet/text-rate-limit.ts';
import type { JoinToken } from '../access/join-tokens.ts';
import type { HubConnection } from './hub-connection.ts';

export class JoinTokenLimits {
  readonly #connections: ReadonlyMap<string, HubConnection>;
  /** By token, while a runner of it is connected. */
  readonly #rates = new Map<string, TextRateLimit>();

  constructor(connections: ReadonlyMap<string, HubConnection>) {
    this.#connections = connections;
  }

  /** Connected by this token. */
  of(tokenId: string): readonly HubConnection[] {
    return [...this.#connections.values()].filter(({ identity }) => identity.token?.id === tokenId);
  }

  isFull(token: JoinToken | null): boolean {
    return token !== null && this.of(token.id).length >= token.runnersMax;
  }

  rate(token: JoinToken | null): TextRateLimit | null {
    if (token === null || token.textsPerSecondMax === null) return null;
    const rate = this.#rates.get(token.id) ?? new TextRateLimit(token.textsPerSecondMax);
    this.#rates.set(token.id, rate);
    return rate;
  }

  left(token: JoinToken | null): void {
    if (token !== null && this.of(token.id).length === 0) this.#rates.delete(token.id);
  }
}
