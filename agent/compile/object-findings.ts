import type { MeshObject } from '../model/mesh.js';
import { type ProblemCode, problemCodes } from '../model/problem-codes.js';
import type { ObjectFinding } from '../model/references.js';

/** Gathers what compiling finds about objects, each thing once. */
export class ObjectFindings {
  readonly #found = new Map<string, ObjectFinding>();

  report(object: MeshObject, code: ProblemCode, path: string, message: string): void {
    const { severity, fix } = problemCodes[code];
    const { namespace, name } = object.meta;
    const identity = `${object.kind} ${namespace}/${name} ${code} ${path} ${message}`;
    this.#found.set(identity, { object, code, severity, path, message, fix });
  }

  add(findings: Iterable<ObjectFinding>): void {
    for (const each of findings) this.report(each.object, each.code as ProblemCode, each.path, each.message);
  }

  /** Sorted. */
  list(): readonly ObjectFinding[] {
    return [...this.#found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, finding]) => finding);
  }
}
