// Slows the guessing of runner tokens: after too many wrong ones, the wrong tokens of an address
// are answered 429. A right token is always let in.

import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Upgrade } from '../http/http-server.ts';
import { refuseOnSocket } from '../http/problem-document.ts';
import type { Access } from './authorization.ts';
import type { Admission } from './runner-admission.ts';

export type AdmitRunner = (headers: IncomingHttpHeaders, address: string) => Admission;

/** Counts the wrong tokens of each address, and answers 429 once there are too many. */
export function limitTokenGuesses(
  access: Access,
  checkToken: (headers: IncomingHttpHeaders) => Admission,
): AdmitRunner {
  return (headers, address) => {
    const admission = checkToken(headers);
    if (admission.ok || admission.code !== 'runner_token_wrong') return admission;
    const refused = access.wrongGuess('runner', address);
    return refused === null ? admission : { ok: false, ...refused };
  };
}

/**
 * Refuses an upgrade only when the address has made too many guesses. `upgrade` checks the token
 * itself and answers every other refusal.
 */
export function limitUpgradeGuesses(access: Access, admit: AdmitRunner, upgrade: Upgrade): Upgrade {
  return (request, socket, head) => {
    const admission = admit(request.headers, runnerAddress(access, request));
    if (!admission.ok && admission.status === 429) refuseOnSocket(socket, admission);
    else upgrade(request, socket, head);
  };
}

/** The runner's address, also behind a trusted proxy. */
export function runnerAddress(access: Access, { socket, headers }: IncomingMessage): string {
  return access.addressOf({
    socketAddress: socket.remoteAddress,
    header: (name) => [headers[name]].flat()[0],
  });
}
