// Histories of a simulated world: the steps that can happen, how a history runs, and how one that
// breaks a promise is printed.

import fc from 'fast-check';
import { seeded } from '../../helpers/seeded.ts';
import { behaviours, type Behaviour } from './runner.ts';
import { idOf, type Sent } from './sent.ts';
import { checkIntervalMs } from './simulated-gateway.ts';
import { noTrouble, SimulatedWorld } from './simulated-world.ts';
import { callKinds, type CallKind, type Watched } from './watched.ts';

export type Step =
  | { readonly do: 'send'; readonly events: readonly Sent[] }
  | { readonly do: 'pass'; readonly ms: number }
  | { readonly do: 'join'; readonly behaviour: Behaviour; readonly trusted: boolean }
  | { readonly do: 'cut' | 'freeze' | 'leave' | 'drain' | 'remove'; readonly runner: number }
  | { readonly do: 'crash' | 'stop' | 'start' | 'recreate' }
  | {
      readonly do: 'store';
      readonly kind: CallKind | null;
      readonly faultRate: number;
      readonly isDown: boolean;
      readonly msMax: number;
    }
  | { readonly do: 'jump'; readonly ms: number };

/**
 * `randomSeed` seeds every other choice of a run: how long a call takes, whether it fails, what is
 * cross-checked.
 */
export type History = { readonly steps: readonly Step[]; readonly randomSeed: number };

const sent: fc.Arbitrary<Sent> = fc.record({
  kind: fc.oneof(
    { weight: 12, arbitrary: fc.constant('valid' as const) },
    {
      weight: 1,
      arbitrary: fc.constantFrom('not-json' as const, 'bad-price' as const, 'poison' as const),
    },
  ),
  event: fc.nat(40),
  version: fc.integer({ min: 1, max: 5 }),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('send' as const),
      events: fc.array(sent, { minLength: 1, maxLength: 12 }),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('pass' as const),
      ms: fc.integer({ min: 1, max: 3_000 }),
    }),
  },
  // Only a runner that the gateway itself started is trusted, and such a runner is honest.
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('join' as const),
      behaviour: fc.constantFrom(...behaviours),
      trusted: fc.constant(false),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('join' as const),
      behaviour: fc.constant('honest' as const),
      trusted: fc.constant(true),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom(
        'cut' as const,
        'freeze' as const,
        'leave' as const,
        'drain' as const,
        'remove' as const,
      ),
      runner: fc.nat(5),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom('crash' as const, 'stop' as const, 'start' as const),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ do: 'recreate' as const }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('store' as const),
      kind: fc.option(fc.constantFrom(...callKinds)),
      faultRate: fc.double({ min: 0, max: 0.4, noNaN: true }),
      isDown: fc.boolean(),
      msMax: fc.constantFrom(20, 3_000),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('jump' as const),
      ms: fc.integer({ min: -3_600_000, max: 3_600_000 }),
    }),
  },
);
export const histories: fc.Arbitrary<History> = fc.record({
  steps: fc.array(step, { maxLength: 30, size: 'medium' }),
  randomSeed: fc.integer(),
});

/** `trace`: equal for two runs of a history exactly when both took the same course. */
export type HistoryResult = { readonly violations: readonly string[]; readonly trace: number };

/** Runs a history and then lets everything recover. Stops at the step that breaks a promise. */
export async function runHistory(
  { steps, randomSeed }: History,
  seen: Watched['seen'],
): Promise<HistoryResult> {
  using world = new SimulatedWorld(seeded(randomSeed).next, seen);
  const violations = await runIn(world, steps);
  return { violations, trace: world.trace };
}

async function runIn(world: SimulatedWorld, steps: readonly Step[]): Promise<readonly string[]> {
  world.start();
  world.join('honest', true);
  for (const one of steps) {
    await perform(world, one);
    if (world.violations.length > 0) return world.violations;
  }
  // From here on nothing fails, and the gateway has a trusted runner of its own.
  world.store(noTrouble);
  world.start();
  world.join('honest', true);
  const passUntil = async (isReached: () => Promise<boolean>, msMax: number): Promise<boolean> => {
    for (
      let waited = 0;
      waited < msMax && world.violations.length === 0 && !(await isReached());
      waited += pollMs
    )
      await world.pass(pollMs);
    return isReached();
  };
  if (!(await passUntil(() => world.isDrained(), 600_000)))
    return [...world.violations, 'not every event is settled after ten minutes'];
  // A wrong runner is quarantined within one interval, and its work is repaired soon after. A liar
  // may do the repair, so it may take several rounds.
  const isRight = async (): Promise<boolean> => (await world.wrongVectors()).length === 0;
  await passUntil(isRight, 3 * checkIntervalMs + repairMsMax);
  if (world.hasLiars) {
    await world.pass(checkIntervalMs);
    await passUntil(isRight, repairMsMax);
  }
  world.leaveAll();
  await world.end('stop');
  return world.verify();
}

const pollMs = 500;
const repairMsMax = 120_000;

async function perform(world: SimulatedWorld, one: Step): Promise<void> {
  switch (one.do) {
    case 'send':
      return world.send(one.events);
    case 'pass':
      return world.pass(one.ms);
    case 'join':
      return world.join(one.behaviour, one.trusted);
    case 'cut':
      return world.runner(one.runner)?.cut();
    case 'freeze':
      return world.runner(one.runner)?.freeze();
    case 'leave':
      return world.runner(one.runner)?.leave();
    case 'drain':
    case 'remove':
      return world.dismiss(one.do, one.runner);
    case 'crash':
    case 'stop':
      return world.end(one.do);
    case 'start':
      return world.start();
    case 'store':
      return world.store({
        faultRate: one.isDown ? 1 : one.faultRate,
        kind: one.kind,
        msMax: one.msMax,
      });
    case 'recreate':
      return world.recreateTopic();
    case 'jump':
      return world.clock.jump(one.ms);
  }
}

/** One line per step, such as `send valid-3 v2, poison-1 v1`. */
export function describeHistory({ steps, randomSeed }: History): string {
  return [`randomSeed ${randomSeed}`, ...steps.map(describeStep)]
    .map((line) => `  ${line}`)
    .join('\n');
}

function describeStep(one: Step): string {
  switch (one.do) {
    case 'send':
      return `send ${one.events.map((event) => `${idOf(event)} v${event.version}`).join(', ')}`;
    case 'pass':
      return `pass ${one.ms} ms`;
    case 'join':
      return `join ${one.trusted ? 'trusted ' : ''}${one.behaviour}`;
    case 'cut':
    case 'freeze':
    case 'leave':
    case 'drain':
    case 'remove':
      return `${one.do} runner ${one.runner}`;
    case 'store':
      return (
        (one.isDown
          ? 'store down'
          : `store fails at ${one.faultRate.toFixed(2)}, up to ${one.msMax} ms a call`) +
        (one.kind === null ? '' : `, only ${one.kind}`)
      );
    case 'recreate':
      return 'recreate the topic';
    case 'jump':
      return `jump ${one.ms} ms`;
    default:
      return one.do;
  }
}
