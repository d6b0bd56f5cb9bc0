// Passes what pipeline, hub and repair report to the metrics and the live feed, and what an
// operator should know to the log.

import type { EventTypes } from '#core/event/event-types.ts';
import type { PipelineObserver } from '#core/pipeline/pipeline-observer.ts';
import type { Clock, DeadLetter } from '#core/ports.ts';
import type { OlderTextsOptions } from '#core/trust/older-texts.ts';
import type { RepairOptions } from '#core/trust/repair.ts';
import { runnerOf } from '../api/views/stats-view.ts';
import type { Erasures } from '../erasure/erasures.ts';
import type { HubObserver } from '../fleet/hub-types.ts';
import type { StoredVersions } from '../ingest/stored-versions.ts';
import type { Live } from '../live/live.ts';
import { createForeignRecords, type ForeignRecordsReport } from '../telemetry/foreign-records.ts';
import type { Log } from '../telemetry/gateway-log.ts';
import type { Telemetry } from '../telemetry/metrics/metrics.ts';
import type { TimestampAlarm } from '../telemetry/timestamp-alarm.ts';
import { createTroubleLog, errorFields } from '../telemetry/trouble-log.ts';

export function pipelineObserver({
  telemetry,
  live,
  versions,
  timestamps,
  erasures,
  eventTypes,
  log,
}: {
  readonly telemetry: Telemetry;
  readonly live: Pick<Live, 'stored' | 'deadLettered'>;
  readonly versions: Pick<StoredVersions, 'add'>;
  readonly timestamps: Pick<TimestampAlarm, 'add'>;
  readonly erasures: Pick<Erasures, 'cameAgain'>;
  readonly eventTypes: Pick<EventTypes, 'placeOf'>;
  readonly log: Log;
}): PipelineObserver {
  const foreignRecords = createForeignRecords(foreignRecordsReport(log));
  const isDown = new Set<string>();
  const lastErrors = new Map<string, Record<string, unknown>>();
  return {
    received: (count) => telemetry.received(count),
    stored(latencySeconds, event, delivery) {
      const { position, headers } = delivery;
      telemetry.stored(latencySeconds);
      telemetry.attribution.stored(event, eventTypes.placeOf(event.eventType));
      telemetry.lagAges.reached(delivery.position.topic, delivery.timestamp);
      versions.add(event);
      timestamps.add(event.timestamp, delivery.timestamp);
      live.stored(latencySeconds, delivery);
      foreignRecords.stored();
      // Checked first, because this runs for every event.
      if (log.isLevelEnabled('trace'))
        log.trace(
          { event_id: event.eventId, request_id: requestOf(headers), origin: position },
          'stored',
        );
    },
    superseded: () => telemetry.superseded(),
    changed: (kinds) => telemetry.records.changed(kinds),
    ignored: (kind) => telemetry.records.ignored(kind),
    deleted: (kind) => telemetry.records.deleted(kind),
    erased() {
      telemetry.erased.inc();
      erasures.cameAgain();
    },
    deadLettered(deadLetter, timestampAhead) {
      telemetry.deadLettered(deadLetter);
      if (timestampAhead !== null) timestamps.add(timestampAhead, deadLetter.timestamp);
      live.deadLettered(deadLetter);
      foreignRecords.deadLettered(deadLetter);
      // The default level would get too many lines; the queue holds every dead letter anyway.
      log.debug(fieldsOf(deadLetter), 'dead-lettered');
    },
    cacheRequest: (result) => telemetry.cacheRequest(result),
    storeWrite: (seconds) => telemetry.storeWrite(seconds),
    retried(dependency, error) {
      telemetry.retried(dependency);
      lastErrors.set(dependency, errorFields(error));
      log.debug({ dependency, ...errorFields(error) }, 'retrying a call');
    },
    circuit(dependency, state) {
      telemetry.circuit(dependency, state);
      // A circuit opens again after each probe that fails. The log does not repeat that.
      if (state === 'closed' && isDown.delete(dependency))
        log.info({ dependency }, 'a dependency is back; intake resumes');
      if (state === 'open' && !isDown.has(dependency)) {
        isDown.add(dependency);
        log.warn(
          { dependency, ...lastErrors.get(dependency) },
          'a dependency is down; intake is paused until it is back',
        );
      }
    },
  };
}

/** The log leaves the message out, because it may quote personal data. */
const fieldsOf = ({ id, eventId, origin, reason, field, headers }: DeadLetter) => ({
  dead_letter_id: id,
  event_id: eventId,
  request_id: requestOf(headers),
  origin,
  reason,
  field,
});

/** Logs neither the record nor the message that may quote it, because they may be personal data. */
const foreignRecordsReport = (log: Log): ForeignRecordsReport => ({
  began: ({ id, origin: { topic, partition, offset }, reason, field }) =>
    log.warn(
      { topic, partition, offset, reason, field, dead_letter_id: id },
      'almost no record of this topic is an event, for example this one; they become dead ' +
        'letters. Is it the right topic?',
    ),
  ended: () => log.info('most records of the topic are events again'),
});

/**
 * The hub writes its own log.
 *
 * @param onQuarantine a runner was quarantined: vectors that it made must not be used.
 */
export function hubObserver(
  telemetry: Telemetry,
  live: Live,
  onQuarantine: () => void,
): HubObserver {
  return {
    job: (device, seconds, embedded) => telemetry.job(device, seconds, embedded),
    golden: (device, meanCosine, runner) => telemetry.golden(device, meanCosine, runner),
    crossCheck: (result) => telemetry.crossCheck(result),
    quarantined(device, runner) {
      telemetry.quarantined(device, runner);
      onQuarantine();
    },
    requeued: (jobs) => telemetry.requeued(jobs),
    lateAnswer: () => telemetry.lateAnswer(),
    // The metrics read the number of runners when they are scraped.
    runners: (views) => live.runnersChanged(views.map(runnerOf)),
  };
}

export function repairObserver(
  telemetry: Telemetry,
  log: Log,
  clock: Clock,
): RepairOptions['observer'] {
  return {
    repaired(texts) {
      telemetry.repaired(texts);
      log.info({ texts }, 're-embedded texts of quarantined or orphaned runner sessions');
    },
    refused({ id, message }) {
      telemetry.repairRefused();
      log.error(
        { text_id: id, reason: message },
        'the store refuses the new vector of a withheld text: searches do not find this text, ' +
          'and it is tried again every five minutes',
      );
    },
    adopted: (runnerSession) =>
      log.warn(
        { runner_session: runnerSession },
        'the gateway of this runner session died before its last work was checked: re-embedding it',
      ),
    failed: createTroubleLog(clock, (fields) =>
      log.warn(
        fields,
        'cannot write session marks or repair vectors while the store is unavailable; retrying',
      ),
    ),
  };
}

export const blocksTrouble = (log: Log, clock: Clock): ((error: unknown) => void) =>
  createTroubleLog(clock, (fields) =>
    log.warn(fields, 'cannot read or write the list of blocked runners; retrying'),
  );

export function olderTextsObserver(log: Log, clock: Clock): OlderTextsOptions['observer'] {
  return {
    refused: ({ id, message }) =>
      log.error({ text_id: id, reason: message }, 'the store refuses the new vector of a text'),
    failed: createTroubleLog(clock, (fields) =>
      log.warn(fields, 'cannot read or write texts of an older tokenizer; retrying'),
    ),
  };
}

const utf8 = new TextDecoder();

const requestOf = (headers: Readonly<Record<string, Uint8Array>>): string | undefined => {
  const id = headers['x-request-id'];
  return id === undefined ? undefined : utf8.decode(id.subarray(0, 128));
};
