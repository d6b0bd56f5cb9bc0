// Lets an adapter in memory be used until it is disposed: any later call is a bug of its caller.

import { assert } from '#core/errors/assert.ts';
import { aroundCalls } from './around-calls.ts';

/** The same port. A call after its disposal is an assertion; disposing it twice does nothing. */
export function untilDisposed<T extends AsyncDisposable>(name: string, port: T): T {
  let isDisposed = false;
  return aroundCalls(port, (key, call) => {
    if (key === Symbol.asyncDispose) {
      if (isDisposed) return Promise.resolve();
      isDisposed = true;
    } else {
      assert(!isDisposed, `${name} got a call of ${String(key)} after it was disposed`);
    }
    return call();
  });
}
