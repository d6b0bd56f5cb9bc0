// The program of `npm run runner`.

import { enableCompileCache } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

// Enabled before the other imports, so that they are compiled only once and not at every start;
// workers and probes inherit the variable.
enableCompileCache();
process.env['NODE_COMPILE_CACHE'] ??= join(tmpdir(), 'node-compile-cache');
const { main } = await import('./node-runner.ts');
await main(process.argv.slice(2), process.env);
