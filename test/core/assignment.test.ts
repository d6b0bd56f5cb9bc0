// The committed offset of a partition is right under any interleaving of assign, deliver, settle,
// revoke and commit.

/* oxlint-disable vitest/no-conditional-expect -- what must hold after a step depends on the step */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Assignment, type Commit } from '#core/pipeline/assignment.ts';

/** A delivery as a pipeline holds it, possibly long after its partition was lost. */
type Loan = {
  readonly partition: number;
  readonly epoch: number;
  readonly offset: number;
  settled: boolean;
};

/** The log and what its members did, modelled in the slow and obvious way. */
type Model = {
  readonly epochs: Map<number, number>;
  /** The offset that the log has accepted, per partition. */
  readonly stored: Map<number, number>;
  readonly next: Map<number, number>;
  readonly loans: Loan[];
  /** Commits that were requested and not yet acknowledged. */
  readonly inFlight: (readonly Commit[])[];
};

const partitions = 3;
const spanMax = 8;

const currentLoans = (model: Model, partition: number): Loan[] =>
  model.loans.filter(
    (loan) => loan.partition === partition && loan.epoch === model.epochs.get(partition),
  );

function expectedHead(model: Model, partition: number): number {
  const open = currentLoans(model, partition).filter((loan) => !loan.settled);
  return open.length > 0
    ? Math.min(...open.map((loan) => loan.offset))
    : model.next.get(partition)!;
}

function checkInvariants(model: Model, real: Assignment): void {
  expect(new Set(real.partitions())).toEqual(new Set(model.epochs.keys()));
  for (const commit of real.commits()) {
    expect(
      model.epochs.get(commit.partition),
      'only partitions held under this epoch are committed',
    ).toBe(commit.epoch);
    expect(commit.offset, 'the head is the first unsettled offset').toBe(
      expectedHead(model, commit.partition),
    );
  }
  const open = [...model.epochs.keys()].flatMap((partition) =>
    currentLoans(model, partition).filter((loan) => !loan.settled),
  );
  expect(real.unsettled()).toBe(open.length);
  for (const [partition, epoch] of model.epochs) {
    const span = currentLoans(model, partition).filter(
      (loan) => loan.offset >= expectedHead(model, partition),
    ).length;
    expect(span).toBeLessThanOrEqual(spanMax);
    expect(real.room(partition, epoch)).toBe(spanMax - span);
  }
}

type Step =
  | { readonly do: 'assign'; readonly partition: number }
  | { readonly do: 'revoke'; readonly partition: number }
  | { readonly do: 'deliver'; readonly partition: number; readonly gap: number }
  | { readonly do: 'settle'; readonly pick: number }
  | { readonly do: 'commit' }
  | { readonly do: 'acknowledge'; readonly pick: number };

const partition = fc.nat(partitions - 1);
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 1, arbitrary: fc.record({ do: fc.constant('assign' as const), partition }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('revoke' as const), partition }) },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('deliver' as const),
      partition,
      gap: fc.constantFrom(0, 0, 0, 1, 3),
    }),
  },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('settle' as const), pick: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('commit' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('acknowledge' as const), pick: fc.nat() }) },
);

function settle(loan: Loan, model: Model, real: Assignment): void {
  const inTime = model.epochs.get(loan.partition) === loan.epoch;
  expect(real.settle(loan.partition, loan.epoch, loan.offset)).toBe(inTime && !loan.settled);
  if (inTime) loan.settled = true;
}

/** The log refuses commits of older epochs, and never goes back. */
function acknowledge(commits: readonly Commit[], model: Model, real: Assignment): void {
  real.committed(commits);
  for (const { partition: p, epoch, offset } of commits) {
    if (model.epochs.get(p) === epoch)
      model.stored.set(p, Math.max(model.stored.get(p) ?? 0, offset));
  }
}

function run(step: Step, model: Model, real: Assignment): void {
  switch (step.do) {
    case 'assign': {
      const from = model.stored.get(step.partition) ?? 0;
      const epoch = real.assign(step.partition, from);
      expect(
        model.loans.every((loan) => loan.epoch < epoch),
        'an epoch is never used twice',
      ).toBe(true);
      model.epochs.set(step.partition, epoch);
      model.next.set(step.partition, from);
      return;
    }
    case 'revoke':
      real.revoke(step.partition);
      model.epochs.delete(step.partition);
      return;
    case 'deliver': {
      const epoch = model.epochs.get(step.partition);
      expect(
        real.deliver(step.partition, (epoch ?? 1) - 1, 0),
        'nothing is delivered under an older epoch',
      ).toBe(false);
      if (epoch === undefined || real.room(step.partition, epoch) === 0) return;
      expect(real.next(step.partition, epoch)).toBe(model.next.get(step.partition));
      const offset = model.next.get(step.partition)! + step.gap;
      expect(real.deliver(step.partition, epoch, offset)).toBe(true);
      model.next.set(step.partition, offset + 1);
      model.loans.push({ partition: step.partition, epoch, offset, settled: false });
      return;
    }
    case 'settle': {
      const loan = model.loans[step.pick % model.loans.length];
      if (loan !== undefined) settle(loan, model, real);
      return;
    }
    case 'commit':
      model.inFlight.push(real.commits());
      return;
    case 'acknowledge':
      for (const commits of model.inFlight.splice(
        step.pick % Math.max(1, model.inFlight.length),
        1,
      ))
        acknowledge(commits, model, real);
  }
}

const emptyModel = (): Model => ({
  epochs: new Map(),
  stored: new Map(),
  next: new Map(),
  loans: [],
  inFlight: [],
});

describe('assignment', () => {
  it('commits only the contiguous settled head of held partitions, in any order', () => {
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 120, size: 'max' }), (steps) => {
        const model = emptyModel();
        const real = new Assignment(spanMax);
        for (const step of steps) {
          run(step, model, real);
          checkInvariants(model, real);
        }
        // In the end everything that was settled is committed, and nothing is left to commit.
        for (const loan of model.loans) if (!loan.settled) settle(loan, model, real);
        acknowledge(real.commits(), model, real);
        for (const p of model.epochs.keys()) {
          if (currentLoans(model, p).length > 0)
            expect(model.stored.get(p)).toBe(model.next.get(p));
        }
        expect(real.commits()).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  it('a settle after a revoke is ignored, even when the partition is held again', () => {
    const assignment = new Assignment(10);
    const before = assignment.assign(0, 0);
    assignment.deliver(0, before, 0);
    assignment.revoke(0);
    const after = assignment.assign(0, 0);
    assignment.deliver(0, after, 0);
    expect(assignment.settle(0, before, 0)).toBe(false);
    expect(assignment.commits()).toEqual([]);
    expect(assignment.settle(0, after, 0)).toBe(true);
    expect(assignment.commits()).toEqual([{ partition: 0, epoch: after, offset: 1 }]);
  });

  it('an acknowledgement of an older epoch does not count for the new one', () => {
    const assignment = new Assignment(10);
    const before = assignment.assign(0, 0);
    assignment.deliver(0, before, 0);
    assignment.settle(0, before, 0);
    const unacknowledged = assignment.commits();
    const after = assignment.assign(0, 0);
    assignment.committed(unacknowledged);
    assignment.deliver(0, after, 0);
    assignment.settle(0, after, 0);
    expect(assignment.commits()).toEqual([{ partition: 0, epoch: after, offset: 1 }]);
  });

  it('a commit that failed is requested again', () => {
    const assignment = new Assignment(10);
    const epoch = assignment.assign(4, 20);
    assignment.deliver(4, epoch, 20);
    assignment.settle(4, epoch, 20);
    expect(assignment.commits()).toEqual(assignment.commits());
    assignment.committed(assignment.commits());
    expect(assignment.commits()).toEqual([]);
  });
});
