// Turns flags and environment into the options of a browser runner, or into one clear line on what
// is wrong.

import { parseArgs } from 'node:util';
import { UsageError } from '#core/errors/errors.ts';
import { speedupMinDefault } from '#core/runner/device-candidates.ts';
import {
  countOrAuto,
  gatewayUrls,
  logSettings,
  numberFrom,
  oneOf,
  settingReader,
} from '#core/runner/runner-settings.ts';

export type BrowserRunnerOptions = {
  /** Gateways to serve, http(s):// or ws(s)://, at least one. Each gets its own pages. */
  readonly gatewayUrls: readonly string[];
  /** `null`: it is in the data folder, where a gateway on this machine writes it. */
  readonly token: string | null;
  readonly dataDir: string;
  readonly device: 'auto' | 'webgpu' | 'wasm';
  readonly dtype: string;
  /** A dtype of lower fidelity is chosen only when it is this many times as fast; at least 1. */
  readonly speedupMin: number;
  readonly threads: number | 'auto';
  /** Pages for each gateway, each in a browser of its own. */
  readonly runners: number;
  /** The name in the fleet; pages add `-1`, `-2`, … */
  readonly name: string;
  /** `software`: a GPU that the processor emulates. */
  readonly adapter: 'auto' | 'software';
  /** The memory limit of each browser: above it, a fresh one replaces it. */
  readonly memoryMib: number | 'auto';
  /** `auto`: on, except for root, for whom Chromium's sandbox does not work. */
  readonly sandbox: 'auto' | 'on' | 'off';
  readonly executablePath: string | null;
  /** A PEM file of certificates whose public keys are trusted, beside the public authorities. */
  readonly tlsCa: string | null;
  readonly logLevel: string;
  readonly logFormat: 'json' | 'pretty';
};

export const help = `Usage: npm run browser-runner -- [flags]

Joins a gateway and embeds texts for it in a headless browser: on the GPU with WebGPU, which
needs only the GPU's driver, else on the processor with WebAssembly. The page and the model
come from the gateway.

Gateway:
  --gateway URL     gateway to serve; several separated by commas
                    (VECTORSTREAM_GATEWAY_URL, default ws://127.0.0.1:8080)
  --name NAME       name in the fleet (default: the host name)

Device:
  --device NAME     auto, webgpu or wasm (VECTORSTREAM_RUNNER_DEVICE, default auto)
  --dtype NAME      auto, or one that the model has: fp32, q8, …
                    (VECTORSTREAM_RUNNER_DTYPE, default auto)
  --speedup-min N   a dtype of lower fidelity is chosen only when it is N times as fast,
                    from 1 to 100 (VECTORSTREAM_RUNNER_SPEEDUP_MIN, default 1.3)
  --threads N       threads of WebAssembly, or auto (VECTORSTREAM_RUNNER_THREADS, default auto)
  --adapter NAME    auto, or software: with --device webgpu, a GPU that the processor
                    emulates, correct and slow (default auto)

Browser:
  --runners N       pages for each gateway, each one runner in its own browser (default 1)
  --memory-max MIB  memory limit of each browser; above it, a fresh one replaces it
                    (VECTORSTREAM_BROWSER_MEMORY, default auto)
  --sandbox NAME    auto (on, except for root), on or off
                    (VECTORSTREAM_BROWSER_SANDBOX, default auto)
  --data-dir DIR    where the browser keeps its files
                    (VECTORSTREAM_DATA_DIR, default .vectorstream)

Help:
  --check           print which browser would run, and end
  --version         the version
  --help            this text

Variables:
  PUPPETEER_EXECUTABLE_PATH  the browser; else Puppeteer's own, else the Chrome, Chromium or Edge
                    of this machine
  VECTORSTREAM_RUNNER_TOKEN  the gateway's token; else it is read from runner-token in the data
                    folder, where a gateway on this machine writes it
  VECTORSTREAM_TLS_CA  a PEM file with the gateway's own certificate, if no public authority
                    vouches for it
  LOG_LEVEL, LOG_FORMAT  as for the gateway (info; pretty on a terminal, else json)`;

const flags = {
  gateway: { type: 'string' },
  device: { type: 'string' },
  dtype: { type: 'string' },
  'speedup-min': { type: 'string' },
  threads: { type: 'string' },
  runners: { type: 'string' },
  adapter: { type: 'string' },
  'memory-max': { type: 'string' },
  sandbox: { type: 'string' },
  'data-dir': { type: 'string' },
  name: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean' },
  check: { type: 'boolean' },
} as const;

export type Surroundings = { readonly hostName: string; readonly terminal: boolean };

/**
 * `'help'`, `'version'` or `'check'` when the flags ask for that.
 *
 * @throws UsageError that names the flag or variable, its value and what is allowed
 */
export function parseOptions(
  argv: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
  surroundings: Surroundings,
): BrowserRunnerOptions | 'help' | 'version' | 'check' {
  const { help: isHelp, version, check, ...given } = parseFlags(argv);
  if (isHelp === true) return 'help';
  if (version === true) return 'version';
  if (check === true) return 'check';
  const setting = settingReader(given, environment);
  const runners = countOrAuto(setting('runners', null, '1'), 64);
  return {
    gatewayUrls: gatewayUrls(
      setting('gateway', 'VECTORSTREAM_GATEWAY_URL', 'ws://127.0.0.1:8080'),
      ['ws', 'wss', 'http', 'https'],
    ),
    token: environment['VECTORSTREAM_RUNNER_TOKEN'] || null,
    dataDir: setting('data-dir', 'VECTORSTREAM_DATA_DIR', '.vectorstream').value,
    device: oneOf(setting('device', 'VECTORSTREAM_RUNNER_DEVICE', 'auto'), [
      'auto',
      'webgpu',
      'wasm',
    ] as const),
    dtype: setting('dtype', 'VECTORSTREAM_RUNNER_DTYPE', 'auto').value,
    speedupMin: numberFrom(
      setting('speedup-min', 'VECTORSTREAM_RUNNER_SPEEDUP_MIN', String(speedupMinDefault)),
      1,
      100,
    ),
    threads: countOrAuto(setting('threads', 'VECTORSTREAM_RUNNER_THREADS', 'auto')),
    runners: runners === 'auto' ? 1 : runners,
    name: setting('name', null, surroundings.hostName).value.slice(0, 90),
    adapter: oneOf(setting('adapter', null, 'auto'), ['auto', 'software'] as const),
    memoryMib: countOrAuto(setting('memory-max', 'VECTORSTREAM_BROWSER_MEMORY', 'auto'), 1_048_576),
    sandbox: oneOf(setting('sandbox', 'VECTORSTREAM_BROWSER_SANDBOX', 'auto'), [
      'auto',
      'on',
      'off',
    ] as const),
    executablePath: environment['PUPPETEER_EXECUTABLE_PATH'] || null,
    tlsCa: environment['VECTORSTREAM_TLS_CA'] || null,
    ...logSettings(environment, surroundings.terminal),
  };
}

function parseFlags(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: flags, allowPositionals: false }).values;
  } catch (cause) {
    throw new UsageError(
      `${cause instanceof Error ? cause.message.split('. ')[0] : String(cause)}. See --help.`,
      { cause },
    );
  }
}
