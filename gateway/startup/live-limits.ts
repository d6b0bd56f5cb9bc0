// The limits of pipeline and hub as views of the settings: each is read at every use, so that a
// change takes effect at once.

import type { SchemaRegistry } from '#core/decode/record-schema.ts';
import type { ChangeFeed } from '#core/pipeline/changes/change-feed.ts';
import { defaultPipelineLimits, type PipelineLimits } from '#core/pipeline/pipeline.ts';
import type { Config } from '../config/config.ts';
import { eventLimitsOf } from '../config/event-limits.ts';
import { mappingsOf } from '../config/record-mappings.ts';
import { defaultHubLimits, type HubLimits } from '../fleet/hub-types.ts';

export function pipelineLimits(
  config: Config,
  schemas: SchemaRegistry | null = null,
  changes: ChangeFeed | null = null,
): PipelineLimits {
  const { pipeline, retries, gateway } = config;
  return {
    event: eventLimitsOf(config),
    mappings: mappingsOf(config),
    schemas,
    changes,
    knownTextAgeMsMax: defaultPipelineLimits.knownTextAgeMsMax,
    drainMsMax: Math.min(defaultPipelineLimits.drainMsMax, gateway.shutdownMsMax / 2),
    get unsettledMax() {
      return pipeline.unsettledMax;
    },
    get unsettledBytesMax() {
      return pipeline.unsettledBytesMax;
    },
    get batchAgeMsMax() {
      return pipeline.batchAgeMsMax;
    },
    get writesInFlightMax() {
      return pipeline.writesInFlightMax;
    },
    get knownTextsMax() {
      return pipeline.knownTextsMax;
    },
    backoff: {
      get delayMs() {
        return retries.delayMs;
      },
      get delayMsMax() {
        return retries.delayMsMax;
      },
    },
    circuit: {
      get failuresMax() {
        return retries.circuitFailuresMax;
      },
      get delayMs() {
        return retries.circuitDelayMs;
      },
      get delayMsMax() {
        return retries.circuitDelayMsMax;
      },
    },
  };
}

export function hubLimits({ runners, search }: Config): HubLimits {
  return {
    ...defaultHubLimits,
    closeMsMax: 500,
    get runnersMax() {
      return runners.fleetMax;
    },
    // Earlier than the search gives up, so that another runner can still answer.
    get searchJobMsMax() {
      return 0.75 * search.waitMsMax;
    },
    get searchHedgeMs() {
      return search.hedgeMs;
    },
    get checkIntervalMs() {
      return runners.checkSeconds * 1000;
    },
  };
}
