// Takes no event while the disk of the data folder has no room: requests are refused with the
// reason, and the source pauses.

import { DependencyError } from '#core/errors/errors.ts';
import type { Clock, EventSink, EventSource } from '#core/ports.ts';
import { rest } from '#core/time/rest.ts';
import type { DiskSpace } from '../telemetry/disk-space.ts';

const lookEveryMs = 250;

/** Its `append` throws `DependencyError` (retryable) while there is no room. */
export function gatedSink(sink: EventSink, disk: DiskSpace): EventSink {
  return {
    async append(records) {
      const { level, problem } = disk.state();
      if (level !== 'out') return sink.append(records);
      throw new DependencyError('disk', 'disk_space_low', `${problem}.`, { retryable: true });
    },
    ...(sink.erase !== undefined && { erase: sink.erase }),
    [Symbol.asyncDispose]: () => sink[Symbol.asyncDispose](),
  };
}

/** Holds back deliveries, which the pipeline would write to the disk. They stay unsettled. */
export function gatedSource(source: EventSource, disk: DiskSpace, clock: Clock): EventSource {
  return {
    ...source,
    async *deliveries(signal) {
      for await (const deliveries of source.deliveries(signal)) {
        while (disk.state().level === 'out') if (!(await rest(clock, lookEveryMs, signal))) return;
        yield deliveries;
      }
    },
  };
}
