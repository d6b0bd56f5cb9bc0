// Sends raw bytes over a socket, as an attacker does, and collects the answer until the other side
// closes.

import { connect, type Socket } from 'node:net';

export type RawAnswer = {
  /** Status of the last response; `null`: closed without a response. */
  readonly status: number | null;
  readonly text: string;
  /** Whether the connection was still open at the timeout. */
  readonly isHung: boolean;
};

const answerCharsMax = 65_536;
const timeoutMs = 30_000;

/**
 * `act` writes and may wait for bytes received so far. Resolves when the other side closes, or
 * after half a minute. Never rejects.
 */
export async function rawRequest(
  port: number,
  act: (socket: Socket, came: () => string) => void,
): Promise<RawAnswer> {
  const socket = connect(port, '127.0.0.1');
  const { promise: closed, resolve } = Promise.withResolvers<boolean>();
  let text = '';
  socket.setEncoding('latin1');
  socket.on('data', (chunk: string) => {
    if (text.length < answerCharsMax) text += chunk;
  });
  // A reset is a valid refusal.
  socket.on('error', () => undefined);
  socket.on('close', () => resolve(false));
  const timer = setTimeout(() => resolve(true), timeoutMs);
  act(socket, () => text);
  const isHung = await closed;
  clearTimeout(timer);
  socket.destroy();
  const statuses = [...text.matchAll(/^HTTP\/1\.1 (\d{3})/gm)];
  return { status: statuses.length === 0 ? null : Number(statuses.at(-1)?.[1]), text, isHung };
}
