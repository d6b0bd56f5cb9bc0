// Says by what a runner is recognised when it connects again.

import type { JoinToken } from '../access/join-tokens.ts';

/**
 * By what a runner is known again: its join token, else its name and address; the gateway's own are
 * its supervisor's to restart.
 */
export type Identity = {
  readonly trusted: boolean;
  readonly token: JoinToken | null;
  readonly address: string;
};
