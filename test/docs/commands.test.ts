// Every command that README and docs print exists, with every flag that they give it; each program
// runs under the oldest promised Node through the set-up.

import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { z } from 'zod';

const root = join(import.meta.dirname, '../..');
const read = (file: string): string => readFileSync(join(root, file), 'utf8');
const pages = [
  'README.md',
  'CONTRIBUTING.md',
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name.replaceAll('\\', '/')}`),
];
const { scripts, engines } = z
  .object({
    scripts: z.record(z.string(), z.string()),
    engines: z.object({ node: z.string() }),
  })
  .parse(JSON.parse(read('package.json')));

type Printed = { readonly page: string; readonly script: string; readonly words: string };

/** `npm run NAME …`, `npm start …` and `npm test …`, up to the end of the command. */
const printed: readonly Printed[] = pages.flatMap((page) =>
  [...read(page).matchAll(/npm (?:run (?:-s )?)?([a-z][\w:-]*)([^\n`|#;]*)/g)]
    .filter(([, name = '']) => /^(start|test)$/.test(name) || name in scripts)
    .map(([, script = '', words = '']) => ({ page, script, words })),
);

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
