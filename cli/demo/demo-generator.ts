// The visitors of the shop after the demo's own events: a steady stream that a person starts and
// stops on the gateway's page. Their messages travel over the gateway's IPC channel.

import type { Clock } from '#core/ports.ts';
import type { GatewayProcess } from '../gateway/gateway-process.ts';
import type { EventStream } from '../generator/event-stream.ts';
import { sendEvents, type StreamTarget } from '../generator/send-events.ts';

export type DemoGeneratorOptions = {
  readonly gateway: Pick<GatewayProcess, 'onMessage' | 'tell'>;
  readonly target: StreamTarget;
  /** Opens the stream of one run. It ends by itself. */
  readonly stream: () => EventStream;
  /** Events per second. */
  readonly rate: number;
  readonly clock: Clock;
  /** Called with one line for a person when a run fails. */
  readonly say: (line: string) => void;
};

/** Sends nothing until the gateway asks for it. */
export class DemoGenerator implements AsyncDisposable {
  readonly #options: DemoGeneratorOptions;
  readonly #closing = new AbortController();
  /** Ends the present run; `null` without one. */
  #stop: AbortController | null = null;
  #sent = 0;
  #ended: Promise<unknown> = Promise.resolve();

  constructor(options: DemoGeneratorOptions) {
    this.#options = options;
    options.gateway.onMessage((message) => this.#receive(message));
    this.#tell();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop?.abort();
    this.#closing.abort();
    await this.#ended;
  }

  #receive(message: unknown): void {
    if (typeof message !== 'object' || message === null || !('type' in message)) return;
    // A gateway that was restarted knows nothing yet.
    if (message.type === 'listening') this.#tell();
    if (message.type !== 'generate' || !('running' in message)) return;
    if (message.running === false) this.#stop?.abort();
    else if (this.#stop === null && !this.#closing.signal.aborted)
      this.#ended = this.#run((this.#stop = new AbortController()));
  }

  async #run(stop: AbortController): Promise<void> {
    const { target, stream, rate, clock, say } = this.#options;
    const before = this.#sent;
    this.#tell();
    try {
      await sendEvents({
        events: stream().events(),
        target,
        rate,
        clock,
        stop: stop.signal,
        abandon: this.#closing.signal,
        onProgress: (sent) => {
          this.#sent = before + sent;
          this.#tell();
        },
      });
    } catch (error) {
      say(`The generator has stopped: ${error instanceof Error ? error.message : String(error)}`);
    }
    this.#stop = null;
    this.#tell();
  }

  #tell(): void {
    this.#options.gateway.tell({
      type: 'generator',
      running: this.#stop !== null,
      eventsPerSecond: this.#options.rate,
      sent: this.#sent,
    });
  }
}
