// What the live feed publishes at intervals: the figures of GET /stats, /health and /runners.

import type { LiveFigures } from '../../live/live.ts';
import { createTroubleLog } from '../../telemetry/trouble-log.ts';
import type { Services } from '../services.ts';
import { healthOf } from './health-view.ts';
import { causesOf } from './readiness.ts';
import { runnerOf, statsOf } from './stats-view.ts';

export const liveFigures = (services: Services): LiveFigures => ({
  stats: () => statsOf(services),
  health: () => healthOf(services),
  causes: () => causesOf(services),
  runners: () => services.runners().map(runnerOf),
  onError: createTroubleLog(services.clock, (fields) =>
    services.log.error(fields, 'failed to publish to the live feed'),
  ),
});
