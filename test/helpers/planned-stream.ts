// A stream of `npm run generate` whose every event is known in advance, and what the store must
// contain after it.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isRejection, parseEvent } from '#core/event/parse-event.ts';
import { documentOf } from '#core/event/text.ts';
import { runProgram } from './program.ts';

export type PlannedStream = {
  /** Stored ids of the valid events. */
  readonly eventIds: ReadonlySet<string>;
  /** Ids of their texts. */
  readonly textIds: ReadonlySet<string>;
  /** The number of invalid events. */
  readonly invalid: number;
  /** Writes it into a topic, to the last event. */
  send(brokers: string, topic: string, ...flags: readonly string[]): Promise<void>;
};

export async function plannedStream(
  folder: string,
  count: number,
  ...flags: readonly string[]
): Promise<PlannedStream> {
  const stream = [
    '--count',
    String(count),
    '--seed',
    '7',
    '--now',
    new Date().toISOString(),
    ...flags,
  ];
  const file = join(folder, 'planned.ndjson');
  const generate = async (...more: readonly string[]): Promise<void> => {
    const { code, stderr } = await runProgram({
      script: 'cli/generator/generate.ts',
      flags: [...stream, ...more],
      environment: {},
    });
    if (code !== 0) throw new Error(`The generator ended with ${code}: ${stderr}`);
  };
  await generate('--out', file);
  const lines = (await readFile(file))
    .toString('latin1')
    .split('\n')
    .filter((line) => line !== '');
  const parsed = lines.map((line) => parseEvent(Buffer.from(line, 'latin1'), Date.now()));
  const valid = parsed.flatMap((event) => (isRejection(event) ? [] : [event]));
  return {
    eventIds: new Set(valid.map(({ id }) => id)),
    textIds: new Set(valid.map((event) => documentOf(event).textId)),
    invalid: parsed.length - valid.length,
    send: (brokers, topic, ...more) => generate('--target', `kafka://${brokers}/${topic}`, ...more),
  };
}
