// The pure decisions of a Node runner: options, candidates, layout and restarts.

import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseManifest } from '#core/model/model-manifest.ts';
import {
  candidateRounds,
  choiceMsMax,
  isNeeded,
  ranked,
  type Platform,
  type ProbeResult,
} from '#core/runner/device-candidates.ts';
import { RestartPolicy } from '#core/runner/restart-policy.ts';
import { parseOptions } from '../../node-runner/node-runner-options.ts';
import { layoutOf } from '../../node-runner/process-layout.ts';

const manifest = parseManifest(readFileSync('models/all-MiniLM-L6-v2/manifest.json', 'utf8'));
const gibibyte = 2 ** 30;
const onCpu: Platform = { devices: ['cpu'], dtypeSetting: 'VECTORSTREAM_RUNNER_DTYPE' };
const withGpu: Platform = { ...onCpu, devices: ['webgpu', 'cpu'] };
const inTab: Platform = { devices: ['webgpu', 'wasm'], dtypeSetting: 'dtype' };

const right = (device: 'cpu' | 'webgpu', dtype: string, textsPerSecond: number): ProbeResult => ({
  ok: true,
  candidate: { device, dtype },
  textsPerSecond,
  golden: '',
});
const wrong = (device: 'cpu' | 'webgpu', dtype: string, code = 'wrong_vectors'): ProbeResult => ({
  ok: false,
  candidate: { device, dtype },
  code,
  message: '',
});
const order = (...results: ProbeResult[]) => orderBy(1.3, ...results);
const orderBy = (speedupMin: number, ...results: ProbeResult[]) =>
  ranked(results, manifest, speedupMin).map(
    ({ candidate }) => `${candidate.dtype} on ${candidate.device}`,
  );

const msMax = (code: string) =>
  choiceMsMax([right('cpu', 'q8', 100), wrong('webgpu', 'fp16', code)]);

describe('candidates', () => {
  const auto = { device: 'auto', dtype: 'auto' } as const;

  test('without a GPU the integer graph comes first, and fp32 only if it is wrong', () => {
    const rounds = candidateRounds(manifest, auto, onCpu);
    expect(rounds).toEqual([[{ device: 'cpu', dtype: 'q8' }], [{ device: 'cpu', dtype: 'fp32' }]]);
    expect(isNeeded(rounds[1] ?? [], [right('cpu', 'q8', 200)])).toBe(false);
    expect(isNeeded(rounds[1] ?? [], [wrong('cpu', 'q8')])).toBe(true);
  });

  test('q8 and int8 are both tried where they are two graphs, and once where they are one', () => {
    const { int8 } = manifest.dtypes;
    if (int8 === undefined) throw new Error('the shipped model has no int8');
    const own = { ...int8, file: 'onnx/model_int8.onnx' };
    const dtypesWith = (changed: typeof int8) =>
      candidateRounds(
        { ...manifest, dtypes: { ...manifest.dtypes, int8: changed } },
        auto,
        onCpu,
      )[0]?.map(({ dtype }) => dtype);
    expect(dtypesWith(own)).toEqual(['q8', 'int8']);
    expect(dtypesWith(int8)).toEqual(['q8']);
    expect(candidateRounds(manifest, { ...auto, dtype: 'int8' }, onCpu)).toEqual([
      [{ device: 'cpu', dtype: 'int8' }],
    ]);
  });

  test('where a GPU may exist, WebGPU is tried too', () => {
    expect(candidateRounds(manifest, auto, withGpu)[0]).toEqual([
      { device: 'webgpu', dtype: 'fp16' },
      { device: 'webgpu', dtype: 'fp32' },
      { device: 'cpu', dtype: 'q8' },
    ]);
  });

  test('in a tab WASM replaces the CPU', () => {
    expect(candidateRounds(manifest, auto, inTab)).toEqual([
      [
        { device: 'webgpu', dtype: 'fp16' },
        { device: 'webgpu', dtype: 'fp32' },
        { device: 'wasm', dtype: 'q8' },
      ],
      [{ device: 'wasm', dtype: 'fp32' }],
    ]);
    expect(candidateRounds(manifest, { device: 'auto', dtype: 'q8' }, inTab)).toEqual([
      [{ device: 'wasm', dtype: 'q8' }],
    ]);
  });

  test('a much faster correct candidate wins; a wrong one never does', () => {
    expect(
      order(wrong('cpu', 'q8'), right('webgpu', 'fp32', 1), right('cpu', 'int8', 250)),
    ).toEqual(['int8 on cpu', 'fp32 on webgpu']);
    expect(order(wrong('cpu', 'q8'))).toEqual([]);
  });

  test('the better fidelity wins unless the lower one is 1.3 times as fast', () => {
    const q8 = right('cpu', 'q8', 100);
    expect(order(right('cpu', 'int8', 129), q8)).toEqual(['q8 on cpu', 'int8 on cpu']);
    expect(order(q8, right('cpu', 'int8', 130))).toEqual(['int8 on cpu', 'q8 on cpu']);
    expect(order(q8, right('cpu', 'int8', 90), right('webgpu', 'fp32', 80))).toEqual([
      'fp32 on webgpu',
      'q8 on cpu',
      'int8 on cpu',
    ]);
  });

  test('a setting says how many times as fast a dtype of lower fidelity must be', () => {
    const results = [right('cpu', 'q8', 100), right('cpu', 'int8', 199)];
    expect(orderBy(2, ...results)).toEqual(['q8 on cpu', 'int8 on cpu']);
    expect(orderBy(1, ...results)).toEqual(['int8 on cpu', 'q8 on cpu']);
  });

  test('of equal fidelity the faster one wins', () => {
    expect(order(right('webgpu', 'fp32', 90), right('webgpu', 'fp16', 100))).toEqual([
      'fp16 on webgpu',
      'fp32 on webgpu',
    ]);
  });

  test('a choice holds for a week, and for an hour if a failure may pass', () => {
    const week = 7 * 86_400_000;
    expect(msMax('wrong_vectors')).toBe(week);
    expect(msMax('software_adapter')).toBe(week);
    for (const code of ['crashed', 'worker_silent', 'worker_crashed', 'device_lost', 'no_adapter'])
      expect([code, msMax(code)]).toEqual([code, 3_600_000]);
  });

  test('a forced device or dtype is the only one tried', () => {
    expect(candidateRounds(manifest, { device: 'webgpu', dtype: 'fp32' }, onCpu)).toEqual([
      [{ device: 'webgpu', dtype: 'fp32' }],
    ]);
    expect(
      candidateRounds(manifest, { device: 'webgpu', dtype: 'auto' }, onCpu)
        .flat()
        .every(({ device }) => device === 'webgpu'),
    ).toBe(true);
    expect(candidateRounds(manifest, { device: 'auto', dtype: 'q8' }, withGpu)).toEqual([
      [{ device: 'cpu', dtype: 'q8' }],
    ]);
    expect(() => candidateRounds(manifest, { device: 'auto', dtype: 'q4' }, onCpu)).toThrow(
      'VECTORSTREAM_RUNNER_DTYPE is "q4": ' +
        'sentence-transformers/all-MiniLM-L6-v2 has fp16, fp32, q8, int8',
    );
  });

  test('the only dtype of a model is tried', () => {
    const single = {
      ...manifest,
      dtypes: {
        bnb4: {
          file: 'onnx/model.onnx',
          devices: ['cpu' as const],
          goldenMeanMin: 0.9,
          goldenMin: 0.9,
        },
      },
    };
    expect(candidateRounds(single, auto, onCpu)).toEqual([[{ device: 'cpu', dtype: 'bnb4' }]]);
  });
});

describe('layout', () => {
  const machine = {
    device: 'cpu',
    graphBytes: 23_486_168,
    cores: 4,
    memoryBytes: 16 * gibibyte,
    runners: 'auto',
    threads: 'auto',
  } as const;

  test('a CPU gets one single-threaded process per core', () => {
    expect(layoutOf(machine)).toEqual({ processes: 4, threads: 1 });
    expect(layoutOf({ ...machine, cores: 1 })).toEqual({ processes: 1, threads: 1 });
  });

  test('forced values are kept, and the others adapt', () => {
    expect(layoutOf({ ...machine, runners: 1 })).toEqual({ processes: 1, threads: 4 });
    expect(layoutOf({ ...machine, threads: 2 })).toEqual({ processes: 2, threads: 2 });
    expect(layoutOf({ ...machine, runners: 3, threads: 5 })).toEqual({ processes: 3, threads: 5 });
  });

  test('a GPU gets one process', () => {
    expect(layoutOf({ ...machine, device: 'webgpu' })).toEqual({ processes: 1, threads: 0 });
  });

  test('memory limits the processes, and the remaining cores become threads', () => {
    expect(layoutOf({ ...machine, cores: 8, memoryBytes: 2 * gibibyte })).toEqual({
      processes: 2,
      threads: 4,
    });
    expect(layoutOf({ ...machine, graphBytes: 1_300_000_000 })).toEqual({
      processes: 2,
      threads: 2,
    });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 256 }),
        fc.integer({ min: 0, max: 512 * gibibyte }),
        (cores, memoryBytes) => {
          const { processes, threads } = layoutOf({ ...machine, cores, memoryBytes });
          expect(processes).toBeGreaterThanOrEqual(1);
          expect(processes * threads).toBeLessThanOrEqual(cores);
        },
      ),
    );
  });
});

const end = (stage: 'start' | 'service', ranMs = 100, retryable = true) => ({
  stage,
  ranMs,
  retryable,
});

describe('restarts', () => {
  const cpuOnly = { left: false, otherDeviceLeft: false };
  const kinds = (ends: readonly ReturnType<typeof end>[], left: typeof cpuOnly): string[] => {
    const policy = new RestartPolicy(left);
    return ends.map((one) => {
      const next = policy.afterEnd(one);
      return next.kind === 'restart' ? String(next.delayMs) : next.kind;
    });
  };

  test('restarts begin at once, then after 250 ms to 10 s; a healthy minute resets this', () => {
    expect(
      kinds([...Array.from({ length: 8 }, () => end('service')), end('service', 60_000)], cpuOnly),
    ).toEqual(['0', '250', '500', '1000', '2000', '4000', '8000', '10000', '0']);
  });

  test('after three failed starts the next candidate follows, or the runner ends', () => {
    expect(
      kinds([end('start'), end('start'), end('start')], { left: true, otherDeviceLeft: false }),
    ).toEqual(['250', '500', 'next-candidate']);
    expect(kinds([end('start'), end('start'), end('start')], cpuOnly)).toEqual([
      '250',
      '500',
      'give-up',
    ]);
  });

  test('a candidate with wrong vectors is not tried again', () => {
    expect(kinds([end('start', 100, false)], { left: true, otherDeviceLeft: true })).toEqual([
      'next-candidate',
    ]);
    expect(kinds([end('service', 100, false)], cpuOnly)).toEqual(['give-up']);
  });

  test('the CPU replaces a GPU that fails in service', () => {
    expect(
      kinds([end('service'), end('service'), end('service')], {
        left: true,
        otherDeviceLeft: true,
      }),
    ).toEqual(['0', '250', 'next-candidate']);
  });
});

const parse = (argv: string[], environment: Record<string, string> = {}) =>
  parseOptions(argv, environment, { hostName: 'shop', terminal: false });

describe('options', () => {
  test('defaults', () => {
    expect(parse([])).toEqual({
      gatewayUrls: ['ws://127.0.0.1:8080'],
      token: null,
      dataDir: '.vectorstream',
      model: 'models/all-MiniLM-L6-v2',
      device: 'auto',
      dtype: 'auto',
      speedupMin: 1.3,
      threads: 'auto',
      runners: 'auto',
      name: 'shop',
      logLevel: 'info',
      logFormat: 'json',
    });
  });

  test('a flag overrides its variable, and an empty variable counts as unset', () => {
    expect(
      parse(['--device', 'cpu'], {
        VECTORSTREAM_RUNNER_DEVICE: 'webgpu',
        VECTORSTREAM_RUNNER_DTYPE: '',
      }),
    ).toMatchObject({ device: 'cpu', dtype: 'auto' });
    expect(
      parse([], {
        VECTORSTREAM_GATEWAY_URL: 'ws://a:1, wss://b,ws://a:1',
        VECTORSTREAM_RUNNER_THREADS: '2',
      }),
    ).toMatchObject({ gatewayUrls: ['ws://a:1', 'wss://b'], threads: 2 });
    expect(parse([], { VECTORSTREAM_RUNNER_SPEEDUP_MIN: '1.05' })).toMatchObject({
      speedupMin: 1.05,
    });
    expect(parse(['--help'])).toBe('help');
  });

  test.each([
    [['--device', 'tpu'], {}, '--device is "tpu": expected one of auto, cpu, webgpu, cuda.'],
    [[], { VECTORSTREAM_RUNNER_DEVICE: 'tpu' }, 'VECTORSTREAM_RUNNER_DEVICE is "tpu"'],
    [['--runners', '0'], {}, '--runners is "0": expected auto or a whole number from 1 to 256.'],
    [['--speedup-min', '0.9'], {}, '--speedup-min is "0.9": expected a number from 1 to 100.'],
    [['--speedup-min', 'x'], {}, '--speedup-min is "x": expected a number from 1 to 100.'],
    [['--gateway', 'http://a'], {}, '--gateway is "http://a": expected addresses such as'],
    [
      ['--gateway', 'ws://a,ws://me:secret@b:1'],
      {},
      '--gateway has an address with a user, a password, a query or a fragment (at b:1): ' +
        'the token goes in VECTORSTREAM_RUNNER_TOKEN.',
    ],
    [['--nonsense'], {}, "Unknown option '--nonsense'. See --help."],
    [[], { LOG_LEVEL: 'loud' }, 'LOG_LEVEL is "loud": expected one of trace'],
  ])('%j with %j says what is allowed', (argv, environment, message) => {
    expect(() => parse(argv, environment)).toThrow(message);
  });
});
