// `npm run bench`: measures the real programs on this machine, and compares the figures with the
// project's targets.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { UsageError } from '#core/errors/errors.ts';
import { integer, text, toggle, type Command, type FlagValues, section } from '../cli/flags.ts';
import { listenForInterrupt } from '../cli/interrupt.ts';
import { runCommand } from '../cli/run-command.ts';
import { makeFolder } from '../system/make-folder.ts';
import { answers } from './answers-benchmark.ts';
import { root } from './bench-gateway.ts';
import { conditions, conditionsLine, limitCores } from './bench-machine.ts';
import { isMet, type Benchmark, type BenchmarkContext, type Row } from './benchmark.ts';
import { compareRows, type Turn } from './compare-rows.ts';
import { deadLetters } from './dead-letters-benchmark.ts';
import { embed } from './embed-benchmark.ts';
import { gpu } from './gpu-benchmark.ts';
import { guarantees } from './guarantees-benchmark.ts';
import { kafka } from './kafka-benchmark.ts';
import { mapping } from './mapping-benchmark.ts';
import { memory } from './memory-benchmark.ts';
import { unpackRevision } from './older-program.ts';
import { parse } from './parse-benchmark.ts';
import { recovery } from './recovery-benchmark.ts';
import { search } from './search-benchmark.ts';
import { start } from './start-benchmark.ts';
import { store } from './store-benchmark.ts';
import { stream } from './stream-benchmark.ts';
import { table } from './table.ts';
import { trust } from './trust-benchmark.ts';

const benchmarks: readonly Benchmark[] = [
  embed,
  stream,
  memory,
  start,
  store,
  search,
  answers,
  guarantees,
  recovery,
  parse,
  mapping,
  trust,
  kafka,
  deadLetters,
];

/** What they measure is only the gateway's, so that another version's can take its place. */
const comparable: readonly Benchmark[] = [stream, memory, start, search, kafka, deadLetters];

const flags = {
  ...section('What to measure', {
    only: text(
      'NAMES',
      null,
      `only these, separated by commas: ${benchmarks.map(({ name }) => name).join(', ')}`,
    ),
    cores: integer(
      'N',
      null,
      1,
      1024,
      'only the first N cores, for this program and its children (Linux)',
    ),
    gpu: toggle('only embedding on a GPU by WebGPU, which is in no other run'),
    quick: toggle('a tenth of the work: faster, with rough figures'),
    against: text(
      'REVISION',
      null,
      'also the gateway of this git revision, in turns: shows the ratio to it',
    ),
  }),
  ...section('Output', {
    json: text('FILE', null, 'also writes conditions and figures to this file'),
    profile: text(
      'FOLDER',
      null,
      'writes CPU profiles of gateway and runners here, for Chrome DevTools',
    ),
  }),
};

const list = benchmarks.map(({ name, about }) => `  ${name.padEnd(10)} ${about}`).join('\n');
const command: Command<typeof flags> = {
  usage: 'npm run bench --',
  about:
    'Measures VectorStream on this machine, with its own gateways and runners in a temporary ' +
    `folder. Nothing else should run meanwhile.\n\n${list}`,
  flags,
  operands: [],
  variables: { KAFKA_BROKERS: 'brokers for the benchmark kafka', QDRANT_URL: 'its store' },
};

/** How long a gateway and its runners may take to end in order. */
const graceMs = 20_000;

type Result = {
  readonly name: string;
  readonly about: string;
  readonly seconds: number;
  readonly rows: readonly Row[];
};

async function bench(values: FlagValues<typeof flags>): Promise<number> {
  const all = values.against === null ? benchmarks : comparable;
  const chosen = values.gpu ? [gpu] : chosenFrom(values.only, all);
  const profileFolder = values.profile === null ? null : resolve(values.profile);
  if (profileFolder !== null) makeFolder(profileFolder);
  if (values.json !== null) await requireWritable(values.json);
  if (values.cores !== null) limitCores(values.cores);
  using interrupt = listenForInterrupt(graceMs);
  const measuredOn = conditions();
  process.stdout.write(`${conditionsLine(measuredOn)}\n`);

  const results: Result[] = [];
  try {
    for (const benchmark of chosen)
      results.push(
        await measure(benchmark, {
          isQuick: values.quick,
          profileFolder,
          signal: interrupt.stop,
          against: values.against,
        }),
      );
  } catch (error) {
    if (!interrupt.stop.aborted) throw error;
    process.stderr.write('Stopped.\n');
    return 130;
  }
  if (values.json !== null) {
    const report = { conditions: measuredOn, quick: values.quick, benchmarks: results };
    await writeFile(values.json, `${JSON.stringify(report, null, 2)}\n`);
  }
  if (results.every(({ rows }) => rows.length === 0)) {
    process.stdout.write('\nNothing was measured.\n');
    return 0;
  }
  const isAllMet = results.every(({ rows }) => rows.every(isMet));
  process.stdout.write(isAllMet ? '\nEvery target is met.\n' : '\nSome targets are not met.\n');
  return isAllMet ? 0 : 1;
}

/** Fails before minutes of work, and not after them. */
async function requireWritable(file: string): Promise<void> {
  await writeFile(file, '').catch((error: Error) => {
    throw new UsageError(`--json ${file} cannot be written: ${error.message}.`);
  });
}

type MeasureOptions = Pick<BenchmarkContext, 'isQuick' | 'profileFolder' | 'signal'> & {
  /** The revision to compare with; `null` for none. */
  readonly against: string | null;
};

async function measure(benchmark: Benchmark, options: MeasureOptions): Promise<Result> {
  const { name, about } = benchmark;
  process.stdout.write(`\n${name}: ${about}\n`);
  const folder = await mkdtemp(join(tmpdir(), 'vectorstream-bench-'));
  const startedAt = performance.now();
  try {
    const rows = await rowsOf(benchmark, folder, options);
    process.stdout.write(`${table(rows)}\n`);
    return { name, about, seconds: Math.round((performance.now() - startedAt) / 100) / 10, rows };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const say = (line: string): boolean => process.stderr.write(`  … ${line}\n`);

async function rowsOf(
  { run }: Benchmark,
  folder: string,
  { against, ...options }: MeasureOptions,
): Promise<readonly Row[]> {
  if (against === null) return run({ ...options, folder, program: root, say });
  const other = join(folder, 'revision');
  await unpackRevision(against, other);
  const measured = (name: string, program: string): Promise<readonly Row[]> => {
    const own = join(folder, name);
    makeFolder(own);
    return run({ ...options, folder: own, program, say: (line) => say(`${name}: ${line}`) });
  };
  const ours = (turn: number) => measured(`ours-${turn}`, root);
  const theirs = (turn: number) => measured(`theirs-${turn}`, other);
  const turns: readonly Turn[] = [
    { ours: await ours(1), theirs: await theirs(1) },
    { theirs: await theirs(2), ours: await ours(2) },
  ];
  return compareRows(turns, against);
}

function chosenFrom(only: string | null, from: readonly Benchmark[]): readonly Benchmark[] {
  if (only === null) return from;
  return only.split(',').map((name) => {
    const found = from.find((benchmark) => benchmark.name === name.trim());
    if (found === undefined)
      throw new UsageError(
        `--only names "${name}"; allowed are ` +
          `${from.map((benchmark) => benchmark.name).join(', ')}.`,
      );
    return found;
  });
}

await runCommand(command, process.argv.slice(2), bench);
