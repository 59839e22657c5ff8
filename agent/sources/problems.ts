import type { Catalog } from '../model/catalog.js';
import { keyOf, type MeshObject, type Origin } from '../model/mesh.js';
import type { Problem } from '../model/problem.js';
import type { ObjectFinding } from '../model/references.js';
import { Locator, type Place } from './locate.js';
import { readManifest, showRef } from './manifest.js';

/** Gives findings of objects the places of their fields. */
export function placeFindings(
  findings: readonly ObjectFinding[],
  locate: (fields: readonly { readonly origin: Origin; readonly path: string }[]) => readonly Place[],
): readonly Problem[] {
  const places = locate(findings.map(({ object, path }) => ({ origin: object.meta.origin, path })));
  return findings.map(({ object, ...finding }, index) => ({
    ...finding,
    file: object.meta.origin.file,
    ...places[index]!,
    resource: showRef(object.kind, keyOf(object)),
  }));
}

/** What a text of manifests says. `locate` gives findings of its objects their places in it. */
export interface TextManifests {
  readonly objects: readonly MeshObject[];
  readonly problems: readonly Problem[];
  readonly locate: (findings: readonly ObjectFinding[]) => readonly Problem[];
}

/** Reads YAML or JSON documents; problems name `file`. */
export async function readText(text: string, file: string): Promise<TextManifests> {
  const { objects, problems } = await readManifest(file, text);
  const locator = Locator.of(file, text);
  const locate = (findings: readonly ObjectFinding[]): readonly Problem[] =>
    placeFindings(findings, (fields) => fields.map(({ origin, path }) => locator.find(origin, path)));
  return { objects, problems, locate };
}

/** How a root of manifests fares. */
export interface RootState {
  readonly name: string;
  /** What is wrong with reading it now; empty when nothing is. */
  readonly trouble: string;
  readonly objects: number;
}

/** The roots with the number of objects of the catalog that came from each. `problems`: those of the source. */
export function rootStates(
  roots: readonly string[],
  catalog: Catalog,
  problems: readonly Problem[],
): readonly RootState[] {
  const counts = roots.map(() => 0);
  const rootOf = (file: string): number =>
    roots.findIndex((root) => file === root || file.startsWith(root.endsWith('/') ? root : `${root}/`));
  for (const { meta } of catalog.objects()) {
    const root = rootOf(meta.origin.file);
    if (root >= 0) counts[root]!++;
  }
  return roots.map((name, index) => ({
    name,
    trouble:
      problems.find((problem) => problem.severity === 'error' && problem.line === 0 && rootOf(problem.file) === index)
        ?.message ?? '',
    objects: counts[index]!,
  }));
}
