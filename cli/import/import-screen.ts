// What a person sees of an import: results on standard output, progress as one moving line on
// standard error.

import type { Clock } from '#core/ports.ts';
import { createProgress, type Progress } from '../progress-bar.ts';
import type { ImportContext } from './import-run.ts';

const bytesPerUnit = { kB: 1000, MB: 1_000_000 } as const;

export type Screen = {
  /** Prints what the import waits for on standard error, unless it is the same as before. */
  note(text: string): void;
  end(): void;
};

export function createScreen(clock: Clock): Pick<ImportContext, 'say' | 'progress'> & Screen {
  let noted = '';
  let shown: { readonly phase: string; readonly progress: Progress } | null = null;
  const end = (): void => {
    shown?.progress.finish();
    shown = null;
  };
  return {
    end,
    note(text) {
      if (text === noted) return;
      noted = text;
      end();
      process.stderr.write(`${text}\n`);
    },
    say(text) {
      end();
      process.stdout.write(`${text}\n`);
    },
    progress(phase, done, of, note) {
      const unit = phase === 'making searchable' ? null : of > 50 * bytesPerUnit.MB ? 'MB' : 'kB';
      const scale = unit === null ? 1 : bytesPerUnit[unit];
      if (shown?.phase !== phase) {
        end();
        shown = {
          phase,
          progress: createProgress({
            label: unit === null ? phase : `${phase}, ${unit}`,
            total: unit === null ? null : Math.ceil(of / scale),
            out: process.stderr,
            clock,
          }),
        };
      }
      shown.progress.update(Math.ceil(done / scale), note);
    },
  };
}
