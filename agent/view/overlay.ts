import { Catalog, type Touched } from '../model/catalog.js';
import type { Change } from '../model/mesh.js';

/** A catalog as it would be after `changes`, and what they touch; the present one stays as it is. */
export function overlay(
  present: Catalog,
  changes: readonly Change[],
): { readonly catalog: Catalog; readonly touched: Touched } {
  const catalog = new Catalog();
  catalog.apply([...present.objects()].map((object) => ({ type: 'put', object })));
  return { catalog, touched: catalog.apply(changes) };
}
