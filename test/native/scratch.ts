import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { native } from '../../agent/kernel/native.js';
import { cgroupRoot } from '../cgroup-root.js';

export { cgroupRoot };

const prefix = 'weft-native-';
const namespaces = '/run/netns';

function isAlive(pid: number): boolean {
  return existsSync(`/proc/${pid}`);
}

/** Names in `directory` that this kind of test made in a process that has since died, or in process `pid`. */
function leftovers(directory: string, pid: number): string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory).filter((name) => {
    const owner = name.startsWith(prefix) ? Number.parseInt(name.slice(prefix.length), 10) : Number.NaN;
    return owner === pid || (owner > 0 && !isAlive(owner));
  });
}

function attempt(action: () => void): void {
  try {
    action();
  } catch (error) {
    console.error(error);
  }
}

/** Removes what this process made, and what dead runs left. */
function sweep(): void {
  for (const name of leftovers(tmpdir(), process.pid)) {
    const path = join(tmpdir(), name);
    if (readFileSync('/proc/self/mountinfo', 'utf8').includes(` ${path} `))
      attempt(() => execFileSync('umount', [path]));
    attempt(() => rmSync(path, { recursive: true, force: true }));
  }
  for (const name of leftovers(namespaces, process.pid)) attempt(() => execFileSync('ip', ['netns', 'del', name]));
  for (const name of leftovers(cgroupRoot(), process.pid)) attempt(() => rmdirSync(join(cgroupRoot(), name)));
}

let made = 0;

/** Kernel objects for one test file, named after this process and gone when it ends. */
function claim(): string {
  if (made === 0) {
    sweep();
    process.once('exit', sweep);
  }
  return `${prefix}${process.pid}-${made++}`;
}

/** A new, empty cgroup. Returns its path. */
export function makeCgroup(): string {
  const path = join(cgroupRoot(), claim());
  mkdirSync(path);
  return path;
}

/** A new network namespace with lo up. Returns its path. */
export function makeNamespace(): string {
  const name = claim();
  execFileSync('ip', ['netns', 'add', name]);
  execFileSync('ip', ['-netns', name, 'link', 'set', 'lo', 'up']);
  return join(namespaces, name);
}

/** A new empty directory. */
export function makeDirectory(): string {
  const path = join(tmpdir(), claim());
  mkdirSync(path);
  return path;
}

/** A new directory with a bpffs of its own. */
export function makeBpffs(): string {
  const path = makeDirectory();
  native().mountBpffs(path);
  return path;
}
