import { closeSync, openSync, readdirSync, readlinkSync, readSync } from 'node:fs';
import { type PodCgroup, plainUid, podOfCgroups } from './pod-cgroup.js';

/** Scans until a process is looked at again, at most. */
const longestTrust = 32;

/** A process of a Pod. Its id may be another one's later; with the time of its start it is not. */
export interface PodProcess {
  readonly pid: number;
  /** In the kernel's ticks since boot. */
  readonly started: number;
  /** See {@link PodCgroup}. */
  readonly depth: number;
}

interface Seen {
  /** How many scans it was in; those of the first scan ran long before, most likely. */
  readonly scans: number;
  readonly pod: PodCgroup | undefined;
  readonly started: number;
}

/**
 * The node's processes by the Pods they belong to, read from a directory of proc(5): `cgroup.procs` shows 0 for a process of another
 * PID namespace. Processes come and go meanwhile: one that cannot be read is not there.
 */
export class PodProcesses {
  readonly #proc: string;
  #seen = new Map<number, Seen>();
  #byPod: ReadonlyMap<string, readonly PodProcess[]> = new Map();

  constructor(proc: string) {
    this.#proc = proc;
  }

  /**
   * Reads what is new, and again when 2, 4, 8, … scans have seen it: some runtimes start a process before they move it to the Pod's cgroup. Of the
   * others a part each time, since an id may have become another process's between two scans. 1 000 processes take 2 to 3 ms, 30 to 60 the first time.
   */
  scan(): void {
    const seen = new Map<number, Seen>();
    const first = this.#seen.size === 0 ? longestTrust : 1;
    const byPod = new Map<string, PodProcess[]>();
    for (const name of readdirSync(this.#proc)) {
      const pid = Number(name);
      if (!(pid > 0)) continue;
      const process = this.#look(pid, this.#seen.get(pid), first);
      if (process === undefined) continue;
      seen.set(pid, process);
      const { pod, started } = process;
      if (pod === undefined) continue;
      const others = byPod.get(pod.uid);
      if (others) others.push({ pid, started, depth: pod.depth });
      else byPod.set(pod.uid, [{ pid, started, depth: pod.depth }]);
    }
    for (const processes of byPod.values()) processes.sort(byRank);
    this.#seen = seen;
    this.#byPod = byPod;
  }

  /** The next scan reads this one anew, or all: after a long time most ids may be others'. */
  forget(pid?: number): void {
    if (pid === undefined) this.#seen.clear();
    else this.#seen.delete(pid);
  }

  /** Those of a Pod as of the last scan, the least nested first, of these the oldest: a sandbox's comes before its containers'. */
  of(uid: string): readonly PodProcess[] {
    return this.#byPod.get(plainUid(uid)) ?? [];
  }

  /** Whether it runs and is still the same. */
  isAlive({ pid, started }: Pick<PodProcess, 'pid' | 'started'>): boolean {
    return this.#startOf(pid) === started;
  }

  /** Where the network namespace of a process is opened. */
  namespacePath(pid: number): string {
    return `${this.#proc}/${pid}/ns/net`;
  }

  /** The network namespace as `net:[INODE]`. Throws as readlink(2) does: of a process that is gone, or has ended and not been waited for, ENOENT or ESRCH. */
  namespaceOf(pid: number): string {
    return readlinkSync(this.namespacePath(pid));
  }

  #look(pid: number, before: Seen | undefined, first: number): Seen | undefined {
    const scans = before === undefined ? first : before.scans + 1;
    if (before !== undefined && !isDue(pid, scans)) return { ...before, scans };
    const pod = podOfCgroups(readOnce(`${this.#proc}/${pid}/cgroup`));
    if (pod === undefined) return { scans, pod, started: 0 };
    const started = this.#startOf(pid);
    return started === undefined ? undefined : { scans, pod, started };
  }

  /** Field 22 of /proc/PID/stat; field 2, the command's name, may hold anything. Undefined: it is gone. */
  #startOf(pid: number): number | undefined {
    const stat = readOnce(`${this.#proc}/${pid}/stat`);
    const ticks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    return ticks === undefined ? undefined : Number(ticks);
  }
}

/** The kernel gives a whole record for one read that is large enough. */
const buffer = Buffer.allocUnsafe(64 * 1024);

/** A small file; empty when it cannot be read. Three system calls, where readFileSync makes five. */
function readOnce(path: string): string {
  try {
    const fd = openSync(path, 'r');
    try {
      return buffer.toString('latin1', 0, readSync(fd, buffer));
    } finally {
      closeSync(fd);
    }
  } catch {
    return '';
  }
}

function isDue(pid: number, scans: number): boolean {
  return scans < longestTrust ? (scans & (scans - 1)) === 0 : (scans + pid) % longestTrust === 0;
}

function byRank(a: PodProcess, b: PodProcess): number {
  return a.depth - b.depth || a.started - b.started || a.pid - b.pid;
}
