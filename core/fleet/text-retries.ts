// Gives the texts of a failed job to other runners, until the text that makes runners fail is alone
// and has failed often enough.

import type { Backlog, Group, Task } from './backlog.ts';
import { failedAlone, isGivenUp, isHeld } from './failure-policy.ts';
import type { Runner } from './fleet-runner.ts';
import type { FailureCause, TaskResult } from './task-result.ts';

export type TextRetriesOptions = {
  readonly backlog: Backlog;
  readonly attemptsAloneMax: number;
  /** The task is over. */
  readonly end: (task: Task) => void;
};

export class TextRetries {
  readonly #options: TextRetriesOptions;

  constructor(options: TextRetriesOptions) {
    this.#options = options;
  }

  /** Requeues the group's texts after a failure: whole the first time, then in halves. */
  blame(group: Group, runner: Runner, cause: FailureCause, now: number): readonly TaskResult[] {
    const { attemptsAloneMax, backlog } = this.#options;
    const tasks = group.tasks.filter(({ state }) => state !== 'ended');
    for (const task of tasks) task.failures += 1;
    const [alone] = tasks;
    if (alone === undefined) return [];
    if (group.tasks.length === 1) {
      failedAlone(alone, runner, attemptsAloneMax, now);
      if (isGivenUp(alone, runner, attemptsAloneMax)) return [this.#giveUp(alone, runner, cause)];
    }
    group.failedBy = runner.id;
    group.failures += 1;
    if (group.failures === 1 || tasks.length === 1) {
      this.requeue(group, runner);
    } else {
      const middle = Math.ceil(tasks.length / 2);
      for (const half of [tasks.slice(0, middle), tasks.slice(middle)])
        this.requeue(backlog.group(half, group), runner);
    }
    return [];
  }

  /**
   * The group that this runner had is tried again. What one newcomer has not done is given to no
   * other newcomer, so that many of them cannot hold it up in turn.
   */
  requeue(group: Group, { trusted, probation }: Runner): void {
    const { attemptsAloneMax, backlog } = this.#options;
    if (!trusted && !probation.isProven) group.isForProven = true;
    if (isHeld(group, attemptsAloneMax)) backlog.hold(group);
    else backlog.requeue(group);
  }

  #giveUp(task: Task, runner: Runner, { message }: FailureCause): TaskResult {
    this.#options.end(task);
    const { id, failures: attempts } = task;
    return { id, ok: false, code: 'embedding_failed', message, attempts, runner: runner.name };
  }
}
