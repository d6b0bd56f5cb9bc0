// The flags of `npm run evaluate`, and what an evaluation prints to.

import type { Clock } from '#core/ports.ts';
import { type Command, type FlagValues, integer, section, text, toggle } from '../flags.ts';
import { gatewayVariables } from '../gateway/gateway-connection.ts';
import type { ProgressOutput } from '../progress-bar.ts';

const flags = {
  ...section('Evaluation', {
    mapping: text('NAME|FILE', null, 'as for npm run import (default: by the header)'),
    'test-percent': integer('N', 10, 1, 90, 'share of the sessions, the newest, to predict'),
    cases: integer('N', 1000, 10, 1_000_000, 'cases of each task at most'),
    tune: toggle('try other settings on the sessions before those, and print the best'),
    seed: integer('N', 1, 0, 2 ** 31, 'of the random numbers of the confidence intervals'),
    json: toggle('print one JSON object'),
  }),
  ...section('Gateway', {
    target: text(
      'URL',
      null,
      'gateway that embeds the names of products (default: none, and meaning is left out); for ' +
        'search, the gateway to ask (default: http://127.0.0.1:8080)',
    ),
  }),
};

export const evaluateCommand: Command<typeof flags> = {
  usage: 'npm run evaluate --',
  about:
    'Learns from the older sessions of a log (CSV or NDJSON, also in gzip) and measures how well ' +
    'it predicts the\nnewer ones. Of several files, the last one is predicted. Nothing is ' +
    'stored.\n' +
    'search: asks a running gateway the queries of a CSV file with the columns query, ' +
    'product_id, and perhaps\ngrade and kind; measures words, meaning and both.',
  operands: ['recommend|search', 'FILE…'],
  variables: gatewayVariables,
  flags,
};
export type EvaluateFlags = FlagValues<typeof flags>;

export type EvaluationContext = {
  readonly clock: Clock;
  readonly apiKey: string | null;
  readonly progress: ProgressOutput;
  readonly say: (line: string) => void;
};
