// Reads the token that a browser sends as a WebSocket subprotocol, because it cannot set headers.

import { tokenSubprotocolPrefix } from '#core/protocol/wire.ts';

/** The names in a `Sec-WebSocket-Protocol` header. */
export function subprotocolsOf(header: string | undefined): readonly string[] {
  return (header ?? '').split(',').map((name) => name.trim());
}

/** `null` when none of the subprotocols is a token. */
export function tokenOf(subprotocols: readonly string[]): string | null {
  const found = subprotocols.find((name) => name.startsWith(tokenSubprotocolPrefix));
  return found === undefined
    ? null
    : Buffer.from(found.slice(tokenSubprotocolPrefix.length), 'base64url').toString();
}
