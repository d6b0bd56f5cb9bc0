// Any file as an event log: every line is accounted for, or one line says why the file is no log.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UsageError } from '#core/errors/errors.ts';
import { ManualClock } from '#core/memory/manual-clock.ts';
import { importLog } from '../../../cli/import/import-log.ts';
import { planImport } from '../../../cli/import/import-plan.ts';
import { reportText } from '../../../cli/import/import-report.ts';
import { noReportFile } from '../../../cli/import/report-file.ts';
import { assert, oneLine } from '../claims.ts';
import type { Target } from '../fuzzer.ts';

const wishes = {
  mapping: null,
  delimiter: null,
  quote: null,
  encoding: null,
  decimal: null,
  dateFormat: null,
  timeZone: null,
  skipLines: null,
};
const clicks = join(import.meta.dirname, '../../fixtures/import/clicks.yaml');
const covers = /\/cli\/import\//;
const folder = mkdtempSync(join(tmpdir(), 'vectorstream-fuzz-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));

/** In UTF-8 and UTF-16, with any line ends. */
export const importFile = target('import', null, [
  'event_time',
  'InvoiceDate',
  ';',
  ',',
  '\t',
  '|',
  '"',
  '""',
  '\r\n',
  '\r',
  '\n"',
  '12,5',
  '1.234,56',
  '1/12/2010 9:05',
  '2010-12-01 08:26:00 UTC',
  '1575000000',
  '31/02/2010 1:00',
  '-1',
  'C',
  '\ufeff',
  '{"event_id":"e"}',
  'purchase',
  'PK',
  '\u00e9',
  '£',
]);

/** With a user's own mapping. */
export const importMapped = target('import-mapped', clicks, [
  'what',
  'look',
  'find',
  'at',
  'visitor',
  'visit',
  'sku',
  'title',
  'price',
  'words',
  '2010-12-01T08:26:00+15:00',
  '0050-01-01T00:00:00Z',
  '12/01/2010',
  'unix',
  '1575000000',
  '1575000000000',
  '\n{',
  '"\n',
  '[',
  '\\ud800',
  '1e400',
  '12,50 €',
]);

function target(name: string, mapping: string | null, words: readonly string[]): Target {
  return {
    name,
    covers,
    words,
    async run(input) {
      const path = join(folder, name);
      writeFileSync(path, input);
      try {
        const plan = await planImport(path, { ...wishes, mapping });
        const clock = new ManualClock();
        const { account, ended } = await importLog({
          path,
          plan,
          hash: 'h',
          target: null,
          limit: Infinity,
          reportFile: noReportFile,
          clock,
          signal: new AbortController().signal,
          onProgress: () => undefined,
        });
        const {
          read,
          header,
          empty,
          accepted,
          turned_away: away,
          not_sent: notSent,
          already,
        } = account.lines;
        assert(ended === 'complete' && notSent === 0 && already === 0, 'the whole file is read');
        assert(
          read === header + empty + accepted + away,
          `${read} lines are ${header} header, ${empty} empty, ${accepted} accepted and ` +
            `${away} turned away`,
        );
        if (plan.dialect.encoding === 'utf-8')
          assert(
            read === linesOf(input, plan.dialect.newline),
            `${read} lines were read, the file has ${linesOf(input, plan.dialect.newline)}`,
          );
        assert(
          account.rows.turned_away === account.turned_away.reduce((sum, { rows }) => sum + rows, 0),
          'every row that is turned away has a reason',
        );
        for (const line of reportText(account, 'imported').split('\n')) oneLine(line, 1000);
        for (const [fact, value] of plan.facts) oneLine(`${fact} ${value}`, 1000);
      } catch (error) {
        if (!(error instanceof UsageError)) throw error;
        oneLine(error.message.replace(path, ''), 4000);
      }
    },
  };
}

/** Counted independently of the program under test. */
function linesOf(bytes: Buffer, newline: number): number {
  let lines = bytes.at(-1) === newline ? 0 : 1;
  for (const byte of bytes) if (byte === newline) lines += 1;
  return lines;
}
