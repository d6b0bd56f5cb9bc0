// A power loss undoes nothing that was promised: where a client, or a dead letter's event, has no
// other copy, the answer waits for the disk.

import { expect, test } from 'vitest';
import { synchronousFor } from '../../gateway/embedded/durability.ts';

test.each(['append', 'putDeadLetters', 'setDeadLetterStatus'])(
  '%s is synced, in whatever company',
  (method) => {
    expect(synchronousFor([{ method: 'putEvents' }, { method }, { method: 'commit' }])).toBe(
      'FULL',
    );
  },
);

test('what comes again after a power loss is not', () => {
  expect(
    synchronousFor(
      ['putTexts', 'putEvents', 'commit', 'mark', 'withhold'].map((method) => ({ method })),
    ),
  ).toBe('NORMAL');
});
