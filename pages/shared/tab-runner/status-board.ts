// Keeps what a page reports about itself: one plain object, replaced at every change, with a
// bounded history in plain words.

import type { RunnerPageStatus, PageRunnerState } from '#core/runner/page-status.ts';

const historyMax = 50;
/** Speed is the average over the jobs of this time. */
const speedWindowMs = 60_000;
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

  /** Enters a state, or stays in it. */
  state(state: PageRunnerState, change: Change = {}): void {
    this.#set({ ...change, ...(state !== this.#status.state && { state, since: Date.now() }) });
  }

  change(change: Change): void {
    this.#set(change);
  }

  /** Adds a sentence for the person in front of the page to the history. */
  say(text: string): void {
    this.#set({ history: [...this.#status.history, { at: Date.now(), text }].slice(-historyMax) });
  }

  /** Says something that went wrong, like `say`, and keeps it as the last error. */
  trouble(text: string): void {
    this.say(text);
    this.#set({ lastError: text });
  }

  /** Counts an answered job of so many texts, which took `ms`. */
  job(texts: number, ms: number): void {
    const at = Date.now();
    const recent = this.#jobs.filter((job) => at - job.at < speedWindowMs);
    this.#jobs = [...recent, { at, texts, ms }].slice(-jobsMax);
    const recentTexts = this.#jobs.reduce((sum, job) => sum + job.texts, 0);
    const recentMs = this.#jobs.reduce((sum, job) => sum + job.ms, 0);
    const { textsEmbedded, jobsDone } = this.#status;
    this.#set({
      textsEmbedded: textsEmbedded + texts,
      jobsDone: jobsDone + 1,
      lastJobAt: at,
      textsPerSecond: recentMs > 0 ? (recentTexts * 1000) / recentMs : 0,
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
    tokenRefused: false,
    history: [],
    memoryBytes: null,
  };
}
