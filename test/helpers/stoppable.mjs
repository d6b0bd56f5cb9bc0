// A program with one child that tells which signals it gets, and ends after the child.

import { spawn } from 'node:child_process';

const child = spawn(process.execPath, ['-e', 'setInterval(() => undefined, 1000)'], {
  stdio: 'ignore',
});
child.once('exit', () => {
  process.stdout.write('the child has ended\n');
  process.exit(0);
});
const stop = (why) => {
  process.stdout.write(`${why}\n`);
  setTimeout(() => child.kill('SIGKILL'), 300);
};
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => stop(signal));
process.on('disconnect', () => stop('disconnect'));
process.stdout.write('started\n');
