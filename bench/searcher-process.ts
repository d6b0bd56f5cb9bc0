// A process that searches a gateway. Its argument is JSON with the options; it prints the times as
// JSON.

import { searchAtRate, type SearchOptions } from './searcher.ts';

const options: SearchOptions = JSON.parse(process.argv[2] ?? '');
process.stdout.write(JSON.stringify(await searchAtRate(options)));
