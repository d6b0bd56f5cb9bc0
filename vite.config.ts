import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Plugin } from 'vite';
import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';
import { compressPages } from './scripts/compress-pages.ts';
import { SlowTestsFirst } from './scripts/slow-tests-first.ts';
import { writeApiReference } from './scripts/write-api-reference.ts';
import { writePrecache } from './scripts/write-precache.ts';

type ProjectConfig = NonNullable<TestProjectInlineConfiguration['test']>;

const fuzzTests = 'test/fuzz/*.test.ts';
/** They take more than an hour on two cores. */
const heavyTests = [
  'test/browser/demo-webgpu.long.test.ts',
  'test/browser/mixed-fleet.long.test.ts',
  'test/guarantees/shared-runner.long.test.ts',
  'test/mutations/*.long.test.ts',
  'test/guarantees/faults-alone.long.test.ts',
  'test/guarantees/mixed-faults-*.long.test.ts',
];
/** They compare speeds, so nothing runs beside them. */
const measuringTests = ['test/guarantees/hostile.long.test.ts'];
const require = createRequire(import.meta.url);

// Worker threads of tests read compiled modules from the same place as the programs: without it, a
// database worker spends most of its start on TypeScript.
process.env['NODE_COMPILE_CACHE'] ??= join(tmpdir(), 'node-compile-cache');

// `npm test` leaves out `*.long.test.ts`; `npm run test:full` (vitest --mode full) runs everything.
export default defineConfig(({ mode, command }) => {
  const report = process.env['VECTORSTREAM_TEST_REPORT'];
  const cores = availableParallelism();
  const leftOut = mode === 'full' ? [] : ['test/**/*.long.test.ts'];
  return {
    ...(command === 'build' ? pages() : {}),
    test: {
      // A deadline says when to give up, never how fast something is: machines may be busy.
      testTimeout: mode === 'full' ? 600_000 : 60_000,
      hookTimeout: mode === 'full' ? 600_000 : 120_000,
      expect: { poll: { timeout: 45_000 } },
      // Most tests wait for their own processes: on small machines, one worker more than there are
      // cores keeps the cores busy. Long tests start many processes.
      maxWorkers: mode === 'full' ? Math.max(3, cores - 1) : cores + 1,
      sequence: { sequencer: SlowTestsFirst },
      // Tests that measure memory collect garbage first.
      execArgv: ['--expose-gc'],
      setupFiles: ['test/helpers/property-seed.ts'],
      provide: { fixedPropertySeed: mode !== 'full' || Boolean(process.env['CI']) },
      projects: [
        // The files share nothing but modules, and a process for each would cost half a second.
        project('shared', ['test/**/*.test.ts'], {
          exclude: [...leftOut, ...heavyTests, ...measuringTests, fuzzTests],
        }),
        // The fuzzer reads the coverage of every module in its process.
        project('alone', [fuzzTests], { exclude: leftOut, isolate: true }),
        project('heavy', heavyTests, { exclude: leftOut }),
        project('measuring', measuringTests, {
          exclude: leftOut,
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
        }),
      ],
      reporters: report ? ['default', ['json', { outputFile: report }]] : ['default'],
    },
  };
});

function project(name: string, include: string[], options: ProjectConfig) {
  return { extends: true as const, test: { name, include, isolate: false, ...options } };
}

/** `npm run build`: the browser pages, which the gateway serves from dist/pages. */
function pages() {
  return {
    root: 'pages',
    // Relative addresses: a gateway may be served below a path.
    base: './',
    publicDir: false as const,
    // The runtime's module stays a separate file: the pages name its address, and its threads load
    // it.
    resolve: { conditions: ['onnxruntime-web-use-extern-wasm', 'module', 'browser', 'production'] },
    oxc: { jsx: { runtime: 'automatic' as const, importSource: 'preact' } },
    define: {
      RUNTIME_BYTES: String(
        statSync(require.resolve('onnxruntime-web/ort-wasm-simd-threaded.asyncify.wasm')).size,
      ),
    },
    worker: { format: 'es' as const },
    plugins: [finish()],
    build: {
      outDir: '../dist/pages',
      emptyOutDir: true,
      target: 'es2023',
      // The pages' content security policy forbids data: URLs.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      chunkSizeWarningLimit: 1024,
      rolldownOptions: {
        input: {
          console: resolve('pages/console/index.html'),
          lend: resolve('pages/lend/index.html'),
          demo: resolve('pages/demo/index.html'),
          design: resolve('pages/design/index.html'),
          'demo-offline': resolve('pages/demo/service-worker.ts'),
        },
        // A service worker controls the folder that it is served from, and needs the same address
        // in every version.
        output: {
          entryFileNames: ({ name }: { readonly name: string }) =>
            name === 'demo-offline' ? '[name].js' : 'assets/[name]-[hash].js',
        },
      },
    },
  };
}

function finish(): Plugin {
  let folder = '';
  return {
    name: 'finish-pages',
    configResolved(config) {
      folder = resolve(config.root, config.build.outDir);
    },
    async closeBundle() {
      // The gateway serves demo/index.html as /demo, which is one level higher.
      for (const page of ['console', 'demo', 'design', 'lend']) {
        const file = resolve(folder, page, 'index.html');
        writeFileSync(file, readFileSync(file, 'utf8').replaceAll('"../assets/', '"assets/'));
      }
      writePrecache(folder, 'demo/index.html', 'demo-offline.js');
      writeApiReference(folder);
      await compressPages(folder);
    },
  };
}
