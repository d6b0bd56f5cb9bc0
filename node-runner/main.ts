// `npm run runner`.

import { enableCompileCache } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

// Before the rest is imported, which is then compiled once and not at every start; workers and
// probes inherit the variable.
enableCompileCache();
process.env['NODE_COMPILE_CACHE'] ??= join(tmpdir(), 'node-compile-cache');
const { main } = await import('./node-runner.ts');
await main(process.argv.slice(2), process.env);
