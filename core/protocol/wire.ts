// Version 1 of the runner protocol: its limits, close codes and control messages. Both ends use
// this file, so they refuse the same things.

import { z } from 'zod';
import { VectorStreamError } from '#core/errors/errors.ts';

export const protocolVersion = 1;
export const subprotocol = 'vectorstream.v1';
/**
 * A browser cannot set headers on a WebSocket: it sends its token as a second subprotocol, in
 * base64url after this prefix.
 */
export const tokenSubprotocolPrefix = 'vectorstream.token.';

/** What either end may send. The largest job and its answer fit: see docs/runner-protocol.md. */
export const wireLimits = {
  frameBytesMax: 16 * 1024 * 1024,
  headerBytesMax: 1024 * 1024,
  textsPerJobMax: 512,
  textCharsMax: 32 * 1024,
  /** All texts of a job together, in UTF-16 code units; one needs at most 6 bytes in JSON. */
  jobCharsMax: 64 * 1024,
  dimensionsMax: 16_384,
  failureMessageCharsMax: 200,
} as const;

/**
 * Texts per job whose vectors of `dimensions` fit into one frame with their header: 512 up to 7,680
 * dimensions.
 */
export function textsPerJobMax(dimensions: number): number {
  const vectorBytesMax = wireLimits.frameBytesMax - wireLimits.headerBytesMax - 4;
  return Math.min(wireLimits.textsPerJobMax, Math.floor(vectorBytesMax / (dimensions * 4)));
}

export const closeCode = {
  /** Drained: the runner finished its jobs and leaves. */
  done: 1000,
  /** The gateway stops; come back later. */
  goingAway: 1001,
  /** The other end sent a frame that the protocol does not allow. */
  badMessage: 4400,
  tokenRevoked: 4401,
  /** The runner's vectors do not agree with the reference. */
  quarantined: 4403,
  /** No greeting or heartbeat in time, or a job past its deadline. */
  timeout: 4408,
  modelMismatch: 4409,
  /** The fleet is full, or this runner's quarantine is not over. */
  notNow: 4429,
  /** The runner's model session failed; its process or worker ends. */
  runnerFailed: 4500,
} as const;

/**
 * The other end sent what the protocol does not allow. Close with `closeCode`, and use nothing of
 * that frame.
 */
export class ProtocolError extends VectorStreamError {
  override readonly name = 'ProtocolError';
  readonly code = 'bad_message';
  readonly retryable = false;
  readonly closeCode = closeCode.badMessage;
}

const line = (charsMax: number) => z.string().min(1).max(charsMax);

const runnerHello = z.object({
  type: z.literal('runner-hello'),
  protocol: z.int().nonnegative(),
  name: line(100),
  kind: z.enum(['node', 'browser']),
  device: z.enum(['cpu', 'webgpu', 'cuda', 'wasm']),
  adapter: z.string().max(200),
  softwareAdapter: z.boolean(),
  dtype: line(32),
  modelId: line(200),
  modelRevision: line(128),
  dimensions: z.int().min(1).max(wireLimits.dimensionsMax),
  textsPerSecond: z.number().positive().max(1e6),
  limits: z.object({ textsPerJobMax: z.int().min(1).max(wireLimits.textsPerJobMax) }),
  /** Of the program; for people only. */
  version: line(40).optional(),
});

const runnerWelcome = z.object({
  type: z.literal('runner-welcome'),
  protocol: z.literal(protocolVersion),
  sessionId: line(100),
  heartbeatMs: z.int().min(10).max(600_000),
  limits: z.object({
    frameBytesMax: z.int().positive(),
    textsPerJobMax: z.int().positive(),
    textCharsMax: z.int().positive(),
  }),
});

const jobAssign = z.object({
  type: z.literal('job-assign'),
  jobId: line(100),
  attempt: z.int().min(1),
  /**
   * How long the gateway waits, counted from when the runner starts this job; the two clocks are
   * never compared.
   */
  deadlineMs: z.int().positive(),
  texts: z.array(z.string().max(wireLimits.textCharsMax)).min(1).max(wireLimits.textsPerJobMax),
});

/** Either end asks for no more jobs. The runner finishes those it has, then closes with 1000. */
const runnerDrain = z.object({ type: z.literal('runner-drain'), reason: z.string().max(200) });

const runnerError = z.object({
  type: z.literal('runner-error'),
  code: line(64),
  message: z.string().max(1000),
  retryable: z.boolean(),
});

const fromRunner = z.discriminatedUnion('type', [
  runnerHello,
  z.object({ type: z.literal('runner-heartbeat') }),
  runnerDrain,
  runnerError,
]);

const fromGateway = z.discriminatedUnion('type', [
  runnerWelcome,
  z.object({ type: z.literal('gateway-heartbeat') }),
  jobAssign,
  runnerDrain,
]);

export type RunnerHello = z.infer<typeof runnerHello>;
export type JobAssign = z.infer<typeof jobAssign>;
export type RunnerMessage = z.infer<typeof fromRunner>;
export type GatewayMessage = z.infer<typeof fromGateway>;

/** A control message as a text frame. */
export function encodeMessage(message: RunnerMessage | GatewayMessage): string {
  return JSON.stringify(message);
}

/** Reads a runner's text frame; unknown fields are dropped. @throws ProtocolError, nothing else */
export function parseRunnerMessage(frame: string): RunnerMessage {
  return parse(fromRunner, frame);
}

/** Reads a gateway's text frame; unknown fields are dropped. @throws ProtocolError, nothing else */
export function parseGatewayMessage(frame: string): GatewayMessage {
  return parse(fromGateway, frame);
}

function parse<T>(schema: z.ZodType<T>, frame: string): T {
  if (frame.length > wireLimits.frameBytesMax) {
    throw new ProtocolError(
      `A message has ${frame.length} characters; at most ${wireLimits.frameBytesMax} are allowed.`,
    );
  }
  let value: unknown;
  try {
    value = JSON.parse(frame);
  } catch (cause) {
    throw new ProtocolError('A text frame must be one JSON object; this one is not JSON.', {
      cause,
    });
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new ProtocolError(
    `Not a message of protocol ${protocolVersion}: ${describe(result.error)}`,
  );
}

function describe(error: z.ZodError): string {
  const issue = error.issues[0];
  if (issue === undefined) return 'no reason given.';
  const path = issue.path.map(String).join('.');
  return `${path === '' ? 'message' : path}: ${issue.message.slice(0, 150)}.`;
}

/**
 * The longest prefix of `text` with at most `charsMax` UTF-16 code units that does not end inside a
 * surrogate pair.
 */
export function clip(text: string, charsMax: number): string {
  return text.length <= charsMax
    ? text
    : text
        .slice(0, charsMax)
        .toWellFormed()
        .replace(/\uFFFD$/, '');
}

/** A reason that fits a close frame, which holds at most 123 bytes of UTF-8. */
export function closeReason(text: string): string {
  const encoder = new TextEncoder();
  let reason = clip(text.toWellFormed(), 123);
  while (encoder.encode(reason).length > 123) reason = clip(reason, reason.length - 1);
  return reason;
}
