// Holds the rules that keep the tree readable: import direction, no dead files, short files, and a
// project that speaks only of itself.

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const tracked = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\n')
  .filter((file) => file !== '' && existsSync(join(root, file)));
const sources = tracked.filter((file) => /\.(tsx?|mjs)$/.test(file));
const contents = new Map<string, string>();

function read(file: string): string {
  const content = contents.get(file) ?? readFileSync(join(root, file), 'utf8');
  contents.set(file, content);
  return content;
}

/** The most lines of a source file, and of a test, which may hold all claims of one subject. */
const linesMax = { source: 300, test: 600 };
/** Files that are longer, each with the reason that it is one file. */
const longFiles: Record<string, string> = {
  'cli/generator/vocabulary/english-technology-fashion.ts': 'words, not code',
};

/**
 * What a folder may import, besides itself: other folders, their types alone, and packages (any
 * when not listed).
 */
const rules: {
  readonly folder: string;
  readonly folders: readonly string[];
  readonly types?: readonly string[];
  readonly packages?: readonly string[];
}[] = [
  {
    folder: 'core/transformers',
    folders: ['core'],
    packages: ['@huggingface/transformers', 'onnxruntime-web'],
  },
  { folder: 'core', folders: [], packages: ['zod'] },
  { folder: 'system', folders: [] },
  { folder: 'kafka', folders: ['core'] },
  { folder: 'gateway', folders: ['core', 'kafka', 'system'] },
  { folder: 'client', folders: ['core'], types: ['gateway'], packages: ['zod'] },
  { folder: 'node-runner', folders: ['core', 'core/transformers', 'system'] },
  { folder: 'browser-runner', folders: ['core', 'system'] },
  { folder: 'pages', folders: ['core', 'core/transformers', 'client'], types: ['gateway'] },
  { folder: 'cli', folders: ['core', 'kafka', 'client', 'system'] },
];

/** Folders whose rooms (folders and files at their top) import each other in one direction only. */
const layered = ['core', 'gateway', 'pages', 'cli'];

type Import = {
  readonly from: string;
  readonly specifier: string;
  readonly target: string | null;
  readonly isType: boolean;
  readonly isUrl: boolean;
};

function importsOf(file: string): Import[] {
  const statements = [
    ...read(file).matchAll(/(?:^|\n)\s*(?:import|export)\s+(type\s)?[^'";]*?from\s+'([^']+)'/g),
  ].map(([, type, specifier = '']) => ({ specifier, isType: type !== undefined, isUrl: false }));
  const loaded = [...read(file).matchAll(/import\s*\(?\s*'([^']+)'/g)].map(
    ([, specifier = '']) => ({ specifier, isType: false, isUrl: false }),
  );
  // Started as a worker or a process, or read as a file.
  const urls = [...read(file).matchAll(/new URL\(\s*'([^']+)'/g)].map(([, specifier = '']) => ({
    specifier,
    isType: false,
    isUrl: true,
  }));
  return [...statements, ...loaded, ...urls].map((each) => ({
    ...each,
    from: file,
    target: resolveImport(file, each.specifier),
  }));
}

/**
 * The imported file, from the root; `null` for a package. A URL beside the file may do without the
 * leading dot.
 */
function resolveImport(file: string, specifier: string): string | null {
  if (specifier.startsWith('#core/')) return specifier.slice(1);
  if (specifier.startsWith('.') || existsSync(join(root, dirname(file), specifier)))
    return normalize(join(dirname(file), specifier));
  return null;
}

/** The texts and patterns that tests compare are left whole. */
const literals = /'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|`(?:[^`\\]|\\.)*`?|\/\S.*\/|<.*>/g;
const proseOrTitle = /^\s*(\/\/|\/?\*|(test|it|describe)(\(|\.(?!each|for)))/;
const isLongLine = (file: string, line: string) =>
  // oxlint-disable-next-line typescript/no-misused-spread -- code points, as an editor counts them
  [...(isData(file, line) ? line.replaceAll(literals, '') : line)].length > 100;
const isData = (file: string, line: string) => file.startsWith('test/') && !proseOrTitle.test(line);
const isLong = (file: string) =>
  read(file).split('\n').length > (file.startsWith('test/') ? linesMax.test : linesMax.source);
/** `core/ports.ts` lists what is in `core/ports/`: they are one room. */
const roomOf = (file: string) =>
  file
    .replace(/\.tsx?$/, '')
    .split('/')
    .slice(0, 2)
    .join('/');
const ruleOf = (file: string) => rules.find(({ folder }) => file.startsWith(`${folder}/`));
/** Of core, `core/transformers` is a folder of its own. */
const inside = (file: string, folder: string) =>
  file.startsWith(`${folder}/`) && (folder !== 'core' || !file.startsWith('core/transformers/'));

/** Which rooms of a folder each of them imports. */
function roomsOf(folder: string): Map<string, Set<string>> {
  const graph = new Map<string, Set<string>>();
  for (const file of sources.filter((each) => each.startsWith(`${folder}/`))) {
    const room = roomOf(file);
    const others = importsOf(file).flatMap(({ target }) =>
      target?.startsWith(`${folder}/`) && roomOf(target) !== room ? [roomOf(target)] : [],
    );
    graph.set(room, new Set([...(graph.get(room) ?? []), ...others]));
  }
  return graph;
}

/** The length of the longest chain of imports. */
function floorsOf(graph: ReadonlyMap<string, Iterable<string>>): number {
  const floors = new Map<string, number>();
  const floorOf = (node: string): number => {
    const floor = floors.get(node) ?? 1 + Math.max(0, ...[...(graph.get(node) ?? [])].map(floorOf));
    floors.set(node, floor);
    return floor;
  };
  return Math.max(...[...graph.keys()].map(floorOf));
}

/** One circle of a graph, as `a → b → a`; `null` when it has none. */
function circleOf(graph: ReadonlyMap<string, Iterable<string>>): string | null {
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (node: string): string | null => {
    if (path.includes(node)) return [...path.slice(path.indexOf(node)), node].join(' → ');
    if (done.has(node)) return null;
    path.push(node);
    for (const next of graph.get(node) ?? []) {
      const circle = visit(next);
      if (circle !== null) return circle;
    }
    path.pop();
    done.add(node);
    return null;
  };
  for (const node of graph.keys()) {
    const circle = visit(node);
    if (circle !== null) return circle;
  }
  return null;
}

describe('the tree', () => {
  test('imports go one way: towards core', () => {
    const wrong: string[] = [];
    for (const file of sources) {
      const rule = ruleOf(file);
      if (!rule) continue;
      for (const { specifier, target, isType } of importsOf(file)) {
        if (target === null) {
          if (rule.packages && !rule.packages.includes(specifier))
            wrong.push(`${file} imports ${specifier}`);
          continue;
        }
        const isOwn = ruleOf(target) === rule;
        const isAllowed =
          !/\.(tsx?|mjs)$/.test(target) ||
          rule.folders.some((folder) => inside(target, folder)) ||
          (isType && rule.types?.some((folder) => inside(target, folder)));
        if (!isOwn && !isAllowed) wrong.push(`${file} imports ${specifier}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  test('core draws no random number of its own: a seed reproduces what it does', () => {
    const draws = /^(?!\s*(\/\/|\/?\*)).*\bMath\.random\b/m;
    const core = sources.filter((file) => file.startsWith('core/'));
    expect(core.filter((file) => draws.test(read(file)))).toEqual([]);
  });

  test('no file imports itself by way of others', () => {
    const graph = new Map(
      sources.map((file) => [
        file,
        importsOf(file).flatMap(({ target, isUrl }) => (isUrl ? [] : (target ?? []))),
      ]),
    );
    expect(circleOf(graph)).toBeNull();
  });

  test.each(layered)('the rooms of %s/ import each other in one direction', (folder) => {
    const graph = roomsOf(folder);
    expect(graph.size).toBeGreaterThan(1);
    expect(circleOf(graph)).toBeNull();
  });

  test('core has at most 16 rooms beside its contracts, and the gateway at most 8 floors', () => {
    const others = ['core/ports', 'core/globals.d', 'core/transformers'];
    const rooms = [...roomsOf('core').keys()].filter((room) => !others.includes(room));
    expect(rooms.length, rooms.join()).toBeLessThanOrEqual(16);
    expect(floorsOf(roomsOf('gateway'))).toBeLessThanOrEqual(8);
  });

  test('the threads of the database load one package, sqlite-vec: they start fast', () => {
    const packages = new Set<string>();
    const seen = new Set<string>();
    const visit = (file: string) => {
      if (seen.has(file)) return;
      seen.add(file);
      for (const { specifier, target, isType } of importsOf(file)) {
        if (isType) continue;
        if (target !== null) visit(target);
        else if (!specifier.startsWith('node:')) packages.add(specifier);
      }
    };
    visit('gateway/embedded/reader.ts');
    visit('gateway/embedded/writer.ts');
    expect([...packages]).toEqual(['sqlite-vec']);
  });

  test('no two source files have the same name', () => {
    const allowed = ['main.ts', 'main.tsx'];
    const names = Map.groupBy(sources, (file) => basename(file));
    expect(
      [...names]
        .filter(([name, files]) => files.length > 1 && !allowed.includes(name))
        .map(([, files]) => files),
    ).toEqual([]);
  });

  test('every source file is used by an entry point or a test', () => {
    const scripts = ['package.json', '.ci/run', 'Dockerfile']
      .filter((file) => tracked.includes(file))
      .map(read)
      .join('\n');
    const ofPages = tracked
      .filter((file) => file.endsWith('.html'))
      .flatMap((file) =>
        [...read(file).matchAll(/<script[^>]* src="([^"]+)"/g)].map((match) =>
          normalize(join(dirname(file), match[1] ?? '')),
        ),
      );
    const isEntry = (file: string) =>
      file.endsWith('.test.ts') ||
      ['vite.config.ts', ...ofPages].includes(file) ||
      file.endsWith('.d.ts') ||
      scripts.includes(file);
    const reached = new Set<string>();
    const visit = (file: string) => {
      if (reached.has(file) || !sources.includes(file)) return;
      reached.add(file);
      // A process started by path is used as much as an imported module is.
      const mentioned = sources.filter((other) => read(file).includes(`${other}'`));
      for (const target of [
        ...importsOf(file).flatMap((entry) => entry.target ?? []),
        ...mentioned,
      ])
        visit(target);
    };
    sources.filter(isEntry).forEach(visit);
    expect(sources.filter((file) => !reached.has(file))).toEqual([]);
  });

  test('files stay short, or say why not', () => {
    expect(sources.filter((file) => isLong(file) && !(file in longFiles))).toEqual([]);
    const listed = Object.keys(longFiles);
    expect(listed.filter((file) => !existsSync(join(root, file)) || !isLong(file))).toEqual([]);
  });

  test('lines stay within 100 columns, but for literals of tests', () => {
    const long = sources.flatMap((file) =>
      read(file)
        .split('\n')
        .flatMap((line, index) => (isLongLine(file, line) ? [`${file}:${index + 1}`] : [])),
    );
    expect(long).toEqual([]);
  });

  test('every source file opens with a sentence on what it ensures', () => {
    const silent = sources.filter(
      (file) => !read(file).startsWith('// ') && file !== 'vite.config.ts',
    );
    expect(silent).toEqual([]);
  });

  test('no path of a machine and no registry host is written anywhere', () => {
    const text = tracked.filter(
      (file) => !file.startsWith('models/') && statSync(join(root, file)).size < 5_000_000,
    );
    const forbidden = /registry\.npmjs|(?<![\w.])\/(?:home|root|Users|work)\/\w/;
    expect(text.filter((file) => forbidden.test(read(file)))).toEqual([]);
  });
});
