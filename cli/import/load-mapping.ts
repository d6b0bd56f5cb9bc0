// Loads a mapping, ready-made or the user's own YAML file.

import { readFile, readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { parse, YAMLParseError } from 'yaml';
import { UsageError } from '#core/errors/errors.ts';
import {
  eventMapping,
  type Mapping,
  parseTopicMapping,
  type TopicMapping,
} from '#core/mapping/mapping.ts';

const folder = join(import.meta.dirname, '../../core/mapping/ready-made');

export async function readyMadeNames(): Promise<string[]> {
  return (await readdir(folder))
    .filter((file) => file.endsWith('.yaml'))
    .map((file) => basename(file, '.yaml'))
    .toSorted();
}

/** Does the same as `loadTopicMapping`, for a mapping that must make events. */
export const loadMapping = async (nameOrPath: string): Promise<Mapping> =>
  eventMapping(await loadTopicMapping(nameOrPath));

/**
 * A ready-made mapping by name, else a YAML file by path.
 *
 * @throws UsageError when it does not exist or has a mistake
 */
export async function loadTopicMapping(nameOrPath: string): Promise<TopicMapping> {
  const names = await readyMadeNames();
  const ready = names.includes(nameOrPath);
  const path = ready ? join(folder, `${nameOrPath}.yaml`) : nameOrPath;
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new UsageError(
      `mapping ${nameOrPath}: is neither ready-made (${names.join(', ')}) ` +
        'nor a file that can be read',
      { cause: error },
    );
  });
  const name = ready ? nameOrPath : path;
  return parseTopicMapping(yamlOf(text, name), name);
}

function yamlOf(text: string, name: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    const place =
      error instanceof YAMLParseError ? ` (line ${error.linePos?.[0].line ?? '?'})` : '';
    throw new UsageError(
      `mapping ${name}: is not YAML${place}: ` +
        (error instanceof Error ? error.message.split('\n')[0] : ''),
      { cause: error },
    );
  }
}
