// Finds every file and package that a program loads when it runs.

import { existsSync, statSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { dirname, join, normalize } from 'node:path';
import { read, root } from './compose-file.ts';

export type ProgramFiles = {
  readonly files: ReadonlySet<string>;
  readonly packages: ReadonlySet<string>;
};

/** `import … from 'x'`, `import 'x'`, `import('x')`, and `new URL('x', …)` of files that run. */
const specifiers = [
  /\b(?:import|export)\b[^'";]* from '([^'\n]+)'/g,
  /\bimport '([^'\n]+)'/g,
  /\bimport\('([^'\n]+)'\)/g,
  /new URL\(\s*'([^'\n]+)',/g,
];

export function programFiles(entry: string): ProgramFiles {
  const files = new Set<string>();
  const packages = new Set<string>();
  const visit = (file: string): void => {
    if (files.has(file)) return;
    if (existsSync(join(root, file)) && statSync(join(root, file)).isDirectory()) return;
    files.add(file);
    if (!/\.(ts|mjs)$/.test(file)) return;
    // Type imports load nothing.
    const code = file.endsWith('.ts') ? stripTypeScriptTypes(read(file)) : read(file);
    for (const specifier of specifiers.flatMap((pattern) =>
      [...code.matchAll(pattern)].map((match) => match[1] ?? ''),
    )) {
      const beside = normalize(join(dirname(file), specifier));
      if (specifier.startsWith('node:')) continue;
      if (specifier.startsWith('#')) visit(specifier.slice(1));
      else if (specifier.startsWith('.') || isFile(beside)) visit(beside);
      else packages.add(packageOf(specifier));
    }
  };
  visit(entry);
  return { files, packages };
}

const packageOf = (specifier: string): string =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');

const isFile = (file: string): boolean =>
  existsSync(join(root, file)) && statSync(join(root, file)).isFile();
