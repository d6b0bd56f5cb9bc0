// Says how a text that was given to the fleet ended.

export type FailureCause = { readonly code: string; readonly message: string };

/** How a task ended. */
export type TaskResult = { readonly id: string } & (
  | { readonly ok: true; readonly vector: Float32Array; readonly tokens?: number }
  | {
      readonly ok: false;
      readonly code: string;
      readonly message: string;
      readonly attempts: number;
      readonly runner: string;
    }
);
