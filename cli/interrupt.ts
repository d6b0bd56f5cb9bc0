// Ctrl-C in two steps: the first ends a command in order, the second ends it at once.

import { isatty } from 'node:tty';

export type Interrupt = Disposable & {
  /**
   * Begin nothing new, finish what is in flight. Aborts at the first SIGINT or SIGTERM, at the end
   * of the terminal, if there is one, and at the end of the program that started this one.
   */
  readonly stop: AbortSignal;
  /** End everything. Aborts at the second Ctrl-C, or `graceMs` after `stop`. */
  readonly abandon: AbortSignal;
  /** Has the effect of a first signal. */
  readonly trigger: () => void;
};

export function listenForInterrupt(graceMs: number): Interrupt {
  const stop = new AbortController();
  const abandon = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const received = (): void => {
    if (stop.signal.aborted) return;
    stop.abort(new Error('Interrupted'));
    timer = setTimeout(() => abandon.abort(new Error('Interrupted')), graceMs);
    timer.unref();
  };
  // A service manager may signal npm and this program, and npm passes it on: only a person means it
  // when a signal comes again.
  const interrupted = (): void => {
    if (stop.signal.aborted) abandon.abort(new Error('Interrupted'));
    else received();
  };
  const hungUp = (): void => {
    // Without a terminal, as under nohup, its end does not matter.
    if ([0, 1, 2].some((descriptor) => isatty(descriptor))) received();
  };
  const listeners = [
    ['SIGINT', interrupted],
    ['SIGTERM', received],
    ['SIGHUP', hungUp],
    ['disconnect', received],
  ] as const;
  for (const [event, listener] of listeners) process.on(event, listener);
  // Listening for its end must not keep this process alive.
  process.channel?.unref();
  if (process.send !== undefined && !process.connected) received();
  return {
    stop: stop.signal,
    abandon: abandon.signal,
    trigger: received,
    [Symbol.dispose]() {
      clearTimeout(timer);
      for (const [event, listener] of listeners) process.off(event, listener);
    },
  };
}
