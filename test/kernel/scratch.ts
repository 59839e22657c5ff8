import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cgroupRoot } from '../cgroup-root.js';

export { cgroupRoot };

const family = 'wefttest';
const namespaces = '/run/netns';
const bpffs = '/sys/fs/bpf';

/** Names in a directory that process `pid`, or a test process that has died, made. */
function leftovers(directory: string, pid: number): readonly string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory).filter((name) => {
    const owner = Number(new RegExp(`^${family}-(\\d+)-`).exec(name)?.[1]);
    return owner === pid || (owner > 0 && !existsSync(`/proc/${owner}`));
  });
}

function attempt(action: () => void): void {
  try {
    action();
  } catch (error) {
    process.stderr.write(`clean-up: ${error instanceof Error ? error.message : error}\n`);
  }
}

const pause = new Int32Array(new SharedArrayBuffer(4));

/** Ends a process that may have ended by itself. */
function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Ends the processes of a cgroup and of those below, and removes them. */
export function removeCgroup(directory: string): void {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    if (entry.isDirectory()) removeCgroup(join(directory, entry.name));
  }
  const patienceMs = 15_000;
  for (const began = performance.now(); ; ) {
    for (const pid of readFileSync(join(directory, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean)) {
      if (Number(pid) > 0) end(Number(pid));
    }
    try {
      rmdirSync(directory);
      return;
    } catch (error) {
      if (performance.now() - began > patienceMs) throw error;
      Atomics.wait(pause, 0, 0, 10);
    }
  }
}

/** Removes what this process made and what dead runs left: pins first, so that the programs let go. */
function sweep(): void {
  for (const name of leftovers(bpffs, process.pid)) attempt(() => rmSync(join(bpffs, name), { recursive: true }));
  const root = cgroupRoot();
  for (const name of leftovers(root, process.pid)) attempt(() => removeCgroup(join(root, name)));
  for (const name of leftovers(namespaces, process.pid)) attempt(() => execFileSync('ip', ['netns', 'del', name]));
  for (const name of leftovers(tmpdir(), process.pid)) attempt(() => rmSync(join(tmpdir(), name), { recursive: true }));
}

let claimed = 0;

/** A name for kernel objects. All objects of this name, or that start with it, are gone when the process ends. */
export function claimName(): string {
  if (claimed === 0) {
    sweep();
    process.once('exit', sweep);
  }
  return `${family}-${process.pid}-${claimed++}`;
}

/** A new empty directory. */
export function makeDirectory(): string {
  return mkdtempSync(join(tmpdir(), `${claimName()}-`));
}

/** A new, empty cgroup. Returns its path. */
export function makeCgroup(): string {
  const path = join(cgroupRoot(), claimName());
  mkdirSync(path);
  return path;
}

/** A path for a pin directory that does not exist yet. */
export function pinDirectory(): string {
  return join(bpffs, claimName());
}

/** A new network namespace with lo up. Returns its path. */
export function makeNamespace(): string {
  const name = claimName();
  execFileSync('ip', ['netns', 'add', name]);
  const path = join(namespaces, name);
  ip(path, ['link set lo up']);
  return path;
}

/** Removes a namespace that is no longer needed. */
export function removeNamespace(path: string): void {
  execFileSync('ip', ['netns', 'del', path.slice(namespaces.length + 1)]);
}

/** Runs ip(8) commands inside a namespace. */
export function ip(netns: string, commands: readonly string[]): void {
  execFileSync('nsenter', [`--net=${netns}`, 'ip', '-batch', '-'], { input: `${commands.join('\n')}\n` });
}
