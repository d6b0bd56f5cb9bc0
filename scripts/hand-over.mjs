// Runs the program of an npm script for the set-up that came before it, and ends together with it.
// Without dependencies and for Node 20, as the set-up itself.
//
//   npm ──► (shell) ──► set-up ──► program
//
// npm passes SIGTERM on to the shell alone, and a killed npm tells nobody. So the set-up looks
// whether both are still there. The program has a process group of its own: whatever is signalled,
// it is told to stop once, and the set-up ends after it.

import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { basename, join } from 'node:path';
import { isatty } from 'node:tty';

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
const watchMs = 250;
/** A Ctrl-C arrives twice: from the terminal, and from npm. */
const sameSignalMs = 500;
const children = new Set();
let stoppedAt = -Infinity;
let exitCode = null;

/** From now on this process ends its children before itself, whichever of them is told to end. */
export function endChildrenFirst() {
  // Without a terminal, as under nohup, the end of a terminal does not matter.
  const hasTerminal = [0, 1, 2].some((descriptor) => isatty(descriptor));
  for (const signal of signals)
    process.on(signal, () => {
      if (signal !== 'SIGHUP' || hasTerminal) stop(signal);
    });
  // Only npm's end is an end: whoever starts a program by hand may leave it running.
  if (process.env.npm_lifecycle_event === undefined) return;
  const ancestors = ancestorsUpToNpm();
  const watch = setInterval(() => {
    if (ancestors.every(isThere) && process.ppid === ancestors[0]) return;
    clearInterval(watch);
    stop('SIGTERM');
  }, watchMs);
  watch.unref();
}

/** The child gets the signals of this process until it has ended. */
export function endFirst(child) {
  children.add(child);
  child.once('exit', () => children.delete(child));
  child.once('error', () => children.delete(child));
  return child;
}

/** Call it after a child has ended that may have been told to. */
export function exitIfStopped() {
  if (exitCode !== null) process.exit(exitCode);
}

/** Runs `node …` of package.json's script, and ends as it ends. */
export function handOver({ root, node, script, flags }) {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const [, ...words] = scripts[script].split(' ');
  const child = endFirst(
    spawn(node, [...words, ...flags], {
      // By the IPC channel the program learns that this process was killed.
      stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
      detached: process.platform !== 'win32',
    }),
  );
  child.once('error', (error) => {
    process.stderr.write(`${node} cannot be started: ${error.message}\n`);
    process.exit(1);
  });
  child.once('exit', (code, signal) => {
    if (signal === null) process.exit(code);
    for (const each of signals) process.removeAllListeners(each);
    process.kill(process.pid, signal);
  });
}

function stop(signal) {
  const now = performance.now();
  if (now - stoppedAt < sameSignalMs) return;
  stoppedAt = now;
  exitCode = 128 + constants.signals[signal];
  if (children.size === 0) process.exit(exitCode);
  // A program has no terminal of its own that could hang up.
  for (const child of children) child.kill(signal === 'SIGINT' ? 'SIGINT' : 'SIGTERM');
}

/** The parent, and if that is the shell of the npm script, npm. */
function ancestorsUpToNpm() {
  if (process.platform !== 'linux') return [process.ppid];
  const command = read(`/proc/${process.ppid}/cmdline`).split('\0');
  const isShell = /^(ba|da|a|z|k)?sh$|^busybox$/.test(basename(command[0])) && command[1] === '-c';
  const npm = Number(/\) \w (\d+)/.exec(read(`/proc/${process.ppid}/stat`))?.[1]);
  return isShell && npm > 0 ? [process.ppid, npm] : [process.ppid];
}

function read(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

function isThere(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}
