// The state of the process and its machine: event loop, memory, garbage collections, disk, file
// handles, versions.

import { readdir, readFile, statfs } from 'node:fs/promises';
import { availableParallelism, freemem, loadavg, totalmem } from 'node:os';
import { monitorEventLoopDelay, PerformanceObserver } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import { z } from '@hono/zod-openapi';
import packageJson from '../../../package.json' with { type: 'json' };
import type { DiskSpace } from '../../telemetry/disk-space.ts';

export const systemSchema = z
  .object({
    status: z.enum(['ok', 'strained']),
    causes: z
      .array(z.string())
      .openapi({ description: 'What is running short; empty when nothing is.' }),
    uptime_seconds: z.number(),
    versions: z.object({
      vectorstream: z.string(),
      node: z.string(),
      v8: z.string(),
      sqlite: z.string().nullable(),
    }),
    platform: z.string(),
    processors: z.int().openapi({ description: 'How many this process may use.' }),
    load_average: z
      .array(z.number())
      .openapi({ description: 'Load of the machine over 1, 5 and 15 minutes.' }),
    event_loop_delay_ms: z.object({
      p50: z.number(),
      p99: z.number(),
      max: z.number(),
      window_seconds: z.number(),
    }),
    memory: z.object({
      rss_bytes: z.int(),
      heap_used_bytes: z.int(),
      heap_limit_bytes: z.int(),
      external_bytes: z.int(),
      machine_free_bytes: z.int(),
      machine_total_bytes: z.int(),
    }),
    garbage_collection: z.object({
      count: z.int(),
      milliseconds: z.number(),
      longest_ms: z.number(),
      window_seconds: z.number(),
    }),
    disk: z
      .object({ free_bytes: z.int(), total_bytes: z.int() })
      .nullable()
      .openapi({ description: 'The disk of the data folder.' }),
    file_handles: z
      .object({ open: z.int(), limit: z.int().nullable() })
      .nullable()
      .openapi({ description: 'null where the system does not report them.' }),
  })
  .openapi('System', {
    example: {
      status: 'ok',
      causes: [],
      uptime_seconds: 120,
      versions: { vectorstream: '0.1.0', node: '24.21.0', v8: '13.6.233.10', sqlite: '3.50.4' },
      platform: 'linux x64',
      processors: 4,
      load_average: [1.2, 0.8, 0.4],
      event_loop_delay_ms: { p50: 0.1, p99: 4.2, max: 12.5, window_seconds: 42 },
      memory: {
        rss_bytes: 150_000_000,
        heap_used_bytes: 40_000_000,
        heap_limit_bytes: 2_197_815_296,
        external_bytes: 9_000_000,
        machine_free_bytes: 6_000_000_000,
        machine_total_bytes: 16_000_000_000,
      },
      garbage_collection: { count: 31, milliseconds: 48.1, longest_ms: 6.3, window_seconds: 42 },
      disk: { free_bytes: 80_000_000_000, total_bytes: 120_000_000_000 },
      file_handles: { open: 48, limit: 1_048_576 },
    },
  });
export type SystemView = z.infer<typeof systemSchema>;

const windowMs = 60_000;
const resolutionMs = 10;

/**
 * Watches event-loop delays and garbage collections over about a minute; this costs a timer of 10
 * ms. Starts with the first `read`.
 */
export class SystemWatch {
  #histogram: ReturnType<typeof monitorEventLoopDelay> | null = null;
  #startedAt = 0;
  #collections = { count: 0, milliseconds: 0, longest: 0 };

  /** Starts a new window when the present one is a minute old. */
  read(): Pick<SystemView, 'event_loop_delay_ms' | 'garbage_collection'> {
    const histogram = this.#histogram ?? this.#start();
    const window_seconds = Math.round((performance.now() - this.#startedAt) / 1000);
    // Each measurement includes the timer's own wait.
    const delay = (nanoseconds: number): number =>
      Math.max(0, round(nanoseconds / 1e6 - resolutionMs));
    const { count, milliseconds, longest } = this.#collections;
    const seen = {
      event_loop_delay_ms: {
        p50: delay(histogram.percentile(50)),
        p99: delay(histogram.percentile(99)),
        max: delay(histogram.max),
        window_seconds,
      },
      garbage_collection: {
        count,
        milliseconds: round(milliseconds),
        longest_ms: round(longest),
        window_seconds,
      },
    };
    if (performance.now() - this.#startedAt > windowMs) {
      histogram.reset();
      this.#collections = { count: 0, milliseconds: 0, longest: 0 };
      this.#startedAt = performance.now();
    }
    return seen;
  }

  #start(): ReturnType<typeof monitorEventLoopDelay> {
    this.#startedAt = performance.now();
    const histogram = monitorEventLoopDelay({ resolution: resolutionMs });
    histogram.enable();
    this.#histogram = histogram;
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) {
        this.#collections.count += 1;
        this.#collections.milliseconds += duration;
        this.#collections.longest = Math.max(this.#collections.longest, duration);
      }
    }).observe({ entryTypes: ['gc'] });
    return histogram;
  }
}

/** The process is at risk beyond these bounds. */
const heapShareMax = 0.92;
const handleShareMax = 0.9;
const delayMsMax = 1000;

export async function systemOf({
  watch,
  diskSpace,
  dataDir,
  startedAt,
  now,
}: {
  readonly watch: SystemWatch;
  readonly diskSpace: DiskSpace;
  readonly dataDir: string;
  readonly startedAt: number;
  readonly now: number;
}): Promise<SystemView> {
  const [disk, handles] = await Promise.all([diskOf(dataDir), fileHandles()]);
  const { rss, heapUsed, external } = process.memoryUsage();
  const { heap_size_limit: heapLimit } = getHeapStatistics();
  const watched = watch.read();
  const diskProblem = diskSpace.state().problem;
  const causes = [
    ...(diskProblem === null ? [] : [diskProblem]),
    ...(heapUsed > heapLimit * heapShareMax
      ? [`the heap uses ${heapUsed} of ${heapLimit} bytes`]
      : []),
    ...(handles !== null && handles.limit !== null && handles.open > handles.limit * handleShareMax
      ? [`${handles.open} of ${handles.limit} file handles are open`]
      : []),
    ...(watched.event_loop_delay_ms.p99 > delayMsMax
      ? [`the event loop is late by ${watched.event_loop_delay_ms.p99} ms (p99)`]
      : []),
  ];
  return {
    status: causes.length === 0 ? 'ok' : 'strained',
    causes,
    uptime_seconds: Math.round((now - startedAt) / 1000),
    versions: {
      vectorstream: packageJson.version,
      node: process.versions.node,
      v8: process.versions.v8,
      sqlite: process.versions['sqlite'] ?? null,
    },
    platform: `${process.platform} ${process.arch}`,
    processors: availableParallelism(),
    load_average: loadavg().map(round),
    ...watched,
    memory: {
      rss_bytes: rss,
      heap_used_bytes: heapUsed,
      heap_limit_bytes: heapLimit,
      external_bytes: external,
      machine_free_bytes: freemem(),
      machine_total_bytes: totalmem(),
    },
    disk,
    file_handles: handles,
  };
}

async function diskOf(folder: string): Promise<SystemView['disk']> {
  const disk = await statfs(folder).catch(() => null);
  return disk && { free_bytes: disk.bavail * disk.bsize, total_bytes: disk.blocks * disk.bsize };
}

async function fileHandles(): Promise<SystemView['file_handles']> {
  const open = (await readdir('/proc/self/fd').catch(() => null))?.length;
  if (open === undefined) return null;
  const limit = Number(
    /^Max open files\s+(\d+)/m.exec(
      await readFile('/proc/self/limits', 'utf8').catch(() => ''),
    )?.[1],
  );
  return { open, limit: Number.isInteger(limit) ? limit : null };
}

const round = (value: number): number => Math.round(value * 100) / 100;
