// Reads the flags of `npm run reindex`; all others are settings of the gateway.

import { at } from '#core/errors/assert.ts';
import { UsageError } from '#core/errors/errors.ts';
import { show } from '../config/setting-messages.ts';
import type { ReindexRequest } from './reindex-plan.ts';

export const reindexHelp = `Usage: npm run reindex -- --from 2026-01-31 [--to TIME] [--topic TOPIC]

Reads the records that Kafka has dated in a range into a fresh index, beside the gateways that run:
with collections or a data folder and with a consumer group of its own, so that nothing of theirs
changes. Ctrl-C stops it, and the same command goes on. At the end it says how to switch over to
the new index (docs/kafka.md).

Range:
  --from TIME
      earliest, or a time such as 2026-01-31 or 2026-01-31T12:00:00Z. Required.
  --to TIME
      Records dated since then are left out. Without it, everything to the end is read.
  --topic TOPIC
      Only this one of the topics that the settings read.
  --name TEXT
      The end of the new names. Default: made of the range.

Settings:
  --config FILE
      Settings file to read instead of vectorstream.yaml. Use the settings of the gateways.
  --name value
      Any other setting of npm start -- --help. By default it listens on a free port of 127.0.0.1;
      --host and --port let runners of other machines join.
  --version
      Print the version.
  --help
      Print this text.
`;

const names = ['from', 'to', 'topic', 'name'] as const;

/** @throws UsageError when a value or `--from` is missing */
export function ownFlags(argv: readonly string[]): {
  readonly own: ReindexRequest;
  readonly others: readonly string[];
} {
  const own = new Map<string, string>();
  const others: string[] = [];
  for (let i = 0; i < argv.length; i += 1) {
    const word = at(argv, i);
    const [, name = '', given] = /^--([a-z]+)(?:=(.*))?$/s.exec(word) ?? [];
    if (!names.some((each) => each === name)) {
      others.push(word);
      continue;
    }
    const value = given ?? argv[(i += 1)];
    if (value === undefined || value === '') throw new UsageError(`--${name} needs a value.`);
    own.set(name, value);
  }
  const isAsked = ['--help', '-h', '--version'].some((each) => others.includes(each));
  const from = own.get('from') ?? (isAsked ? 'earliest' : null);
  if (from === null)
    throw new UsageError(
      '--from is missing: earliest, or a time such as 2026-01-31; --help shows more.',
    );
  const name = own.get('name') ?? null;
  if (name !== null && !/^[\w.-]{1,64}$/.test(name))
    throw new UsageError(`--name is ${show(name)}; allowed are 1 to 64 of a-z A-Z 0-9 . _ -.`);
  return {
    own: { from, to: own.get('to') ?? null, topic: own.get('topic') ?? null, name },
    others,
  };
}
