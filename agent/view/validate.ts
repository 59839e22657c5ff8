import type { Validation } from '../api/items.js';
import type { Outcome } from '../api/view.js';
import { findingsOf } from '../mesh-findings.js';
import { Catalog } from '../model/catalog.js';
import type { Change, MeshObject } from '../model/mesh.js';
import type { Problem } from '../model/problem.js';
import { compareProblems } from '../model/problem.js';
import { problemCodes } from '../model/problem-codes.js';
import type { ObjectFinding } from '../model/references.js';
import { type Shadowed, Versions } from '../model/versions.js';
import type { ViewParts } from './parts.js';

/** The name of the file that a text of a request is. */
export const requestFile = '-';

/** What putting the objects of a text in place would be: each object once. */
export interface Submission {
  readonly objects: readonly MeshObject[];
  readonly changes: readonly Change[];
  /** Of each object by itself, and of two that are the same. */
  readonly problems: readonly Problem[];
  /** Gives findings of these objects their places in the text. */
  readonly locate: (findings: readonly ObjectFinding[]) => readonly Problem[];
}

export async function readSubmission({ readManifests }: ViewParts, text: string): Promise<Submission> {
  const { objects, problems, locate } = await readManifests(text, requestFile);
  const versions = new Versions();
  const changes = versions.replace(requestFile, objects);
  const duplicates = [...versions.shadowed()].map(duplicateOf);
  return { objects, changes, problems: [...problems, ...locate(duplicates)], locate };
}

function duplicateOf({ object, winner }: Shadowed): ObjectFinding {
  const { severity, fix } = problemCodes.WEFT0501;
  const message = `is also defined in document ${winner.meta.origin.document + 1}, which is in effect`;
  return { object, code: 'WEFT0501', severity, path: 'metadata.name', message, fix };
}

/** What is wrong with the objects of a text, as if there were no others. */
export async function validateText(parts: ViewParts, text: string): Promise<Outcome<Validation>> {
  const { objects, changes, problems, locate } = await readSubmission(parts, text);
  const catalog = new Catalog();
  catalog.apply(changes);
  const references = locate(findingsOf(catalog));
  return {
    ok: true,
    value: { objects: objects.length, problems: [...problems, ...references].sort(compareProblems) },
  };
}
