// Checks a runner's token before its WebSocket exists: no valid token, no connection.

import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { subprotocol } from '#core/protocol/wire.ts';
import type { Problem } from '../http/problem-document.ts';
import { handshakeToken, subprotocolsOf } from './handshake-token.ts';
import type { JoinToken, JoinVerdict } from './join-tokens.ts';

export type RunnerTokens = {
  /** The token that all runners of this fleet share. */
  readonly shared: string;
  /** Tokens of the runners whose vectors verify those of others, such as the gateway's own. */
  readonly trusted: readonly string[];
  /** Checks a join token; `null`: the text is not a join token. */
  readonly join: (token: string) => JoinVerdict | null;
};

export type Admission =
  | { readonly ok: true; readonly trusted: boolean; readonly token: JoinToken | null }
  | ({ readonly ok: false } & Problem);

/** The token is sent as `Authorization: Bearer` or, by a browser, as a second subprotocol. */
export function checkRunnerToken(headers: IncomingHttpHeaders, tokens: RunnerTokens): Admission {
  const admission = admitToken(handshakeToken(headers), tokens);
  if (!admission.ok || subprotocolsOf(headers).includes(subprotocol)) return admission;
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
      'Send the runner token as "Authorization: Bearer" ' +
        'or as the subprotocol vectorstream.token.<base64url>.',
    );
  }
  const joined = join(token);
  if (joined?.ok) return { ok: true, trusted: false, token: joined.token };
  if (joined?.why === 'expired')
    return refused(
      'runner_token_expired',
      'This join token has expired: request a new one (POST /runners/tokens).',
    );
  if (joined?.why === 'revoked')
    return refused('runner_token_revoked', 'This join token was revoked.');
  // All are always compared, so that the response time reveals nothing about any.
  const isTrusted = trusted.filter((expected) => same(token, expected)).length > 0;
  const isShared = same(token, shared);
  if (isTrusted || isShared) return { ok: true, trusted: isTrusted, token: null };
  return refused(
    'runner_token_wrong',
    "The token is neither this gateway's runner token (VECTORSTREAM_RUNNER_TOKEN) " +
      'nor a join token that it accepts.',
  );
}

const refused = (code: string, detail: string): Admission => ({
  ok: false,
  status: 401,
  code,
  detail,
});

/** Compares digests, whose equal lengths make every comparison take the same time. */
function same(offered: string, expected: string): boolean {
  return expected !== '' && timingSafeEqual(digest(offered), digest(expected));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
