// What `npm run import` does, step by step: plan, hash, send, report, wait; exit codes 0, 130 when
// stopped.

import { resolve } from 'node:path';
import type { Clock } from '#core/ports.ts';
import { count } from '../progress-bar.ts';
import type { ImportFlags } from './import-flags.ts';
import { importLog, type ImportResult } from './import-log.ts';
import { type Plan, planImport } from './import-plan.ts';
import { reportText } from './import-report.ts';
import { hashLog, sizeOfLog } from './open-file.ts';
import type { Post } from './ordered-sender.ts';
import { noReportFile, openReportFile } from './report-file.ts';
import { ProgressFile } from './saved-progress.ts';

/** How the store and the dead-letter queue grew since the gateway was connected to. */
export type Settled = { readonly added: number; readonly deadLettered: number };

/** A gateway to import into, for as long as it is held. */
export type Target = AsyncDisposable & {
  readonly url: string;
  /** Whether it was started for this import and ends with it. */
  readonly own: boolean;
  readonly post: Post;
  /**
   * Resolves when everything accepted so far can be found, with what became of it. Rejects with the
   * signal's reason.
   */
  searchable(signal: AbortSignal, onLeft: (left: number, note: string) => void): Promise<Settled>;
};

export type Surroundings = {
  readonly clock: Clock;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  readonly dataDir: string;
  connect(url: string | null, dataDir: string): Promise<Target>;
  /** A line of result, for standard output. */
  say(text: string): void;
  /** In bytes of the file, or in events when it is about making them searchable. */
  progress(
    phase: 'reading' | 'importing' | 'making searchable',
    done: number,
    of: number,
    note: string,
  ): void;
};

/** Resolves to the exit code. Throws `UsageError` for a file, mapping or flag that cannot be used. */
export async function runImport(
  path: string,
  flags: ImportFlags,
  around: Surroundings,
): Promise<number> {
  const size = await sizeOfLog(path);
  const plan = await planImport(path, {
    mapping: flags.mapping,
    delimiter: flags.delimiter,
    quote: flags.quote,
    encoding: flags.encoding,
    decimal: flags.decimal,
    dateFormat: flags['date-format'],
    timeZone: flags['time-zone'],
  });
  for (const [name, value] of plan.facts) around.say(`${name.padEnd(9)} ${value}`);
  const hash = await unlessStopped(
    around,
    hashLog(path, around.signal, (done) => around.progress('reading', done, size, '')),
  );
  if (hash === null) return stopped(around, 'nothing was sent');
  return flags['dry-run']
    ? dryRun(path, plan, hash, flags, around)
    : importInto(path, plan, hash, flags, around);
}

async function dryRun(
  path: string,
  plan: Plan,
  hash: string,
  flags: ImportFlags,
  around: Surroundings,
): Promise<number> {
  const result = await importAndReport(path, plan, hash, flags, around, null);
  around.say(`\n${reportText(result.account, 'fit to import')}\nA dry run: nothing was sent.`);
  return result.ended === 'stopped' ? 130 : 0;
}

async function importInto(
  path: string,
  plan: Plan,
  hash: string,
  flags: ImportFlags,
  around: Surroundings,
): Promise<number> {
  const dataDir = flags['data-dir'] ?? around.dataDir;
  await using target = await unlessStopped(around, around.connect(flags.target, dataDir));
  if (target === null) return stopped(around, 'nothing was sent');
  around.say(
    `target    ${target.url}${target.own ? `, started for this import on ${dataDir}` : ''}`,
  );
  const result = await importAndReport(path, plan, hash, flags, around, {
    post: target.post,
    saved: new ProgressFile(dataDir, hash),
    restart: flags.restart,
    // A gateway started here is known by its data; one at an address by its address.
    fingerprint: JSON.stringify([plan.fingerprint, target.own ? resolve(dataDir) : target.url]),
  });
  around.say(`\n${resumedText(result)}${reportText(result.account, 'imported')}`);
  if (result.ended === 'stopped')
    return stopped(around, 'run the same command again to go on where this stopped');
  if (!flags['no-wait']) {
    const settled = await untilSearchable(target, around);
    if (settled === null)
      return stopped(
        around,
        'what was imported is kept, and a running gateway makes the rest of it searchable',
      );
    around.say(settledText(settled));
  }
  around.say(howToSearch(target));
  return 0;
}

async function importAndReport(
  path: string,
  plan: Plan,
  hash: string,
  flags: ImportFlags,
  around: Surroundings,
  target: Parameters<typeof importLog>[0]['target'],
): Promise<ImportResult> {
  const reportFile = flags.report === null ? noReportFile : await openReportFile(flags.report);
  const result = await importLog({
    path,
    plan,
    hash,
    target,
    reportFile,
    limit: flags.limit ?? Infinity,
    clock: around.clock,
    signal: around.signal,
    onProgress: (done, of, rows) => around.progress('importing', done, of, `${count(rows)} rows`),
  }).catch(async (error: unknown) => {
    await reportFile.close(null);
    throw error;
  });
  await reportFile.close({
    file: path,
    sha256: hash,
    mapping: plan.mapping,
    reading: Object.fromEntries(plan.facts),
    ended: result.ended,
    ...result.account,
  });
  return result;
}

function untilSearchable(target: Target, around: Surroundings): Promise<Settled | null> {
  let most = 0;
  return unlessStopped(
    around,
    target.searchable(around.signal, (left, note) => {
      most = Math.max(most, left);
      around.progress('making searchable', most - left, most, note);
    }),
  );
}

/** `null` when it was Ctrl-C that ended the work. */
async function unlessStopped<T>(around: Surroundings, work: Promise<T>): Promise<T | null> {
  try {
    return await work;
  } catch (error) {
    if (around.signal.aborted) return null;
    throw error;
  }
}

function settledText({ added, deadLettered }: Settled): string {
  const lost =
    deadLettered === 0
      ? ''
      : `; ${count(deadLettered)} went to the dead-letter queue (GET /dlq/messages says why)`;
  return `All of it is searchable. The store grew by ${count(added)} events${lost}.`;
}

function stopped(around: Surroundings, then: string): number {
  around.say(`Stopped; ${then}.`);
  return 130;
}

function resumedText({ resumedAtLine }: ImportResult): string {
  return resumedAtLine === 0
    ? ''
    : `Went on after line ${resumedAtLine}, where an earlier run stopped (--restart begins anew).\n`;
}

function howToSearch(target: Target): string {
  const search = `curl -s ${target.url}/search -H 'content-type: application/json' -d '{"query":"lantern","limit":5}'`;
  return target.own
    ? `To search it, start the gateway with  npm start  and ask:\n  ${search}`
    : `Search it:\n  ${search}`;
}
