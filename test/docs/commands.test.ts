// Every command that README and docs print exists, with every flag that they give it.

import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { parseConfig } from '../../gateway/config/parse-config.ts';
import { engines, pages, printed, read, root, scripts } from './printed-commands.ts';

test('every npm script that they name exists', () => {
  const named = pages.flatMap((page) =>
    [...read(page).matchAll(/npm run (?:-s )?([a-z][\w:-]*)/g)].map(([, script = '']) => ({
      page,
      script,
    })),
  );
  expect(named.length).toBeGreaterThan(40);
  expect(named.filter(({ script }) => !(script in scripts))).toEqual([]);
});

test('every file that they have Node run exists', () => {
  const files = pages.flatMap((page) =>
    [...read(page).matchAll(/\bnode ((?:[\w-]+\/)+[\w.-]+\.(?:ts|mjs))/g)].map((match) => match[1]),
  );
  expect(files.filter((file) => file === undefined || !existsSync(join(root, file)))).toEqual([]);
});

test('every flag that they give a command is one of its --help', async () => {
  const own = ['start', 'demo', 'generate', 'import', 'search', 'status', 'runner'];
  for (const script of own) {
    const flags = new Set(
      printed
        .filter((command) => command.script === script)
        .flatMap(({ words }) => words.match(/(?<=\s)--[a-z][\w-]*/g) ?? []),
    );
    if (flags.size === 0) continue;
    const [, file = ''] = /node (?:--\S+ )?(\S+)/.exec(scripts[`${script}:run`] ?? '') ?? [];
    const { stdout } = await promisify(execFile)(process.execPath, [file, '--help'], { cwd: root });
    const unknown = [...flags].filter((flag) => !new RegExp(`${flag}\\b`).test(stdout));
    expect({ script, unknown }).toEqual({ script, unknown: [] });
  }
}, 60_000);

test('each runs through the set-up, which the oldest promised Node can read', () => {
  expect(engines.node).toBe('>=20');
  const started = Object.entries(scripts).filter(([name]) => `${name}:run` in scripts);
  expect(started.length).toBeGreaterThan(10);
  for (const [, command] of started) expect(command).toMatch(/^node scripts\/setup\.mjs/);
  // Only the packaged Node takes TypeScript; what runs before it is plain JavaScript.
  for (const file of ['scripts/setup.mjs', 'scripts/hand-over.mjs'])
    expect(read(file)).not.toMatch(/from '[^']+\.ts'/);
});

/**
 * The flags of Kafka's tools that may be used, from their documentation. The lines are not run: the
 * tools are in none of the packages from which tests start a broker.
 */
const kafkaFlags: Readonly<Record<string, string>> = {
  'kafka-configs.sh': '--bootstrap-server --alter --entity-type --entity-name --add-config',
  'kafka-consumer-groups.sh':
    '--bootstrap-server --group --topic --reset-offsets --to-datetime --execute',
  'kafka-delete-records.sh': '--bootstrap-server --offset-json-file',
};

test("commands of Kafka's tools are whole, and for the gateway's own topics and group", () => {
  const config = parseConfig({ yaml: null, env: {}, flags: new Map() });
  const lines = pages.flatMap((page) =>
    [...read(page).matchAll(/^ {4,}(kafka-[\w-]+\.sh) ((?:.*\\\n)*.*)$/gm)].map(
      ([, tool = '', words = '']) => ({ tool, words: words.replaceAll(/\\\n\s*/g, '') }),
    ),
  );
  expect(new Set(lines.map(({ tool }) => tool))).toEqual(new Set(Object.keys(kafkaFlags)));
  for (const { tool, words } of lines) {
    expect(words.match(/--[\w-]+/g)?.toSorted()).toEqual(kafkaFlags[tool]?.split(' ').toSorted());
    expect(words).toContain('--bootstrap-server localhost:9092');
    const named = [...words.matchAll(/--(topic|group|entity-name) (\S+)/g)].map((each) => each[2]);
    for (const name of named) expect([config.kafka.topic, config.kafka.groupId]).toContain(name);
    expect(words).not.toMatch(/--to-datetime (?!\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3} )/);
  }
  const [, offsets = ''] = /echo '([^']*)' > offsets\.json/.exec(read('docs/privacy.md')) ?? [];
  expect(JSON.parse(offsets)).toEqual({
    version: 1,
    partitions: [{ topic: `${config.kafka.topic}.dlq`, partition: 0, offset: 1000 }],
  });
});
