// Puts something around every call of a port, such as a check that it may be called now.

export type AroundCall = (name: string | symbol, call: () => unknown) => unknown;

/** The same port. Ports inside of it, such as the provenance store of a store, are covered too. */
export function aroundCalls<T extends object>(port: T, around: AroundCall): T {
  return new Proxy(port, {
    get(target, key): unknown {
      const member: unknown = Reflect.get(target, key);
      if (typeof member === 'function')
        return (...given: unknown[]) => around(key, () => Reflect.apply(member, target, given));
      const isPort = typeof member === 'object' && member !== null && hasCalls(member);
      return isPort ? aroundCalls(member, around) : member;
    },
  });
}

function hasCalls(part: object): boolean {
  return Object.values(part).some((member) => typeof member === 'function');
}
