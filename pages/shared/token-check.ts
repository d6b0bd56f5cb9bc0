// Asks the gateway over HTTP whether a runner token is accepted, because a browser reports a
// refused WebSocket only as close code 1006.

import { gatewayAddress } from './gateway-address.ts';

export type TokenProblem =
  /** Final: asking again does not help. */
  | { readonly kind: 'refused'; readonly message: string }
  | { readonly kind: 'unreachable'; readonly message: string };

/** The same time as a Node runner allows for connecting. */
const answerMsMax = 10_000;

/** `null` when a runner with this token may connect. Rejects with the signal's reason. */
export async function tokenProblem(
  token: string,
  signal: AbortSignal,
): Promise<TokenProblem | null> {
  let response: Response;
  try {
    response = await fetch(`${gatewayAddress()}/runners/connect`, {
      headers: { Authorization: `Bearer ${token}` },
      cache: 'no-store',
      signal: AbortSignal.any([signal, AbortSignal.timeout(answerMsMax)]),
    });
  } catch {
    signal.throwIfAborted();
    return { kind: 'unreachable', message: 'The gateway cannot be reached' };
  }
  if (response.ok) return null;
  if (response.status !== 401)
    return { kind: 'unreachable', message: `The gateway answers ${response.status}` };
  const problem: { readonly detail?: unknown } = await response.json().catch(() => ({}));
  const detail =
    typeof problem.detail === 'string' ? problem.detail : 'it is wrong or has expired.';
  return { kind: 'refused', message: `The gateway does not accept this token: ${detail}` };
}
