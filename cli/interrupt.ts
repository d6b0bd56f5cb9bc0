// Ctrl-C in two steps: the first ends a command in good order, the second at once.

export type Interrupt = Disposable & {
  /** Fires at the first SIGINT, SIGTERM or SIGHUP: begin nothing new, finish what is under way. */
  readonly stop: AbortSignal;
  /** Fires at the second, or `graceMs` after the first: leave everything. */
  readonly abandon: AbortSignal;
  /** As if the first signal had come. */
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
