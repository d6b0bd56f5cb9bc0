// Hands what pipeline and hub tell of themselves to the metrics and the live feed, and to the log
// what a person should know.

import type { PipelineObserver } from '#core/pipeline/pipeline-observer.ts';
import type { RepairOptions } from '#core/trust/repair.ts';
import { runnerOf } from '../api/views/stats-view.ts';
import type { HubObserver } from '../fleet/hub-types.ts';
import type { Live } from '../live/live.ts';
import type { Log } from '../telemetry/gateway-log.ts';
import type { Telemetry } from '../telemetry/metrics.ts';

export function pipelineObserver(telemetry: Telemetry, live: Live, log: Log): PipelineObserver {
  return {
    received: (count) => telemetry.received(count),
    stored(latencySeconds, eventId, delivery) {
      const { position, headers } = delivery;
      telemetry.stored(latencySeconds);
      live.stored(latencySeconds, delivery);
      // Asked first: this is every event.
      if (log.isLevelEnabled('trace'))
        log.trace(
          { event_id: eventId, request_id: requestOf(headers), origin: position },
          'stored',
        );
    },
    superseded: () => telemetry.superseded(),
    deadLettered(letter) {
      telemetry.deadLettered(letter);
      live.deadLettered(letter);
      const { id, eventId, origin, reason, message } = letter;
      // One line per bad event is too much for the usual level: the queue itself holds them all.
      log.debug(
        {
          dead_letter_id: id,
          event_id: eventId,
          request_id: requestOf(letter.headers),
          origin,
          reason,
          message,
        },
        'dead-lettered',
      );
    },
    cacheRequest: (result) => telemetry.cacheRequest(result),
    storeWrite: (seconds) => telemetry.storeWrite(seconds),
    retried(dependency, error) {
      telemetry.retried(dependency);
      log.debug({ dependency, err: error }, 'trying again');
    },
    circuit(dependency, state) {
      telemetry.circuit(dependency, state);
      if (state === 'closed')
        log.info({ dependency }, 'a dependency is back; events are taken in again');
      if (state === 'open')
        log.warn({ dependency }, 'a dependency is down; no events are taken in until it is back');
    },
  };
}

/** `distrust` is called when a runner was found wrong. The hub writes its own log. */
export function hubObserver(telemetry: Telemetry, live: Live, distrust: () => void): HubObserver {
  return {
    job: (device, seconds, embedded) => telemetry.job(device, seconds, embedded),
    golden: (device, meanCosine) => telemetry.golden(device, meanCosine),
    crossCheck: (result) => telemetry.crossCheck(result),
    quarantined(device) {
      telemetry.quarantined(device);
      distrust();
    },
    requeued: (jobs) => telemetry.requeued(jobs),
    lateAnswer: () => telemetry.lateAnswer(),
    // The gauge of runners is read when it is asked for.
    runners: (views) => live.runnersChanged(views.map(runnerOf)),
  };
}

export function repairObserver(telemetry: Telemetry, log: Log): RepairOptions['observer'] {
  return {
    repaired(texts) {
      telemetry.repaired(texts);
      log.info({ texts }, 'embedded again what a wrong or forgotten runner had embedded');
    },
    adopted: (runnerSession) =>
      log.warn(
        { runner_session: runnerSession },
        'the last work of a runner was never checked, since its gateway died: embedding it again',
      ),
    failed: (error) =>
      log.warn(
        { err: error },
        'the marks of runners, or the repair of their work, wait for the store',
      ),
  };
}

const utf8 = new TextDecoder();

const requestOf = (headers: Readonly<Record<string, Uint8Array>>): string | undefined => {
  const id = headers['x-request-id'];
  return id === undefined ? undefined : utf8.decode(id.subarray(0, 128));
};
