// The gateway itself: its runners, its health, its figures and its settings.

import type { ConfigView } from '../gateway/api/routes/config-routes.ts';
import type {
  JoinTokenRequest,
  ListedJoinToken,
  MadeJoinToken,
} from '../gateway/api/routes/join-token-routes.ts';
import type { HealthView } from '../gateway/api/views/health-view.ts';
import type { RunnerView, StatsView } from '../gateway/api/views/stats-view.ts';
import type { SystemView } from '../gateway/api/views/system-view.ts';
import { VectorStreamApiError } from './api-errors.ts';
import type { CallOptions, Transport } from './transport.ts';

export type Readiness = { readonly ready: boolean; readonly causes: HealthView['causes'] };

export function operationCalls(transport: Transport) {
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
        transport.json({ method: 'GET', path: runner(id) }, options),
      /** It finishes what it has, and leaves. */
      drain: (id: string, options?: CallOptions): Promise<RunnerView> =>
        transport.json({ method: 'POST', path: `${runner(id)}/drain`, repeat: 'always' }, options),
      /** It is cut off; what it has in work goes to another one. */
      remove: (id: string, options?: CallOptions): Promise<void> =>
        transport.json({ method: 'DELETE', path: runner(id) }, options),
    },

    /** With which tabs join for a while. */
    joinTokens: {
      /** The token itself is told here and never again. */
      make: (request: JoinTokenRequest = {}, options?: CallOptions): Promise<MadeJoinToken> =>
        transport.json({ method: 'POST', path: '/runners/tokens', json: request }, options),
      list: async (options?: CallOptions): Promise<readonly ListedJoinToken[]> =>
        (
          await transport.json<{ readonly items: readonly ListedJoinToken[] }>(
            { method: 'GET', path: '/runners/tokens' },
            options,
          )
        ).items,
      /** Its runners at this gateway are disconnected. */
      revoke: (id: string, options?: CallOptions): Promise<void> =>
        transport.json(
          { method: 'DELETE', path: `/runners/tokens/${encodeURIComponent(id)}`, repeat: 'always' },
          options,
        ),
    },

    health: {
      /** The whole picture, also when degraded. */
      get: (options?: CallOptions): Promise<HealthView> =>
        transport.json({ method: 'GET', path: '/health' }, options),

      /**
       * Whether events can be taken in, embedded and found; not being ready is an answer, and no
       * error.
       */
      async ready(options?: CallOptions): Promise<Readiness> {
        try {
          await transport.json({ method: 'GET', path: '/readyz', repeat: 'never' }, options);
          return { ready: true, causes: [] };
        } catch (error) {
          if (!(error instanceof VectorStreamApiError) || error.code !== 'not_ready') throw error;
          const { causes } = error.problem;
          // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- documented for not_ready
          return { ready: false, causes: (causes ?? []) as HealthView['causes'] };
        }
      },
    },

    stats: (options?: CallOptions): Promise<StatsView> =>
      transport.json({ method: 'GET', path: '/stats' }, options),
    system: (options?: CallOptions): Promise<SystemView> =>
      transport.json({ method: 'GET', path: '/system' }, options),

    config: {
      get: (options?: CallOptions): Promise<ConfigView> =>
        transport.json({ method: 'GET', path: '/config' }, options),
      /**
       * All of them change, or none. `persist`: also after a restart. Resolves with the section as
       * it is then.
       */
      change: (
        section: string,
        settings: Readonly<Record<string, string | number | boolean | null>>,
        { persist = false, signal }: CallOptions & { readonly persist?: boolean } = {},
      ): Promise<ConfigView[string]> =>
        transport.json(
          {
            method: 'PUT',
            path: `/config/${encodeURIComponent(section)}`,
            query: { persist },
            json: settings,
            repeat: 'always',
          },
          { signal },
        ),
    },
  };
}

const runner = (id: string): string => `/runners/${encodeURIComponent(id)}`;
