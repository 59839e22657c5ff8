/**
 * Gives equal strings and label maps one copy: a mesh names the same few nodes, zones and label sets in every object.
 * Bounded: a full table is emptied, which costs memory for later copies but never correctness.
 */
const strings = new Map<string, string>();
const maps = new Map<string, Readonly<Record<string, string>>>();
const capacity = 65_536;

export const noLabels: Readonly<Record<string, string>> = Object.freeze({});

export function interned(text: string): string {
  const known = strings.get(text);
  if (known !== undefined) return known;
  if (text.length > 256) return text;
  if (strings.size >= capacity) strings.clear();
  strings.set(text, text);
  return text;
}

/** The same list without the room that `push` leaves for 16 more entries: for short lists that stay. */
export function fitted<Entry>(list: readonly Entry[]): readonly Entry[] {
  return list.slice();
}

/** A map of the same entries as `map`, which the caller gives away; equal ones given before are the same object. */
export function internedMap(map: Record<string, string>): Readonly<Record<string, string>> {
  const keys = Object.keys(map);
  if (keys.length === 0) return noLabels;
  let identity = '';
  for (const key of keys) identity += `${key}\u0000${map[key]}\u0001`;
  if (identity.length > 2048) return map;
  const known = maps.get(identity);
  if (known !== undefined) return known;
  if (maps.size >= capacity) maps.clear();
  maps.set(identity, map);
  return map;
}
