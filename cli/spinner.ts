// Shows that a command waits, for what and for how long: on a terminal one line that is redrawn,
// elsewhere a plain line for each new reason.

import type { Clock } from '#core/ports.ts';
import { cyan, dim } from './colours.ts';
import type { ProgressOutput } from './progress-bar.ts';

export type Spinner = {
  /** Call it every 100 ms or so. */
  turn(reason: string): void;
  /** Prints a line above. */
  say(line: string): void;
  /** Whole seconds since the start. */
  seconds(): number;
  /** Removes the line. */
  finish(): void;
};

const frames = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];

export function createSpinner(out: ProgressOutput, clock: Clock): Spinner {
  const isLive = out.isTTY === true;
  const startedAt = clock.monotonic();
  const seconds = (): number => Math.round((clock.monotonic() - startedAt) / 1000);
  let turns = 0;
  let said: string | null = null;
  const clear = (): void => {
    if (isLive && turns > 0) out.write('\r\u001b[K');
  };
  return {
    turn(reason) {
      if (isLive) {
        const shown = reason.slice(0, Math.max(20, (out.columns || 80) - 10));
        const frame = frames[turns % frames.length] ?? '';
        out.write(`\r${cyan(frame)} ${shown} ${dim(`${seconds()} s`)}\u001b[K`);
        turns += 1;
      } else if (reason !== said) {
        out.write(`${reason}\n`);
      }
      said = reason;
    },
    say(line) {
      clear();
      out.write(`${line}\n`);
    },
    seconds,
    finish: clear,
  };
}
