// Notices when almost no record of a topic is an event, and when that ends. It logs one line each
// time, because a gateway that reads the wrong topic would otherwise only fill its dead letters.

import type { DeadLetter, DeadLetterReason } from '#core/ports.ts';

/** The number of outcomes in a row over which the share is computed. */
const window = 200;
const foreignShare = 0.95;
const ownShare = 0.5;
/** The record itself is not what was expected; nothing else failed. */
const reasons: readonly DeadLetterReason[] = ['not_json', 'invalid_event'];

export type ForeignRecords = {
  /** An event was stored. */
  stored(): void;
  deadLettered(deadLetter: DeadLetter): void;
};

export type ForeignRecordsReport = {
  /** @param example the last record that was not an event */
  readonly began: (example: DeadLetter) => void;
  readonly ended: () => void;
};

export function createForeignRecords({ began, ended }: ForeignRecordsReport): ForeignRecords {
  let isForeign = false;
  let count = 0;
  let foreign = 0;
  let last: DeadLetter | null = null;

  const counted = (deadLetter: DeadLetter | null): void => {
    count += 1;
    if (deadLetter !== null) foreign += 1;
    last = deadLetter ?? last;
    if (count < window) return;
    const share = foreign / count;
    count = 0;
    foreign = 0;
    if (!isForeign && last !== null && share >= foreignShare) {
      isForeign = true;
      began(last);
    } else if (isForeign && share < ownShare) {
      isForeign = false;
      ended();
    }
  };

  return {
    stored: () => counted(null),
    deadLettered: (deadLetter) => counted(reasons.includes(deadLetter.reason) ? deadLetter : null),
  };
}
