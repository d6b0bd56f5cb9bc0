// Connects runners to the fleet. The parts of the hub hold sockets and timers; the core's sessions
// and scheduler make every decision.

import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { UsageError } from '#core/errors/errors.ts';
import { Fleet } from '#core/fleet/fleet.ts';
import type { Channel } from '#core/ports.ts';
import { closeCode, textsPerJobMax } from '#core/protocol/wire.ts';
import { EmbeddingQueue } from './embedding-queue.ts';
import type { HubConnection } from './hub-connection.ts';
import { HubSessions, shuttingDown } from './hub-sessions.ts';
import type { HubState } from './hub-state.ts';
import { runHubTicker } from './hub-ticker.ts';
import type { FleetStats, RunnerHub, RunnerHubOptions, RunnerView } from './hub-types.ts';
import { JobAssigner } from './job-assigner.ts';
import { JoinTokenLimits } from './join-token-limits.ts';
import type { RunnerIdentity } from './runner-identity.ts';
import { RunnerUpgrades } from './runner-upgrades.ts';

export { defaultHubLimits } from './hub-types.ts';
export type { HubLimits, RunnerHub } from './hub-types.ts';

/**
 * Starts the hub's timer; `close` stops it.
 *
 * @throws UsageError when the model has more golden texts than fit into one job
 */
export function createRunnerHub(options: RunnerHubOptions): RunnerHub {
  const { golden, identity } = options;
  const textsMax = textsPerJobMax(identity.dimensions);
  if (golden.cases.length > textsMax)
    throw new UsageError(
      `The model has ${golden.cases.length} golden texts. ` +
        `A runner is checked in one job, which has room for ${textsMax}.`,
    );
  return new FleetHub(options);
}

class FleetHub implements RunnerHub {
  readonly service: EmbeddingQueue;
  readonly #state: HubState;
  readonly #sessions: HubSessions;
  readonly #upgrades: RunnerUpgrades;
  readonly #stopped = new AbortController();

  constructor(options: RunnerHubOptions) {
    const { limits, expectsTrusted, clock, log } = options;
    const { signal } = this.#stopped;
    const fleet = new Fleet(limits, expectsTrusted);
    const connections = new Map<string, HubConnection>();
    const assigner = new JobAssigner({
      fleet,
      connections,
      clock,
      log,
      signal,
      end: (runner, code, reason) => this.#sessions.end(runner, { code, reason, blame: false }),
    });
    const onSubmit = (): void => assigner.assignSoon();
    this.service = new EmbeddingQueue(fleet, { clock, limits, onSubmit });
    this.#state = {
      options,
      fleet,
      assigner,
      connections,
      signal,
      queue: this.service,
      joinLimits: new JoinTokenLimits(connections),
    };
    this.#sessions = new HubSessions(this.#state);
    options.blocks.onChange(() => this.#sessions.endBlocked());
    this.#upgrades = new RunnerUpgrades(options, (channel, identity) =>
      this.accept(channel, identity),
    );
    void runHubTicker(this.#state, this.#sessions);
  }

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.#upgrades.upgrade(request, socket, head);
  }

  accept(channel: Channel, identity: RunnerIdentity): void {
    this.#sessions.open(channel, identity);
  }

  runners(): readonly RunnerView[] {
    return this.#sessions.views();
  }

  fleetStats(): FleetStats {
    const { trust } = this.#sessions;
    return {
      ...this.#state.fleet.stats(),
      checkedBy: trust.verifiers,
      quarantined: trust.quarantined.count,
    };
  }

  drain(id: string): boolean {
    return this.#sessions.drain(id);
  }

  remove(id: string): boolean {
    return this.#sessions.end(id, { code: closeCode.done, reason: 'removed', blame: false });
  }

  quarantine(id: string, reason: string): boolean {
    return this.#sessions.quarantine(id, reason);
  }

  async close(): Promise<void> {
    if (this.#stopped.signal.aborted) return;
    this.#stopped.abort();
    this.service.close();
    const ending = { code: closeCode.goingAway, reason: shuttingDown, blame: false };
    for (const id of this.#state.connections.keys()) this.#sessions.end(id, ending);
    await this.#upgrades.close();
  }
}
