import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * One run of the demo. Everything it makes outside its own folder carries its name, so that it can be found and
 * removed by name, also when the run itself could not do it.
 */
export interface Run {
  /** `weft-demo-PID-START`. */
  readonly name: string;
  /** Holds configuration, logs, manifests and the API's socket. */
  readonly folder: string;
  readonly podManifests: string;
  /** As `--api` takes it. */
  readonly api: string;
  readonly socket: string;
  readonly pin: string;
  /** Every process of the run is inside. */
  readonly cgroup: string;
  /** The part of `cgroup` whose connections may be captured: below it the Pods are laid out as kubelet does. */
  readonly podCgroup: string;
  readonly agentCgroup: string;
}

const pattern = /^weft-demo-(\d+)-(\d+)/;
const bpffs = '/sys/fs/bpf';
/** Where every run has its folder. */
export const runFolder = '/run';

/** A field of proc_pid_stat(5), counted from 1, from the third on. Null when there is no such process. */
function statField(pid: number, field: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[field - 3] ?? null;
  } catch {
    return null;
  }
}

/** When a process started, in clock ticks since boot. Null when there is none. */
function startOf(pid: number): string | null {
  return statField(pid, 22);
}

/** It has ended, and nobody has asked how yet: nothing of it is left but its pid. */
export function isZombie(pid: number): boolean {
  return statField(pid, 3) === 'Z';
}

export function parentOf(pid: number): number | null {
  const parent = statField(pid, 4);
  return parent === null ? null : Number(parent);
}

/** The name of this process's run. With the start time it stays unique when the pid is used again. */
export function ownName(): string {
  return `weft-demo-${process.pid}-${startOf(process.pid) ?? '0'}`;
}

export function runOf(name: string, cgroupRoot: string): Run {
  const folder = join(runFolder, name);
  const cgroup = join(cgroupRoot, name);
  return {
    name,
    folder,
    podManifests: join(folder, 'pods'),
    api: `unix:${join(folder, 'api.sock')}`,
    socket: join(folder, 'api.sock'),
    pin: join(bpffs, name),
    cgroup,
    podCgroup: join(cgroup, 'kubepods'),
    agentCgroup: join(cgroup, 'agent'),
  };
}

/** The run that a namespace, cgroup, pin or folder belongs to by its name; null for anything else. */
export function runNameIn(entry: string): string | null {
  return pattern.exec(entry)?.[0] ?? null;
}

/** True while the process that the name was made by exists. */
export function isAlive(name: string): boolean {
  const match = pattern.exec(name);
  return match !== null && startOf(Number(match[1])) === match[2];
}

/** Where entries with names of runs are found. */
export function placesOfRuns(cgroupRoot: string): readonly string[] {
  return [runFolder, '/run/netns', bpffs, cgroupRoot].filter((place) => existsSync(place));
}

/** The network namespace of a pod, as /run/netns names it. */
export function netnsOf(run: Run, pod: string): string {
  return `${run.name}-${pod}`;
}
