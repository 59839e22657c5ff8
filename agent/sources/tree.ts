import { type BigIntStats, lstatSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { ProblemCode } from '../model/problem-codes.js';

const maxLevels = 32;
const maxFiles = 100_000;

/** One manifest file, or what cannot be one. */
export interface TreeFault {
  readonly path: string;
  readonly code: ProblemCode;
  readonly message: string;
}

/** What is under a root now. Nothing is opened. */
export interface Tree {
  /** Paths of regular files named like manifests, through symbolic links, by path; with what tells a change. */
  readonly files: ReadonlyMap<string, FileState>;
  /** Directories read, by path, with their inode: what to watch. */
  readonly directories: ReadonlyMap<string, bigint>;
  readonly faults: readonly TreeFault[];
  /** Paths of which it is not known what they hold now: whatever was read from there stays. */
  readonly unknown: readonly string[];
}

/** Changes when the file does, unless that happens within one tick of the file system's clock. */
export interface FileState {
  readonly inode: bigint;
  readonly size: bigint;
  readonly modified: bigint;
  /** ctime in ns: any writer moves it. */
  readonly changed: bigint;
}

export function sameState(a: FileState, b: FileState): boolean {
  return a.inode === b.inode && a.size === b.size && a.modified === b.modified && a.changed === b.changed;
}

export function stateOf(stats: BigIntStats): FileState {
  return { inode: stats.ino, size: stats.size, modified: stats.mtimeNs, changed: stats.ctimeNs };
}

/**
 * Lists `root`, a directory or a single file. Names that begin with a dot are left out, but links are followed
 * wherever they lead, so that a ConfigMap's files (links into `..data`) are found once. Problems: WEFT0107, WEFT0108,
 * WEFT0110, WEFT0111.
 */
export function listTree(root: string): Tree {
  const files = new Map<string, FileState>();
  const directories = new Map<string, bigint>();
  const faults: TreeFault[] = [];
  const unknown: string[] = [];
  const fail = (path: string, code: ProblemCode, error: unknown) => {
    faults.push({ path, code, message: messageOf(error) });
    unknown.push(path);
  };

  const visit = (path: string, above: readonly string[]) => {
    let names: string[];
    try {
      const real = realpathSync(path);
      if (above.includes(real) || above.length >= maxLevels) {
        faults.push(above.includes(real) ? looped(path) : tooLarge(path));
        return;
      }
      names = readdirSync(path);
      directories.set(path, statSync(path, { bigint: true }).ino);
      above = [...above, real];
    } catch (error) {
      // A directory inside that has just gone is no fault: its parent's next listing tells.
      if (above.length === 0 || codeOf(error) !== 'ENOENT') fail(path, 'WEFT0108', error);
      else unknown.push(path);
      return;
    }
    for (const name of names.sort()) if (!name.startsWith('.')) enter(join(path, name), above);
  };

  const enter = (path: string, above: readonly string[]) => {
    let stats: BigIntStats;
    try {
      stats = statSync(path, { bigint: true });
    } catch (error) {
      if (above.length === 0) fail(path, 'WEFT0108', error);
      else if (isManifestName(path) && isLink(path)) fail(path, 'WEFT0107', error);
      return;
    }
    if (stats.isDirectory()) visit(path, above);
    else if (above.length > 0 && !isManifestName(path)) return;
    else if (!stats.isFile()) faults.push({ path, code: 'WEFT0110', message: 'is no regular file' });
    else if (files.size >= maxFiles) faults.push(tooLarge(path));
    else files.set(path, stateOf(stats));
  };

  enter(root, []);
  return { files, directories, faults: faults.slice(0, 1_000), unknown };
}

/** Not when it has gone since it was listed. */
function isLink(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
}

function isManifestName(path: string): boolean {
  return /\.(?:yaml|yml|json)$/.test(path);
}

function looped(path: string): TreeFault {
  return { path, code: 'WEFT0111', message: 'leads back into a directory above it' };
}

function tooLarge(path: string): TreeFault {
  return { path, code: 'WEFT0111', message: `is beyond ${maxLevels} levels or ${maxFiles} files` };
}

export function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? '';
}

/** `ENOENT: no such file or directory`: without the call and path that Node appends. */
export function messageOf(error: unknown): string {
  return (error as Error).message.replace(/, [a-z]+(?: '.*)?$/s, '');
}
