// The settings in the section `runners`: the model, and the runners that embed with it.

import { integer, integerOrAuto, secret, text } from '../setting-types.ts';

/** The time between two rounds of checks of a runner. */
export const defaultCheckIntervalMs = 60_000;

export const runnersSection = {
  model: text({
    default: 'models/all-MiniLM-L6-v2',
    env: 'VECTORSTREAM_MODEL',
    flag: 'model',
    help:
      'Embedding model: a folder with a manifest.json, or the id of a model on Hugging Face, ' +
      'such as Xenova/bge-small-en-v1.5.',
  }),
  count: integerOrAuto({
    default: 'auto',
    min: 0,
    max: 256,
    env: 'VECTORSTREAM_RUNNERS',
    flag: 'runners',
    help: 'Number of Node runners that the gateway starts and supervises; 0 starts none.',
  }),
  token: secret({
    env: 'VECTORSTREAM_RUNNER_TOKEN',
    help:
      'Token with which runners join. If it is not set and the host is a loopback address, ' +
      'the gateway generates one in the data folder.',
  }),
  trustedToken: secret({
    env: 'VECTORSTREAM_TRUSTED_RUNNER_TOKEN',
    help:
      "Token of trusted runners, besides the gateway's own: their vectors verify those of other " +
      'runners. Give it only to runners on machines that you control. It differs from ' +
      'runners.token.',
  }),
  checkSeconds: integer({
    default: defaultCheckIntervalMs / 1000,
    min: 1,
    max: 86_400,
    live: true,
    help:
      'Check interval (seconds). A runner that returns wrong vectors gets no more work within ' +
      'one ' +
      'interval, and its vectors leave the store within one more. The interval of a slow ' +
      'runner is ' +
      'longer, so that checks stay below 2 % of its work.',
  }),
  fleetMax: integer({
    default: 256,
    min: 1,
    max: 10_000,
    live: true,
    help: 'Maximum number of connected runners.',
  }),
} as const;
