// What `npm run import` does, step by step: plan, hash, send, report, wait; exit codes 0, 130 when stopped.
import { resolve } from 'node:path';

import type { Clock } from '#core/ports.ts';

import type { ImportFlags } from './command.ts';
import { importLog, type ImportResult } from './import-log.ts';
import { hashLog, sizeOfLog } from './open-file.ts';
import type { Post } from './ordered-sender.ts';
import { type Plan, planImport } from './plan.ts';
import { reportText } from './report.ts';
import { noReportFile, openReportFile } from './report-file.ts';
import { ProgressFile } from './saved-progress.ts';

/** A gateway to import into, for as long as it is held. */
export type Target = AsyncDisposable & {
  readonly url: string;
  /** Whether it was started for this import and ends with it. */
  readonly own: boolean;
  readonly post: Post;
  /** Resolves when everything accepted so far can be found. Rejects with the signal's reason. */
  searchable(signal: AbortSignal): Promise<void>;
};

export type Surroundings = {
  readonly clock: Clock;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  readonly dataDir: string;
  connect(url: string | null, dataDir: string, signal: AbortSignal): Promise<Target>;
  /** A line of result, for standard output. */
  say(text: string): void;
  /** Progress of a phase in bytes; the last call of a phase has `done === of`. */
  progress(phase: 'reading' | 'importing', done: number, of: number, rows: number): void;
};

/** Resolves to the exit code. Throws `UsageError` for a file, mapping or flag that cannot be used. */
export async function runImport(path: string, flags: ImportFlags, around: Surroundings): Promise<number> {
  const size = await sizeOfLog(path);
  const plan = await planImport(path, {
    mapping: flags.mapping, delimiter: flags.delimiter, quote: flags.quote, encoding: flags.encoding,
    decimal: flags.decimal, dateFormat: flags['date-format'], timeZone: flags['time-zone'],
  });
  for (const [name, value] of plan.facts) around.say(`${name.padEnd(9)} ${value}`);
  const hash = await hashLog(path, around.signal, (done) => around.progress('reading', done, size, 0)).catch((error: unknown) => {
    if (around.signal.aborted) return null;
    throw error;
  });
  if (hash === null) return stopped(around, 'nothing was sent');
  return flags['dry-run'] ? dryRun(path, plan, hash, flags, around) : importInto(path, plan, hash, flags, around);
}

async function dryRun(path: string, plan: Plan, hash: string, flags: ImportFlags, around: Surroundings): Promise<number> {
  const result = await importAndReport(path, plan, hash, flags, around, null);
  around.say(`\n${reportText(result.account, 'fit to import')}\nA dry run: nothing was sent.`);
  return result.ended === 'stopped' ? 130 : 0;
}

async function importInto(path: string, plan: Plan, hash: string, flags: ImportFlags, around: Surroundings): Promise<number> {
  const dataDir = flags['data-dir'] ?? around.dataDir;
  await using target = await around.connect(flags.target, dataDir, around.signal);
  around.say(`target    ${target.url}${target.own ? `, started for this import on ${dataDir}` : ''}`);
  const result = await importAndReport(path, plan, hash, flags, around, {
    post: target.post, saved: new ProgressFile(dataDir, hash), restart: flags.restart,
    // A gateway started here is known by its data; one at an address by its address.
    fingerprint: JSON.stringify([plan.fingerprint, target.own ? resolve(dataDir) : target.url]),
  });
  around.say(`\n${resumedText(result)}${reportText(result.account, 'imported')}`);
  if (result.ended === 'stopped') return stopped(around, 'run the same command again to go on where this stopped');
  if (!flags['no-wait'] && !(await waited(target, around))) {
    return stopped(around, 'everything is accepted and kept; the gateway makes the rest searchable when it runs');
  }
  around.say(howToSearch(target));
  return 0;
}

async function importAndReport(
  path: string, plan: Plan, hash: string, flags: ImportFlags, around: Surroundings, target: Parameters<typeof importLog>[0]['target'],
): Promise<ImportResult> {
  const reportFile = flags.report === null ? noReportFile : await openReportFile(flags.report);
  const result = await importLog({
    path, plan, hash, target, reportFile, limit: flags.limit ?? Infinity, clock: around.clock, signal: around.signal,
    onProgress: (done, of, rows) => around.progress('importing', done, of, rows),
  });
  await reportFile.close({ file: path, sha256: hash, mapping: plan.mapping, reading: Object.fromEntries(plan.facts), ended: result.ended, ...result.account });
  return result;
}

async function waited(target: Target, around: Surroundings): Promise<boolean> {
  try {
    await target.searchable(around.signal);
    return true;
  } catch (error) {
    if (around.signal.aborted) return false;
    throw error;
  }
}

function stopped(around: Surroundings, then: string): number {
  around.say(`Stopped; ${then}.`);
  return 130;
}

function resumedText({ resumedAtLine }: ImportResult): string {
  return resumedAtLine === 0 ? '' : `Went on after line ${resumedAtLine}, where an earlier run stopped (--restart begins anew).\n`;
}

function howToSearch(target: Target): string {
  const search = `curl -s ${target.url}/search -H 'content-type: application/json' -d '{"query":"lantern","limit":5}'`;
  return target.own
    ? `All of it is searchable. Start the gateway with  npm start  and search it:\n  ${search}`
    : `Search it:\n  ${search}`;
}
