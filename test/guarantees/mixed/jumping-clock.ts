// Loaded into a program before its own code: lets a test set the wall clock of that one process, as
// an administrator would.

let offsetMs = 0;
const { now } = Date;
const RealDate = Date;
Date.now = () => now() + offsetMs;
globalThis.Date = new Proxy(RealDate, {
  construct: (target, given) =>
    given.length === 0 ? new target(target.now()) : Reflect.construct(target, given),
});
process.on('message', (message: unknown) => {
  if (typeof message === 'object' && message !== null && 'jumpMs' in message)
    offsetMs += Number(message.jumpMs);
});
