// Reads the token of a WebSocket handshake: `Authorization: Bearer`, or a subprotocol, because a
// browser cannot set headers.

import type { IncomingHttpHeaders } from 'node:http';
import { tokenSubprotocolPrefix } from '#core/protocol/wire.ts';

/** `null` without a token. */
export function handshakeToken(headers: IncomingHttpHeaders): string | null {
  return bearerOf(headers.authorization) ?? subprotocolToken(subprotocolsOf(headers));
}

export function subprotocolsOf(headers: IncomingHttpHeaders): readonly string[] {
  return (headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
}

function bearerOf(authorization: string | undefined): string | null {
  return /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1] ?? null;
}

function subprotocolToken(subprotocols: readonly string[]): string | null {
  const found = subprotocols.find((name) => name.startsWith(tokenSubprotocolPrefix));
  return found === undefined
    ? null
    : Buffer.from(found.slice(tokenSubprotocolPrefix.length), 'base64url').toString();
}
