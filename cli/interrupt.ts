// Ctrl-C in two steps: the first ends a command in order, the second ends it at once.

export type Interrupt = Disposable & {
  /** Aborts at the first SIGINT, SIGTERM or SIGHUP: begin nothing new, finish what is in flight. */
  readonly stop: AbortSignal;
  /** Aborts at the second, or `graceMs` after the first: end everything. */
  readonly abandon: AbortSignal;
  /** Has the effect of a first signal. */
  readonly trigger: () => void;
};

export function listenForInterrupt(graceMs: number): Interrupt {
  const stop = new AbortController();
  const abandon = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const received = (): void => {
    if (stop.signal.aborted) return abandon.abort(new Error('Interrupted'));
    stop.abort(new Error('Interrupted'));
    timer = setTimeout(() => abandon.abort(new Error('Interrupted')), graceMs);
    timer.unref();
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const name of signals) process.on(name, received);
  return {
    stop: stop.signal,
    abandon: abandon.signal,
    trigger: () => {
      if (!stop.signal.aborted) received();
    },
    [Symbol.dispose]() {
      clearTimeout(timer);
      for (const name of signals) process.off(name, received);
    },
  };
}
