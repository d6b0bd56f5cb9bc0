// Decides over who wants to join before a WebSocket exists: no valid runner token, no connection.

import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { subprotocol, tokenSubprotocolPrefix } from '#core/protocol/wire.ts';
import type { Problem } from '../http/problem-document.ts';
import type { JoinToken, JoinVerdict } from './join-tokens.ts';

export type RunnerTokens = {
  /** What every runner of this fleet knows. */
  readonly shared: string;
  /**
   * What only the runners know that the gateway starts itself: their work may vouch for that of
   * others.
   */
  readonly trusted: string;
  /** `null`: not a join token. */
  readonly join: (token: string) => JoinVerdict | null;
};

export type Admission =
  | { readonly ok: true; readonly trusted: boolean; readonly token: JoinToken | null }
  | ({ readonly ok: false } & Problem);

/** The token comes as `Authorization: Bearer` or, from a browser, as a second subprotocol. */
export function checkRunnerToken(headers: IncomingHttpHeaders, tokens: RunnerTokens): Admission {
  const offered = (headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
  const admission = admitToken(bearerOf(headers.authorization) ?? fromSubprotocol(offered), tokens);
  if (!admission.ok || offered.includes(subprotocol)) return admission;
  return {
    ok: false,
    status: 400,
    code: 'runner_protocol_unknown',
    detail: `Offer the WebSocket subprotocol ${subprotocol}.`,
  };
}

function admitToken(token: string | null, { shared, trusted, join }: RunnerTokens): Admission {
  if (token === null) {
    return refused(
      'runner_token_missing',
      'Send the runner token as "Authorization: Bearer" or as the subprotocol vectorstream.token.<base64url>.',
    );
  }
  const joined = join(token);
  if (joined?.ok) return { ok: true, trusted: false, token: joined.token };
  if (joined?.why === 'expired')
    return refused(
      'runner_token_expired',
      'This join token has expired: ask for a new one (POST /runners/tokens).',
    );
  if (joined?.why === 'revoked')
    return refused('runner_token_revoked', 'This join token was revoked.');
  // Both are compared, so that the time tells nothing of which one is near.
  const isTrusted = same(token, trusted);
  const isShared = same(token, shared);
  if (isTrusted || isShared) return { ok: true, trusted: isTrusted, token: null };
  return refused(
    'runner_token_wrong',
    'The runner token is not the one of this gateway (VECTORSTREAM_RUNNER_TOKEN), nor a join token that it knows.',
  );
}

function bearerOf(authorization: string | undefined): string | null {
  return /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1] ?? null;
}

const refused = (code: string, detail: string): Admission => ({
  ok: false,
  status: 401,
  code,
  detail,
});

function fromSubprotocol(offered: readonly string[]): string | null {
  const found = offered.find((name) => name.startsWith(tokenSubprotocolPrefix));
  return found === undefined
    ? null
    : Buffer.from(found.slice(tokenSubprotocolPrefix.length), 'base64url').toString();
}

/** Hashed first: equal lengths, so that the comparison takes the same time for every token. */
function same(offered: string, expected: string): boolean {
  return expected !== '' && timingSafeEqual(digest(offered), digest(expected));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
