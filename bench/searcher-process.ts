// A process that searches a gateway: what to ask as JSON in its argument, what it took as JSON on
// its output.

import { type Searching, searchSteadily } from './searcher.ts';

const searching: Searching = JSON.parse(process.argv[2] ?? '');
process.stdout.write(JSON.stringify(await searchSteadily(searching)));
