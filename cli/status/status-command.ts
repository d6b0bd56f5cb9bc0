// `npm run status`: says what a running gateway can do now and what is wrong with it.

import { systemClock } from '#core/time/clock.ts';
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
import { monitor } from './gateway-monitor.ts';
import { askStatus, statusText } from './status-text.ts';

const flags = {
  ...section('Output', {
    watch: toggle('stays, and shows the figures every second until Ctrl-C'),
    json: toggle('prints the answer of GET /health as it is'),
  }),
  ...section('Gateway', { target: targetFlag }),
};

const command: Command<typeof flags> = {
  usage: 'npm run status --',
  about:
    'Shows what a running gateway can do and what is wrong with it.\n' +
    'The exit code is 0 when all is well, and 1 when something is degraded or nothing answers.',
  flags,
  operands: [],
  variables: gatewayVariables,
};

const retryForMs = 2_000;
const graceMs = 1_000;

async function status({ target, watch, json }: FlagValues<typeof flags>): Promise<number> {
  using interrupt = listenForInterrupt(graceMs);
  tolerateClosedPipes(interrupt.trigger);
  const signal = interrupt.stop;
  const { url, client, throwExplained } = connectTargetGateway(target, {
    retryForMs,
    onWait: () => undefined,
  });
  if (watch) {
    await monitor({ client, clock: systemClock, signal, out: process.stdout }).catch(
      throwExplained,
    );
    return 0;
  }
  const found = await askStatus(client, url, signal).catch(throwExplained);
  process.stdout.write(json ? `${JSON.stringify(found.health)}\n` : statusText(found));
  return found.health.status === 'ok' ? 0 : 1;
}

await runCommand(command, process.argv.slice(2), status);
