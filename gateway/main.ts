// `npm start`.
import { enableCompileCache } from 'node:module';
import { setFlagsFromString } from 'node:v8';

// A stream makes garbage without end; V8 would rather grow than collect it: 450 MB resident instead of 240 (npm run bench -- --only memory).
setFlagsFromString('--optimize-for-size');
// Before the rest is imported, which is then compiled once and not at every start.
enableCompileCache();
const { main } = await import('./run.ts');
await main(process.argv.slice(2), process.env);
