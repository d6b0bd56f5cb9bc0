// Holds the texts that wait for a runner: new texts in order of arrival, and groups that came back
// because a runner was lost.

import { Fifo } from '#core/collections/fifo.ts';
import { wireLimits } from '#core/protocol/wire.ts';

/**
 * `first-check` and `cross-check`: texts that an untrusted runner has embedded, for a trusted one
 * to embed again; the first are of newcomers and of runners that were just proven. `peer-check`:
 * such texts for runners of other owners, where no runner is trusted. `repair`: texts whose stored
 * vectors may be wrong.
 */
export const lanes = [
  'search',
  'first-check',
  'cross-check',
  'peer-check',
  'repair',
  'bulk',
] as const;
/** Their vectors only check those of others. */
export const checkLanes: ReadonlySet<Lane> = new Set(['first-check', 'cross-check', 'peer-check']);
export type Lane = (typeof lanes)[number];

export type Task = {
  readonly id: string;
  readonly text: string;
  readonly lane: Lane;
  /** Only runners of this owner may get it; `null`: any may. */
  readonly onlyFor: string | null;
  /** How many jobs with this text failed. */
  failures: number;
  /** How many of those jobs held no other text. */
  failuresAlone: number;
  /** Owners of the untrusted runners on which it failed alone. */
  readonly refusedBy: Set<string>;
  /** Monotonic ms: while it is held, runners of those owners do not get it earlier. */
  retryAt: number;
  state: 'waiting' | 'assigned' | 'ended';
};

/** Texts that go to a runner as one job. After its first failure a group stays together. */
export type Group = {
  readonly id: string;
  tasks: readonly Task[];
  /** The number of times that it was given to a runner. */
  attempt: number;
  failures: number;
  /** The runner that failed it last. */
  failedBy: string | null;
  /** A newcomer had it: another newcomer must not hold it up again. */
  isForProven: boolean;
};

export class Backlog {
  readonly #lanes: Readonly<Record<Lane, LaneQueue>> = {
    search: new LaneQueue(),
    'first-check': new LaneQueue(),
    'cross-check': new LaneQueue(),
    'peer-check': new LaneQueue(),
    repair: new LaneQueue(),
    bulk: new LaneQueue(),
  };
  #lastGroup = 0;

  waiting(lane: Lane): number {
    return this.#lanes[lane].waiting;
  }

  add(task: Task): void {
    if (task.onlyFor === null) return this.#lanes[task.lane].add(task);
    task.state = 'assigned';
    this.hold(this.group([task], null));
  }

  /** A new group, with the failures of `from`. */
  group(tasks: readonly Task[], from: Group | null): Group {
    return {
      id: `job-${++this.#lastGroup}`,
      tasks,
      attempt: 0,
      failures: from?.failures ?? 0,
      failedBy: from?.failedBy ?? null,
      isForProven: from?.isForProven ?? false,
    };
  }

  /** Texts of a lane that are held. They count as waiting too. */
  held(lane: Lane): number {
    return this.#lanes[lane].held;
  }

  /** The group goes before all new texts of its lane. */
  requeue(group: Group): void {
    const lane = group.tasks[0]?.lane;
    if (lane !== undefined) this.#lanes[lane].requeue(group);
  }

  /**
   * A group of one text, which few runners may try. It goes before all others to a runner that may,
   * and holds up none of them.
   */
  hold(group: Group): void {
    const lane = group.tasks[0]?.lane;
    if (lane !== undefined) this.#lanes[lane].hold(group);
  }

  /**
   * The next job of a lane, of at most `textsMax` texts (1 or more), or `null`. A requeued group
   * goes first and alone; it is cut when this runner takes fewer texts. A group for which
   * `isForAnother` answers true waits; it holds up only the groups behind it. A job ends before the
   * first new text for which `isLeft` answers true.
   */
  take(
    lane: Lane,
    textsMax: number,
    isForAnother: (group: Group) => boolean,
    isLeft: (text: string) => boolean,
  ): Group | null {
    const queue = this.#lanes[lane];
    const held = queue.takeHeld(isForAnother);
    if (held !== null) return held;
    const requeued = queue.peekRequeued();
    if (requeued !== undefined && !isForAnother(requeued)) {
      const tasks = queue.takeRequeued();
      if (tasks.length <= textsMax) {
        requeued.tasks = tasks;
        return requeued;
      }
      queue.requeue(this.group(tasks.slice(textsMax), requeued));
      return this.group(tasks.slice(0, textsMax), requeued);
    }
    const tasks = queue.takeNew(textsMax, isLeft);
    return tasks.length === 0 ? null : this.group(tasks, null);
  }

  /** The task has ended: it no longer counts as waiting. */
  forget(task: Task): void {
    if (task.state === 'waiting') this.#lanes[task.lane].forget();
  }
}

/**
 * An ended task may stay in the queue until it reaches the front. Above this many ended tasks plus
 * the number of waiting ones, the queue is rebuilt without them.
 */
const endedInQueueMax = 1024;

class LaneQueue {
  #new = new Fifo<Task>();
  readonly #requeued = new Fifo<Group>();
  readonly #held = new Set<Group>();
  /** Tasks in state `waiting`, in `#new` and `#requeued`. */
  waiting = 0;

  add(task: Task): void {
    task.state = 'waiting';
    this.waiting += 1;
    this.#new.push(task);
  }

  /** Texts of `#held` that wait. */
  get held(): number {
    return [...this.#held].filter(isWaiting).length;
  }

  requeue(group: Group): void {
    this.#wait(group.tasks);
    this.#requeued.push(group);
  }

  hold(group: Group): void {
    this.#wait(group.tasks);
    this.#held.add(group);
  }

  /** The first held group that is for this runner. */
  takeHeld(isForAnother: (group: Group) => boolean): Group | null {
    for (const group of this.#held) {
      if (isWaiting(group) && isForAnother(group)) continue;
      this.#held.delete(group);
      if (this.#assign(group.tasks.filter(({ state }) => state === 'waiting')).length > 0)
        return group;
    }
    return null;
  }

  forget(): void {
    this.waiting -= 1;
    if (this.#new.size <= 2 * this.waiting + endedInQueueMax) return;
    const all = this.#new;
    this.#new = new Fifo();
    for (let task = all.take(); task !== undefined; task = all.take())
      if (task.state === 'waiting') this.#new.push(task);
  }

  /** The first group with a task that still waits. */
  peekRequeued(): Group | undefined {
    for (let group = this.#requeued.peek(); group !== undefined; group = this.#requeued.peek()) {
      if (isWaiting(group)) return group;
      this.#requeued.take();
    }
    return undefined;
  }

  takeRequeued(): readonly Task[] {
    const group = this.#requeued.take();
    return this.#assign(group?.tasks.filter(({ state }) => state === 'waiting') ?? []);
  }

  takeNew(textsMax: number, isLeft: (text: string) => boolean): readonly Task[] {
    const tasks: Task[] = [];
    let chars = 0;
    for (
      let task = this.#new.peek();
      task !== undefined && tasks.length < textsMax;
      task = this.#new.peek()
    ) {
      if (task.state === 'waiting') {
        if (isLeft(task.text)) break;
        chars += task.text.length;
        if (tasks.length > 0 && chars > wireLimits.jobCharsMax) break;
        tasks.push(task);
      }
      this.#new.take();
    }
    return this.#assign(tasks);
  }

  #wait(tasks: readonly Task[]): void {
    for (const task of tasks) {
      if (task.state !== 'assigned') continue;
      task.state = 'waiting';
      this.waiting += 1;
    }
  }

  #assign(tasks: readonly Task[]): readonly Task[] {
    for (const task of tasks) {
      if (task.state === 'waiting') this.waiting -= 1;
      task.state = 'assigned';
    }
    return tasks;
  }
}

const isWaiting = ({ tasks }: Group): boolean => tasks.some(({ state }) => state === 'waiting');
