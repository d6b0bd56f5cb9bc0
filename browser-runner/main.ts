// Starts the browser runner: `npm run browser-runner`.

import { enableCompileCache } from 'node:module';

// Before all other imports, so that their compiled code is cached between starts.
enableCompileCache();
const { main } = await import('./browser-runner.ts');
await main(process.argv.slice(2), process.env);
