// Keeps what a page says about itself: one plain object, made anew at every change, with a bounded
// history in plain words.

import type { RunnerPageStatus, PageRunnerState } from '#core/runner/page-status.ts';

const historyMax = 50;
/** Over how much time the speed is told. */
const windowMs = 60_000;
const jobsMax = 500;

type Change = Partial<Omit<RunnerPageStatus, 'state' | 'since' | 'history'>>;
type Job = { readonly at: number; readonly texts: number; readonly ms: number };

export class StatusBoard {
  readonly #onStatus: (status: RunnerPageStatus) => void;
  #status: RunnerPageStatus;
  #jobs: readonly Job[] = [];

  constructor(name: string, onStatus: (status: RunnerPageStatus) => void) {
    this.#onStatus = onStatus;
    this.#status = idleStatus(name);
  }

  get status(): RunnerPageStatus {
    return this.#status;
  }

  state(state: PageRunnerState, change: Change = {}): void {
    this.#set({ ...change, ...(state !== this.#status.state && { state, since: Date.now() }) });
  }

  change(change: Change): void {
    this.#set(change);
  }

  /** One sentence for the person in front of the page. */
  say(text: string): void {
    this.#set({ history: [...this.#status.history, { at: Date.now(), text }].slice(-historyMax) });
  }

  trouble(text: string): void {
    this.say(text);
    this.#set({ lastError: text });
  }

  job(texts: number, ms: number): void {
    const at = Date.now();
    this.#jobs = [...this.#jobs.filter((job) => at - job.at < windowMs), { at, texts, ms }].slice(
      -jobsMax,
    );
    const sum = this.#jobs.reduce((all, job) => all + job.texts, 0);
    const spentMs = this.#jobs.reduce((all, job) => all + job.ms, 0);
    const { textsEmbedded, jobsDone } = this.#status;
    this.#set({
      textsEmbedded: textsEmbedded + texts,
      jobsDone: jobsDone + 1,
      lastJobAt: at,
      textsPerSecond: spentMs > 0 ? (sum * 1000) / spentMs : 0,
    });
  }

  #set(change: Partial<RunnerPageStatus>): void {
    this.#status = { ...this.#status, ...change };
    this.#onStatus(this.#status);
  }
}

export function idleStatus(name: string): RunnerPageStatus {
  return {
    state: 'idle',
    since: Date.now(),
    name,
    device: null,
    dtype: null,
    adapter: null,
    softwareAdapter: false,
    threads: 1,
    crossOriginIsolated,
    modelId: null,
    modelRevision: null,
    measured: [],
    progress: null,
    runnerId: null,
    textsEmbedded: 0,
    jobsDone: 0,
    textsPerSecond: 0,
    lastJobAt: null,
    restarts: 0,
    lastError: null,
    history: [],
    memoryBytes: null,
  };
}
