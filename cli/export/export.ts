// `npm run export`: writes the texts of a running gateway with their vectors to a file.

import { systemClock } from '#core/time/clock.ts';
import { integer, section } from '../flags.ts';
import type { Command, FlagValues } from '../flags.ts';
import {
  connectTargetGateway,
  gatewayVariables,
  targetFlag,
} from '../gateway/gateway-connection.ts';
import { listenForInterrupt } from '../interrupt.ts';
import { count, createProgress, tolerateClosedPipes } from '../progress-bar.ts';
import { runCommand } from '../run-command.ts';
import { formatOf, writeExport } from './write-export.ts';

const flags = {
  ...section('Output', {
    limit: integer('N', null, 1, 1e12, 'only the first N texts, in order of their ids'),
  }),
  ...section('Gateway', { target: targetFlag }),
};

const command: Command<typeof flags> = {
  usage: 'npm run export --',
  about:
    'Writes every text of a running gateway to FILE, with its vector, who computed it and how\n' +
    'many events it has: Parquet (.parquet) or NDJSON (.ndjson, .jsonl). FILE appears when it\n' +
    'is whole. The key needs the scope read. See docs/export.md.',
  flags,
  operands: ['FILE'],
  variables: gatewayVariables,
};

const retryForMs = 60_000;
const graceMs = 1_000;
/** As many as the gateway gives at once. */
const pageTexts = 256;

async function exportTexts(
  { limit, target }: FlagValues<typeof flags>,
  [path = '']: readonly string[],
): Promise<number> {
  formatOf(path);
  using interrupt = listenForInterrupt(graceMs);
  tolerateClosedPipes(interrupt.trigger);
  const signal = interrupt.stop;
  const { client, throwExplained } = connectTargetGateway(target, {
    retryForMs,
    onWait: (reason) => process.stderr.write(`${reason}\n`),
  });
  try {
    const { store } = await client.stats({ signal });
    const total = Math.min(store?.texts ?? Infinity, limit ?? Infinity);
    const progress = createProgress({
      label: 'texts',
      total: Number.isFinite(total) ? total : null,
      out: process.stderr,
      clock: systemClock,
    });
    const pages = client.texts.pages({ limit: pageTexts }, { signal });
    const written = await writeExport(path, pages, limit ?? Infinity, (texts) =>
      progress.update(texts),
    ).finally(() => progress.finish());
    process.stdout.write(`Wrote ${count(written)} texts to ${path}\n`);
    return 0;
  } catch (error) {
    if (!signal.aborted) return throwExplained(error);
    process.stderr.write('Interrupted: nothing was written.\n');
    return 130;
  }
}

await runCommand(command, process.argv.slice(2), exportTexts);
