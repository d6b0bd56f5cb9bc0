// Finds the key that a browser sends with a WebSocket, where it can set no header: as a
// subprotocol.

import { tokenSubprotocolPrefix } from '#core/protocol/wire.ts';

/** `null` when there is none. */
export function tokenOf(subprotocols: string | undefined): string | null {
  const found = (subprotocols ?? '')
    .split(',')
    .map((name) => name.trim())
    .find((name) => name.startsWith(tokenSubprotocolPrefix));
  return found === undefined
    ? null
    : Buffer.from(found.slice(tokenSubprotocolPrefix.length), 'base64url').toString();
}
