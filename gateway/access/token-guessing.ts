// Lets nobody guess a runner token: whoever was wrong too often is turned away before what it sends
// is compared.

import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Upgrade } from '../http/http-server.ts';
import { refuseOnSocket } from '../http/problem-document.ts';
import type { Access } from './access.ts';
import type { Admission } from './runner-admission.ts';

export type AdmitRunner = (headers: IncomingHttpHeaders, address: string) => Admission;

export function countingTokenGuesses(
  access: Access,
  admit: (headers: IncomingHttpHeaders) => Admission,
): AdmitRunner {
  return (headers, address) => {
    const refused = access.guessing('runner', address);
    if (refused !== null) return { ok: false, ...refused };
    const admission = admit(headers);
    if (!admission.ok && admission.code === 'runner_token_wrong')
      access.guessedWrong('runner', address);
    return admission;
  };
}

export function runnerAddress(access: Access, { socket, headers }: IncomingMessage): string {
  return access.addressOf({
    socketAddress: socket.remoteAddress,
    header: (name) => [headers[name]].flat()[0],
  });
}

/** `upgrade` decides again by itself and answers what is wrong; here only guessing has its end. */
export function guardedRunnerUpgrade(
  access: Access,
  admit: AdmitRunner,
  upgrade: Upgrade,
): Upgrade {
  return (request, socket, head) => {
    const admission = admit(request.headers, runnerAddress(access, request));
    if (!admission.ok && admission.status === 429) refuseOnSocket(socket, admission);
    else upgrade(request, socket, head);
  };
}
