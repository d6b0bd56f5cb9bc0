// Shows the progress of a job: on a terminal one line that is redrawn, elsewhere a plain line every
// few seconds.

import type { Clock } from '#core/ports.ts';

export type Progress = {
  /** `note` is shown after the figures. Cheap enough to call at every step. */
  update(done: number, note?: string): void;
  /** Prints a line above the bar. */
  say(line: string): void;
  /** Draws the last state and ends the line. */
  finish(): void;
};

export type ProgressOptions = {
  readonly label: string;
  /** `null` when it is unknown: count and rate are shown, without a bar. */
  readonly total: number | null;
  readonly out: ProgressOutput;
  readonly clock: Clock;
};

/** The part of a stream that is used here, as of `process.stdout` or `process.stderr`. */
export type ProgressOutput = {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
};

const redrawMs = 100;
const plainMs = 3000;
const barWidth = 24;
/** Time constant of the rate: an exponential moving average. */
const rateMemoryMs = 4000;

export function createProgress({ label, total, out, clock }: ProgressOptions): Progress {
  const isLive = out.isTTY === true;
  const startedAt = clock.monotonic();
  let state = { done: 0, note: '' };
  let drawnAt = Number.NEGATIVE_INFINITY;
  let sample = { at: startedAt, done: 0 };
  let rate = 0;
  let isLineOpen = false;

  const measure = (now: number): void => {
    const elapsed = now - sample.at;
    if (elapsed < redrawMs) return;
    const current = ((state.done - sample.done) / elapsed) * 1000;
    const weight = rate === 0 ? 1 : 1 - Math.exp(-elapsed / rateMemoryMs);
    rate += (current - rate) * weight;
    sample = { at: now, done: state.done };
  };

  const draw = (): void => {
    const line = progressLine({ label, total, ...state, rate, isLive });
    if (isLive) out.write(`\r${line.slice(0, Math.max(20, (out.columns || 80) - 1))}\u001b[K`);
    else out.write(`${line}\n`);
    isLineOpen = isLive;
  };

  return {
    update(done, note = '') {
      state = { done, note };
      const now = clock.monotonic();
      measure(now);
      if (now - drawnAt < (isLive ? redrawMs : plainMs)) return;
      drawnAt = now;
      draw();
    },
    say(line) {
      if (isLineOpen) out.write('\r\u001b[K');
      isLineOpen = false;
      out.write(`${line}\n`);
    },
    finish() {
      rate = (state.done / Math.max(1, clock.monotonic() - startedAt)) * 1000;
      draw();
      if (isLineOpen) out.write('\n');
      isLineOpen = false;
    },
  };
}

/** Shows and prints nothing: for `--json`. */
export const silentProgress: Progress = { update() {}, say() {}, finish() {} };

type LineOptions = {
  readonly label: string;
  readonly total: number | null;
  readonly done: number;
  readonly note: string;
  readonly rate: number;
  readonly isLive: boolean;
};

/** `stored [███░░] 6,000/10,000 60 % 1,250/s 3 s left` */
function progressLine({ label, total, done, note, rate, isLive }: LineOptions): string {
  const parts = [label];
  if (total === null || total === 0) {
    parts.push(count(done));
  } else {
    const share = Math.min(1, done / total);
    const filled = Math.floor(share * barWidth);
    if (isLive) parts.push(`${'█'.repeat(filled)}${'░'.repeat(barWidth - filled)}`);
    parts.push(
      `${count(done)}/${count(total)}`,
      `${String(Math.floor(share * 100)).padStart(3)} %`,
    );
  }
  if (rate > 0) parts.push(`${count(Math.round(rate))}/s`);
  if (total !== null && rate > 0 && done < total)
    parts.push(`${duration((total - done) / rate)} left`);
  if (note !== '') parts.push(note);
  return parts.join('  ');
}

/** `1,234,567` */
export function count(value: number): string {
  return value.toLocaleString('en-US');
}

/** `42 s`, `3 min 5 s`, `2 h 10 min` */
export function duration(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/**
 * Keeps a closed output (`| head`) from ending in an error: `onClosed` is called, and later writes
 * go nowhere. Call it once per process, before anything is written.
 */
export function tolerateClosedPipes(onClosed: () => void): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      if (stream === process.stdout) onClosed();
    });
  }
}
