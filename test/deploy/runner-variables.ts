// The environment variables that runners read, as their own help lists them.

import { help as browserHelp } from '../../browser-runner/browser-runner-options.ts';
import { help as nodeHelp } from '../../node-runner/node-runner-options.ts';

const namesIn = (help: string): readonly string[] => [
  ...new Set(help.match(/\b(?:VECTORSTREAM|LOG|HF|PUPPETEER)_[A-Z_]+\b/g)),
];

const node = namesIn(nodeHelp);
// Where Chromium would put what belongs to a user.
const browser = [...namesIn(browserHelp), 'HOME'];
// Read by the container runtime.
const nvidia = ['NVIDIA_VISIBLE_DEVICES', 'NVIDIA_DRIVER_CAPABILITIES'];

/** By service, and by target of the Dockerfile. */
export const runnerVariables = {
  'node-runner': node,
  'trusted-runner': node,
  'node-runner-gpu': [...node, ...nvidia],
  'browser-runner': browser,
  'browser-runner-gpu': [...browser, ...nvidia],
} as const;
export const runners = [
  'node-runner',
  'node-runner-gpu',
  'browser-runner',
  'browser-runner-gpu',
] as const;
