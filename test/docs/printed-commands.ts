// The commands that README and docs print.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

export const root = join(import.meta.dirname, '../..');
export const read = (file: string): string => readFileSync(join(root, file), 'utf8');

export const pages = [
  'README.md',
  'CONTRIBUTING.md',
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name.replaceAll('\\', '/')}`),
];

export const { scripts, engines } = z
  .object({
    scripts: z.record(z.string(), z.string()),
    engines: z.object({ node: z.string() }),
  })
  .parse(JSON.parse(read('package.json')));

export type Printed = { readonly page: string; readonly script: string; readonly words: string };

/** `npm run NAME …`, `npm start …` and `npm test …`, up to the end of the command. */
export const printed: readonly Printed[] = pages.flatMap((page) =>
  [...read(page).matchAll(/npm (?:run (?:-s )?)?([a-z][\w:-]*)([^\n`|#;]*)/g)]
    .filter(([, name = '']) => /^(start|test)$/.test(name) || name in scripts)
    .map(([, script = '', words = '']) => ({ page, script, words })),
);
