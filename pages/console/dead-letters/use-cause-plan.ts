// Plans and carries out what is done to the dead letters of a cause, with progress in words, an
// undo until it is sent, and a stop afterwards.

import { useState } from 'preact/hooks';
import { systemClock } from '#core/time/clock.ts';
import { rest } from '#core/time/rest.ts';
import type { Session } from '../session.ts';
import { carryOut, planPurge, planReplay, type Plan } from './cause-plan.ts';
import type { CauseFilter } from './replay-cause.ts';

/** From the click to the first call. */
const undoSeconds = 5;

export type CausePlan = {
  readonly plan: Plan | null;
  /** What is being done; `null`: nothing. */
  readonly progress: string | null;
  /** Ends what is being done; `null` where it cannot be ended. */
  readonly stop: (() => void) | null;
  /** Nothing was sent yet: a stop is an undo. */
  readonly isCountingDown: boolean;
  readonly forget: () => void;
  readonly previewReplay: (filter: CauseFilter, transform: Plan['transform']) => void;
  readonly countForPurge: (filter: CauseFilter) => void;
  readonly go: (plan: Plan) => void;
};

export function useCausePlan(
  session: Session,
  onBusy: (isBusy: boolean) => void,
  onDone: (isBad: boolean, text: string) => void,
): CausePlan {
  const [plan, setPlan] = useState<Plan | null>(null);
  const [progress, setProgress] = useState<string | null>(null);
  const [stopping, setStopping] = useState<AbortController | null>(null);
  const [isCountingDown, setCountingDown] = useState(false);
  const attempt = async (action: () => Promise<void>): Promise<void> => {
    setProgress('Asking…');
    onBusy(true);
    try {
      await action();
    } catch (error) {
      setPlan(null);
      onDone(true, session.explain(error));
    }
    setProgress(null);
    onBusy(false);
  };
  const send = async (chosen: Plan, signal: AbortSignal): Promise<void> => {
    setCountingDown(true);
    const isWanted = await countDown(setProgress, signal);
    setCountingDown(false);
    if (!isWanted) return;
    const [isBad, text] = await carryOut(session, chosen, { onProgress: setProgress, signal });
    setPlan(null);
    onDone(isBad, text);
  };
  return {
    plan,
    progress,
    stop: stopping === null ? null : () => stopping.abort(),
    isCountingDown,
    forget: () => setPlan(null),
    previewReplay: (filter, transform) =>
      void attempt(async () => setPlan(await planReplay(session, filter, transform, setProgress))),
    countForPurge: (filter) => void attempt(async () => setPlan(await planPurge(session, filter))),
    go: (chosen) => {
      const leaving = new AbortController();
      setStopping(leaving);
      void attempt(() => send(chosen, leaving.signal)).finally(() => setStopping(null));
    },
  };
}

/** Whether nobody undid it. */
async function countDown(tell: (text: string) => void, signal: AbortSignal): Promise<boolean> {
  for (let left = undoSeconds; left > 0; left -= 1) {
    tell(`Sending in ${left} s…`);
    if (!(await rest(systemClock, 1000, signal))) return false;
  }
  return true;
}
