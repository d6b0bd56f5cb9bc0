// What a person sees of an import: results as lines on standard output, progress as one moving line on standard error.
import type { Clock } from '#core/ports.ts';

import { createProgress, type Progress } from '../progress.ts';
import type { Surroundings } from './run.ts';

const bytesPerUnit = { kB: 1000, MB: 1_000_000 } as const;

export function createScreen(clock: Clock): Pick<Surroundings, 'say' | 'progress'> & { readonly end: () => void } {
  let shown: { readonly phase: string; readonly progress: Progress } | null = null;
  const end = (): void => {
    shown?.progress.finish();
    shown = null;
  };
  return {
    end,
    say(text) {
      end();
      process.stdout.write(`${text}\n`);
    },
    progress(phase, done, of, note) {
      const unit = phase === 'making searchable' || phase === 'connecting' ? null : of > 50 * bytesPerUnit.MB ? 'MB' : 'kB';
      const scale = unit === null ? 1 : bytesPerUnit[unit];
      if (shown?.phase !== phase) {
        end();
        shown = { phase, progress: createProgress({ label: unit === null ? phase : `${phase}, ${unit}`, total: unit === null ? null : Math.ceil(of / scale), out: process.stderr, clock }) };
      }
      shown.progress.update(Math.ceil(done / scale), note);
    },
  };
}
