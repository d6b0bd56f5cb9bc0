// The calls on the gateway itself: its health, figures and settings, and its runners.

import type { AttributionView } from '../gateway/api/routes/attribution-routes.ts';
import type { AuditPage } from '../gateway/api/routes/audit-routes.ts';
import type { ConfigView } from '../gateway/api/routes/config-routes.ts';
import type { ErasureView } from '../gateway/api/routes/erasure-routes.ts';
import type { HistoryQuery, StatsHistory } from '../gateway/api/routes/history-routes.ts';
import type { HealthView } from '../gateway/api/views/health-view.ts';
import type { StatsView as Stats } from '../gateway/api/views/stats-view.ts';
import type { SystemView } from '../gateway/api/views/system-view.ts';
import { VectorStreamApiError } from './api-errors.ts';
import { runnerCalls } from './runner-calls.ts';
import type { CallOptions, Transport } from './transport.ts';

export type { HealthView, Stats, StatsHistory, SystemView };
export type ReadyOptions = CallOptions & {
  readonly for?: 'intake' | 'search' | undefined;
};
export type About = {
  readonly name: string;
  readonly event_types: readonly string[];
  readonly paths: readonly string[];
};
export type Readiness = { readonly ready: boolean; readonly causes: HealthView['causes'] };

export function operationCalls(transport: Transport) {
  return {
    ...runnerCalls(transport),

    /** Lines of the audit trail, newest first. */
    audit: (
      query: { readonly limit?: number; readonly cursor?: string } = {},
      options?: CallOptions,
    ) => transport.json<AuditPage>({ method: 'GET', path: '/audit', query }, options),

    users: {
      /** Erases what the user did until now. Resolves when the request is durable. */
      erase: (id: string, options?: CallOptions): Promise<ErasureView> =>
        transport.json(
          { method: 'DELETE', path: `/users/${encodeURIComponent(id)}`, repeat: 'always' },
          options,
        ),
      /** How far an erasure has got. */
      erasure: (receipt: string, options?: CallOptions): Promise<ErasureView> =>
        transport.json(
          { method: 'GET', path: `/erasures/${encodeURIComponent(receipt)}` },
          options,
        ),
    },

    health: {
      /** The health of every part, also when it is degraded. */
      get: (options?: CallOptions): Promise<HealthView> =>
        transport.json({ method: 'GET', path: '/health' }, options),

      /**
       * Whether events can be taken (`for: 'intake'`), searches answered (`for: 'search'`), or
       * both. A gateway that is not ready is an answer, not an error. Never retried.
       */
      ready: (options?: ReadyOptions): Promise<Readiness> => askReadiness(transport, options),
    },

    ...figureCalls(transport),

    config: {
      get: (options?: CallOptions): Promise<ConfigView> =>
        transport.json({ method: 'GET', path: '/config' }, options),
      /**
       * Changes all of the settings or none. `persist` keeps them after a restart. Resolves to the
       * section after the change.
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

const figureCalls = (transport: Transport) => ({
  /** What this gateway is: its paths, and the types that events may have. */
  about: (options?: CallOptions): Promise<About> =>
    transport.json({ method: 'GET', path: '/' }, options),
  stats: (options?: CallOptions): Promise<Stats> =>
    transport.json({ method: 'GET', path: '/stats' }, options),
  /** How often recommended products were clicked and bought. */
  attribution: (options?: CallOptions): Promise<AttributionView> =>
    transport.json({ method: 'GET', path: '/stats/attribution' }, options),
  /** Up to a day of figures, step by step. */
  statsHistory: (query: HistoryQuery = {}, options?: CallOptions): Promise<StatsHistory> =>
    transport.json({ method: 'GET', path: '/stats/history', query }, options),
  /** Starts or stops the generated events of a gateway that `npm run demo` started. */
  generator: (running: boolean, options?: CallOptions): Promise<{ readonly running: boolean }> =>
    transport.json(
      { method: 'PUT', path: '/generator', json: { running }, repeat: 'always' },
      options,
    ),
  system: (options?: CallOptions): Promise<SystemView> =>
    transport.json({ method: 'GET', path: '/system' }, options),
});

async function askReadiness(
  transport: Transport,
  { for: purpose, signal }: ReadyOptions = {},
): Promise<Readiness> {
  const query = { for: purpose };
  try {
    await transport.json({ method: 'GET', path: '/readyz', query, repeat: 'never' }, { signal });
    return { ready: true, causes: [] };
  } catch (error) {
    if (!(error instanceof VectorStreamApiError) || error.code !== 'not_ready') throw error;
    const { causes } = error.problem;
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- documented
    return { ready: false, causes: (causes ?? []) as HealthView['causes'] };
  }
}
