// A process that asks a gateway questions. It reads them as JSON, and prints the times as JSON.

import { text } from 'node:stream/consumers';
import { askAtRate, type Questions } from './questions.ts';

const questions: Questions = JSON.parse(await text(process.stdin));
process.stdout.write(JSON.stringify(await askAtRate(questions)));
