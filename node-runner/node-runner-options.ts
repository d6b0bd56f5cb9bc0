// Turns flags and environment into a runner's options; an invalid value gets a one-line error.

import { parseArgs } from 'node:util';
import { UsageError } from '#core/errors/errors.ts';
import { devices, type Device } from '#core/model/model-manifest.ts';
import { speedupMinDefault } from '#core/runner/device-candidates.ts';
import {
  countOrAuto,
  gatewayUrls,
  logSettings,
  numberFrom,
  oneOf,
  settingReader,
} from '#core/runner/runner-settings.ts';

export type RunnerOptions = {
  /** Gateways to serve, ws:// or wss://, at least one. */
  readonly gatewayUrls: readonly string[];
  /** `null`: read from the data folder, where a local gateway writes it. */
  readonly token: string | null;
  readonly dataDir: string;
  readonly model: string;
  readonly device: Device | 'auto';
  readonly dtype: string;
  /** A dtype of lower fidelity is chosen only when it is this many times as fast; at least 1. */
  readonly speedupMin: number;
  readonly threads: number | 'auto';
  readonly runners: number | 'auto';
  /** Name in the fleet; workers add `-1`, `-2`, … */
  readonly name: string;
  readonly logLevel: string;
  readonly logFormat: 'json' | 'pretty';
};

export const help = `Usage: npm run runner -- [flags]

Joins a gateway and embeds texts for it with the CPU or GPU of this machine. At the first start it
measures which devices and dtypes are correct, chooses the most faithful one unless it is slow, and
stores the choice in the data folder. It starts as many processes as the machine can use.

Gateway:
  --gateway URL   gateway to serve; several separated by commas
                  (VECTORSTREAM_GATEWAY_URL, default ws://127.0.0.1:8080)
  --name NAME     name in the fleet (default: the host name)

Model and device:
  --model NAME    folder with a manifest.json, or the id of a model on Hugging Face, such as
                  Xenova/bge-small-en-v1.5 (VECTORSTREAM_MODEL, default models/all-MiniLM-L6-v2)
  --device NAME   auto, cpu, webgpu or cuda (VECTORSTREAM_RUNNER_DEVICE, default auto)
  --dtype NAME    auto, or a dtype of the model: fp32, q8, …
                  (VECTORSTREAM_RUNNER_DTYPE, default auto)
  --speedup-min N a dtype of lower fidelity is chosen only when it is N times as fast, from 1 to 100
                  (VECTORSTREAM_RUNNER_SPEEDUP_MIN, default 1.3)

Processes:
  --runners N     processes, each one runner, or auto (default auto)
  --threads N     threads of each process, or auto (VECTORSTREAM_RUNNER_THREADS, default auto)
  --data-dir DIR  folder for the choice and downloaded models
                  (VECTORSTREAM_DATA_DIR, default .vectorstream)

Help:
  --version       the version
  --help          this text

Variables:
  VECTORSTREAM_RUNNER_TOKEN  the gateway's token, or VECTORSTREAM_TRUSTED_RUNNER_TOKEN's value for a
                  trusted runner; else it is read from runner-token in the data folder, where a
                  gateway on this machine writes it
  HF_TOKEN        access to private and gated models on Hugging Face
  HF_ENDPOINT     a mirror of Hugging Face
  LOG_LEVEL, LOG_FORMAT  as for the gateway (info; pretty on a terminal, else json)

A host name with several addresses stands for several gateways; each one is served.
A model on Hugging Face is downloaded once.`;

const flags = {
  gateway: { type: 'string' },
  device: { type: 'string' },
  dtype: { type: 'string' },
  'speedup-min': { type: 'string' },
  threads: { type: 'string' },
  runners: { type: 'string' },
  model: { type: 'string' },
  'data-dir': { type: 'string' },
  name: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean' },
} as const;

export type Surroundings = { readonly hostName: string; readonly terminal: boolean };

/**
 * `'help'` or `'version'` when the flags ask for that.
 *
 * @throws UsageError that names the flag or variable, its value and what is allowed
 */
export function parseOptions(
  argv: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
  surroundings: Surroundings,
): RunnerOptions | 'help' | 'version' {
  const { help: isHelp, version, ...given } = parseFlags(argv);
  if (isHelp === true) return 'help';
  if (version === true) return 'version';
  const setting = settingReader(given, environment);
  return {
    gatewayUrls: gatewayUrls(setting('gateway', 'VECTORSTREAM_GATEWAY_URL', 'ws://127.0.0.1:8080')),
    token: environment['VECTORSTREAM_RUNNER_TOKEN'] || null,
    dataDir: setting('data-dir', 'VECTORSTREAM_DATA_DIR', '.vectorstream').value,
    model: setting('model', 'VECTORSTREAM_MODEL', 'models/all-MiniLM-L6-v2').value,
    device: oneOf(setting('device', 'VECTORSTREAM_RUNNER_DEVICE', 'auto'), [
      'auto',
      ...devices.filter((device) => device !== 'wasm'),
    ]),
    dtype: setting('dtype', 'VECTORSTREAM_RUNNER_DTYPE', 'auto').value,
    speedupMin: numberFrom(
      setting('speedup-min', 'VECTORSTREAM_RUNNER_SPEEDUP_MIN', String(speedupMinDefault)),
      1,
      100,
    ),
    threads: countOrAuto(setting('threads', 'VECTORSTREAM_RUNNER_THREADS', 'auto')),
    runners: countOrAuto(setting('runners', null, 'auto')),
    name: setting('name', null, surroundings.hostName).value.slice(0, 100),
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
