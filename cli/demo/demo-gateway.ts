// Starts the demo's own gateway with embedded engines, and waits until it is ready.

import { join } from 'node:path';
import { systemClock } from '#core/time/clock.ts';
import type { VectorStreamClient } from '../../client/client.ts';
import { green } from '../colours.ts';
import { startGateway, type GatewayProcess } from '../gateway/gateway-process.ts';
import { startingReason, untilReady } from '../gateway/gateway-readiness.ts';
import { defaultDemoFolder } from './demo-folder.ts';
import type { DemoScreen } from './demo-screen.ts';

const gatewayScript = join(import.meta.dirname, '../../gateway/main.ts');
const readyMsMax = 180_000;
const readyPollMs = 100;

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Engines that the person did not choose are embedded, and the data folder is the demo's own,
 * whatever is configured for `npm start`.
 */
export function demoEnvironment(environment: Environment, port: number | null): Environment {
  return {
    VECTORSTREAM_SOURCE: 'embedded',
    VECTORSTREAM_STORE: 'embedded',
    ...environment,
    VECTORSTREAM_DATA_DIR: environment['VECTORSTREAM_DATA_DIR'] || defaultDemoFolder,
    LOG_FORMAT: 'json',
    ...(port !== null && { VECTORSTREAM_PORT: String(port) }),
  };
}

/** @throws UsageError when the port is taken */
export function startDemoGateway(
  url: string,
  env: Environment,
  say: (line: string) => void,
): Promise<GatewayProcess> {
  const { hostname, port } = new URL(url);
  return startGateway({
    command: [process.execPath, gatewayScript],
    folder: process.cwd(),
    env,
    clock: systemClock,
    host: hostname.replace(/^\[|\]$/g, ''),
    port: Number(port || 80),
    dataDir: env['VECTORSTREAM_DATA_DIR'] ?? defaultDemoFolder,
    logName: 'demo-gateway.log',
    portSetting: '--port N',
    say,
  });
}

/** Shows what the gateway waits for, and for how long. */
export async function waitUntilReady(
  client: VectorStreamClient,
  gateway: GatewayProcess,
  signal: AbortSignal,
  screen: DemoScreen,
): Promise<void> {
  const spinner = screen.wait();
  await untilReady({
    client,
    clock: systemClock,
    signal,
    pollMs: readyPollMs,
    timeoutMs: readyMsMax,
    hint: `Its log is ${gateway.logPath}.`,
    onWait(reason) {
      gateway.reportWarnings();
      spinner.turn(lineFor(reason));
    },
  }).finally(() => spinner.finish());
  screen.sayWaiting(green(`✓ ready after ${spinner.seconds()} s`));
  gateway.setReady();
}

function lineFor(reason: string): string {
  if (reason.startsWith(startingReason)) return 'Starting the gateway …';
  if (reason.includes('runner'))
    return (
      'The gateway is up. Its runners load and check the model, ' +
      'and measure which device and dtype is fastest here …'
    );
  return `Waiting: ${reason} …`;
}
