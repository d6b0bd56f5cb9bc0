// Measures each candidate device and dtype in its own process, chooses, and stores the choice.

import { execFile } from 'node:child_process';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { z } from 'zod';
import { devices } from '#core/model/model-manifest.ts';
import {
  candidateRounds,
  choiceMsMax,
  isNeeded,
  ranked,
  type Candidate,
  type ProbeResult,
} from '#core/runner/device-candidates.ts';
import { NoCandidateError } from '#core/runner/supervisor.ts';
import packageJson from '../package.json' with { type: 'json' };
import { makeFolder } from '../system/make-folder.ts';
import { platformOf, type Machine } from './machine.ts';
import type { ModelFolder } from './model-folder.ts';
import type { Log } from './node-runner-log.ts';
import type { RunnerOptions } from './node-runner-options.ts';
import type { SessionRequest } from './session-request.ts';

const candidateSchema = z.object({ device: z.enum(devices), dtype: z.string() });
const resultSchema = z.discriminatedUnion('ok', [
  z.object({
    ok: z.literal(true),
    candidate: candidateSchema,
    textsPerSecond: z.number().positive(),
    golden: z.string(),
    adapter: z.string(),
    softwareAdapter: z.boolean(),
  }),
  z.object({
    ok: z.literal(false),
    candidate: candidateSchema,
    code: z.string(),
    message: z.string(),
  }),
]);
const cachedChoiceSchema = z.object({
  key: z.string(),
  /** UTC ms. */
  until: z.number(),
  candidates: z.array(candidateSchema).min(1),
});

const probeFile = fileURLToPath(new URL('probe.ts', import.meta.url));
const measureMs = 300;
/**
 * Enough for a GPU to compile its shaders. A software adapter is not past its golden texts by then,
 * and loses.
 */
const probeMsMax = 30_000;
/** A device that a setting forces may be slow. */
const forcedProbeMsMax = 300_000;

/**
 * Candidates for this machine, best first.
 *
 * @throws UsageError; NoCandidateError with the reason why each candidate failed
 */
export async function chooseCandidates(
  options: RunnerOptions,
  { model, folder }: ModelFolder,
  machine: Machine,
  log: Log,
  signal: AbortSignal,
): Promise<readonly Candidate[]> {
  const rounds = candidateRounds(model.manifest, options, platformOf(machine));
  const all = rounds.flat();
  // Nothing to choose; the worker checks its own vectors.
  if (all.length === 1) return all;

  const file = join(options.dataDir, 'runner-choice.json');
  const { '@huggingface/transformers': transformers, 'onnxruntime-node': onnxruntime } =
    packageJson.dependencies;
  const key = [
    model.filesRevision,
    transformers,
    onnxruntime,
    process.version,
    process.platform,
    process.arch,
    machine.cpu,
    machine.cores,
    machine.gpu,
    options.device,
    options.dtype,
    options.speedupMin,
  ].join(' · ');
  const cached = await readChoice(file, key);
  if (cached !== null) return cached;

  const results: ProbeResult[] = [];
  for (const round of rounds) {
    if (!isNeeded(round, results)) continue;
    // CPU candidates share the cores fairly; GPU candidates must not run at the same time.
    const cpu = round.filter(({ device }) => device === 'cpu');
    if (machine.cores >= cpu.length)
      results.push(
        ...(await Promise.all(
          cpu.map((candidate) => probe(folder, candidate, options.device !== 'auto', signal)),
        )),
      );
    for (const candidate of round.filter(
      ({ device }) => device !== 'cpu' || machine.cores < cpu.length,
    ))
      results.push(await probe(folder, candidate, options.device !== 'auto', signal));
  }
  signal.throwIfAborted();
  for (const { candidate, ...result } of results) {
    if (result.ok)
      log.info(
        {
          ...candidate,
          texts_per_second: Math.round(result.textsPerSecond),
          golden: result.golden,
        },
        'candidate is correct',
      );
    else
      log.info({ ...candidate, code: result.code, reason: result.message }, 'candidate rejected');
  }

  const candidates = ranked(results, model.manifest, options.speedupMin).map(
    ({ candidate }) => candidate,
  );
  if (candidates.length === 0) {
    const reasons = results.map((result) =>
      result.ok ? '' : `${result.candidate.dtype} on ${result.candidate.device}: ${result.message}`,
    );
    throw new NoCandidateError(
      `No device of this machine embeds correctly with ${model.manifest.modelId}. ` +
        reasons.join(' '),
    );
  }
  const until = Date.now() + choiceMsMax(results);
  await writeChoice(file, { key, until, candidates }).catch((error: unknown) =>
    log.warn({ err: error, file }, 'cannot store the choice; the next start measures again'),
  );
  return candidates;
}

async function probe(
  folder: string,
  candidate: Candidate,
  forced: boolean,
  signal: AbortSignal,
): Promise<ProbeResult> {
  const msMax = forced ? forcedProbeMsMax : probeMsMax;
  const request: SessionRequest = {
    model: folder,
    ...candidate,
    threads: candidate.device === 'cpu' ? 1 : 0,
    measureMs,
  };
  try {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [probeFile, JSON.stringify(request)],
      { timeout: msMax, killSignal: 'SIGKILL', signal },
    );
    return judge(resultSchema.parse(JSON.parse(stdout.trim().split('\n').at(-1) ?? '')), forced);
  } catch (error) {
    const ended = z
      .object({ killed: z.boolean(), signal: z.string().nullable(), code: z.unknown() })
      .safeParse(error);
    const message =
      ended.data?.killed === true
        ? `gave no answer within ${msMax / 1000} s`
        : `its process ended with ${ended.data?.signal ?? `exit code ${String(ended.data?.code)}`}`;
    return { ok: false, candidate, code: 'crashed', message };
  }
}

/**
 * Rejects a software GPU adapter unless its device is forced: the same CPU embeds faster without
 * it.
 */
export function judge(result: z.infer<typeof resultSchema>, forced: boolean): ProbeResult {
  if (!result.ok || !result.softwareAdapter || forced) return result;
  return {
    ok: false,
    candidate: result.candidate,
    code: 'software_adapter',
    message: `this is a software GPU adapter (${result.adapter})`,
  };
}

async function readChoice(file: string, key: string): Promise<readonly Candidate[] | null> {
  try {
    const cached = cachedChoiceSchema.parse(JSON.parse(await readFile(file, 'utf8')));
    return cached.key === key && Date.now() < cached.until ? cached.candidates : null;
  } catch {
    // Absent, damaged or of another version: measuring again is cheap.
    return null;
  }
}

async function writeChoice(
  file: string,
  choice: z.infer<typeof cachedChoiceSchema>,
): Promise<void> {
  makeFolder(dirname(file), 0o777);
  const draft = `${file}.${process.pid}`;
  await writeFile(draft, `${JSON.stringify(choice, null, 2)}\n`);
  await rename(draft, file);
}
