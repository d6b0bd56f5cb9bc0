// A power loss breaks no promise: when no other copy of an event or dead letter exists, the answer
// waits for the disk.

import { expect, test } from 'vitest';
import { synchronousFor } from '../../gateway/embedded/durability.ts';

test.each(['append', 'putDeadLetters', 'setDeadLetterStatus'])(
  '%s is synced, whatever calls share its transaction',
  (method) => {
    expect(synchronousFor([{ method: 'putEvents' }, { method }, { method: 'commit' }])).toBe(
      'FULL',
    );
  },
);

test('writes that would be repeated after a power loss are not synced', () => {
  expect(
    synchronousFor(
      ['putTexts', 'putEvents', 'commit', 'mark', 'withhold'].map((method) => ({ method })),
    ),
  ).toBe('NORMAL');
});
