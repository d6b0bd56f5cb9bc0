// Starts the gateway with `npm start`, in a process that keeps files private and memory small.

import { enableCompileCache } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';

// On a shared machine only the owner may read users' events.
process.umask(0o077);
// Loading modules leaves little behind: the young generation keeps its first size for now.
setFlagsFromString('--semi-space-growth-factor=1');
setFlagsFromString('--optimize-for-size');
// Before the other imports: they are compiled once instead of at every start. Database threads and
// runners inherit the variable, so that none of them loads TypeScript's 15 MB type stripper.
enableCompileCache();
process.env['NODE_COMPILE_CACHE'] ??= join(tmpdir(), 'node-compile-cache');
const { main } = await import('./gateway-command.ts');
const { growYoungGenerationOnce } = await import('./young-generation.ts');
// While events stream, optimize-for-size would collect too often. Between two collections the old
// generation may grow by 60 %: V8's own choice takes a hundred megabytes more and saves little
// (docs/benchmarks.md has the figures).
setFlagsFromString('--no-optimize-for-size');
setFlagsFromString('--heap-growing-percent=60');
growYoungGenerationOnce();
await main(process.argv.slice(2), process.env);
