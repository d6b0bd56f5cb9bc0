// Gets the token with which a tab may join the fleet: made by the gateway for whoever may ask, or
// given by a person.

import { tokenProblem } from '../shared/token-check.ts';

/** Join tokens begin so; anything else that a person gives is taken for an API key first. */
const joinTokenPrefix = 'vsj';
/** A day's work; two, because a connection that broke may still count when the tab comes again. */
const terms = { name: 'demo page', ttl_minutes: 720, runners_max: 2 };

/** The gateway wants to know who asks: show a field for a join token or an API key. */
export class CredentialNeededError extends Error {
  override readonly name = 'CredentialNeededError';
}

/**
 * `credential`: a join token, an API key, the fleet's own runner token, or '' where the gateway
 * asks for none.
 *
 * @throws CredentialNeededError, Error in plain words
 */
export async function joinTokenFor(credential: string): Promise<string> {
  if (credential.startsWith(joinTokenPrefix)) return checked(credential);
  const answer = await fetch('/runners/tokens', {
    method: 'POST',
    body: JSON.stringify(terms),
    headers: {
      'Content-Type': 'application/json',
      ...(credential !== '' && { Authorization: `Bearer ${credential}` }),
    },
  }).catch((cause: unknown) => {
    throw new Error('The gateway cannot be reached; this tab can be lent once it is there again.', {
      cause,
    });
  });
  const body: unknown = await answer.json().catch(() => null);
  if (answer.status === 401 && credential === '')
    throw new CredentialNeededError(
      'This gateway wants to know who lends: paste a join token or an API key.',
    );
  // A person may well have been given the runner token itself.
  if (answer.status === 401) return checked(credential);
  const said = (member: string): unknown =>
    typeof body === 'object' && body !== null
      ? Object.entries(body).find(([name]) => name === member)?.[1]
      : undefined;
  const [token, detail] = [said('token'), said('detail')];
  if (answer.ok && typeof token === 'string') return token;
  throw new CredentialNeededError(
    typeof detail === 'string'
      ? detail.slice(0, 300)
      : `The gateway answered ${answer.status} when asked for a join token.`,
  );
}

/** The token, once the gateway has said that it is good. */
async function checked(token: string): Promise<string> {
  const problem = await tokenProblem(token, new AbortController().signal);
  if (problem !== null) throw new CredentialNeededError(problem.message);
  return token;
}
