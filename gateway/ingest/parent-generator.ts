// The generator of `npm run demo`, which a gateway that the demo started reaches over the IPC
// channel between the two processes. No other gateway has one.

import { z } from 'zod';

const messageSchema = z.object({
  type: z.literal('generator'),
  running: z.boolean(),
  eventsPerSecond: z.number().positive(),
  sent: z.int().nonnegative(),
});

export type GeneratorState = Omit<z.infer<typeof messageSchema>, 'type'>;

export type ParentGenerator = {
  /** What it told last; `null`: the program that started this gateway has no generator. */
  state(): GeneratorState | null;
  /** Asks it to send events, or to stop. Its state follows. */
  run(running: boolean): void;
};

/** Of a gateway that no demo started. */
export const noGenerator: ParentGenerator = { state: () => null, run: () => undefined };

/** The end of the channel in the gateway: Node's `process`. */
export type ParentChannel = {
  on(event: 'message', listener: (message: unknown) => void): unknown;
  send?: NodeJS.Process['send'];
};

export function generatorOver(channel: ParentChannel): ParentGenerator {
  let state: GeneratorState | null = null;
  channel.on('message', (message) => {
    const told = messageSchema.safeParse(message);
    if (told.success) state = told.data;
  });
  return {
    state: () => state,
    run(running) {
      // The demo may have ended meanwhile, and with it this gateway: a failure is ignored.
      channel.send?.({ type: 'generate', running }, undefined, undefined, () => undefined);
    },
  };
}
