import { latestChanges } from '../model/changes.js';
import { type Change, keyOf, type MeshObject, type Origin } from '../model/mesh.js';
import type { Problem } from '../model/problem.js';
import { problemCodes } from '../model/problem-codes.js';
import { compareOrigins, Versions } from '../model/versions.js';
import { Locator, type Place } from './locate.js';
import { effectiveObjects, type Pace, readManifest, showRef } from './manifest.js';
import { readFileText } from './text.js';
import { type FileState, listTree, sameState, type Tree, type TreeFault } from './tree.js';

/** A missing file is believed when it is still missing this many ms later: it may be about to be replaced, or its root to go. */
export const grace = 50;
/** A file changed within this many ms of being read may change again in the same tick of the file system's clock. */
const tick = 100;
interface FileRecord {
  readonly root: string;
  state: FileState | undefined;
  digest: string;
  problems: readonly Problem[];
  /** Monotonic ms. */
  missingSince: number | undefined;
}

/** The files of some roots and what they gave. */
export class FileStore {
  readonly #roots: readonly string[];
  readonly #records = new Map<string, FileRecord>();
  readonly #versions = new Versions();
  #faults: readonly TreeFault[] = [];
  #duplicates: readonly Problem[] = [];
  #directories: ReadonlyMap<string, bigint> = new Map();
  #seen = new Set<string>();
  /** Whether the last scan parsed or dropped a file. */
  #stale = false;

  constructor(roots: readonly string[]) {
    this.#roots = roots;
  }

  /** Whether every root could be listed at least once. */
  get complete(): boolean {
    return this.#seen.size === new Set(this.#roots).size;
  }

  /** Whether the last scan found something new. */
  get parsed(): boolean {
    return this.#stale;
  }

  get awaitsGrace(): boolean {
    for (const record of this.#records.values()) if (record.missingSince !== undefined) return true;
    return false;
  }

  directories(): ReadonlyMap<string, bigint> {
    return this.#directories;
  }

  objects(): readonly MeshObject[] {
    const shadowed = new Set(this.#versions.shadowed().map(({ object }) => object));
    const objects: MeshObject[] = [];
    for (const file of [...this.#versions.files()].sort()) {
      for (const object of this.#versions.objectsOf(file)) if (!shadowed.has(object)) objects.push(object);
    }
    return objects;
  }

  /** Sorted by file, then place. */
  problems(): readonly Problem[] {
    const problems: Problem[] = this.#faults.map(({ path, code, message }) => fileProblem(path, code, message));
    for (const record of this.#records.values()) problems.push(...record.problems);
    problems.push(...this.#duplicates);
    return problems.sort((a, b) =>
      a.file < b.file ? -1 : a.file > b.file ? 1 : a.line - b.line || a.column - b.column,
    );
  }

  /** Looks at everything once. `now` is wall time, `at` monotonic, both in ms. */
  async scan(now: number, at: number, pace: Pace): Promise<readonly Change[]> {
    this.#stale = false;
    const changes: Change[] = [];
    const faults: TreeFault[] = [];
    const directories = new Map<string, bigint>();
    const files = new Map<string, string>();
    const unknown: string[] = [];
    for (const root of this.#roots) {
      const tree = listTree(root);
      if (!tree.unknown.includes(root)) this.#seen.add(root);
      faults.push(...tree.faults);
      unknown.push(...tree.unknown);
      for (const [path, inode] of tree.directories) directories.set(path, inode);
      await this.#readTree(root, tree, files, now, pace, changes);
    }
    this.#faults = faults;
    this.#directories = directories;
    this.#dropMissing(files, unknown, at, changes);
    if (this.#stale) this.#duplicates = this.#duplicateProblems();
    // Of an object that moved from one file to another there were two.
    return [...latestChanges(changes).values()];
  }

  async #readTree(
    root: string,
    tree: Tree,
    files: Map<string, string>,
    now: number,
    pace: Pace,
    changes: Change[],
  ): Promise<void> {
    for (const [path, state] of tree.files) {
      if (files.has(path)) continue;
      files.set(path, root);
      let record = this.#records.get(path);
      if (record === undefined) {
        record = { root, state: undefined, digest: '', problems: [], missingSince: undefined };
        this.#records.set(path, record);
      }
      record.missingSince = undefined;
      if (record.state === undefined || !sameState(record.state, state)) {
        changes.push(...(await this.#readFile(path, record, state, now, pace)));
      }
    }
  }

  /** A state that may yet change unnoticed is not remembered, so that the next scan reads the file again. */
  async #readFile(
    path: string,
    record: FileRecord,
    listed: FileState,
    now: number,
    pace: Pace,
  ): Promise<readonly Change[]> {
    const read = readFileText(path);
    if ('code' in read) {
      record.state = read.code === 'WEFT0107' ? undefined : listed;
      record.digest = '';
      record.problems = [fileProblem(path, read.code, read.message)];
      return [];
    }
    const settled = now - Number(read.state.changed / 1_000_000n) > tick;
    record.state = settled ? read.state : undefined;
    if (read.digest === record.digest) return [];
    record.digest = read.digest;
    const manifest = await readManifest(path, read.text, pace);
    record.problems = manifest.problems;
    this.#stale = true;
    return this.#versions.replace(path, effectiveObjects(manifest, this.#versions.objectsOf(path)));
  }

  #dropMissing(files: ReadonlyMap<string, string>, unknown: readonly string[], at: number, changes: Change[]): void {
    for (const [path, record] of this.#records) {
      if (files.has(path)) continue;
      if (unknown.some((each) => path === each || path.startsWith(each.endsWith('/') ? each : `${each}/`))) {
        record.missingSince = undefined;
        continue;
      }
      record.missingSince ??= at;
      if (at - record.missingSince < grace) continue;
      this.#records.delete(path);
      this.#stale = true;
      changes.push(...this.#versions.replace(path, []));
    }
  }

  #duplicateProblems(): readonly Problem[] {
    const shadowed = [...this.#versions.shadowed()]
      .sort((a, b) => compareOrigins(a.object.meta.origin, b.object.meta.origin))
      .slice(0, 1_000);
    const places = locateFields(shadowed.map(({ object }) => ({ origin: object.meta.origin, path: 'metadata.name' })));
    return shadowed.map(({ object, winner }, index) => {
      const { severity, fix } = problemCodes.WEFT0501;
      const { file, document } = winner.meta.origin;
      return {
        code: 'WEFT0501',
        severity,
        file: object.meta.origin.file,
        ...places[index]!,
        resource: showRef(object.kind, keyOf(object)),
        path: 'metadata.name',
        message: `is also defined in ${file} (document ${document + 1}), which is in effect`,
        fix,
      };
    });
  }
}

function fileProblem(file: string, code: TreeFault['code'], message: string): Problem {
  const { severity, fix } = problemCodes[code];
  return { code, severity, file, line: 0, column: 0, resource: '', path: '', message, fix };
}

/** Exact for the first 200 fields; later ones have the line where their document begins. */
export function locateFields(fields: readonly { readonly origin: Origin; readonly path: string }[]): readonly Place[] {
  const locators = new Map<string, Locator | undefined>();
  return fields.map(({ origin, path }, index) => {
    if (!locators.has(origin.file)) {
      const read = readFileText(origin.file);
      locators.set(origin.file, 'text' in read ? Locator.of(origin.file, read.text) : undefined);
    }
    const locator = locators.get(origin.file);
    if (locator === undefined) return { line: 0, column: 0 };
    return index < 200 ? locator.find(origin, path) : locator.start(origin.document);
  });
}
