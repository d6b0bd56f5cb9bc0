// The steps of `npm run import`: plan, hash, send, report, wait. Exit code 0, or 130 when stopped.

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

/** How much the store and the dead-letter queue gained since the import connected. */
export type Settled = { readonly added: number; readonly deadLettered: number };

/** The gateway that receives an import. */
export type ImportTarget = AsyncDisposable & {
  readonly url: string;
  /** Whether it was started for this import and ends with it. */
  readonly own: boolean;
  readonly post: Post;
  /** Resolves when everything accepted is searchable. Rejects with the signal's reason. */
  searchable(signal: AbortSignal, onLeft: (left: number, note: string) => void): Promise<Settled>;
};

export type ImportContext = {
  readonly clock: Clock;
  /** Aborts on Ctrl-C. */
  readonly signal: AbortSignal;
  readonly dataDir: string;
  connect(url: string | null, dataDir: string): Promise<ImportTarget>;
  /** Prints a line of the result on standard output. */
  say(text: string): void;
  /** `done` and `total` are bytes of the file, or events in the phase 'making searchable'. */
  progress(
    phase: 'reading' | 'importing' | 'making searchable',
    done: number,
    total: number,
    note: string,
  ): void;
};

/** A planned import of one file. */
type Job = {
  readonly path: string;
  readonly plan: Plan;
  readonly hash: string;
  readonly flags: ImportFlags;
  readonly context: ImportContext;
};

/**
 * Resolves to the exit code.
 *
 * @throws UsageError for a file, mapping or flag that cannot be used
 */
export async function runImport(
  path: string,
  flags: ImportFlags,
  context: ImportContext,
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
    skipLines: flags['skip-lines'],
  });
  for (const [name, value] of plan.facts) context.say(`${name.padEnd(9)} ${value}`);
  const hash = await unlessStopped(
    context,
    hashLog(path, context.signal, (done) => context.progress('reading', done, size, '')),
  );
  if (hash === null) return stopped(context, 'nothing was sent');
  const job = { path, plan, hash, flags, context };
  return flags['dry-run'] ? dryRun(job) : importFile(job);
}

async function dryRun(job: Job): Promise<number> {
  const result = await importAndReport(job, null);
  job.context.say(`\n${reportText(result.account, 'fit to import')}\nA dry run: nothing was sent.`);
  return result.ended === 'stopped' ? 130 : 0;
}

async function importFile(job: Job): Promise<number> {
  const { plan, hash, flags, context } = job;
  const dataDir = flags['data-dir'] ?? context.dataDir;
  await using target = await unlessStopped(context, context.connect(flags.target, dataDir));
  if (target === null) return stopped(context, 'nothing was sent');
  context.say(
    `target    ${target.url}${target.own ? `, started for this import on ${dataDir}` : ''}`,
  );
  const result = await importAndReport(job, {
    post: target.post,
    saved: new ProgressFile(dataDir, hash),
    restart: flags.restart,
    // A gateway started here is identified by its data, any other by its address.
    fingerprint: JSON.stringify([plan.fingerprint, target.own ? resolve(dataDir) : target.url]),
  });
  context.say(`\n${resumedText(result)}${reportText(result.account, 'imported')}`);
  if (result.ended === 'stopped')
    return stopped(context, 'run the same command again to resume here');
  if (!flags['no-wait']) {
    const settled = await untilSearchable(target, context);
    if (settled === null)
      return stopped(
        context,
        'what was imported is kept, and a running gateway makes the rest of it searchable',
      );
    context.say(settledText(settled));
  }
  context.say(howToSearch(target, result.example));
  return 0;
}

async function importAndReport(
  { path, plan, hash, flags, context }: Job,
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
    clock: context.clock,
    signal: context.signal,
    onProgress: (done, total, rows) =>
      context.progress('importing', done, total, `${count(rows)} rows`),
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

function untilSearchable(target: ImportTarget, context: ImportContext): Promise<Settled | null> {
  let most = 0;
  return unlessStopped(
    context,
    target.searchable(context.signal, (left, note) => {
      most = Math.max(most, left);
      context.progress('making searchable', most - left, most, note);
    }),
  );
}

/** `null` when Ctrl-C ended the work. */
async function unlessStopped<T>(context: ImportContext, work: Promise<T>): Promise<T | null> {
  try {
    return await work;
  } catch (error) {
    if (context.signal.aborted) return null;
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

function stopped(context: ImportContext, then: string): number {
  context.say(`Stopped; ${then}.`);
  return 130;
}

function resumedText({ resumedAtLine }: ImportResult): string {
  return resumedAtLine === 0
    ? ''
    : `Resumed after line ${resumedAtLine}, where an earlier run stopped ` +
        '(--restart begins at the first line).\n';
}

/** `example`: what the log has, in words that no shell reads as anything else. */
function howToSearch({ url, own }: ImportTarget, example: string | null): string {
  const words = (example ?? '').match(/[\p{L}\p{N}]+/gu)?.slice(0, 5) ?? ['lantern'];
  const search = `npm run search "--" "${words.join(' ')}"`;
  return own
    ? `To search it, start the gateway with  npm start  and run:\n  ${search}`
    : `Search it:\n  ${search} --target ${url}`;
}
