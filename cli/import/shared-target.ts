// One target for the files of a command: connected for the first, closed after the last.

import type { ImportTarget } from './import-run.ts';

type Connect = (url: string | null, dataDir: string) => Promise<ImportTarget>;

export class SharedTarget implements AsyncDisposable {
  readonly #connect: Connect;
  #target: Promise<ImportTarget> | null = null;

  constructor(connect: Connect) {
    this.#connect = connect;
  }

  /** Every call gets the same target, whose end is that of this object. */
  async connect(url: string | null, dataDir: string): Promise<ImportTarget> {
    const target = await (this.#target ??= this.#connect(url, dataDir));
    return {
      url: target.url,
      own: target.own,
      post: target.post,
      searchable: (signal, onLeft) => target.searchable(signal, onLeft),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const target = await this.#target?.catch(() => null);
    await target?.[Symbol.asyncDispose]();
  }
}
