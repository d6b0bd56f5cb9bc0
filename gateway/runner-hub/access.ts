// Decides over an upgrade request before a WebSocket exists: no valid runner token, no connection.
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { subprotocol, tokenSubprotocolPrefix } from '#core/wire.ts';
import type { Problem } from '../problem-document.ts';

export type RunnerTokens = {
  /** What every runner of this fleet knows. */
  readonly shared: string;
  /** What only the runners know that the gateway starts itself: their work may vouch for that of others. */
  readonly trusted: string;
};

export type Admission =
  | { readonly ok: true; readonly trusted: boolean }
  | ({ readonly ok: false } & Problem);

/** The token comes as `Authorization: Bearer` or, from a browser, as a second subprotocol. */
export function admit(headers: IncomingHttpHeaders, tokens: RunnerTokens): Admission {
  const offered = (headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
  const token = bearer(headers) ?? fromSubprotocol(offered);
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

function bearer(headers: IncomingHttpHeaders): string | null {
  return /^Bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1] ?? null;
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
