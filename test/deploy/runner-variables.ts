// The environment variables that a Node runner reads, as its own help lists them.
import { help } from '../../node-runner/options.ts';

export const runnerVariables: readonly string[] = [...new Set(help.match(/\b(?:VECTORSTREAM|LOG)_[A-Z_]+\b/g))];
