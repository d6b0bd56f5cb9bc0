// The hub's only timer: it ends connections that are late or stuck, sends heartbeats, and starts
// the checks that are due.

import { closeCode } from '#core/protocol/wire.ts';
import { rest } from '#core/time/rest.ts';
import type { HubSessions } from './hub-sessions.ts';
import type { HubState } from './hub-state.ts';

/** Resolves when the hub closes. */
export async function runHubTicker(state: HubState, sessions: HubSessions): Promise<void> {
  const { options, fleet, assigner, connections, signal } = state;
  const { clock, limits } = options;
  while (await rest(clock, limits.tickMs, signal)) {
    const now = clock.monotonic();
    fleet.proving.takeBackLate(now);
    for (const id of fleet.expired(now)) sessions.endLate(id);
    for (const connection of connections.values()) {
      const { session, channel } = connection;
      if (channel.bufferedAmount() > limits.bufferedBytesMax)
        sessions.end(session.id, timeout('its network does not accept what is sent'));
      else sessions.apply(connection, session.tick(now, fleet.jobsInWork(session.id) > 0));
      sessions.trust.tick(connection, now);
    }
    // A rate-limited runner may be allowed its next job now, and a canary may be due.
    assigner.assignSoon();
  }
}

const timeout = (reason: string) => ({ code: closeCode.timeout, reason, blame: true });
