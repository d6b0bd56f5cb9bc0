// Describes the types of events that this gateway accepts: the program's own, which the schemas
// name, and those that its settings add.

import { eventTypes as own, type EventType } from '#core/ports.ts';

/** A copy of the JSON with these names in place of every list of the program's own types. */
export function withEventTypes<T extends object>(document: T, names: readonly EventType[]): T {
  return JSON.parse(JSON.stringify(document), (member, value: unknown) =>
    member === 'enum' && Array.isArray(value) && value.join() === own.join() ? names : value,
  );
}
