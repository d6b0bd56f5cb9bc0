// Finds every file and package that a program of the tree imports, by text, as the tidy test does.

import { existsSync, statSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { read, root } from './compose-file.ts';

export type ProgramFiles = {
  readonly files: ReadonlySet<string>;
  readonly packages: ReadonlySet<string>;
};

/**
 * What is loaded when it runs: `import … from 'x'`, `import 'x'`, `import('x')`, and files run by
 * path, `new URL('x', …)`.
 */
const specifiers = [
  /^(?:import|export)\b(?! type )[^'\n=]* from '([^'\n]+)'/gm,
  /^\} from '([^'\n]+)'/gm,
  /^import '([^'\n]+)'/gm,
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
    for (const specifier of specifiers.flatMap((pattern) =>
      [...read(file).matchAll(pattern)].map((match) => match[1] ?? ''),
    )) {
      const beside = normalize(join(dirname(file), specifier));
      if (specifier.startsWith('node:')) continue;
      if (specifier.startsWith('#')) visit(specifier.slice(1));
      else if (specifier.startsWith('.') || isFile(beside)) visit(beside);
      else
        packages.add(
          specifier
            .split('/')
            .slice(0, specifier.startsWith('@') ? 2 : 1)
            .join('/'),
        );
    }
  };
  visit(entry);
  return { files, packages };
}

const isFile = (file: string): boolean =>
  existsSync(join(root, file)) && statSync(join(root, file)).isFile();
