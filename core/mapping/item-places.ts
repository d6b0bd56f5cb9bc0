// Finds the items of a list in a JSON value, once, and takes each out by its place.

import { member } from './member-text.ts';

/** The index of an item in its list; before it, those in the lists around that list. */
export type ItemPlace = readonly number[];

/** Elements that are looked at, of all lists together: a list in a list may have no items. */
export const elementsMax = 50_000;

/**
 * A list may be in lists: the items of `orders.items` in `{orders: [{items: [1, 2]}, {}]}` are at
 * `[0, 0]`, `[0, 1]` and `[1]`, because an order without a list is one item. `null` without any
 * list. It recurses: whoever calls it limits the nesting first.
 */
export function itemPlaces(
  value: unknown,
  path: readonly string[],
  itemsMax: number,
): readonly ItemPlace[] | 'too-many-items' | 'too-many-elements' | null {
  const places: ItemPlace[] = [];
  let elements = 0;

  /** Adds those of `inner`, which is at `place`. Returns whether there is a list. */
  function add(inner: unknown, names: readonly string[], place: ItemPlace): boolean {
    const [name, ...rest] = names;
    if (!Array.isArray(inner)) return name !== undefined && add(member(inner, name), rest, place);
    for (let index = 0; index < inner.length; index += 1) {
      if (places.length > itemsMax || elements > elementsMax) break;
      elements += 1;
      const own = [...place, index];
      if (name === undefined || !add(inner[index], names, own)) places.push(own);
    }
    return true;
  }

  if (!add(value, path, [])) return null;
  if (places.length > itemsMax) return 'too-many-items';
  return elements > elementsMax ? 'too-many-elements' : places;
}

/** The value with the item at this place instead of the list. */
export function itemAt(value: unknown, path: readonly string[], place: ItemPlace): unknown {
  const [name, ...rest] = path;
  const [index, ...inner] = place;
  if (index === undefined) return value;
  if (Array.isArray(value))
    return name === undefined ? value[index] : itemAt(value[index], path, inner);
  return name === undefined
    ? value
    : { ...Object(value), [name]: itemAt(member(value, name), rest, place) };
}
