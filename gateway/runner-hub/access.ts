// Decides over an upgrade request before a WebSocket exists: no valid runner token, no connection.
import { createHash, randomUUID, timingSafeEqual } from 'node:crypto';
import { STATUS_CODES, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { subprotocol, tokenSubprotocolPrefix } from '#core/wire.ts';

export type RunnerTokens = {
  /** What every runner of this fleet knows. */
  readonly shared: string;
  /** What only the runners know that the gateway starts itself: their work may vouch for that of others. */
  readonly trusted: string;
};

export type Admission =
  | { readonly ok: true; readonly trusted: boolean }
  | { readonly ok: false; readonly status: 400 | 401; readonly code: string; readonly detail: string };

/** The token comes as `Authorization: Bearer` or, from a browser, as a second subprotocol. */
export function admit(request: IncomingMessage, tokens: RunnerTokens): Admission {
  const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
  const token = bearer(request) ?? fromSubprotocol(offered);
  if (token === null) {
    return { ok: false, status: 401, code: 'runner_token_missing', detail: 'Send the runner token as "Authorization: Bearer" or as the subprotocol vectorstream.token.<base64url>.' };
  }
  // Both are compared, so that the time tells nothing of which one is near.
  const trusted = same(token, tokens.trusted);
  const shared = same(token, tokens.shared);
  if (!trusted && !shared) {
    return { ok: false, status: 401, code: 'runner_token_wrong', detail: 'The runner token is not the one of this gateway (VECTORSTREAM_RUNNER_TOKEN).' };
  }
  if (!offered.includes(subprotocol)) {
    return { ok: false, status: 400, code: 'runner_protocol_unknown', detail: `Offer the WebSocket subprotocol ${subprotocol}.` };
  }
  return { ok: true, trusted };
}

/** Answers a refused upgrade with a problem document, and ends the connection. */
export function refuse(socket: Duplex, status: number, code: string, detail: string, timestamp: Date): void {
  const title = STATUS_CODES[status] ?? 'Error';
  const body = JSON.stringify({
    type: `urn:vectorstream:problem:${code}`, title, status, detail, code,
    request_id: randomUUID(), timestamp: timestamp.toISOString(),
  });
  const lines = [
    `HTTP/1.1 ${status} ${title}`,
    'Connection: close',
    'Content-Type: application/problem+json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...(status === 401 ? ['WWW-Authenticate: Bearer'] : []),
  ];
  // A peer that is gone already needs no answer.
  socket.once('error', () => socket.destroy());
  socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`);
}

function bearer(request: IncomingMessage): string | null {
  return /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? null;
}

function fromSubprotocol(offered: readonly string[]): string | null {
  const found = offered.find((name) => name.startsWith(tokenSubprotocolPrefix));
  return found === undefined ? null : Buffer.from(found.slice(tokenSubprotocolPrefix.length), 'base64url').toString();
}

/** Hashed first: equal lengths, so that the comparison takes the same time for every token. */
function same(offered: string, expected: string): boolean {
  return expected !== '' && timingSafeEqual(digest(offered), digest(expected));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
