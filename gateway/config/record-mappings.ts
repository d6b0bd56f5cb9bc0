// Loads mappings: ready-made ones by name, those of the settings by the path of their YAML file.

import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parse } from 'yaml';
import { UsageError } from '#core/errors/errors.ts';
import { parseTopicMapping } from '#core/mapping/mapping.ts';
import {
  type MappingSet,
  type RecordMapping,
  recordMapping,
} from '#core/mapping/record-mapping.ts';
import type { Config } from './config.ts';
import { isFor, topicRules } from './topic-rules.ts';

const folder = join(import.meta.dirname, '../../core/mapping/ready-made');
const readyMade: readonly string[] = readdirSync(folder)
  .filter((file) => file.endsWith('.yaml'))
  .map((file) => basename(file, '.yaml'))
  .toSorted();

/**
 * Loads the mappings of the settings and of topics at once, and a ready-made one when it is first
 * named. A file's mapping has the name of the file, without its ending.
 *
 * @throws UsageError for a mapping that does not exist, has a mistake or has the name of another
 */
export function mappingsOf({
  events,
  kafka,
}: {
  readonly events: Pick<Config['events'], 'mappings'>;
  readonly kafka: Pick<Config['kafka'], 'topics'>;
}): MappingSet {
  const loaded = new Map<string, RecordMapping>();
  for (const path of events.mappings) {
    const mapping = load(path, 'events.mappings');
    if (loaded.has(mapping.name) || (mapping.name !== path && readyMade.includes(mapping.name)))
      throw new UsageError(
        `events.mappings: ${path}: there is another mapping with the name ${mapping.name}; ` +
          'rename the file',
      );
    loaded.set(mapping.name, mapping);
  }
  const ofTopics = topicRules(kafka.topics).flatMap((rule) =>
    rule.mapping === null
      ? []
      : [{ rule, mapping: loaded.get(rule.mapping) ?? load(rule.mapping, 'kafka.topics') }],
  );
  const byTopic = new Map<string, RecordMapping | null>();
  return {
    tried: [...loaded.values()],
    names: [...new Set([...loaded.keys(), ...readyMade])],
    named(name) {
      const known =
        loaded.get(name) ?? (readyMade.includes(name) ? load(name, 'events.mappings') : null);
      if (known !== null) loaded.set(name, known);
      return known;
    },
    ofTopic(topic) {
      const known = byTopic.get(topic);
      if (known !== undefined) return known;
      const found = ofTopics.find(({ rule }) => isFor(rule, topic))?.mapping ?? null;
      byTopic.set(topic, found);
      return found;
    },
  };
}

function load(nameOrPath: string, setting: string): RecordMapping {
  const isReady = readyMade.includes(nameOrPath);
  const path = isReady ? join(folder, `${nameOrPath}.yaml`) : nameOrPath;
  const name = basename(path).replace(/\.ya?ml$/, '');
  try {
    return recordMapping(parseTopicMapping(parse(readFileSync(path, 'utf8')), name));
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const reason = error instanceof Error ? error.message.split('\n')[0] : String(error);
    throw new UsageError(`${setting}: ${nameOrPath} cannot be read: ${reason}`, { cause: error });
  }
}
