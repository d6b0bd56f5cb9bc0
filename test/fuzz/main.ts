// `npm run fuzz -- --target NAME --minutes N`: searches for the given time, keeps inputs that
// reached new code, and stores those that fail.

import { parseArgs } from 'node:util';
import { keepInput, readCorpus } from './corpus.ts';
import { firstFailure, fuzz, type Target } from './fuzzer.ts';
import { targets } from './targets/all.ts';

const usage = `npm run fuzz -- [--target NAME] [--minutes N] [--seed N] [--replay FILE]
  --target   one of ${targets.map(({ name }) => name).join(', ')} (default: each in turn)
  --minutes  per target (default 1)
  --seed     repeats a search (default: the clock)
  --replay   runs one file of test/fuzz/corpus/NAME only`;

const { values } = parseArgs({
  options: {
    target: { type: 'string' },
    minutes: { type: 'string', default: '1' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    replay: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
const minutes = Number(values.minutes);
const seed = Number(values.seed);
const chosen = targets.filter(({ name }) => values.target === undefined || name === values.target);
const stop = new AbortController();
process.once('SIGINT', () => stop.abort());

if (values.help) say(usage);
else if (
  chosen.length === 0 ||
  !(minutes > 0) ||
  !Number.isSafeInteger(seed) ||
  (values.replay !== undefined && chosen.length !== 1)
) {
  process.stderr.write(`${usage}\n`);
  process.exitCode = 2;
} else {
  for (const target of chosen) {
    if (!stop.signal.aborted)
      process.exitCode = (await (values.replay === undefined
        ? search(target)
        : replay(target, values.replay)))
        ? (process.exitCode ?? 0)
        : 1;
  }
  // Resources that an input left open must not keep the program running.
  process.exit();
}

async function search(target: Target): Promise<boolean> {
  const begun = performance.now();
  const seconds = (): number => (performance.now() - begun) / 1000;
  let told = 0;
  const { executions, reached, found, failure } = await fuzz(target, {
    corpus: readCorpus(target.name).map(({ input }) => input),
    seed,
    executionsMax: Infinity,
    isOver: () => stop.signal.aborted || seconds() > minutes * 60,
    onBatch(state) {
      if (seconds() - told < 10) return;
      told = seconds();
      say(
        `${target.name}: ${told.toFixed(0)} s, ${state.executions} executions, ${state.kept} ` +
          `kept, ${state.reached} characters of code reached`,
      );
    },
  });
  for (const input of found) keepInput(target.name, 'found', input);
  say(
    `${target.name}: seed ${seed}, ${executions} executions in ${seconds().toFixed(1)} s ` +
      `(${(executions / seconds()).toFixed(0)}/s), ${reached} characters of code reached,` +
      ` ${found.length} new inputs kept in test/fuzz/corpus/${target.name}`,
  );
  if (failure === null) return true;
  const name = keepInput(target.name, 'failing', failure.input);
  say(
    `${target.name} FAILS: ${textOf(failure.error)}\n` +
      `${JSON.stringify(failure.input.toString().slice(0, 2000))}\nAgain: npm run fuzz -- ` +
      `--target ${target.name} --replay ${name}`,
  );
  return false;
}

async function replay(target: Target, name: string): Promise<boolean> {
  const kept = readCorpus(target.name).find((entry) => entry.name === name);
  if (kept === undefined) throw new Error(`There is no ${name} in test/fuzz/corpus/${target.name}`);
  const failure = await firstFailure(target, [kept.input]);
  say(failure === null ? `${name} holds` : `${name} FAILS: ${textOf(failure.error)}`);
  return failure === null;
}

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
