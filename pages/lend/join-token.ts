// Gets the token with which a tab may join the fleet: from the gateway, or from what a person
// entered.

import { VectorStreamError } from '#core/errors/errors.ts';
import { gatewayAddress } from '../shared/gateway-address.ts';
import { tokenProblem } from '../shared/token-check.ts';

/** Join tokens begin with it. Anything else that a person enters is first tried as an API key. */
const joinTokenPrefix = 'vsj';
/**
 * Valid for a day's work. Two runners, because a broken connection may still count when the tab
 * connects again.
 */
const terms = { name: 'lent tab', ttl_minutes: 720, runners_max: 2 };

/** The gateway needs a join token or an API key: show a field for one. */
export class CredentialNeededError extends Error {
  override readonly name = 'CredentialNeededError';
}

/** Asking again later helps. */
class UnreachableError extends VectorStreamError {
  override readonly name = 'UnreachableError';
  readonly code = 'gateway_unreachable';
  readonly retryable = true;
}

/**
 * `credential`: a join token, an API key, the fleet's own runner token, or '' where the gateway
 * asks for none.
 *
 * @throws CredentialNeededError, UnreachableError; both in plain words
 */
export async function joinTokenFor(credential: string): Promise<string> {
  if (credential.startsWith(joinTokenPrefix)) return checked(credential);
  const response = await fetch(`${gatewayAddress()}/runners/tokens`, {
    method: 'POST',
    body: JSON.stringify(terms),
    headers: {
      'Content-Type': 'application/json',
      ...(credential !== '' && { Authorization: `Bearer ${credential}` }),
    },
  }).catch((cause: unknown) => {
    throw new UnreachableError('The gateway cannot be reached', { cause });
  });
  const body: unknown = await response.json().catch(() => null);
  if (response.status === 401 && credential === '')
    throw new CredentialNeededError(
      'This gateway wants to know who lends the tab: paste a join token or an API key.',
    );
  // What was entered may be the runner token itself.
  if (response.status === 401) return checked(credential);
  const member = (key: string): unknown =>
    typeof body === 'object' && body !== null
      ? Object.entries(body).find(([name]) => name === key)?.[1]
      : undefined;
  const [token, detail] = [member('token'), member('detail')];
  if (response.ok && typeof token === 'string') return token;
  throw new CredentialNeededError(
    typeof detail === 'string'
      ? detail.slice(0, 300)
      : `The gateway answered ${response.status} when asked for a join token.`,
  );
}

/** The token, once the gateway has accepted it. */
async function checked(token: string): Promise<string> {
  const problem = await tokenProblem(token, new AbortController().signal);
  if (problem?.kind === 'unreachable') throw new UnreachableError(problem.message);
  if (problem !== null) throw new CredentialNeededError(problem.message);
  return token;
}
