import { type Change, type Kind, keyOf, type MeshObject } from '../model/mesh.js';
import type { Problem } from '../model/problem.js';
import { problemCodes } from '../model/problem-codes.js';
import { showRef } from './manifest.js';

const maxProblems = 1_000;

/** What one source has, by kind and key. */
type Objects = Map<Kind, Map<string, MeshObject>>;

/** Directories and an API server as sources of one mesh: an object that both define is the directories'. */
export class Precedence {
  readonly #files: Objects = new Map();
  readonly #kubernetes: Objects = new Map();

  /** Takes what changed of one source; returns what that changes of the mesh. */
  take(source: 'files' | 'kubernetes', changes: readonly Change[]): readonly Change[] {
    const [own, other] = source === 'files' ? [this.#files, this.#kubernetes] : [this.#kubernetes, this.#files];
    const effective: Change[] = [];
    for (const change of changes) {
      const kind = change.type === 'put' ? change.object.kind : change.kind;
      const key = change.type === 'put' ? keyOf(change.object) : change.key;
      set(own, kind, key, change.type === 'put' ? change.object : undefined);
      const another = other.get(kind)?.get(key);
      if (another === undefined) effective.push(change);
      else if (source === 'files') effective.push(change.type === 'put' ? change : { type: 'put', object: another });
    }
    return effective;
  }

  /** WEFT0501 for each object of the API server that a directory defines too, at most 1 000. */
  problems(): readonly Problem[] {
    const problems: Problem[] = [];
    const { severity, fix } = problemCodes.WEFT0501;
    for (const [kind, objects] of this.#files) {
      for (const [key, { meta }] of objects) {
        const shadowed = this.#kubernetes.get(kind)?.get(key);
        if (shadowed === undefined || problems.length >= maxProblems) continue;
        const { document, file } = meta.origin;
        problems.push({
          code: 'WEFT0501',
          severity,
          file: shadowed.meta.origin.file,
          line: 0,
          column: 0,
          resource: showRef(kind, key),
          path: 'metadata.name',
          message: `is also defined in ${file} (document ${document + 1}), which is in effect`,
          fix,
        });
      }
    }
    return problems;
  }
}

function set(objects: Objects, kind: Kind, key: string, object: MeshObject | undefined): void {
  let byKey = objects.get(kind);
  if (byKey === undefined) {
    byKey = new Map();
    objects.set(kind, byKey);
  }
  if (object === undefined) byKey.delete(key);
  else byKey.set(key, object);
}
