// `npm run browser-runner`.

import { enableCompileCache } from 'node:module';

// Before the rest is imported, which is then compiled once and not at every start.
enableCompileCache();
const { main } = await import('./browser-runner.ts');
await main(process.argv.slice(2), process.env);
