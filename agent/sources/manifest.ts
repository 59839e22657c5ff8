import { isRaw, type Raw } from '../model/fields.js';
import { type Kind, keyOf, type MeshObject } from '../model/mesh.js';
import { type Parsed, parseObject } from '../model/parse.js';
import type { Finding, Problem } from '../model/problem.js';
import { type ProblemCode, problemCodes } from '../model/problem-codes.js';
import { Locator, type Place } from './locate.js';
import { documentsOf, maxDocuments, readDocument } from './yaml.js';

/** Of one file. */
const maxProblems = 1_000;
/** Problems beyond these have the line where their document begins: an exact place costs parsing it again. */
const maxExact = 200;

/** What one file says. */
export interface Manifest {
  /** In the order of the file. */
  readonly objects: readonly MeshObject[];
  /** Sorted by place. */
  readonly problems: readonly Problem[];
  /** False when the text is not YAML or JSON: then nothing it says is to be taken. */
  readonly intact: boolean;
  /** Objects that are invalid: what they are, and for those of which that is not known, where they stand. */
  readonly invalidKeys: ReadonlySet<string>;
  readonly invalidPlaces: ReadonlySet<string>;
}

/** Awaited between documents, so that a large file does not stop everything else. */
export type Pace = () => Promise<void> | undefined;

const steady: Pace = () => undefined;

/** Parses the text of one file. Findings: those of yaml.ts and of parseObject. */
export async function readManifest(file: string, text: string, pace: Pace = steady): Promise<Manifest> {
  const chunks = documentsOf(file, text);
  const reader = new ManifestReader(file, new Locator(text, chunks));
  const strictly = file.endsWith('.json');
  if (chunks.length > maxDocuments) {
    reader.fault('WEFT0106', { line: 1, column: 1 }, `the file has ${chunks.length} documents`);
    return reader.manifest();
  }
  for (const { document, start, end } of chunks) {
    const read = readDocument(text.slice(start, end), strictly);
    if ('fault' in read) {
      const { code, offset, message } = read.fault;
      reader.fault(code, reader.locator.at(Math.min(start + offset, text.length)), message);
    } else for (const [item, raw] of itemsOf(read.value)) reader.take(raw, document, item);
    await pace();
  }
  return reader.manifest();
}

/** A document's objects with their index in its `List`, -1 outside one; an empty document has none. */
function* itemsOf(value: unknown): Generator<readonly [number, unknown]> {
  if (value === null) return;
  if (!isRaw(value) || typeof value.kind !== 'string' || !value.kind.endsWith('List') || !Array.isArray(value.items)) {
    yield [-1, value];
    return;
  }
  // Items of a typed list, as the API server gives it, do not repeat what they are.
  const typed =
    value.kind === 'List' ? {} : { apiVersion: value.apiVersion, kind: value.kind.slice(0, -'List'.length) };
  for (const [index, item] of value.items.entries()) yield [index, isRaw(item) ? { ...typed, ...item } : item];
}

class ManifestReader {
  readonly locator: Locator;
  readonly #file: string;
  readonly #objects: MeshObject[] = [];
  readonly #problems: Problem[] = [];
  readonly #invalidKeys = new Set<string>();
  readonly #invalidPlaces = new Set<string>();
  #intact = true;

  constructor(file: string, locator: Locator) {
    this.#file = file;
    this.locator = locator;
  }

  fault(code: ProblemCode, place: Place, message: string): void {
    this.#intact = false;
    if (this.#problems.length >= maxProblems) return;
    const { severity, fix } = problemCodes[code];
    this.#problems.push({ code, severity, file: this.#file, ...place, resource: '', path: '', message, fix });
  }

  take(raw: unknown, document: number, item: number): void {
    const parsed = parseObject(raw, { file: this.#file, document, item });
    if (parsed.object !== undefined) this.#objects.push(parsed.object);
    else if (parsed.isInvalid) {
      if (parsed.ref === undefined) this.#invalidPlaces.add(`${document} ${item}`);
      else this.#invalidKeys.add(`${parsed.ref.kind} ${parsed.ref.key}`);
    }
    for (const finding of parsed.findings) this.#report(finding, resourceOf(raw, parsed), document, item);
  }

  #report(finding: Finding, resource: string, document: number, item: number): void {
    if (this.#problems.length >= maxProblems) return;
    const exact = this.#problems.length < maxExact;
    const place = exact ? this.locator.find({ document, item }, finding.path) : this.locator.start(document);
    this.#problems.push({ ...finding, file: this.#file, ...place, resource });
  }

  manifest(): Manifest {
    return {
      objects: this.#intact ? this.#objects : [],
      problems: this.#problems.sort((a, b) => a.line - b.line || a.column - b.column),
      intact: this.#intact,
      invalidKeys: this.#invalidKeys,
      invalidPlaces: this.#invalidPlaces,
    };
  }
}

/** `Kind NS/NAME` (`Kind NAME` without a namespace), as far as it is known. */
function resourceOf(raw: unknown, parsed: Parsed): string {
  if (parsed.ref !== undefined) return showRef(parsed.ref.kind, parsed.ref.key);
  const { kind, metadata } = (isRaw(raw) ? raw : {}) as Raw;
  const { namespace, name } = (isRaw(metadata) ? metadata : {}) as Raw;
  const words = [kind, [namespace, name].filter(isShort).join('/')].filter(isShort);
  return isShort(kind) ? words.join(' ') : '';
}

function isShort(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= 253;
}

export function showRef(kind: Kind, key: string): string {
  return `${kind === 'KubernetesGateway' ? 'Gateway' : kind} ${key.startsWith('/') ? key.slice(1) : key}`;
}

/**
 * The objects of a file that are in effect, when it gave `before` so far: all of those when it cannot be parsed, and
 * of each invalid object its last valid version, in its old place.
 */
export function effectiveObjects(manifest: Manifest, before: readonly MeshObject[]): readonly MeshObject[] {
  if (!manifest.intact) return before;
  if (manifest.invalidKeys.size === 0 && manifest.invalidPlaces.size === 0) return manifest.objects;
  const present = new Set(manifest.objects.map((object) => `${object.kind} ${keyOf(object)}`));
  const kept = before.filter((object) => {
    const identity = `${object.kind} ${keyOf(object)}`;
    const { document, item } = object.meta.origin;
    if (present.has(identity)) return false;
    return manifest.invalidKeys.has(identity) || manifest.invalidPlaces.has(`${document} ${item}`);
  });
  return [...manifest.objects, ...kept];
}
