// `npm run map`: shows what a mapping makes of real records before anything is stored, and drafts a
// mapping for records of an unknown system.

import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { parse } from 'node:path';
import { UsageError } from '#core/errors/errors.ts';
import {
  type EventTypes,
  eventTypesOf,
  ownEventTypes,
  readEventTypes,
} from '#core/event/event-types.ts';
import { systemClock } from '#core/time/clock.ts';
import { connectionFromEnvironment, noKafkaLog, parseBrokers } from '../../kafka/kafka-settings.ts';
import { type Command, type FlagValues, integer, section, text, kafkaVariables } from '../flags.ts';
import { runCommand } from '../run-command.ts';
import { draftedMapping, givenMapping, readyMadeMappings } from './map-sample.ts';
import { reportOf, reportText, type SampleRecord } from './mapping-report.ts';
import { recordsOfFile } from './sample-file.ts';
import { recordsOfTopic } from './topic-sample.ts';

const flags = {
  ...section('Mapping', {
    mapping: text('NAME|FILE', null, 'what to try: a ready-made mapping or a YAML file'),
    draft: text('FILE', null, 'draft a mapping, even if a ready-made one fits, and write it there'),
  }),
  ...section('Sample', { limit: integer('N', 1000, 1, 100_000, 'records to read') }),
};

const typesVariable = 'VECTORSTREAM_EVENTS_TYPES';

const command: Command<typeof flags> = {
  usage: 'npm run map --',
  about:
    'Shows what a mapping makes of records, and stores nothing. SAMPLE is a file (JSON, NDJSON,\n' +
    'CSV, packed too) or a Kafka topic; of a topic, the last\n' +
    'records are read. Without --mapping, it finds the ready-made mappings that read them, or\n' +
    'drafts one.',
  flags,
  operands: ['SAMPLE'],
  variables: {
    [typesVariable]: 'types of events of your own, as for the gateway',
    KAFKA_BROKERS: 'brokers of the topic',
    ...kafkaVariables,
  },
};

/** @throws UsageError for what the gateway would refuse too */
function typesOf(setting: string | undefined): EventTypes {
  if (!setting) return ownEventTypes;
  const added = readEventTypes(setting.split(',').map((part) => part.trim()));
  if (added !== null) return eventTypesOf(added);
  throw new UsageError(
    `${typesVariable}=${setting}: allowed are new types such as click:view:0.5, separated by ` +
      'commas (docs/events.md)',
  );
}

async function sampleOf(name: string, limit: number): Promise<readonly SampleRecord[]> {
  if (existsSync(name)) return recordsOfFile(name, limit);
  const brokers = process.env['KAFKA_BROKERS'];
  if (!brokers) throw new UsageError(`${name}: no such file; for a topic, set KAFKA_BROKERS`);
  const connection = connectionFromEnvironment(
    parseBrokers(brokers, 'KAFKA_BROKERS'),
    process.env,
    noKafkaLog,
  );
  return recordsOfTopic(connection, name, { limit, clock: systemClock });
}

async function map(
  { mapping, draft, limit }: FlagValues<typeof flags>,
  [name = '']: readonly string[],
): Promise<number> {
  if (mapping !== null && draft !== null)
    throw new UsageError('Give either --mapping or --draft: a draft is a mapping of its own.');
  const records = await sampleOf(name, limit);
  const now = systemClock.now();
  const found =
    mapping !== null
      ? await givenMapping(mapping)
      : draft === null
        ? await readyMadeMappings(records, now)
        : null;
  const tried =
    found ?? draftedMapping(records, { from: existsSync(name) ? 'file' : 'topic', now });
  if (draft !== null && tried.draft !== null)
    await writeFile(draft, tried.draft, { flag: 'wx' }).catch((error: unknown) => {
      throw new UsageError(`${draft}: cannot be written; it must not exist yet`, { cause: error });
    });
  const report = reportOf(records, tried.mappings, now, typesOf(process.env[typesVariable]));
  const next = tried.draft !== null && existsSync(name) ? `\n${nextStep(name, draft)}\n` : '';
  process.stdout.write(`${tried.about}\n\n${reportText(report)}${next}`);
  return report.events.size + report.deletes.size > 0 ? 0 : 1;
}

/** What to do with a draft for a file. `written`: where it is, if it was kept. */
const nextStep = (file: string, written: string | null): string =>
  written === null
    ? `Keep this draft:  npm run map -- "${file}" --draft ${parse(file).name}.yaml`
    : `Check ${written}, then:  npm run import -- "${file}" --mapping ${written}`;

await runCommand(command, process.argv.slice(2), map);
