// The texts that wait for a runner: new ones in order of arrival, and groups that come back because
// a runner was lost.

import { Fifo } from '#core/collections/fifo.ts';
import { wireLimits } from '#core/protocol/wire.ts';

/** `cross-check`: texts that an untrusted runner has answered, for a trusted one. */
export type Lane = 'search' | 'bulk' | 'cross-check';

export type Task = {
  readonly id: string;
  readonly text: string;
  readonly lane: Lane;
  /** Jobs with this text that failed, and those of them in which it was alone. */
  failures: number;
  failuresAlone: number;
  state: 'waiting' | 'assigned' | 'ended';
};

/** Texts that go to a runner together, as one job; again together when it fails for the first time. */
export type Group = {
  readonly id: string;
  tasks: readonly Task[];
  /** How often it was given to a runner. */
  attempt: number;
  failures: number;
  /** The runner whose job it was last when that failed. */
  failedBy: string | null;
};

export class Backlog {
  #lanes = { search: new LaneQueue(), bulk: new LaneQueue(), 'cross-check': new LaneQueue() };
  #lastGroup = 0;

  waiting(lane: Lane): number {
    return this.#lanes[lane].waiting;
  }

  add(task: Task): void {
    this.#lanes[task.lane].add(task);
  }

  /** A group of its own with the history of `from`. */
  group(tasks: readonly Task[], from: Group | null): Group {
    return {
      id: `job-${++this.#lastGroup}`,
      tasks,
      attempt: 0,
      failures: from?.failures ?? 0,
      failedBy: from?.failedBy ?? null,
    };
  }

  /** Goes before whatever is new. */
  putBack(group: Group): void {
    const lane = group.tasks[0]?.lane;
    if (lane !== undefined) this.#lanes[lane].putBack(group);
  }

  /**
   * The next job of a lane, of at most `textsMax` texts (1 or more), or `null`. A group that came
   * back goes first, alone, cut when it is larger than this runner takes; one that is for
   * `elsewhere` waits, and holds up only those behind it.
   */
  take(lane: Lane, textsMax: number, elsewhere: (group: Group) => boolean): Group | null {
    const queue = this.#lanes[lane];
    const back = queue.peekBack();
    if (back !== undefined && !elsewhere(back)) {
      const tasks = queue.takeBack();
      if (tasks.length <= textsMax) {
        back.tasks = tasks;
        return back;
      }
      queue.putBack(this.group(tasks.slice(textsMax), back));
      return this.group(tasks.slice(0, textsMax), back);
    }
    const tasks = queue.takeNew(textsMax);
    return tasks.length === 0 ? null : this.group(tasks, null);
  }

  /** The task has ended: if it waits, it waits no longer. */
  forget(task: Task): void {
    if (task.state === 'waiting') this.#lanes[task.lane].forget();
  }
}

/**
 * Ended tasks may lie in a queue until they are met; a queue holds no more of them than this and
 * what waits.
 */
const endedInQueueMax = 1024;

class LaneQueue {
  #new = new Fifo<Task>();
  readonly #back = new Fifo<Group>();
  /** Tasks in state `waiting`, in `#new` and `#back`. */
  waiting = 0;

  add(task: Task): void {
    task.state = 'waiting';
    this.waiting += 1;
    this.#new.push(task);
  }

  putBack(group: Group): void {
    for (const task of group.tasks) {
      if (task.state !== 'assigned') continue;
      task.state = 'waiting';
      this.waiting += 1;
    }
    this.#back.push(group);
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
  peekBack(): Group | undefined {
    for (let group = this.#back.peek(); group !== undefined; group = this.#back.peek()) {
      if (group.tasks.some(({ state }) => state === 'waiting')) return group;
      this.#back.take();
    }
    return undefined;
  }

  takeBack(): readonly Task[] {
    return this.assigned(this.#back.take()?.tasks.filter(({ state }) => state === 'waiting') ?? []);
  }

  takeNew(textsMax: number): readonly Task[] {
    const tasks: Task[] = [];
    let chars = 0;
    for (
      let task = this.#new.peek();
      task !== undefined && tasks.length < textsMax;
      task = this.#new.peek()
    ) {
      if (task.state === 'waiting') {
        chars += task.text.length;
        if (tasks.length > 0 && chars > wireLimits.jobCharsMax) break;
        tasks.push(task);
      }
      this.#new.take();
    }
    return this.assigned(tasks);
  }

  assigned(tasks: readonly Task[]): readonly Task[] {
    for (const task of tasks) {
      if (task.state === 'waiting') this.waiting -= 1;
      task.state = 'assigned';
    }
    return tasks;
  }
}
