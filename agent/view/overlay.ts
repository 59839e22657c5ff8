import { Catalog, type Touched } from '../model/catalog.js';
import type { Change, MeshObject } from '../model/mesh.js';

/** A catalog as it would be after `changes`; the present one stays as it is. */
export function overlay(present: Catalog, changes: readonly Change[]): { catalog: Catalog; touched: Touched } {
  const catalog = new Catalog();
  catalog.apply(objectsOf(present).map((object) => ({ type: 'put', object })));
  return { catalog, touched: catalog.apply(changes) };
}

function objectsOf(catalog: Catalog): readonly MeshObject[] {
  const nodes = new Set<string>();
  const namespaces = new Set<string>();
  for (const { meta, node } of catalog.pods()) {
    nodes.add(node);
    namespaces.add(meta.namespace);
  }
  for (const { endpoints } of catalog.slices()) for (const { node } of endpoints) nodes.add(node);
  return [
    ...[...nodes].flatMap((name) => catalog.node(name) ?? []),
    ...[...namespaces].flatMap((name) => catalog.namespace(name) ?? []),
    ...catalog.services(),
    ...catalog.slices(),
    ...catalog.pods(),
    ...catalog.rules(),
    ...catalog.others(),
  ];
}
