// What a person sees of the demo: results on standard output, and a progress bar with lines above
// it. With --json, standard output stays free for the JSON.

import { systemClock } from '#core/time/clock.ts';
import { createProgress, silentProgress, type Progress } from '../progress-bar.ts';
import { createSpinner, type Spinner } from '../spinner.ts';

export class DemoScreen {
  readonly #isJson: boolean;
  #progress: Pick<Progress, 'say'> = silentProgress;

  constructor(isJson: boolean) {
    this.#isJson = isJson;
  }

  /** A part of the result; nothing with --json. */
  print(text: string): void {
    if (!this.#isJson) process.stdout.write(text);
  }

  /** A line about what happens; on standard error with --json. */
  say(line: string): void {
    if (this.#isJson) process.stderr.write(`${line}\n`);
    else this.#progress.say(line);
  }

  /** The same; nothing with --json. */
  sayWaiting(line: string): void {
    if (!this.#isJson) this.#progress.say(line);
  }

  /** Starts a new bar, above which lines are said from now on. */
  begin(label: string, total: number | null): Progress {
    const progress = this.newProgress(label, total);
    this.#progress = progress;
    return progress;
  }

  /** Starts to wait; lines are said above the spinner from now on. */
  wait(): Spinner {
    const silent = { isTTY: false, write: () => true };
    const spinner = createSpinner(this.#isJson ? silent : process.stdout, systemClock);
    this.#progress = spinner;
    return spinner;
  }

  /** A bar that does not become the one above which lines are said. */
  newProgress(label: string, total: number | null): Progress {
    if (this.#isJson) return silentProgress;
    return createProgress({ label, total, out: process.stdout, clock: systemClock });
  }
}
