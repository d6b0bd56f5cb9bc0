// Loads the mappings that the settings name, once: ready-made ones by name, others by the path of
// their YAML file.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { UsageError } from '#core/errors/errors.ts';
import { parseMapping } from '#core/mapping/mapping.ts';
import { type RecordMapping, recordMapping } from '#core/mapping/record-mapping.ts';
import type { Config } from './config.ts';

const readyMade = join(import.meta.dirname, '../../core/mapping/ready-made');

/** @throws UsageError for a mapping that does not exist or has a mistake */
export const mappingsOf = ({ events }: Pick<Config, 'events'>): readonly RecordMapping[] =>
  events.mappings.map(load);

function load(name: string): RecordMapping {
  const ready = join(readyMade, `${name}.yaml`);
  const path = /^[\w-]+$/.test(name) && existsSync(ready) ? ready : name;
  try {
    return recordMapping(parseMapping(parse(readFileSync(path, 'utf8')), name));
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const reason = error instanceof Error ? error.message.split('\n')[0] : String(error);
    throw new UsageError(`events.mappings: ${name} cannot be read: ${reason}`, { cause: error });
  }
}
