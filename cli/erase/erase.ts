// `npm run erase`: erases a person at a running gateway, and waits until that is done.

import { systemClock } from '#core/time/clock.ts';
import { rest } from '#core/time/rest.ts';
import { toggle, section } from '../flags.ts';
import type { Command, FlagValues } from '../flags.ts';
import {
  connectTargetGateway,
  gatewayVariables,
  targetFlag,
} from '../gateway/gateway-connection.ts';
import { listenForInterrupt } from '../interrupt.ts';
import { tolerateClosedPipes } from '../progress-bar.ts';
import { runCommand } from '../run-command.ts';

const flags = {
  ...section('Output', { json: toggle('prints the receipt as JSON') }),
  ...section('Gateway', { target: targetFlag }),
};

const command: Command<typeof flags> = {
  usage: 'npm run erase --',
  about:
    'Erases everything that a user did until now, and waits until it is done. Interrupting it\n' +
    'stops only the waiting. The key needs the scope admin. See docs/privacy.md.',
  flags,
  operands: ['USER'],
  variables: gatewayVariables,
};

const retryForMs = 30_000;
const graceMs = 1_000;
const lookEveryMs = 500;

async function erase(values: FlagValues<typeof flags>, [user = '']: readonly string[]) {
  using interrupt = listenForInterrupt(graceMs);
  tolerateClosedPipes(interrupt.trigger);
  const { client, throwExplained } = connectTargetGateway(values.target, {
    retryForMs,
    onWait: (reason) => process.stderr.write(`${reason}\n`),
  });
  const options = { signal: interrupt.stop };
  let receipt = await client.users.erase(user, options).catch(throwExplained);
  process.stderr.write(`Receipt ${receipt.receipt}: erasing …\n`);
  while (receipt.state === 'running' && (await rest(systemClock, lookEveryMs, interrupt.stop)))
    receipt = await client.users.erasure(receipt.receipt, options).catch(throwExplained);
  const { events, texts, dead_letters: letters, log_records: records } = receipt.erased;
  process.stdout.write(
    values.json
      ? `${JSON.stringify(receipt)}\n`
      : `${receipt.state === 'done' ? 'Erased' : 'Still erasing'}: ${events} events, ` +
          `${texts} queries, ${letters} dead letters, ${records} records of the log.\n`,
  );
  return receipt.state === 'done' ? 0 : 130;
}

await runCommand(command, process.argv.slice(2), erase);
