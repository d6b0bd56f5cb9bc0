// Holds the rules that keep the tree readable: import direction, no dead files, short files, and a project that speaks only of itself.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const tracked = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { cwd: root, encoding: 'utf8' })
  .split('\n').filter((file) => file !== '' && existsSync(join(root, file)));
const sources = tracked.filter((file) => /\.(tsx?|mjs)$/.test(file));
const contents = new Map<string, string>();

function read(file: string): string {
  const content = contents.get(file) ?? readFileSync(join(root, file), 'utf8');
  contents.set(file, content);
  return content;
}

/** Files over 300 lines, each with the reason that it is one file. */
const longFiles: Record<string, string> = {
  'core/ports.ts': 'every contract in one place, mostly comments',
  'test/conformance/event-source.ts': 'all guarantees of one port',
  'test/core/fleet.test.ts': 'the claims of one scheduler',
  'test/gateway/runner-hub.test.ts': 'the claims of one door',
  'test/cli/import-run.test.ts': 'the claims of one command',
};

/** What a folder may import, besides itself: other folders, their types alone, and packages (all of them when not listed). */
const allowed: { folder: string; folders: string[]; types?: string[]; packages?: string[] }[] = [
  { folder: 'core/transformers', folders: ['core'], packages: ['@huggingface/transformers', 'onnxruntime-web'] },
  { folder: 'core', folders: [], packages: ['zod'] },
  { folder: 'kafka', folders: ['core'] },
  { folder: 'client', folders: ['core'], types: ['gateway'], packages: ['zod'] },
  { folder: 'gateway', folders: ['core', 'kafka'] },
  { folder: 'node-runner', folders: ['core'] },
  { folder: 'browser-runner', folders: ['core'] },
  { folder: 'cli', folders: ['core', 'kafka'] },
];

type Import = { from: string; specifier: string; target: string | null };

function importsOf(file: string): Import[] {
  const specifiers = [...read(file).matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g), ...read(file).matchAll(/new URL\(\s*'([^']+)'/g)]
    .map((match) => match[1]).filter((specifier) => specifier !== undefined);
  return specifiers.map((specifier) => ({ from: file, specifier, target: resolveImport(file, specifier) }));
}

/** The imported file, from the root; `null` for a package. A URL beside the file may do without the leading dot. */
function resolveImport(file: string, specifier: string): string | null {
  if (specifier.startsWith('#core/')) return specifier.slice(1);
  if (specifier.startsWith('.') || existsSync(join(root, dirname(file), specifier))) return normalize(join(dirname(file), specifier));
  return null;
}

/** Nothing of it is left when the program runs. */
const isTypeImport = (file: string, specifier: string) => read(file).split('\n').filter((line) => line.includes(`'${specifier}'`)).every((line) => /^(im|ex)port type /.test(line));

const ruleOf = (file: string) => allowed.find(({ folder }) => file.startsWith(`${folder}/`));
const inside = (file: string, folder: string) => file.startsWith(`${folder}/`);

describe('the tree', () => {
  test('imports go one way: towards core', () => {
    const wrong: string[] = [];
    for (const file of sources) {
      const rule = ruleOf(file);
      if (!rule) continue;
      for (const { specifier, target } of importsOf(file)) {
        if (target) {
          const isOwn = inside(target, rule.folder) && ruleOf(target) === rule;
          const isAllowed = !/\.(ts|mjs)$/.test(target) || rule.folders.some((folder) => inside(target, folder) && !inside(target, 'core/transformers'))
            || (rule.types?.some((folder) => inside(target, folder)) && isTypeImport(file, specifier))
            || (inside(target, 'core/transformers') && ['node-runner', 'browser-runner'].includes(rule.folder));
          if (!isOwn && !isAllowed) wrong.push(`${file} imports ${specifier}`);
        } else if (rule.packages && !rule.packages.includes(specifier)) {
          wrong.push(`${file} imports ${specifier}`);
        }
      }
    }
    expect(wrong).toEqual([]);
  });

  test('every source file is used by an entry point or a test', () => {
    const scripts = ['package.json', '.ci/run', 'Dockerfile'].filter((file) => tracked.includes(file)).map(read).join('\n');
    const ofPages = tracked.filter((file) => file.endsWith('.html')).flatMap((file) => [...read(file).matchAll(/<script[^>]* src="([^"]+)"/g)].map((match) => normalize(join(dirname(file), match[1] ?? ''))));
    const isEntry = (file: string) => file.endsWith('.test.ts') || ['vite.config.ts', ...ofPages].includes(file) || file.endsWith('.d.ts') || scripts.includes(file);
    const reached = new Set<string>();
    const visit = (file: string) => {
      if (reached.has(file) || !sources.includes(file)) return;
      reached.add(file);
      // A process started by path is used as much as an imported module is.
      const mentioned = sources.filter((other) => read(file).includes(`${other}'`));
      for (const target of [...importsOf(file).flatMap((entry) => entry.target ?? []), ...mentioned]) visit(target);
    };
    sources.filter(isEntry).forEach(visit);
    expect(sources.filter((file) => !reached.has(file))).toEqual([]);
  });

  test('files stay under 300 lines, or say why not', () => {
    const tooLong = sources.filter((file) => read(file).split('\n').length > 300 && !(file in longFiles));
    expect(tooLong).toEqual([]);
    expect(Object.keys(longFiles).filter((file) => !existsSync(join(root, file)) || read(file).split('\n').length <= 300)).toEqual([]);
  });

  test('every source file opens with a sentence on what it ensures', () => {
    const silent = sources.filter((file) => !read(file).startsWith('// ') && file !== 'vite.config.ts');
    expect(silent).toEqual([]);
  });

  test('no path of a machine and no registry host is written anywhere', () => {
    const text = tracked.filter((file) => !file.startsWith('models/') && statSync(join(root, file)).size < 5_000_000);
    const forbidden = /registry\.npmjs|(?<![\w.])\/(?:home|root|Users|work)\/\w/;
    expect(text.filter((file) => forbidden.test(read(file)))).toEqual([]);
  });
});
