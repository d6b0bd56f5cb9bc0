// Sends hostile requests from a separate process at the lowest priority: node attacker.ts <port>
// <key> <requests> <seed>. Prints the requests that were not refused properly.

import { constants, setPriority } from 'node:os';
import { random } from '../../../cli/generator/random.ts';
import { nextAttack, type Attack } from './attacks.ts';
import { rawRequest, type RawAnswer } from './raw-request.ts';

/** The last line of its output. */
export type Report = { readonly faults: readonly string[]; readonly kinds: readonly string[] };

const atOnce = 32;

/** `null`: refused properly; else what was wrong. */
function faultOf({ kind, end }: Attack, { status, text, isHung }: RawAnswer): string | null {
  const answer = text.replaceAll(/^(?!HTTP|content-type).*:.*\r\n/gim, '').slice(0, 300);
  const told =
    `${kind}: ${isHung ? 'left open after ' : ''}` + (answer || 'closed without an answer');
  if (isHung || (status !== null && status >= 500)) return told;
  if (end === 'closed') return status === 101 ? null : told;
  if (status === null) return end === 'or-closed' ? null : told;
  // Under /v1 they have OpenAI's shape.
  const isProblem =
    /content-type: application\/problem\+json/i.test(text) || /"error":\{"message":/.test(text);
  const isClear = status >= 400 && isProblem && /"code":"\w+"/.test(text) && !/\.ts:\d+/.test(text);
  return isClear && isGuarded(text) ? null : told;
}

/** The app and the raw socket both send these headers. */
const isGuarded = (text: string): boolean =>
  [
    'content-security-policy',
    'cross-origin-opener-policy',
    'x-content-type-options',
    'referrer-policy',
  ].every((name) => new RegExp(`^${name}: `, 'im').test(text));

const [port, key = '', requests, seed] = process.argv.slice(2);
// The attacker must not take CPU time from the gateway.
setPriority(constants.priority.PRIORITY_LOW);
const dice = random(Number(seed));
const faults: string[] = [];
const seen = new Set<string>();
let left = Number(requests);
await Promise.all(
  Array.from({ length: atOnce }, async () => {
    while (left > 0) {
      left -= 1;
      const attack = nextAttack(dice, key);
      const fault = faultOf(attack, await rawRequest(Number(port), attack.act));
      seen.add(attack.kind);
      if (fault !== null) faults.push(fault);
    }
  }),
);
const report: Report = { faults, kinds: [...seen] };
process.stdout.write(JSON.stringify(report));
