// A process that holds a data folder until it is killed.

import { openFolder } from './embedded-harness.ts';

const [path = ''] = process.argv.slice(2);
await openFolder(path);
process.send?.('open');
