// `npm run search`: asks a gateway, and prints the hits for people.

import { choice, integer, number, text, toggle, section } from '../flags.ts';
import type { Command, FlagValues } from '../flags.ts';
import {
  connectTargetGateway,
  gatewayVariables,
  targetFlag,
} from '../gateway/gateway-connection.ts';
import { listenForInterrupt } from '../interrupt.ts';
import { tolerateClosedPipes } from '../progress-bar.ts';
import { runCommand } from '../run-command.ts';
import { hitsText } from './hits-text.ts';

const flags = {
  ...section('Hits', {
    limit: integer('N', 5, 1, 100, 'how many hits'),
    mode: choice(
      ['hybrid', 'words', 'meaning'],
      null,
      'what finds them: words, meaning or both (default hybrid)',
    ),
    'event-type': text('TYPE', null, 'only products with such events'),
    category: text('NAME', null, 'only products of this category'),
    'price-max': number('P', null, 0, 1e12, 'only products with events at this price or less'),
    json: toggle('prints the answer of POST /search as it is'),
  }),
  ...section('Gateway', { target: targetFlag }),
};

const command: Command<typeof flags> = {
  usage: 'npm run search --',
  about: 'Searches the index of a running gateway by words and by meaning.',
  flags,
  operands: ['WORDS…'],
  variables: gatewayVariables,
};

const retryForMs = 5_000;
const graceMs = 1_000;

async function search(values: FlagValues<typeof flags>, words: readonly string[]): Promise<number> {
  using interrupt = listenForInterrupt(graceMs);
  tolerateClosedPipes(interrupt.trigger);
  const { client, throwExplained } = connectTargetGateway(values.target, {
    retryForMs,
    onWait: (reason) => process.stderr.write(`${reason}\n`),
  });
  const query = words.join(' ');
  const filter = {
    ...(values['event-type'] !== null && { event_type: values['event-type'] }),
    ...(values.category !== null && { category: values.category }),
    ...(values['price-max'] !== null && { price_max: values['price-max'] }),
  };
  const mode = values.mode === null ? {} : { mode: values.mode };
  const result = await client
    .search({ query, ...mode, limit: values.limit, filter }, { signal: interrupt.stop })
    .catch(throwExplained);
  const isLimited = result.hits.length === 0 && (values.mode ?? 'hybrid') === 'hybrid';
  const more = isLimited ? '    --mode meaning shows what is only distantly related\n' : '';
  process.stdout.write(
    values.json ? `${JSON.stringify(result)}\n` : `\n${hitsText(query, result)}${more}`,
  );
  return 0;
}

await runCommand(command, process.argv.slice(2), search);
