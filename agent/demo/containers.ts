import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Run } from './run.js';

/** What runs in a Pod: its server or client, and what holds its namespace while that is gone. */
export type Container = 'app' | 'sandbox';

function digest(...parts: readonly string[]): string {
  return createHash('sha256').update(parts.join('/')).digest('hex');
}

/** metadata.uid: of the object in this run alone. */
export function uidOf(run: Run, kind: string, name: string): string {
  const hex = digest(run.name, kind, name);
  // A UUID of version 8 and variant 10 (RFC 9562).
  return [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`, `a${hex.slice(17, 20)}`, hex.slice(20, 32)].join(
    '-',
  );
}

/** 64 hexadecimal digits, as container runtimes name containers. */
export function containerId(run: Run, pod: string, container: Container): string {
  return digest(run.name, pod, container);
}

/** Where kubelet's cgroupfs driver has a container of a Pod whose class is Burstable: `kubepods/burstable/podUID/ID`. */
export function containerCgroup(run: Run, pod: string, container: Container): string {
  return join(run.podCgroup, 'burstable', `pod${uidOf(run, 'Pod', pod)}`, containerId(run, pod, container));
}

/** Makes the container's cgroup, and those above it, where they are missing. Returns its directory. */
export function makeContainer(run: Run, pod: string, container: Container): string {
  const cgroup = containerCgroup(run, pod, container);
  mkdirSync(cgroup, { recursive: true, mode: 0o700 });
  return cgroup;
}
