// `npm start`.

import { enableCompileCache } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';

// Users' events are nobody else's on a shared machine: files are made for their owner alone.
process.umask(0o077);
// A stream makes garbage without end, and V8 would rather grow than collect it: 450 MB resident
// (npm run bench -- --only memory). So the nursery keeps its first size, and loading modules leaves
// little behind.
setFlagsFromString('--semi-space-growth-factor=1');
setFlagsFromString('--optimize-for-size');
// Before the rest is imported, which is then compiled once and not at every start. Database threads
// and runners inherit the variable: none of them then loads the 15 MB of TypeScript's stripper.
enableCompileCache();
process.env['NODE_COMPILE_CACHE'] ??= join(tmpdir(), 'node-compile-cache');
const { main } = await import('./gateway-command.ts');
// In a stream that mode would collect too often. What outlives the nursery may grow by so much
// between two collections.
setFlagsFromString('--no-optimize-for-size');
setFlagsFromString('--heap-growing-percent=20');
await main(process.argv.slice(2), process.env);
