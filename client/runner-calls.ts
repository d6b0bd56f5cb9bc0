// The calls on the runners of the fleet, and on the tokens with which they join.

import type {
  JoinTokenRequest,
  ListedJoinToken,
  MadeJoinToken,
} from '../gateway/api/routes/join-token-routes.ts';
import type { Quarantine, QuarantineRequest } from '../gateway/api/routes/quarantine-routes.ts';
import type { RunnerView } from '../gateway/api/views/stats-view.ts';
import type { CallOptions, Transport } from './transport.ts';

export function runnerCalls(transport: Transport) {
  return {
    runners: {
      list: async (options?: CallOptions): Promise<readonly RunnerView[]> =>
        (
          await transport.json<{ readonly items: readonly RunnerView[] }>(
            { method: 'GET', path: '/runners' },
            options,
          )
        ).items,
      get: (id: string, options?: CallOptions): Promise<RunnerView> =>
        transport.json({ method: 'GET', path: pathOf(id) }, options),
      /** The runner finishes its jobs, then leaves. */
      drain: (id: string, options?: CallOptions): Promise<RunnerView> =>
        transport.json({ method: 'POST', path: `${pathOf(id)}/drain`, repeat: 'always' }, options),
      /** Disconnects the runner at once. Its jobs go to other runners. */
      remove: (id: string, options?: CallOptions): Promise<void> =>
        transport.json({ method: 'DELETE', path: pathOf(id) }, options),
      /** Disconnects the runner at once, and keeps it out for a while. */
      quarantine: (
        id: string,
        request: QuarantineRequest,
        options?: CallOptions,
      ): Promise<RunnerView> =>
        transport.json(
          {
            method: 'POST',
            path: `${pathOf(id)}/quarantine`,
            json: request,
            repeat: 'always',
          },
          options,
        ),
      /** Runners that may not join now, at any gateway of the store. */
      quarantines: async (options?: CallOptions): Promise<readonly Quarantine[]> =>
        (
          await transport.json<{ readonly items: readonly Quarantine[] }>(
            { method: 'GET', path: '/runners/quarantines' },
            options,
          )
        ).items,
      /** The runner may join again. */
      endQuarantine: (id: string, options?: CallOptions): Promise<void> =>
        transport.json(
          { method: 'DELETE', path: `/runners/quarantines/${encodeURIComponent(id)}` },
          options,
        ),
    },

    /** Tokens with which browser tabs join as runners for a limited time. */
    joinTokens: {
      /** Makes a token. Only this answer contains the token itself. */
      make: (request: JoinTokenRequest = {}, options?: CallOptions): Promise<MadeJoinToken> =>
        transport.json({ method: 'POST', path: '/runners/tokens', json: request }, options),
      list: async (options?: CallOptions): Promise<readonly ListedJoinToken[]> =>
        (
          await transport.json<{ readonly items: readonly ListedJoinToken[] }>(
            { method: 'GET', path: '/runners/tokens' },
            options,
          )
        ).items,
      /** Also disconnects the token's runners, at other gateways within seconds. */
      revoke: (id: string, options?: CallOptions): Promise<void> =>
        transport.json(
          { method: 'DELETE', path: `/runners/tokens/${encodeURIComponent(id)}`, repeat: 'always' },
          options,
        ),
    },
  };
}

const pathOf = (id: string): string => `/runners/${encodeURIComponent(id)}`;
